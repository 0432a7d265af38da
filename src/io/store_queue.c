/* The queue of deliveries and how its sinks fare. A delivery is a row until its sink has confirmed
 * it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/store_private.h"

#define DAY_MS 86400000
#define HOLD_MAX_MS 10000 /* for an explanation; no first attempt is put off for longer */

#define SINK_IS(column) column " = (SELECT id FROM sinks WHERE name = ?1)"
/* is an earlier delivery of the same task pending? */
#define HELD_BACK                                                                                  \
	" EXISTS (SELECT 1 FROM deliveries p WHERE p.sink_id = d.sink_id AND p.failed = 0"         \
	" AND p.task = d.task AND p.event_id < d.event_id"

void store_sinks_forget(struct store *store)
{
	for (size_t i = 0; i < store->sink_count; i++)
		free(store->sinks[i].name);
	store->sink_count = 0;
}

static void sink_remember(struct store *store, const char *sink, int64_t id)
{
	store->sinks = mem_grow(
		store->sinks, &store->sink_cap, store->sink_count + 1, sizeof(*store->sinks));
	store->sinks[store->sink_count++] = (struct store_sink_id){ mem_strdup(sink), id };
}

bool store_sink_id(struct store *store, const char *sink, int64_t *ret_id, struct err *err)
{
	struct stmt *stmt;
	enum db_step step;

	for (size_t i = 0; i < store->sink_count; i++)
		if (strcmp(store->sinks[i].name, sink) == 0) {
			*ret_id = store->sinks[i].id;
			return true;
		}
	stmt = db_stmt(store->db, "INSERT OR IGNORE INTO sinks (name) VALUES (?1)", err);
	if (stmt == NULL)
		return false;
	stmt_bind_text(stmt, 1, sink);
	if (!stmt_run(stmt, err))
		return false;
	stmt = db_stmt(store->db, "SELECT id FROM sinks WHERE name = ?1", err);
	if (stmt == NULL)
		return false;
	stmt_bind_text(stmt, 1, sink);
	step = stmt_step(stmt, err);
	if (step != DB_ROW)
		return step == DB_ERROR ? false : db_refuse(store->db, err, "a sink vanished");
	*ret_id = stmt_int(stmt, 0);
	stmt_reset(stmt);
	sink_remember(store, sink, *ret_id);
	return true;
}

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

/* hands over what the statement gives, without what is busy; NULL: it could not be made */
static bool rows_read(struct store *store, struct stmt *stmt, const struct store_pull *pull,
	struct delivery ***ret, size_t *ret_count, struct err *err)
{
	enum db_step step = DB_DONE;
	bool good = stmt != NULL;
	size_t count = 0;
	size_t cap = 0;

	*ret = NULL;
	while (good && count < pull->limit && (step = stmt_step(stmt, err)) == DB_ROW) {
		struct event event;

		if (is_busy(pull->busy, pull->busy_count, stmt_int(stmt, 0)))
			continue;
		good = event_view(stmt, &event) ||
		       db_refuse(store->db, err, "an event in it makes no sense");
		if (!good)
			break;
		*ret = mem_grow(*ret, &cap, count + 1, sizeof(struct delivery *));
		(*ret)[count] = delivery_new(&event);
		(*ret)[count]->attempts = stmt_int(stmt, EVENT_COLUMN_COUNT);
		(*ret)[count]->due_ms = stmt_int(stmt, EVENT_COLUMN_COUNT + 1);
		(*ret)[count++]->first_failed_ms = stmt_int(stmt, EVENT_COLUMN_COUNT + 2);
	}
	if (stmt != NULL)
		stmt_reset(stmt);
	*ret_count = count;
	if (good && step != DB_ERROR)
		return true;
	deliveries_free(*ret, count);
	*ret = NULL;
	*ret_count = 0;
	return false;
}

bool store_due(struct store *store, const struct store_pull *pull, struct delivery ***ret,
	size_t *ret_count, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db,
		"SELECT" EVENT_COLUMNS ", d.attempts, d.due_ms, d.first_failed_ms FROM deliveries d"
		" CROSS JOIN events e ON e.id = d.event_id WHERE " SINK_IS(
			"d.sink_id") " AND d.failed = 0 AND d.due_ms <= ?2 AND NOT" HELD_BACK
				     ") ORDER BY d.due_ms, d.event_id",
		err);

	if (stmt != NULL) {
		stmt_bind_text(stmt, 1, pull->sink);
		stmt_bind_int(stmt, 2, pull->wall_ms);
	}
	return rows_read(store, stmt, pull, ret, ret_count, err);
}

bool store_due_batch(struct store *store, const struct store_pull *pull, struct delivery ***ret,
	size_t *ret_count, struct err *err)
{
	/* the plus signs keep SQLite from sorting all that is due for each batch */
	struct stmt *stmt = db_stmt(store->db,
		"SELECT" EVENT_COLUMNS ", d.attempts, d.due_ms, d.first_failed_ms FROM deliveries d"
		" CROSS JOIN events e ON e.id = d.event_id WHERE " SINK_IS(
			"+d.sink_id") " AND d.failed = 0 AND +d.due_ms <= ?2 AND d.event_id > ?3 "
				      "AND NOT" HELD_BACK " AND p.due_ms > ?2) ORDER BY d.event_id",
		err);

	if (stmt != NULL) {
		stmt_bind_text(stmt, 1, pull->sink);
		stmt_bind_int(stmt, 2, pull->wall_ms);
		stmt_bind_int(stmt, 3, pull->after_id);
	}
	return rows_read(store, stmt, pull, ret, ret_count, err);
}

bool store_check_queue(struct store *store, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db,
		"SELECT" EVENT_COLUMNS
		", s.id FROM deliveries d LEFT JOIN events e ON e.id = d.event_id"
		" LEFT JOIN sinks s ON s.id = d.sink_id",
		err);
	enum db_step step;

	if (stmt == NULL)
		return false;
	while ((step = stmt_step(stmt, err)) == DB_ROW) {
		struct event event;

		if (event_view(stmt, &event) && !stmt_null(stmt, EVENT_COLUMN_COUNT))
			continue;
		stmt_reset(stmt);
		return db_refuse(store->db, err, "a delivery in it makes no sense");
	}
	return step == DB_DONE;
}

bool store_next_due(struct store *store, const char *sink, int64_t after_ms, int64_t *ret_wall_ms,
	struct err *err)
{
	struct stmt *stmt = db_stmt(store->db,
		"SELECT d.due_ms FROM deliveries d WHERE " SINK_IS(
			"d.sink_id") " AND d.failed = 0 AND d.due_ms > ?2 ORDER BY d.due_ms LIMIT "
				     "1",
		err);
	enum db_step step;

	*ret_wall_ms = INT64_MAX;
	if (stmt == NULL)
		return false;
	stmt_bind_text(stmt, 1, sink);
	stmt_bind_int(stmt, 2, after_ms);
	step = stmt_step(stmt, err);
	if (step == DB_ROW)
		*ret_wall_ms = stmt_int(stmt, 0);
	stmt_reset(stmt);
	return step != DB_ERROR;
}

static bool settle_delivered(
	struct store *store, int64_t sink_id, int64_t event_id, struct err *err)
{
	struct stmt *stmt = db_stmt(
		store->db, "DELETE FROM deliveries WHERE event_id = ?1 AND sink_id = ?2", err);

	if (stmt == NULL)
		return false;
	stmt_bind_int(stmt, 1, event_id);
	stmt_bind_int(stmt, 2, sink_id);
	return stmt_run(stmt, err);
}

static bool settle_kept(struct store *store, int64_t sink_id, const struct delivery *delivery,
	int64_t wall_ms, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db,
		"UPDATE deliveries SET failed = ?3, attempts = ?4, due_ms = ?5, first_failed_ms = "
		"?6,"
		" failed_ms = ?7, error = ?8 WHERE event_id = ?1 AND sink_id = ?2",
		err);

	if (stmt == NULL)
		return false;
	stmt_bind_int(stmt, 1, delivery->event_id);
	stmt_bind_int(stmt, 2, sink_id);
	stmt_bind_int(stmt, 3, delivery->given_up);
	stmt_bind_int(stmt, 4, delivery->attempts);
	stmt_bind_int(stmt, 5, delivery->due_ms);
	stmt_bind_int(stmt, 6, delivery->first_failed_ms);
	stmt_bind_int(stmt, 7, delivery->given_up ? wall_ms : 0);
	stmt_bind_text(stmt, 8, delivery->error);
	return stmt_run(stmt, err);
}

static bool note_success(struct store *store, int64_t sink_id, int64_t wall_ms, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db,
		"UPDATE sinks SET last_success_ms = ?2, last_failed = 0 WHERE id = ?1", err);

	if (stmt == NULL)
		return false;
	stmt_bind_int(stmt, 1, sink_id);
	stmt_bind_int(stmt, 2, wall_ms);
	return stmt_run(stmt, err);
}

static bool note_failure(
	struct store *store, int64_t sink_id, int64_t wall_ms, const char *error, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db,
		"UPDATE sinks SET last_failure_ms = ?2, last_failed = 1, last_error = ?3 WHERE id "
		"= ?1",
		err);

	if (stmt == NULL)
		return false;
	stmt_bind_int(stmt, 1, sink_id);
	stmt_bind_int(stmt, 2, wall_ms);
	stmt_bind_text(stmt, 3, error);
	return stmt_run(stmt, err);
}

/* the sink's row says how the last attempts went; a delivery that only waits was none */
static bool settle_all(struct store *store, const char *sink, const struct delivery *const *ended,
	size_t count, int64_t wall_ms, struct err *err)
{
	int64_t id;

	if (!store_sink_id(store, sink, &id, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct delivery *delivery = ended[i];
		bool delivered = delivery->result == DELIVERY_DELIVERED;
		bool more = i + 1 < count && ended[i + 1]->result == DELIVERY_DELIVERED;

		if (delivered ? !settle_delivered(store, id, delivery->event_id, err)
			      : !settle_kept(store, id, delivery, wall_ms, err))
			return false;
		/* of a row of successes the last one says it all */
		if (delivered && !more && !note_success(store, id, wall_ms, err))
			return false;
		if (!delivered && delivery->error != NULL &&
			!note_failure(store, id, wall_ms, delivery->error, err))
			return false;
	}
	return true;
}

bool store_settle(struct store *store, const char *sink, const struct delivery *const *ended,
	size_t count, int64_t wall_ms, struct err *err)
{
	if (count == 0)
		return true;
	if (!db_begin(store->db, DB_SYNC_NORMAL, err))
		return false;
	if (settle_all(store, sink, ended, count, wall_ms, err) && db_commit(store->db, err))
		return true;
	db_rollback(store->db);
	store_sinks_forget(store);
	return false;
}

bool store_hurry(struct store *store, int64_t wall_ms, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db,
		"UPDATE deliveries SET due_ms = ?1 WHERE failed = 0 AND due_ms > ?1", err);

	if (stmt == NULL)
		return false;
	stmt_bind_int(stmt, 1, wall_ms);
	return stmt_run(stmt, err);
}

bool store_redeliver(struct store *store, int64_t event_id, const char *source, int64_t wall_ms,
	size_t *ret_count, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db,
		"UPDATE deliveries SET failed = 0, failed_ms = 0, attempts = 0,"
		" first_failed_ms = 0, due_ms = ?2, error = NULL"
		" WHERE failed = 1 AND (?1 = 0 OR event_id = ?1)"
		" AND (?3 IS NULL OR event_id IN (SELECT id FROM events WHERE source = ?3))",
		err);

	*ret_count = 0;
	if (stmt == NULL || !db_begin(store->db, DB_SYNC_FULL, err))
		return false;
	stmt_bind_int(stmt, 1, event_id);
	stmt_bind_int(stmt, 2, wall_ms);
	stmt_bind_text(stmt, 3, source);
	if (!stmt_run(stmt, err)) {
		db_rollback(store->db);
		return false;
	}
	*ret_count = (size_t)db_changes(store->db);
	return db_commit(store->db, err);
}

/* one transaction; of what it is about nothing is lost but waits when a power cut takes it */
static bool run_alone(struct store *store, struct stmt *stmt, struct err *err)
{
	if (!db_begin(store->db, DB_SYNC_NORMAL, err))
		return false;
	if (stmt_run(stmt, err) && db_commit(store->db, err))
		return true;
	db_rollback(store->db);
	return false;
}

/* how far ahead a delivery can be put off, that was tried or was not */
#define AHEAD_MAX "CASE first_failed_ms WHEN 0 THEN ?3 ELSE ?4 END"

bool store_clock_set(struct store *store, int64_t by_ms, int64_t wall_ms, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db,
		"UPDATE deliveries SET failed_ms = min(failed_ms + ?1 * (failed_ms <> 0), ?2),"
		" first_failed_ms = min(first_failed_ms + ?1 * (first_failed_ms <> 0), ?2),"
		" due_ms = CASE WHEN due_ms + ?1 > ?2 + " AHEAD_MAX " THEN ?2 ELSE due_ms + ?1 END"
		" WHERE ?1 <> 0 OR max(failed_ms, first_failed_ms) > ?2 OR due_ms > ?2 "
		"+ " AHEAD_MAX,
		err);

	if (stmt == NULL)
		return false;
	stmt_bind_int(stmt, 1, by_ms);
	stmt_bind_int(stmt, 2, wall_ms);
	stmt_bind_int(stmt, 3, HOLD_MAX_MS);
	stmt_bind_int(stmt, 4, DELIVERY_DELAY_MAX_MS);
	return run_alone(store, stmt, err);
}

bool store_sink_waited(struct store *store, const char *sink, int64_t for_ms, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db,
		"UPDATE deliveries SET first_failed_ms = first_failed_ms + ?2 WHERE " SINK_IS(
			"sink_id") " AND failed = 0 AND first_failed_ms <> 0",
		err);

	if (stmt == NULL)
		return false;
	stmt_bind_text(stmt, 1, sink);
	stmt_bind_int(stmt, 2, for_ms);
	return run_alone(store, stmt, err);
}

bool store_sinks(struct store *store, int64_t wall_ms, struct store_sink **ret, size_t *ret_count,
	struct err *err)
{
	struct stmt *stmt = db_stmt(store->db,
		"SELECT name, (SELECT count(*) FROM deliveries WHERE sink_id = s.id AND failed = "
		"0),"
		" (SELECT count(*) FROM deliveries WHERE sink_id = s.id AND failed = 1),"
		" (SELECT count(*) FROM deliveries WHERE sink_id = s.id AND failed = 1"
		" AND failed_ms > ?1), last_success_ms, last_failure_ms, last_failed, last_error"
		" FROM sinks s ORDER BY s.id",
		err);
	struct store_sink *sinks = NULL;
	size_t count = 0;
	size_t cap = 0;
	enum db_step step = DB_ERROR;

	*ret = NULL;
	*ret_count = 0;
	if (stmt != NULL)
		stmt_bind_int(stmt, 1, wall_ms - DAY_MS);
	while (stmt != NULL && (step = stmt_step(stmt, err)) == DB_ROW) {
		sinks = mem_grow(sinks, &cap, count + 1, sizeof(*sinks));
		sinks[count++] = (struct store_sink){
			.name = mem_strdup(stmt_text(stmt, 0)),
			.pending = stmt_int(stmt, 1),
			.failed = stmt_int(stmt, 2),
			.failed_day = stmt_int(stmt, 3),
			.last_success_ms = stmt_int(stmt, 4),
			.last_failure_ms = stmt_int(stmt, 5),
			.last_failed = stmt_int(stmt, 6) != 0,
			.last_error = mem_strdup(stmt_text(stmt, 7)),
		};
	}
	if (step == DB_ERROR) {
		store_sinks_free(sinks, count);
		return false;
	}
	*ret = sinks;
	*ret_count = count;
	return true;
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

bool store_sink_told(struct store *store, const char *sink, bool *ret, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db, "SELECT told FROM sinks WHERE name = ?1", err);
	enum db_step step;

	*ret = false;
	if (stmt == NULL)
		return false;
	stmt_bind_text(stmt, 1, sink);
	step = stmt_step(stmt, err);
	if (step == DB_ROW)
		*ret = stmt_int(stmt, 0) != 0;
	stmt_reset(stmt);
	return step != DB_ERROR;
}

static bool set_told(struct store *store, const char *sink, bool told, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db, "UPDATE sinks SET told = ?2 WHERE id = ?1", err);
	int64_t id = 0;

	if (stmt == NULL || !store_sink_id(store, sink, &id, err))
		return false;
	stmt_bind_int(stmt, 1, id);
	stmt_bind_int(stmt, 2, told);
	return stmt_run(stmt, err);
}

bool store_set_sink_told(struct store *store, const char *sink, bool told, struct err *err)
{
	if (!db_begin(store->db, DB_SYNC_NORMAL, err))
		return false;
	if (set_told(store, sink, told, err) && db_commit(store->db, err))
		return true;
	db_rollback(store->db);
	store_sinks_forget(store);
	return false;
}
