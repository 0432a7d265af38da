/* What goes into the state comes out of it again, in order, once, and nothing is written for
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tmpdir.h"
#include "store_fixture.h"

static char *dir;

static int set_up(void **state)
{
	(void)state;
	dir = tmpdir_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tmpdir_free(dir);
	return 0;
}

static bool ok(bool result, const struct err *err)
{
	if (!result)
		print_error("%s\n", err->text);
	return result;
}

static void assert_modes(void)
{
	static const char *const names[] = { "state.db", "state.db-wal", "state.db-shm" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		cleanup_free char *path = tmpdir_path(dir, names[i]);
		struct stat info;

		if (i == 0 || access(path, F_OK) == 0) {
			assert_int_equal(stat(path, &info), 0);
			assert_int_equal(info.st_mode & 07777, 0600);
		}
	}
}

static void assert_names(const char *expected)
{
	cleanup_free char *names = tmpdir_names(dir);

	assert_string_equal(names, expected);
}

static void test_new_file(void **state)
{
	static const mode_t masks[] = { 0, 022, 0777 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		char *inner = tmpdir_new();
		char *outer = dir;
		mode_t mask = umask(masks[i]);
		struct store *store;

		dir = inner;
		store = store_fixture_open_good(dir, STORED_NOW);
		assert_int_equal(store_fixture_tell(store, "a", "log"), STORED_NOW);
		assert_int_equal(store_fixture_tell(store, "a", "log"), STORED_NOW + 1);
		assert_modes();
		assert_names("state.db state.db-shm state.db-wal ");
		store_close(store);
		/* what was logged is in the file itself */
		assert_names("state.db ");
		assert_modes();
		(void)umask(mask);
		dir = outer;
		tmpdir_free(inner);
	}
}

static void test_wide_modes_are_narrowed(void **state)
{
	cleanup_free char *path = tmpdir_path(dir, "state.db");

	(void)state;
	store_close(store_fixture_open_good(dir, STORED_NOW));
	assert_int_equal(chmod(path, 0666), 0);
	store_close(store_fixture_open_good(dir, STORED_NOW));
	assert_modes();
}

static void test_nothing_there(void **state)
{
	struct store *store;
	struct err err;

	(void)state;
	assert_false(store_open(&store, dir, STORE_READ, STORED_NOW, NULL, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_false(store_open(&store, dir, STORE_EDIT, STORED_NOW, NULL, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_null(store);
	assert_names("");
}

static void test_hash_key_stays(void **state)
{
	struct store *store = store_fixture_open_good(dir, STORED_NOW);
	struct snapshot *snapshot = store_fixture_snapshot(store, "telnyx");
	struct hash_key key = snapshot->key;

	(void)state;
	snapshot_free(snapshot);
	store_close(store);
	store = store_fixture_open_good(dir, STORED_NOW);
	snapshot = store_fixture_snapshot(store, "telnyx");
	assert_memory_equal(&snapshot->key, &key, sizeof(key));
	assert_true(key.k0 != 0 || key.k1 != 0);
	snapshot_free(snapshot);
	store_close(store);
}

/* a record with everything, one with nothing but what it must have */
static void fill_snapshot(struct snapshot *snapshot)
{
	struct task full = { .id = "full",
		.name = "nämé",
		.bucket = "docs",
		.user_id = "u1",
		.word = "paused",
		.status = STATUS_UNKNOWN,
		.created_us = 1699999999123456,
		.finished_us = STAMP_NONE };
	struct task bare = { .id = "bare",
		.status = STATUS_QUEUED,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE };
	struct record *record = snapshot_add(snapshot, &full, 1234000);

	record->stuck_told = true;
	record->dirty = true;
	record_missing_check(record)->confirmations = 2;
	record_missing_check(record)->confirmed_ms = 5678;
	snapshot_add(snapshot, &bare, 4321000)->dirty = true;
	for (int i = 0; i < 3000; i++) {
		char id[32];

		(void)snprintf(id, sizeof(id), "ended-%d", i);
		(void)snapshot_set_ended(
			snapshot, id, i % 2 != 0 ? STATUS_SUCCESS : STATUS_FAILURE);
	}
	snapshot_ended(snapshot, "ended-7")->absent_day = 20000;
	(void)snapshot_add_reopened(snapshot, "ended-9", 9876, 12);
	(void)snapshot_add_reopened(snapshot, "ended-10", 8765, 12);
	snapshot_sort_reopened(snapshot);
	snapshot->baseline = true;
	snapshot->baseline_dirty = true;
}

static void assert_filled(const struct snapshot *snapshot)
{
	const struct record *record = snapshot_find(snapshot, "full");
	struct task task;

	assert_int_equal(snapshot->count, 2);
	assert_int_equal(snapshot->active, 1);
	assert_non_null(record);
	task = record_task(snapshot, record);
	assert_string_equal(task.name, "nämé");
	assert_string_equal(task.bucket, "docs");
	assert_string_equal(task.user_id, "u1");
	assert_string_equal(task.word, "paused");
	assert_int_equal(task.status, STATUS_UNKNOWN);
	assert_int_equal(task.created_us, 1699999999123456);
	assert_int_equal(record->seen_s, 1234);
	assert_int_equal(record->missing_check->confirmations, 2);
	assert_int_equal(record->missing_check->confirmed_ms, 5678);
	assert_true(record->stuck_told);
	assert_false(record->dirty);
	record = snapshot_find(snapshot, "bare");
	assert_non_null(record);
	task = record_task(snapshot, record);
	assert_null(task.name);
	assert_null(task.bucket);
	assert_int_equal(task.status, STATUS_QUEUED);
	assert_true(task.created_us == STAMP_NONE);
	assert_null(record->missing_check);
	assert_int_equal(snapshot->ended.count, 3000);
	assert_int_equal(snapshot_ended(snapshot, "ended-7")->status, STATUS_SUCCESS);
	assert_int_equal(snapshot_ended(snapshot, "ended-7")->absent_day, 20000);
	assert_int_equal(snapshot_ended(snapshot, "ended-8")->status, STATUS_FAILURE);
	assert_int_equal(snapshot->reopened_count, 2);
	assert_int_equal(snapshot_reopened(snapshot, "ended-9")->first_ms, 9876);
	assert_int_equal(snapshot_reopened(snapshot, "ended-10")->first_ms, 8765);
	assert_false(snapshot_reopened(snapshot, "ended-10")->listed);
	assert_null(snapshot_reopened(snapshot, "ended-1"));
	assert_false(snapshot->reopened_dirty);
	assert_true(snapshot->baseline);
	assert_false(snapshot->baseline_dirty);
}

static void commit_snapshot(struct store *store, const char *source, struct snapshot *snapshot)
{
	struct store_changes changes = { .source = source, .snapshot = snapshot };
	struct err err = { 0 };

	assert_true(ok(store_commit(store, &changes, &err), &err));
}

static void test_snapshots(void **state)
{
	struct store *store = store_fixture_open_good(dir, STORED_NOW);
	struct snapshot *snapshot = store_fixture_snapshot(store, "telnyx");
	struct snapshot *other;

	(void)state;
	assert_false(snapshot->baseline);
	assert_true(snapshot->report_after_us == STAMP_NONE);
	fill_snapshot(snapshot);
	commit_snapshot(store, "telnyx", snapshot);
	assert_filled(snapshot);
	snapshot_free(snapshot);
	store_close(store);
	store = store_fixture_open_good(dir, STORED_NOW);
	snapshot = store_fixture_snapshot(store, "telnyx");
	assert_filled(snapshot);
	/* the same id in another source is another task */
	other = store_fixture_snapshot(store, "other");
	assert_int_equal(other->count + other->ended.count, 0);
	assert_false(other->baseline);
	snapshot_free(other);
	snapshot_free(snapshot);
	store_close(store);
}

static void test_snapshot_shrinks(void **state)
{
	static const char *const removed[] = { "full", "bare", "never stored" };
	struct store *store = store_fixture_open_good(dir, STORED_NOW);
	struct snapshot *snapshot = store_fixture_snapshot(store, "telnyx");
	struct store_changes changes = {
		.source = "telnyx", .snapshot = snapshot, .removed = removed, .removed_count = 3
	};
	struct task back = { .id = "bare",
		.name = "again",
		.status = STATUS_PROCESSING,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE };
	struct err err = { 0 };

	(void)state;
	fill_snapshot(snapshot);
	commit_snapshot(store, "telnyx", snapshot);
	snapshot_remove(snapshot, snapshot_find(snapshot, "full"));
	snapshot_remove(snapshot, snapshot_find(snapshot, "bare"));
	/* it ended and came back within one poll */
	snapshot_add(snapshot, &back, 99000)->dirty = true;
	for (int i = 0; i < 3000; i++) {
		char id[32];

		(void)snprintf(id, sizeof(id), "ended-%d", i);
		snapshot_unset_ended(snapshot, id);
	}
	assert_true(ok(store_commit(store, &changes, &err), &err));
	snapshot_free(snapshot);
	snapshot = store_fixture_snapshot(store, "telnyx");
	assert_int_equal(snapshot->count, 1);
	assert_string_equal(record_task(snapshot, snapshot_find(snapshot, "bare")).name, "again");
	assert_int_equal(snapshot->ended.count, 0);
	snapshot_free(snapshot);
	store_close(store);
}

static void test_health(void **state)
{
	struct store *store = store_fixture_open_good(dir, STORED_NOW);
	struct store_source health = { .name = NULL, .down_told = true, .down_since_ms = 77 };
	struct store_changes changes = { .source = "telnyx", .health = &health };
	struct store_source loaded;
	struct err err = { 0 };

	(void)state;
	assert_true(store_load_source(store, "telnyx", &loaded, &err));
	assert_null(loaded.name);
	assert_true(ok(store_commit(store, &changes, &err), &err));
	store_close(store);
	store = store_fixture_open_good(dir, STORED_NOW);
	assert_true(store_load_source(store, "telnyx", &loaded, &err));
	assert_string_equal(loaded.name, "telnyx");
	assert_true(loaded.down_told);
	assert_int_equal(loaded.down_since_ms, 77);
	free(loaded.name);
	store_close(store);
}

/* sizes and times of all files of the state */
static void look(struct stat looks[3])
{
	static const char *const names[] = { "state.db", "state.db-wal", "state.db-shm" };

	for (size_t i = 0; i < 3; i++) {
		cleanup_free char *path = tmpdir_path(dir, names[i]);

		assert_int_equal(stat(path, &looks[i]), 0);
	}
}

static void test_nothing_to_write(void **state)
{
	struct store *store = store_fixture_open_good(dir, STORED_NOW);
	struct snapshot *snapshot = store_fixture_snapshot(store, "telnyx");
	struct store_changes nothing = { .source = "telnyx", .snapshot = snapshot };
	struct stat before[3];
	struct stat after[3];
	struct err err = { 0 };
	size_t count;

	(void)state;
	fill_snapshot(snapshot);
	commit_snapshot(store, "telnyx", snapshot);
	(void)store_fixture_tell(store, "a", "log");
	look(before);
	for (int i = 0; i < 10; i++)
		assert_true(ok(store_commit(store, &nothing, &err), &err));
	assert_int_equal(store_fixture_pending(store, "log"), 1);
	assert_true(store_settle(store, "log", NULL, 0, STORED_NOW, &err));
	assert_true(store_prune(store, STORED_NOW - 1, 100, &count, &err));
	assert_true(store_redeliver(store, 0, NULL, STORED_NOW, &count, &err));
	assert_int_equal(count, 0);
	look(after);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(after[i].st_size, before[i].st_size);
		assert_memory_equal(&after[i].st_mtim, &before[i].st_mtim, sizeof(struct timespec));
	}
	snapshot_free(snapshot);
	store_close(store);
}

/* another process holds the write lock: the monitor gives up soon, has changed nothing, and goes on
 * later */
static void test_busy(void **state)
{
	cleanup_free char *path = tmpdir_path(dir, "state.db");
	struct store *store = store_fixture_open_good(dir, STORED_NOW);
	struct snapshot *snapshot = store_fixture_snapshot(store, "telnyx");
	const char *sink = "log";
	struct event event = { .type = EVENT_SUCCESS,
		.task_id = "a",
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE };
	struct store_event row = { &event, &sink, 1, 0 };
	struct store_changes changes = {
		.source = "telnyx", .snapshot = snapshot, .events = &row, .event_count = 1
	};
	struct err err = { 0 };
	struct db *other;

	(void)state;
	fill_snapshot(snapshot);
	assert_true(db_open(&other, path, DB_WRITE, 0, &err));
	assert_true(db_begin(other, DB_SYNC_FULL, &err));
	assert_false(store_commit(store, &changes, &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
	assert_int_equal(event.id, 0);
	assert_true(snapshot->baseline_dirty);
	db_close(other);
	assert_true(ok(store_commit(store, &changes, &err), &err));
	assert_int_equal(event.id, STORED_NOW);
	assert_filled(snapshot);
	snapshot_free(snapshot);
	store_close(store);
}

static bool take_active(void *arg, const char *source, const struct task *task)
{
	struct buf *text = arg;

	(void)buf_addf(text, "%s/%s/%s ", source, task->id, status_word(task->status));
	return strcmp(task->id, "stop") != 0;
}

static void test_active(void **state)
{
	static const char *const sources[] = { "one", "two" };
	static const char *const ids[] = { "b", "a", "stop" };
	struct store *store = store_fixture_open_good(dir, STORED_NOW);
	cleanup_buf struct buf text = { 0 };
	struct err err = { 0 };

	(void)state;
	for (size_t s = 0; s < 2; s++) {
		struct snapshot *snapshot = store_fixture_snapshot(store, sources[s]);

		for (size_t i = 0; i < 3; i++) {
			struct task task = { .id = ids[i],
				.status = STATUS_PROCESSING,
				.created_us = STAMP_NONE,
				.finished_us = STAMP_NONE };

			snapshot_add(snapshot, &task, 1000)->dirty = true;
		}
		fill_snapshot(snapshot);
		commit_snapshot(store, sources[s], snapshot);
		snapshot_free(snapshot);
	}
	assert_true(store_active(store, "two", take_active, &text, &err));
	assert_string_equal(buf_text(&text),
		"two/a/processing two/b/processing two/bare/queued two/stop/processing ");
	buf_clear(&text);
	assert_true(store_active(store, NULL, take_active, &text, &err));
	assert_string_equal(buf_text(&text),
		"one/a/processing one/b/processing one/bare/queued one/stop/processing ");
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wide_modes_are_narrowed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hash_key_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_snapshots, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_snapshot_shrinks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_health, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_to_write, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_busy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_active, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
