/* A damaged state is set aside, whole and told of; what is only in the way, or newer, is left
 * alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tmpdir.h"
#include "store_fixture.h"

#define NOW STORED_NOW
#define LATER (NOW + 3600 * 1000)
#define NAMED "state.db.damaged-20270115T090000Z" /* LATER, as names have it */

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

/* the file lies aside as it was, a new one was begun, and everybody can know */
static void assert_set_aside(void)
{
	size_t len;
	size_t aside_len;
	cleanup_free char *bytes = store_fixture_file(dir, "state.db", &len);
	cleanup_free char *named = tmpdir_path(dir, NAMED);
	cleanup_free char *aside = NULL;
	struct store_damage damage;
	struct store *store = store_fixture_open_damaged(dir, LATER, &damage);
	int64_t last;

	assert_string_equal(strrchr(damage.path, '/') + 1, NAMED);
	assert_null(strchr(damage.reason, '\n'));
	aside = tmpdir_read(named, &aside_len);
	assert_int_equal(aside_len, len);
	assert_memory_equal(aside, bytes, len);
	assert_int_equal(store_fixture_events(store, &last), 0);
	/* later than any id that was given before */
	assert_int_equal(store_fixture_tell(store, "a", NULL), LATER);
	store_close(store);
}

static void test_bytes_that_are_no_database(void **state)
{
	(void)state;
	store_fixture_write(dir, "state.db", "this was a text", 15);
	assert_set_aside();
	store_fixture_assert_names(dir, "state.db " NAMED " ");
}

static void test_empty_file(void **state)
{
	(void)state;
	store_fixture_write(dir, "state.db", "", 0);
	assert_set_aside();
}

static void test_truncated(void **state)
{
	size_t len;
	cleanup_free char *bytes = NULL;

	(void)state;
	store_fixture_fill(dir);
	bytes = store_fixture_file(dir, "state.db", &len);
	store_fixture_write(dir, "state.db", bytes, len / 2);
	assert_set_aside();
}

/* SQLite takes the end that is missing for zeros, in which it may find nothing wrong */
static void test_truncated_within_the_last_page(void **state)
{
	static const size_t missing[] = { 1, 100, 1897, 4095 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
		size_t len;
		cleanup_free char *bytes = NULL;

		store_fixture_fill(dir);
		bytes = store_fixture_file(dir, "state.db", &len);
		store_fixture_write(dir, "state.db", bytes, len - missing[i]);
		assert_set_aside();
		tmpdir_free(dir);
		dir = tmpdir_new();
	}
}

static void test_zeroed_page(void **state)
{
	size_t len;
	cleanup_free char *bytes = NULL;

	(void)state;
	store_fixture_fill(dir);
	bytes = store_fixture_file(dir, "state.db", &len);
	memset(bytes + 8192, 0, 4096);
	store_fixture_write(dir, "state.db", bytes, len);
	assert_set_aside();
}

/* each is a way in which a file can be sound for SQLite and make no sense to us */
static void test_senseless_content(void **state)
{
	static const char *const changes[] = {
		"PRAGMA application_id = 7",
		"PRAGMA user_version = 0",
		"PRAGMA user_version = -1",
		"DROP TABLE ended",
		"DROP TABLE comebacks",
		"DROP TABLE sinks",
		"ALTER TABLE events DROP COLUMN message",
		"DELETE FROM home",
		"UPDATE home SET hash_key = zeroblob(16)",
		"UPDATE ended SET prints = zeroblob(16)",
		"UPDATE ended SET prints = x'00'",
		"UPDATE ended SET id = id + 1024 * 77",
		"UPDATE records SET status = 'success'",
		"UPDATE records SET status = 'nonsense'",
		"UPDATE records SET missing = -1",
		"UPDATE records SET source_id = 9",
		"DELETE FROM sources",
		"DELETE FROM events",
		"DELETE FROM sinks",
		"UPDATE events SET type = 'nonsense'",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		print_message("%s\n", changes[i]);
		store_fixture_fill(dir);
		store_fixture_sql(dir, changes[i]);
		assert_set_aside();
		tmpdir_free(dir);
		dir = tmpdir_new();
	}
}

static void test_lost_log(void **state)
{
	cleanup_free char *path = tmpdir_path(dir, "state.db");
	cleanup_free char *log = tmpdir_path(dir, "state.db-wal");
	struct store *store;
	struct store_damage damage;
	size_t len;
	cleanup_free char *bytes = NULL;

	(void)state;
	store = store_fixture_open_good(dir, NOW);
	(void)store_fixture_tell(store, "a", "hook");
	bytes = store_fixture_file(dir, "state.db-wal", &len);
	store_close(store);
	assert_int_equal(unlink(path), 0);
	store_fixture_write(dir, "state.db-wal", bytes, len);
	/* somebody removed the database alone: its log must not be played into the new one */
	store = store_fixture_open_damaged(dir, LATER, &damage);
	assert_int_equal(store_fixture_pending(store, "hook"), 0);
	store_close(store);
	store_fixture_assert_names(dir, "state.db " NAMED "-wal ");
	/* a database whose log has lost its head would be taken for older than it is */
	bytes[9] ^= 1;
	tmpdir_write(log, bytes, len);
	store = store_fixture_open_damaged(dir, LATER, &damage);
	store_close(store);
	store_fixture_assert_names(dir, "state.db " NAMED "-wal " NAMED ".2 " NAMED ".2-wal ");
}

/* the loss is told at every start until an event says so */
static void test_loss_is_told(void **state)
{
	const char *sink = "log";
	struct event event = { .wall_ms = LATER,
		.type = EVENT_STATE_LOST,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE };
	struct store_event row = { &event, &sink, 1, LATER };
	struct store_changes changes = { .events = &row, .event_count = 1 };
	struct store_damage damage;
	struct store *store;
	struct snapshot *snapshot;
	struct err err = { 0 };
	int64_t changed_ms;

	(void)state;
	store_fixture_write(dir, "state.db", "garbage", 7);
	store_close(store_fixture_open_damaged(dir, LATER, &damage));
	changed_ms = damage.changed_ms;
	assert_true(changed_ms > 1700000000000 && changed_ms < NOW);
	store = store_fixture_open_damaged(dir, LATER + 1, &damage);
	assert_int_equal(damage.changed_ms, changed_ms);
	assert_string_equal(strrchr(damage.path, '/') + 1, NAMED);
	snapshot = store_fixture_snapshot(store, "telnyx");
	assert_true(snapshot->report_after_us == changed_ms * 1000);
	snapshot_free(snapshot);
	assert_true(store_commit(store, &changes, &err));
	store_close(store);
	store = store_fixture_open_good(dir, LATER + 2);
	/* a source whose first list has not come yet still needs to know; months later it is just
	 * new */
	snapshot = store_fixture_snapshot(store, "telnyx");
	assert_true(snapshot->report_after_us == changed_ms * 1000);
	snapshot_free(snapshot);
	store_close(store);
	store = store_fixture_open_good(dir, LATER + 60 * 86400000LL);
	snapshot = store_fixture_snapshot(store, "telnyx");
	assert_true(snapshot->report_after_us == STAMP_NONE);
	snapshot_free(snapshot);
	store_close(store);
}

/* with a clock far behind the file's own time ids must not repeat all the same */
static void test_ids_with_a_wrong_clock(void **state)
{
	struct store *store = store_fixture_open_good(dir, 1000);
	struct store_damage damage;

	(void)state;
	assert_int_equal(store_fixture_tell(store, "a", NULL), 1000);
	store_close(store);
	store_fixture_write(dir, "state.db", "garbage", 7);
	store = store_fixture_open_damaged(dir, 1000, &damage);
	assert_true(store_fixture_tell(store, "a", NULL) > 1700000000000);
	store_close(store);
}

/* snapshots are made of the rows before the fault is found: none of them comes to the new state */
static void test_snapshots_of_a_damaged_state_are_gone(void **state)
{
	struct store_damage damage;
	struct store_changes changes = { .source = "telnyx" };
	struct err err = { 0 };
	struct store *store;
	struct snapshot *snapshot;

	(void)state;
	store_fixture_fill(dir);
	store_fixture_sql(dir, "INSERT INTO ended (id, prints) VALUES (99 * 1024, zeroblob(16))");
	store = store_fixture_open_damaged(dir, LATER, &damage);
	snapshot = store_fixture_snapshot(store, "telnyx");
	snapshot_set_ended(snapshot, "new", STATUS_SUCCESS);
	changes.snapshot = snapshot;
	assert_true(store_commit(store, &changes, &err));
	snapshot_free(snapshot);
	snapshot = store_fixture_snapshot(store, "telnyx");
	assert_int_equal(snapshot->ended.count, 1);
	assert_non_null(snapshot_ended(snapshot, "new"));
	snapshot_free(snapshot);
	store_close(store);
}

/* a reader looks at nothing beforehand: what is damaged shows in its answers, as an error */
static void test_damage_found_by_a_reader(void **state)
{
	size_t len;
	cleanup_free char *bytes = NULL;
	int failures = 0;

	(void)state;
	store_fixture_fill(dir);
	bytes = store_fixture_file(dir, "state.db", &len);
	for (size_t at = 4096; at < len; at += 4096) {
		cleanup_free char *copy = mem_strndup(bytes, len);
		struct store_pull pull = { .sink = "hook", .wall_ms = INT64_MAX, .limit = 9 };
		struct store *store = NULL;
		struct delivery **rows = NULL;
		struct snapshot *snapshot = NULL;
		size_t count = 0;
		struct err err = { 0 };

		memset(copy + at, 0xa5, 4096);
		store_fixture_write(dir, "state.db", copy, len);
		if (!store_open(&store, dir, STORE_READ, LATER, NULL, &err) ||
			!store_due(store, &pull, &rows, &count, &err) ||
			!store_load_snapshot(store, "telnyx", &snapshot, &err)) {
			assert_int_equal(err.kind, ERR_IO);
			assert_non_null(strstr(err.text, "damaged"));
			failures++;
		}
		deliveries_free(rows, count);
		snapshot_free(snapshot);
		store_close(store);
	}
	assert_true(failures > 5);
}

/* the same numbers in every run */
static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* opens a state with flipped bytes: it is as good as before, or it was set aside and that is said
 */
static void assert_survives(uint32_t seed)
{
	struct store *store = NULL;
	struct store_damage damage;
	struct err err = { 0 };
	struct snapshot *snapshot;
	int64_t last;

	if (!store_open(&store, dir, STORE_WRITE, LATER, &damage, &err)) {
		/* a flipped version number may claim to be newer: then it is left alone */
		if (strstr(err.text, "has version") == NULL)
			fail_msg("seed %u: %s", seed, err.text);
		return;
	}
	snapshot = store_fixture_snapshot(store, "telnyx");
	if (damage.path[0] == '\0') {
		if (!snapshot->baseline || snapshot->ended.count != 200 || snapshot->count != 1 ||
			store_fixture_events(store, &last) == 0)
			fail_msg("seed %u: lost without a word", seed);
	} else {
		assert_int_equal(access(damage.path, F_OK), 0);
		assert_false(snapshot->baseline);
	}
	snapshot_free(snapshot);
	(void)store_fixture_tell(store, "c", "hook");
	store_close(store);
}

static void flip(char *bytes, size_t len, uint32_t *seed)
{
	uint32_t flips = 1 + next_random(seed) % 8;

	for (uint32_t i = 0; i < flips; i++)
		bytes[next_random(seed) % len] ^= (char)(1u << next_random(seed) % 8);
}

static void test_flipped_bytes(void **state)
{
	size_t len;
	cleanup_free char *bytes = NULL;
	int aside = 0;

	(void)state;
	store_fixture_fill(dir);
	bytes = store_fixture_file(dir, "state.db", &len);
	for (uint32_t i = 1; i <= 60; i++) {
		cleanup_free char *copy = mem_strndup(bytes, len);
		uint32_t seed = i * 2654435761u;
		cleanup_free char *names = NULL;

		tmpdir_free(dir);
		dir = tmpdir_new();
		/* the first kibibyte is where every byte counts */
		flip(copy, i % 3 == 0 ? 1024 : len, &seed);
		store_fixture_write(dir, "state.db", copy, len);
		assert_survives(i);
		names = tmpdir_names(dir);
		aside += strstr(names, "damaged") != NULL;
	}
	assert_true(aside > 0);
}

static void test_flipped_bytes_in_the_log(void **state)
{
	struct store *store;
	size_t len;
	size_t log_len;
	cleanup_free char *bytes = NULL;
	cleanup_free char *log = NULL;

	(void)state;
	store_fixture_fill(dir);
	store = store_fixture_open_good(dir, NOW);
	for (int i = 0; i < 20; i++)
		(void)store_fixture_tell(store, "d", "hook");
	bytes = store_fixture_file(dir, "state.db", &len);
	log = store_fixture_file(dir, "state.db-wal", &log_len);
	store_close(store);
	for (uint32_t i = 1; i <= 40; i++) {
		cleanup_free char *copy = mem_strndup(log, log_len);
		uint32_t seed = i * 2654435761u;

		tmpdir_free(dir);
		dir = tmpdir_new();
		flip(copy, i % 2 == 0 ? 64 : log_len, &seed);
		store_fixture_write(dir, "state.db", bytes, len);
		store_fixture_write(dir, "state.db-wal", copy, log_len);
		assert_survives(i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bytes_that_are_no_database, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_empty_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_truncated, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_truncated_within_the_last_page, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_zeroed_page, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_senseless_content, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lost_log, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_loss_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ids_with_a_wrong_clock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_snapshots_of_a_damaged_state_are_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damage_found_by_a_reader, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flipped_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flipped_bytes_in_the_log, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
