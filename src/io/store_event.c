/*
 * Events and their deliveries: stored in one transaction, a delivery a row until its sink has
 * confirmed it; and the health of sinks.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/store_private.h"

/* a commit of so many gets a larger page cache, without which pages are read many times over */
#define MANY_EVENTS 1000
#define DAY_MS 86400000
#define HOLD_MAX_MS 10000 /* for an explanation; no first attempt is put off for longer */

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

#define SINK_IS(column) column " = (SELECT id FROM sinks WHERE name = ?1)"
/* is an earlier delivery of the same task pending? */
#define HELD_BACK                                                                                  \
	" EXISTS (SELECT 1 FROM deliveries p WHERE p.sink_id = d.sink_id AND p.failed = 0"         \
	" AND p.task = d.task AND p.event_id < d.event_id"

static int id_order(const void *a, const void *b)
{
	const int64_t *x = a;
	const int64_t *y = b;

	return *x < *y ? -1 : *x > *y;
}

static bool is_busy(const int64_t *busy, size_t count, int64_t id)
{
	return count != 0 && bsearch(&id, busy, count, sizeof(id), id_order) != NULL;
}

/* reads the deliveries that the statement gives, but those that are busy */
static bool rows_read(struct store *store, struct stmt *stmt, const struct store_pull *pull,
	struct delivery ***ret, size_t *ret_count, struct err *err)
{
	struct db_value row[EVENT_COLUMN_COUNT + 3];
	const struct db_value *more = row + EVENT_COLUMN_COUNT;
	enum db_step step = DB_DONE;
	bool good = true;
	size_t cap = 0;

	*ret = NULL;
	*ret_count = 0;
	if (pull->busy_count != 0)
		qsort(pull->busy, pull->busy_count, sizeof(*pull->busy), id_order);
	while (good && *ret_count < pull->limit &&
		(step = db_next(stmt, row, ARRAY_LEN(row), err)) == DB_ROW) {
		struct delivery *delivery;
		struct event event;

		if (is_busy(pull->busy, pull->busy_count, row[0].integer))
			continue;
		good = event_from_row(row, &event) ||
		       db_refuse(store->db, err, "an event in it makes no sense");
		if (!good)
			break;
		delivery = mem_alloc(sizeof(*delivery));
		delivery->event_id = event.id;
		delivery->type = event.type;
		delivery->event = event_copy(&event);
		delivery->attempts = more[0].integer;
		delivery->due_ms = more[1].integer;
		delivery->first_failed_ms = more[2].integer;
		*ret = mem_grow(*ret, &cap, *ret_count + 1, sizeof(struct delivery *));
		(*ret)[(*ret_count)++] = delivery;
	}
	db_stop(stmt);
	if (good && step != DB_ERROR)
		return true;
	deliveries_free(*ret, *ret_count);
	*ret = NULL;
	*ret_count = 0;
	return false;
}

#define PULL_FROM                                                                                  \
	"SELECT" EVENT_COLUMNS ", d.attempts, d.due_ms, d.first_failed_ms FROM deliveries d"       \
	" CROSS JOIN events e ON e.id = d.event_id WHERE "

/* the plus signs keep SQLite from sorting all that is due for each batch */
#define PULL_BATCH                                                                                 \
	PULL_FROM SINK_IS("+d.sink_id") " AND d.failed = 0 AND +d.due_ms <= ?2"                    \
					" AND d.event_id > ?3 AND NOT" HELD_BACK                   \
					" AND p.due_ms > ?2) ORDER BY d.event_id"
#define PULL_SINGLY                                                                                \
	PULL_FROM SINK_IS("d.sink_id") " AND d.failed = 0 AND d.due_ms <= ?2"                      \
				       " AND NOT" HELD_BACK ") ORDER BY d.due_ms, d.event_id"

bool store_due(struct store *store, const struct store_pull *pull, struct delivery ***ret,
	size_t *ret_count, struct err *err)
{
	struct stmt *stmt;

	if (pull->batch)
		stmt = db_query(store->db, PULL_BATCH,
			DB_VALUES(DB_STRING(pull->sink), DB_INT(pull->wall_ms),
				DB_INT(pull->after_id)),
			err);
	else
		stmt = db_query(store->db, PULL_SINGLY,
			DB_VALUES(DB_STRING(pull->sink), DB_INT(pull->wall_ms)), err);
	if (!rows_read(store, stmt, pull, ret, ret_count, err))
		return false;
	if (pull->next_ms == NULL || *ret_count == pull->limit ||
		db_int(store->db,
			"SELECT d.due_ms FROM deliveries d WHERE " SINK_IS(
				"d.sink_id") " AND d.failed = 0 AND d.due_ms > ?2 ORDER BY d.due_ms LIMIT 1",
			DB_VALUES(DB_STRING(pull->sink), DB_INT(pull->wall_ms)), INT64_MAX,
			pull->next_ms, err))
		return true;
	deliveries_free(*ret, *ret_count);
	return false;
}

bool store_check_queue(struct store *store, struct err *err)
{
	struct stmt *stmt = db_query(store->db,
		"SELECT" EVENT_COLUMNS
		", s.id FROM deliveries d LEFT JOIN events e ON e.id = d.event_id"
		" LEFT JOIN sinks s ON s.id = d.sink_id",
		DB_VALUES(), err);
	struct db_value row[EVENT_COLUMN_COUNT + 1];
	enum db_step step;

	while ((step = db_next(stmt, row, ARRAY_LEN(row), err)) == DB_ROW) {
		struct event event;

		if (event_from_row(row, &event) && row[EVENT_COLUMN_COUNT].type != DB_NULL)
			continue;
		db_stop(stmt);
		return db_refuse(store->db, err, "a delivery in it makes no sense");
	}
	return step == DB_DONE;
}

static bool settle_one(struct store *store, int64_t sink_id, const struct delivery *delivery,
	int64_t wall_ms, struct err *err)
{
	if (delivery->result == DELIVERY_DELIVERED)
		return db_run(store->db,
			"DELETE FROM deliveries WHERE event_id = ?1 AND sink_id = ?2",
			DB_VALUES(DB_INT(delivery->event_id), DB_INT(sink_id)), err);
	return db_run(store->db,
		"UPDATE deliveries SET failed = ?3, attempts = ?4, due_ms = ?5,"
		" first_failed_ms = ?6, failed_ms = ?7, error = ?8"
		" WHERE event_id = ?1 AND sink_id = ?2",
		DB_VALUES(DB_INT(delivery->event_id), DB_INT(sink_id), DB_INT(delivery->given_up),
			DB_INT(delivery->attempts), DB_INT(delivery->due_ms),
			DB_INT(delivery->first_failed_ms), DB_INT(delivery->given_up ? wall_ms : 0),
			DB_STRING(delivery->error)),
		err);
}

/* the sink's row says how the last attempt went */
static bool note_result(struct store *store, int64_t sink_id, const struct delivery *delivery,
	int64_t wall_ms, struct err *err)
{
	if (delivery->result == DELIVERY_DELIVERED)
		return db_run(store->db,
			"UPDATE sinks SET last_success_ms = ?2, last_failed = 0 WHERE id = ?1",
			DB_VALUES(DB_INT(sink_id), DB_INT(wall_ms)), err);
	return delivery->error == NULL ||
	       db_run(store->db,
		       "UPDATE sinks SET last_failure_ms = ?2, last_failed = 1, last_error = ?3"
		       " WHERE id = ?1",
		       DB_VALUES(DB_INT(sink_id), DB_INT(wall_ms), DB_STRING(delivery->error)),
		       err);
}

static bool settle_all(struct store *store, const char *sink, const struct delivery *const *ended,
	size_t count, int64_t wall_ms, struct err *err)
{
	int64_t id;

	if (!store_sink_id(store, sink, &id, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		/* of several successes in a row the last one says it all */
		bool noted = ended[i]->result == DELIVERY_DELIVERED && i + 1 < count &&
			     ended[i + 1]->result == DELIVERY_DELIVERED;

		if (!settle_one(store, id, ended[i], wall_ms, err) ||
			(!noted && !note_result(store, id, ended[i], wall_ms, err)))
			return false;
	}
	return true;
}

bool store_settle(struct store *store, const char *sink, const struct delivery *const *ended,
	size_t count, int64_t wall_ms, struct err *err)
{
	if (count == 0)
		return true;
	if (db_begin(store->db, DB_SYNC_NORMAL, err) &&
		db_end(store->db, settle_all(store, sink, ended, count, wall_ms, err), err))
		return true;
	store_clear_sinks(store);
	return false;
}

bool store_make_due(struct store *store, int64_t wall_ms, struct err *err)
{
	return db_run(store->db,
		"UPDATE deliveries SET due_ms = ?1 WHERE failed = 0 AND due_ms > ?1",
		DB_VALUES(DB_INT(wall_ms)), err);
}

bool store_redeliver(struct store *store, int64_t event_id, const char *source, int64_t wall_ms,
	size_t *ret_count, struct err *err)
{
	bool good;

	*ret_count = 0;
	if (!db_begin(store->db, DB_SYNC_FULL, err))
		return false;
	good = db_run(store->db,
		"UPDATE deliveries SET failed = 0, failed_ms = 0, attempts = 0,"
		" first_failed_ms = 0, due_ms = ?2, error = NULL"
		" WHERE failed = 1 AND (?1 = 0 OR event_id = ?1)"
		" AND (?3 IS NULL OR event_id IN (SELECT id FROM events WHERE source = ?3))",
		DB_VALUES(DB_INT(event_id), DB_INT(wall_ms), DB_STRING(source)), err);
	if (good)
		*ret_count = (size_t)db_changes(store->db);
	return db_end(store->db, good, err);
}

/* how far ahead a delivery can be put off, that was tried or was not */
#define AHEAD_MAX "CASE first_failed_ms WHEN 0 THEN ?3 ELSE ?4 END"

/* of what these two are about nothing is lost but waits when a power cut takes it */
bool store_clock_set(struct store *store, int64_t by_ms, int64_t wall_ms, struct err *err)
{
	return db_begin(store->db, DB_SYNC_NORMAL, err) &&
	       db_end(store->db,
		       db_run(store->db,
			       "UPDATE deliveries SET"
			       " failed_ms = min(failed_ms + ?1 * (failed_ms <> 0), ?2),"
			       " first_failed_ms ="
			       " min(first_failed_ms + ?1 * (first_failed_ms <> 0), ?2),"
			       " due_ms = CASE WHEN due_ms + ?1 > ?2 + " AHEAD_MAX
			       " THEN ?2 ELSE due_ms + ?1 END"
			       " WHERE ?1 <> 0 OR max(failed_ms, first_failed_ms) > ?2"
			       " OR due_ms > ?2 + " AHEAD_MAX,
			       DB_VALUES(DB_INT(by_ms), DB_INT(wall_ms), DB_INT(HOLD_MAX_MS),
				       DB_INT(DELIVERY_DELAY_MAX_MS)),
			       err),
		       err);
}

bool store_sink_waited(struct store *store, const char *sink, int64_t for_ms, struct err *err)
{
	return db_begin(store->db, DB_SYNC_NORMAL, err) &&
	       db_end(store->db,
		       db_run(store->db,
			       "UPDATE deliveries SET first_failed_ms = first_failed_ms + ?2"
			       " WHERE " SINK_IS("sink_id") " AND failed = 0"
							    " AND first_failed_ms <> 0",
			       DB_VALUES(DB_STRING(sink), DB_INT(for_ms)), err),
		       err);
}

bool store_sinks(struct store *store, int64_t wall_ms, struct store_sink **ret, size_t *ret_count,
	struct err *err)
{
	enum { NAME, PENDING, FAILED, FAILED_DAY, SUCCESS, FAILURE, LAST_FAILED, ERROR, COLUMNS };
	struct stmt *stmt = db_query(store->db,
		"SELECT name, (SELECT count(*) FROM deliveries WHERE sink_id = s.id AND failed = "
		"0),"
		" (SELECT count(*) FROM deliveries WHERE sink_id = s.id AND failed = 1),"
		" (SELECT count(*) FROM deliveries WHERE sink_id = s.id AND failed = 1"
		" AND failed_ms > ?1), last_success_ms, last_failure_ms, last_failed, last_error"
		" FROM sinks s ORDER BY s.id",
		DB_VALUES(DB_INT(wall_ms - DAY_MS)), err);
	struct db_value row[COLUMNS];
	enum db_step step;
	size_t cap = 0;

	*ret = NULL;
	*ret_count = 0;
	while ((step = db_next(stmt, row, COLUMNS, err)) == DB_ROW) {
		*ret = mem_grow(*ret, &cap, *ret_count + 1, sizeof(**ret));
		(*ret)[(*ret_count)++] = (struct store_sink){
			.name = mem_strdup(row[NAME].text),
			.pending = row[PENDING].integer,
			.failed = row[FAILED].integer,
			.failed_day = row[FAILED_DAY].integer,
			.last_success_ms = row[SUCCESS].integer,
			.last_failure_ms = row[FAILURE].integer,
			.last_failed = row[LAST_FAILED].integer != 0,
			.last_error = mem_strdup(row[ERROR].text),
		};
	}
	if (step == DB_DONE)
		return true;
	store_sinks_free(*ret, *ret_count);
	*ret = NULL;
	*ret_count = 0;
	return false;
}

void store_sink_done(struct store_sink *sink)
{
	free(sink->name);
	free(sink->last_error);
	*sink = (struct store_sink){ 0 };
}

void store_sinks_free(struct store_sink *sinks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		store_sink_done(&sinks[i]);
	free(sinks);
}

bool store_sink_reported(struct store *store, const char *sink, bool *ret, struct err *err)
{
	int64_t told;
	bool good = db_int(store->db, "SELECT told FROM sinks WHERE name = ?1",
		DB_VALUES(DB_STRING(sink)), 0, &told, err);

	*ret = told != 0;
	return good;
}

bool store_set_sink_reported(struct store *store, const char *sink, bool told, struct err *err)
{
	int64_t id;

	if (db_begin(store->db, DB_SYNC_NORMAL, err) &&
		db_end(store->db,
			store_sink_id(store, sink, &id, err) &&
				db_run(store->db, "UPDATE sinks SET told = ?2 WHERE id = ?1",
					DB_VALUES(DB_INT(id), DB_INT(told)), err),
			err))
		return true;
	store_clear_sinks(store);
	return false;
}
