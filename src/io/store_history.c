/* What was told: listed as history. */
#include <stdlib.h>
#include <string.h>

#include "io/store_private.h"

#define HISTORY_PAGE 256 /* events read at a time, so that a paused reader holds nothing open */

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
