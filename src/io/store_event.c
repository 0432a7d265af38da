/* Events: stored with their deliveries in one transaction, listed as history, deleted when old. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/store_private.h"

/* a commit of so many gets a larger page cache, without which pages are read many times over */
#define MANY_EVENTS 1000
#define HISTORY_PAGE 256 /* events read at a time, so that a paused reader holds nothing open */

void store_clear_sinks(struct store *store)
{
	for (size_t i = 0; i < store->sink_count; i++)
		free(store->sinks[i].name);
	store->sink_count = 0;
}

bool store_sink_id(struct store *store, const char *sink, int64_t *ret_id, struct err *err)
{
	for (size_t i = 0; i < store->sink_count; i++)
		if (strcmp(store->sinks[i].name, sink) == 0) {
			*ret_id = store->sinks[i].id;
			return true;
		}
	if (!db_run(store->db, "INSERT OR IGNORE INTO sinks (name) VALUES (?1)",
		    DB_VALUES(DB_STRING(sink)), err) ||
		!db_int(store->db, "SELECT id FROM sinks WHERE name = ?1",
			DB_VALUES(DB_STRING(sink)), 0, ret_id, err))
		return false;
	if (*ret_id == 0)
		return db_refuse(store->db, err, "a sink vanished");
	store->sinks = mem_grow(
		store->sinks, &store->sink_cap, store->sink_count + 1, sizeof(*store->sinks));
	store->sinks[store->sink_count++] = (struct store_sink_id){ mem_strdup(sink), *ret_id };
	return true;
}

bool event_from_row(const struct db_value row[EVENT_COLUMN_COUNT], struct event *ret)
{
	*ret = (struct event){
		.id = row[0].integer,
		.wall_ms = row[1].integer,
		.source = row[3].text,
		.task_id = row[4].text,
		.task_name = row[5].text,
		.bucket = row[6].text,
		.user_id = row[7].text,
		.from = row[8].text,
		.to = row[9].text,
		.sink = row[10].text,
		.message = row[11].text,
		.created_us = value_stamp(&row[12]),
		.finished_us = value_stamp(&row[13]),
	};
	return row[2].text != NULL && event_from_word(row[2].text, &ret->type);
}

static bool insert_event(struct store *store, const struct event *event, struct err *err)
{
	return db_run(store->db,
		"INSERT INTO events (id, wall_ms, type, source, task_id, task_name, bucket, "
		"user_id, from_word, to_word, sink, message, created_us, finished_us)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
		DB_VALUES(DB_INT(event->id), DB_INT(event->wall_ms),
			DB_STRING(event_types[event->type].word), DB_STRING(event->source),
			DB_STRING(event->task_id), DB_STRING(event->task_name),
			DB_STRING(event->bucket), DB_STRING(event->user_id), DB_STRING(event->from),
			DB_STRING(event->to), DB_STRING(event->sink), DB_STRING(event->message),
			DB_STAMP(event->created_us), DB_STAMP(event->finished_us)),
		err);
}

/* events with the same key are delivered in order: those of a task, and of a source that goes down
 * and comes up; NULL: any order */
static struct db_value order_key(const struct store *store, const struct event *event)
{
	const char *source = event->source != NULL ? event->source : "";
	const char *task = event->task_id != NULL ? event->task_id : "";
	uint64_t id;

	if (event->task_id == NULL && event->type != EVENT_SOURCE_DOWN &&
		event->type != EVENT_SOURCE_UP)
		return (struct db_value){ .type = DB_NULL };
	id = hash_bytes(&store->key, task, strlen(task)).lo;
	return (struct db_value)DB_INT(
		(int64_t)(id ^ hash_bytes(&store->key, source, strlen(source)).hi));
}

static bool insert_deliveries(struct store *store, const struct store_event *row, struct err *err)
{
	struct db_value task = { .type = DB_NULL };

	if (row->wanted_count != 0)
		task = order_key(store, row->event);
	for (size_t i = 0; i < row->wanted_count; i++) {
		int64_t sink;

		if (!store_sink_id(store, row->wanted[i], &sink, err) ||
			!db_run(store->db,
				"INSERT OR IGNORE INTO deliveries (event_id, sink_id, task, due_ms)"
				" VALUES (?1, ?2, ?3, ?4)",
				DB_VALUES(DB_INT(row->event->id), DB_INT(sink), task,
					DB_INT(row->due_ms)),
				err))
			return false;
	}
	return true;
}

static bool save_events(struct store *store, struct store_changes *changes, struct err *err)
{
	int64_t last;
	bool lost = false; /* reported by one of these events: the loss of an older state */

	if (changes->event_count == 0)
		return true;
	if (!db_int(store->db,
		    "SELECT max(last_event, coalesce((SELECT max(id) FROM events), 0)) FROM home",
		    DB_VALUES(), 0, &last, err))
		return false;
	for (size_t i = 0; i < changes->event_count; i++) {
		changes->events[i].event->id = ++last;
		lost = lost || changes->events[i].event->type == EVENT_STATE_LOST;
		if (!insert_event(store, changes->events[i].event, err) ||
			!insert_deliveries(store, &changes->events[i], err))
			return false;
	}
	return db_run(store->db, "UPDATE home SET last_event = ?1, lost_told = (lost_told OR ?2)",
		DB_VALUES(DB_INT(last), DB_INT(lost)), err);
}

bool store_commit(struct store *store, struct store_changes *changes, struct err *err)
{
	bool source = changes->source != NULL &&
		      (changes->removed_count != 0 || changes->health != NULL ||
			      (changes->snapshot != NULL && snapshot_dirty(changes->snapshot)));
	bool baseline = changes->snapshot != NULL && changes->snapshot->baseline_dirty;
	struct err ignored = { 0 };

	changes->written = false;
	if (!source && changes->event_count == 0)
		return true;
	if (changes->event_count >= MANY_EVENTS)
		db_make_room(store->db, true);
	if (!db_begin(store->db, DB_SYNC_FULL, err))
		return false;
	if (!db_end(store->db,
		    (!source || store_save_source(store, changes, err)) &&
			    save_events(store, changes, err),
		    err)) {
		store_clear_sinks(store);
		for (size_t i = 0; i < changes->event_count; i++)
			changes->events[i].event->id = 0;
		return false;
	}
	changes->written = true;
	if (changes->snapshot != NULL)
		snapshot_clean(changes->snapshot);
	/* into the file itself: whatever happens to the log later, this is no first run again */
	if (baseline)
		(void)db_exec(store->db, "PRAGMA wal_checkpoint", &ignored);
	return true;
}

bool store_explain(struct store *store, int64_t event_id, const char *message, int64_t wall_ms,
	struct err *err)
{
	return db_begin(store->db, DB_SYNC_FULL, err) &&
	       db_end(store->db,
		       db_run(store->db,
			       "UPDATE events SET message = coalesce(?2, message) WHERE id = ?1",
			       DB_VALUES(DB_INT(event_id), DB_STRING(message)), err) &&
			       db_run(store->db,
				       "UPDATE deliveries SET due_ms = ?2 WHERE event_id = ?1 AND"
				       " failed = 0 AND first_failed_ms = 0 AND due_ms > ?2",
				       DB_VALUES(DB_INT(event_id), DB_INT(wall_ms)), err),
		       err);
}

bool store_prune(
	struct store *store, int64_t before_ms, size_t limit, size_t *ret_count, struct err *err)
{
	bool good;

	*ret_count = 0;
	if (!db_begin(store->db, DB_SYNC_NORMAL, err))
		return false;
	good = db_run(store->db,
		"DELETE FROM events WHERE id IN (SELECT id FROM events e WHERE e.wall_ms < ?1 AND"
		" NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = e.id)"
		" ORDER BY e.wall_ms LIMIT ?2)",
		DB_VALUES(DB_INT(before_ms), DB_INT((int64_t)limit)), err);
	if (good)
		*ret_count = (size_t)db_changes(store->db);
	return db_end(store->db, good, err);
}

/* ",success,failure," for SQL to look in; NULL: all types */
static char *types_text(const bool *types)
{
	struct buf text = { 0 };

	if (types == NULL)
		return NULL;
	(void)buf_add_char(&text, ',');
	for (int i = 0; i < EVENT_COUNT; i++)
		if (types[i])
			(void)buf_addf(&text, "%s,", event_types[i].word);
	return buf_steal(&text);
}

/* ids have no control characters in them; NULL: all */
static char *tasks_text(const struct strings *tasks)
{
	struct buf text = { 0 };

	if (tasks == NULL || tasks->count == 0)
		return NULL;
	for (size_t i = 0; i < tasks->count; i++)
		(void)buf_addf(&text, "\n%s", tasks->items[i]);
	(void)buf_add_char(&text, '\n');
	return buf_steal(&text);
}

#define HISTORY_WHERE                                                                              \
	" e.wall_ms >= ?2 AND (?3 IS NULL OR instr(?3, ',' || e.type || ',') > 0)"                 \
	" AND (?4 IS NULL OR e.source = ?4)"                                                       \
	" AND (?5 IS NULL OR instr(?5, char(10) || e.task_id || char(10)) > 0)"

struct history {
	const struct store_query *query; /* borrowed */
	char *types; /* own */
	char *tasks; /* own */
	int64_t next; /* id to go on with */
	int64_t last; /* what is stored later is not history yet */
};

#define HISTORY_VALUES(history)                                                                    \
	DB_INT((history)->next), DB_INT((history)->query->since_ms), DB_STRING((history)->types),  \
		DB_STRING((history)->query->source), DB_STRING((history)->tasks)

/* where to begin, so that what follows is the newest `limit` */
static bool history_begin(struct store *store, struct history *history, struct err *err)
{
	int64_t limit = history->query->limit != 0 ? history->query->limit : -1;

	return db_int(store->db, "SELECT max(id) FROM events", DB_VALUES(), 0, &history->last,
		       err) &&
	       db_int(store->db,
		       "SELECT min(id) FROM (SELECT id FROM events e WHERE e.id >= ?1 "
		       "AND" HISTORY_WHERE " ORDER BY e.id DESC LIMIT ?6)",
		       DB_VALUES(HISTORY_VALUES(history), DB_INT(limit)), INT64_MAX, &history->next,
		       err);
}

/* copies the next events, at most HISTORY_PAGE; *ret_count 0: there are no more */
static bool history_page(struct store *store, struct history *history,
	struct event *page[HISTORY_PAGE], size_t *ret_count, struct err *err)
{
	struct stmt *stmt = db_query(store->db,
		"SELECT" EVENT_COLUMNS " FROM events e WHERE e.id >= ?1 AND" HISTORY_WHERE
		" AND e.id <= ?6 ORDER BY e.id LIMIT ?7",
		DB_VALUES(HISTORY_VALUES(history), DB_INT(history->last), DB_INT(HISTORY_PAGE)),
		err);
	struct db_value row[EVENT_COLUMN_COUNT];
	enum db_step step = DB_DONE;
	struct event event;

	*ret_count = 0;
	while (*ret_count < HISTORY_PAGE &&
		(step = db_next(stmt, row, EVENT_COLUMN_COUNT, err)) == DB_ROW) {
		history->next = row[0].integer + 1;
		if (event_from_row(row, &event))
			page[(*ret_count)++] = event_copy(&event);
	}
	db_stop(stmt);
	return step != DB_ERROR;
}

bool store_history(struct store *store, const struct store_query *query,
	bool (*take)(void *arg, const struct event *event), void *arg, struct err *err)
{
	cleanup_free char *types = types_text(query->types);
	cleanup_free char *tasks = tasks_text(query->tasks);
	struct history history = { .query = query, .types = types, .tasks = tasks };
	struct event *page[HISTORY_PAGE];
	size_t count;
	bool more = true;
	bool read = history_begin(store, &history, err);

	while (read && more) {
		read = history_page(store, &history, page, &count, err);
		more = count > 0;
		for (size_t i = 0; i < count; i++) {
			more = read && more && take(arg, page[i]);
			free(page[i]);
		}
	}
	return read;
}

bool store_prefix(struct store *store, const char *source, struct prefix *prefix, struct err *err)
{
	struct stmt *stmt = db_query(store->db,
		"SELECT DISTINCT task_id FROM events WHERE substr(task_id, 1, length(?1)) = ?1 "
		"AND source = coalesce(?2, source)",
		DB_VALUES(DB_STRING(prefix->text), DB_STRING(source)), err);
	struct db_value id;
	enum db_step step;

	while ((step = db_next(stmt, &id, 1, err)) == DB_ROW)
		prefix_offer(prefix, id.text);
	return step == DB_DONE;
}
