/* What the files of the store share. Private to io/store*.c. */
#ifndef IO_STORE_PRIVATE_H
#define IO_STORE_PRIVATE_H

#include "base/stamp.h"
#include "io/db.h"
#include "io/store.h"

struct store_sink_id {
	char *name; /* own */
	int64_t id;
};

struct store_loaded {
	int64_t source_id;
	struct snapshot *snapshot; /* own; NULL: taken */
};

struct store {
	struct db *db; /* own */
	struct hash_key key;
	int64_t report_after_us; /* for sources that are new to this file; STAMP_NONE */
	int64_t data_version; /* as store_changed() saw it last */
	struct store_sink_id *sinks; /* own; rows of the file, cached */
	size_t sink_count;
	size_t sink_cap;
	struct store_loaded *loaded; /* own; made at the opening, for store_load_snapshot() */
	size_t loaded_count;
	size_t loaded_cap;
};

/* the row of the sink, inserted when it is new, within the caller's transaction */
bool store_sink_id(struct store *store, const char *sink, int64_t *ret_id, struct err *err);
/* empties the cache of sink ids: the transaction that inserted some was undone */
void store_clear_sinks(struct store *store);

/* puts the source's changes into rows, within the caller's transaction */
bool store_save_source(struct store *store, const struct store_changes *changes, struct err *err);
/* checks that snapshots can be made of the rows of all sources; db_refuse()s the file otherwise */
bool store_check_snapshots(struct store *store, struct err *err);
/* checks that each delivery is one of an event and a sink; db_refuse()s the file otherwise */
bool store_check_queue(struct store *store, struct err *err);

/* the columns that event_from_row() reads, from column 0 */
#define EVENT_COLUMNS                                                                              \
	" e.id, e.wall_ms, e.type, e.source, e.task_id, e.task_name, e.bucket, e.user_id, "        \
	"e.from_word, e.to_word, e.sink, e.message, e.created_us, e.finished_us"
#define EVENT_COLUMN_COUNT 14
/* the event of a row, texts borrowed from it; false when its type is not one of ours */
bool event_from_row(const struct db_value row[EVENT_COLUMN_COUNT], struct event *ret);

/* a time that may be STAMP_NONE, which is NULL */
#define DB_STAMP(us)                                                                               \
	{                                                                                          \
		.type = (us) != STAMP_NONE ? DB_INTEGER : DB_NULL, .integer = (us)                 \
	}
static inline int64_t value_stamp(const struct db_value *value)
{
	return value->type == DB_INTEGER ? value->integer : STAMP_NONE;
}

#endif
