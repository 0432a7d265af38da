#include "io/schema.h"

#include <inttypes.h>

#include "base/mem.h"

/*
 * Version 1.
 *
 * home: one row. last_event is the id that was given last. If hash_key were corrupted, every
 * fingerprint would miss and all finished tasks would be reported again; hash_proof, a hash made
 * with it, detects that. lost_*: what was set aside when this file was begun. ended: id is 1024
 * times the source's plus the block's; prints as core/ended stores them. deliveries: a row until it
 * is delivered. task is a hash of source and task id, or of a source that is down or up, NULL for
 * other events: what has to keep its order. Pending rows are found by time and, for the order, by
 * task. Words of types and statuses are stored as users read them: they outlive the order of our
 * enums.
 */
static const char version_1[] =
	"CREATE TABLE home ("
	" one INTEGER PRIMARY KEY CHECK (one = 1),"
	" last_event INTEGER NOT NULL CHECK (typeof(last_event) = 'integer' AND last_event >= 0),"
	" hash_key BLOB NOT NULL CHECK (length(hash_key) = 16),"
	" hash_proof BLOB NOT NULL CHECK (length(hash_proof) = 16),"
	" lost_told INTEGER NOT NULL DEFAULT 1,"
	" lost_changed_ms INTEGER, lost_ms INTEGER, lost_aside TEXT, lost_reason TEXT);"

	"CREATE TABLE sources ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE,"
	" baseline INTEGER NOT NULL DEFAULT 0,"
	" down_told INTEGER NOT NULL DEFAULT 0,"
	" down_since_ms INTEGER NOT NULL DEFAULT 0);"

	"CREATE TABLE records ("
	" source_id INTEGER NOT NULL, task_id TEXT NOT NULL CHECK (length(task_id) > 0),"
	" task_name TEXT, bucket TEXT, user_id TEXT, status TEXT NOT NULL, word TEXT,"
	" created_us INTEGER, finished_us INTEGER, seen_ms INTEGER NOT NULL,"
	" missing INTEGER NOT NULL, missing_ms INTEGER NOT NULL, stuck_told INTEGER NOT NULL,"
	" PRIMARY KEY (source_id, task_id)) WITHOUT ROWID;"

	"CREATE TABLE ended ("
	" id INTEGER PRIMARY KEY,"
	" prints BLOB NOT NULL CHECK (typeof(prints) = 'blob'));"

	"CREATE TABLE events ("
	" id INTEGER PRIMARY KEY, wall_ms INTEGER NOT NULL, type TEXT NOT NULL,"
	" source TEXT, task_id TEXT, task_name TEXT, bucket TEXT, user_id TEXT,"
	" from_word TEXT, to_word TEXT, sink TEXT, message TEXT,"
	" created_us INTEGER, finished_us INTEGER);"
	"CREATE INDEX events_by_time ON events (wall_ms);"

	"CREATE TABLE sinks ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE,"
	" told INTEGER NOT NULL DEFAULT 0,"
	" last_success_ms INTEGER NOT NULL DEFAULT 0,"
	" last_failure_ms INTEGER NOT NULL DEFAULT 0,"
	" last_failed INTEGER NOT NULL DEFAULT 0,"
	" last_error TEXT);"

	"CREATE TABLE deliveries ("
	" event_id INTEGER NOT NULL, sink_id INTEGER NOT NULL, task INTEGER,"
	" failed INTEGER NOT NULL DEFAULT 0 CHECK (failed IN (0, 1)),"
	" due_ms INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,"
	" first_failed_ms INTEGER NOT NULL DEFAULT 0, failed_ms INTEGER NOT NULL DEFAULT 0,"
	" error TEXT,"
	" PRIMARY KEY (event_id, sink_id)) WITHOUT ROWID;"
	"CREATE INDEX deliveries_due ON deliveries (sink_id, due_ms, event_id) WHERE failed = 0;"
	"CREATE INDEX deliveries_task ON deliveries (sink_id, task, event_id)"
	" WHERE failed = 0 AND task IS NOT NULL;"
	"CREATE INDEX deliveries_failed ON deliveries (sink_id, failed_ms) WHERE failed = 1;";

/* comebacks: ended tasks that a poll has shown active again; first_ms as core/snapshot has it */
static const char version_2[] =
	"CREATE TABLE comebacks ("
	" source_id INTEGER NOT NULL, task_id TEXT NOT NULL CHECK (length(task_id) > 0),"
	" first_ms INTEGER NOT NULL,"
	" PRIMARY KEY (source_id, task_id)) WITHOUT ROWID;";

const char *const schema_steps[] = { version_1, version_2 };
const int64_t schema_version = ARRAY_LEN(schema_steps);

bool schema_migrate(
	struct db *db, const char *const *steps, int64_t from, int64_t to, struct err *err)
{
	cleanup_free char *stamp =
		mem_printf("PRAGMA application_id = %d; PRAGMA user_version = %" PRId64,
			SCHEMA_APPLICATION, to);

	for (int64_t i = from; i < to; i++)
		if (!db_exec(db, steps[i], err))
			return false;
	return db_exec(db, stamp, err);
}

bool schema_read(struct db *db, int64_t *ret_version, struct err *err)
{
	int64_t application;

	if (!db_int(db, "PRAGMA application_id", DB_VALUES(), 0, &application, err) ||
		!db_int(db, "PRAGMA user_version", DB_VALUES(), 0, ret_version, err))
		return false;
	if (application != SCHEMA_APPLICATION)
		return db_refuse(db, err, "it is not a database of taskbell");
	if (*ret_version < 0)
		return db_refuse(db, err, "it has no version");
	return true;
}
