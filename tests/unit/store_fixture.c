#include "store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tmpdir.h"

struct store *store_fixture_open(const char *dir, enum store_mode mode)
{
	struct store *store = NULL;
	struct err err = { 0 };

	if (!store_open(&store, dir, mode, STORED_NOW, NULL, &err))
		fail_msg("%s", err.text);
	return store;
}

static struct store *open_writing(const char *dir, int64_t wall_ms, struct store_damage *damage)
{
	struct store *store = NULL;
	struct err err = { 0 };

	if (!store_open(&store, dir, STORE_WRITE, wall_ms, damage, &err))
		fail_msg("%s", err.text);
	return store;
}

struct store *store_fixture_open_good(const char *dir, int64_t wall_ms)
{
	struct store_damage damage;
	struct store *store = open_writing(dir, wall_ms, &damage);

	assert_string_equal(damage.reason, "");
	assert_string_equal(damage.path, "");
	return store;
}

struct store *store_fixture_open_damaged(
	const char *dir, int64_t wall_ms, struct store_damage *damage)
{
	struct store *store = open_writing(dir, wall_ms, damage);

	assert_string_not_equal(damage->path, "");
	assert_string_not_equal(damage->reason, "");
	return store;
}

struct snapshot *store_fixture_snapshot(struct store *store, const char *source)
{
	struct snapshot *snapshot = NULL;
	struct err err = { 0 };

	if (!store_load_snapshot(store, source, &snapshot, &err))
		fail_msg("%s", err.text);
	return snapshot;
}

int64_t store_fixture_tell(struct store *store, const char *task_id, const char *sink)
{
	struct event event = {
		.wall_ms = STORED_NOW,
		.type = task_id != NULL ? EVENT_SUCCESS : EVENT_SINK_FAILED,
		.source = "telnyx",
		.task_id = task_id,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};
	struct store_event row = { &event, &sink, sink != NULL, STORED_NOW };
	struct store_changes changes = { .events = &row, .event_count = 1 };
	struct err err = { 0 };
	bool done = false;

	/* while another process writes, it is tried again, as the monitor does at its next poll */
	for (int tries = 0; tries < 100 && !done; tries++) {
		done = store_commit(store, &changes, &err);
		if (!done && err.kind != ERR_TEMPORARY)
			break;
	}
	if (!done)
		fail_msg("%s", err.text);
	return event.id;
}

size_t store_fixture_pending(struct store *store, const char *sink)
{
	struct store_pull all = {
		.sink = sink, .wall_ms = INT64_MAX, .limit = SIZE_MAX, .batch = true
	};
	struct delivery **rows;
	struct err err = { 0 };
	size_t count;

	if (!store_due(store, &all, &rows, &count, &err))
		fail_msg("%s", err.text);
	deliveries_free(rows, count);
	return count;
}

struct tally {
	size_t count;
	int64_t last;
};

static bool tally_take(void *arg, const struct event *event)
{
	struct tally *tally = arg;

	tally->count++;
	assert_true(event->id > tally->last);
	tally->last = event->id;
	return true;
}

size_t store_fixture_events(struct store *store, int64_t *ret_last)
{
	struct store_query all = { 0 };
	struct tally tally = { 0, 0 };
	struct err err = { 0 };

	if (!store_history(store, &all, tally_take, &tally, &err))
		fail_msg("%s", err.text);
	*ret_last = tally.last;
	return tally.count;
}

void store_fixture_sql(const char *dir, const char *sql)
{
	cleanup_free char *path = tmpdir_path(dir, "state.db");
	struct err err = { 0 };
	struct db *db;

	if (!db_open(&db, path, DB_WRITE, 1000, &err) || !db_exec(db, sql, &err))
		fail_msg("%s", err.text);
	db_close(db);
}

void store_fixture_fill(const char *dir)
{
	struct store *store = store_fixture_open_good(dir, STORED_NOW);
	struct snapshot *snapshot = store_fixture_snapshot(store, "telnyx");
	struct task task = { .id = "active",
		.status = STATUS_QUEUED,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE };
	struct store_changes changes = { .source = "telnyx", .snapshot = snapshot };
	struct err err = { 0 };

	snapshot_add(snapshot, &task, STORED_NOW)->dirty = true;
	for (int i = 0; i < 200; i++) {
		char id[32];

		(void)snprintf(id, sizeof(id), "ended-%d", i);
		(void)snapshot_set_ended(snapshot, id, STATUS_SUCCESS);
	}
	snapshot->baseline = true;
	snapshot->baseline_dirty = true;
	assert_true(store_commit(store, &changes, &err));
	(void)store_fixture_tell(store, "a", "hook");
	(void)store_fixture_tell(store, "b", "log");
	snapshot_free(snapshot);
	store_close(store);
}

char *store_fixture_file(const char *dir, const char *name, size_t *ret_len)
{
	cleanup_free char *path = tmpdir_path(dir, name);
	char *bytes = tmpdir_read(path, ret_len);

	assert_non_null(bytes);
	return bytes;
}

void store_fixture_write(const char *dir, const char *name, const void *bytes, size_t len)
{
	cleanup_free char *path = tmpdir_path(dir, name);

	tmpdir_write(path, bytes, len);
}

void store_fixture_assert_names(const char *dir, const char *expected)
{
	cleanup_free char *names = tmpdir_names(dir);

	assert_string_equal(names, expected);
}
