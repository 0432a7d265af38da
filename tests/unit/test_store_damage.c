/* A damaged state is set aside, whole and told of; what is only in the way, or newer, is left
 * alone. */
#include <fcntl.h>
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
#include "io/schema.h"
#include "scratch.h"
#include "stored.h"

#define NOW STORED_NOW
#define LATER (NOW + 3600 * 1000)
#define NAMED "state.db.damaged-20270115T090000Z" /* LATER, as names have it */

static char *dir;

static int set_up(void **state)
{
	(void)state;
	dir = scratch_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_free(dir);
	return 0;
}

static void assert_names(const char *expected)
{
	cleanup_free char *names = scratch_names(dir);

	assert_string_equal(names, expected);
}

/* a state with something in every table; the ids given are NOW and NOW + 1 */
static void make_state(void)
{
	struct store *store = stored_open_good(dir, NOW);
	struct book *book = stored_book(store, "telnyx");
	struct task task = { .id = "active",
		.status = STATUS_QUEUED,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE };
	struct store_changes changes = { .source = "telnyx", .book = book };
	struct err err = { 0 };

	book_add(book, &task, NOW)->dirty = true;
	for (int i = 0; i < 200; i++) {
		char id[32];

		(void)snprintf(id, sizeof(id), "ended-%d", i);
		(void)book_set_ended(book, id, STATUS_SUCCESS);
	}
	book->baseline = true;
	book->baseline_dirty = true;
	assert_true(store_commit(store, &changes, &err));
	(void)stored_tell(store, "a", "hook");
	(void)stored_tell(store, "b", "log");
	book_free(book);
	store_close(store);
}

static char *read_state(const char *name, size_t *ret_len)
{
	cleanup_free char *path = scratch_path(dir, name);
	char *bytes = scratch_read(path, ret_len);

	assert_non_null(bytes);
	return bytes;
}

static void write_state(const char *name, const void *bytes, size_t len)
{
	cleanup_free char *path = scratch_path(dir, name);

	scratch_write(path, bytes, len);
}

/* the file lies aside as it was, a new one was begun, and everybody can know */
static void assert_set_aside(void)
{
	size_t len;
	size_t aside_len;
	cleanup_free char *bytes = read_state("state.db", &len);
	cleanup_free char *named = scratch_path(dir, NAMED);
	cleanup_free char *aside = NULL;
	struct store_damage damage;
	struct store *store = stored_open_damaged(dir, LATER, &damage);
	int64_t last;

	assert_string_equal(strrchr(damage.aside, '/') + 1, NAMED);
	assert_null(strchr(damage.reason, '\n'));
	aside = scratch_read(named, &aside_len);
	assert_int_equal(aside_len, len);
	assert_memory_equal(aside, bytes, len);
	assert_int_equal(stored_events(store, &last), 0);
	/* later than any id that was given before */
	assert_int_equal(stored_tell(store, "a", NULL), LATER);
	store_close(store);
}

static void test_bytes_that_are_no_database(void **state)
{
	(void)state;
	write_state("state.db", "this was a text", 15);
	assert_set_aside();
	assert_names("state.db " NAMED " ");
}

static void test_empty_file(void **state)
{
	(void)state;
	write_state("state.db", "", 0);
	assert_set_aside();
}

static void test_truncated(void **state)
{
	size_t len;
	cleanup_free char *bytes = NULL;

	(void)state;
	make_state();
	bytes = read_state("state.db", &len);
	write_state("state.db", bytes, len / 2);
	assert_set_aside();
}

static void test_zeroed_page(void **state)
{
	size_t len;
	cleanup_free char *bytes = NULL;

	(void)state;
	make_state();
	bytes = read_state("state.db", &len);
	memset(bytes + 8192, 0, 4096);
	write_state("state.db", bytes, len);
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
		make_state();
		stored_sql(dir, changes[i]);
		assert_set_aside();
		scratch_free(dir);
		dir = scratch_new();
	}
}

static void test_lost_log(void **state)
{
	cleanup_free char *path = scratch_path(dir, "state.db");
	cleanup_free char *log = scratch_path(dir, "state.db-wal");
	struct store *store;
	struct store_damage damage;
	size_t len;
	cleanup_free char *bytes = NULL;

	(void)state;
	store = stored_open_good(dir, NOW);
	(void)stored_tell(store, "a", "hook");
	bytes = read_state("state.db-wal", &len);
	store_close(store);
	assert_int_equal(unlink(path), 0);
	write_state("state.db-wal", bytes, len);
	/* somebody removed the database alone: its log must not be played into the new one */
	store = stored_open_damaged(dir, LATER, &damage);
	assert_int_equal(stored_pending(store, "hook"), 0);
	store_close(store);
	assert_names("state.db " NAMED "-wal ");
	/* a database whose log has lost its head would be taken for older than it is */
	bytes[9] ^= 1;
	scratch_write(log, bytes, len);
	store = stored_open_damaged(dir, LATER, &damage);
	store_close(store);
	assert_names("state.db " NAMED "-wal " NAMED ".2 " NAMED ".2-wal ");
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
	struct book *book;
	struct err err = { 0 };
	int64_t changed_ms;

	(void)state;
	write_state("state.db", "garbage", 7);
	store_close(stored_open_damaged(dir, LATER, &damage));
	changed_ms = damage.changed_ms;
	assert_true(changed_ms > 1700000000000 && changed_ms < NOW);
	store = stored_open_damaged(dir, LATER + 1, &damage);
	assert_int_equal(damage.changed_ms, changed_ms);
	assert_string_equal(strrchr(damage.aside, '/') + 1, NAMED);
	book = stored_book(store, "telnyx");
	assert_true(book->told_after_us == changed_ms * 1000);
	book_free(book);
	assert_true(store_commit(store, &changes, &err));
	store_close(store);
	store = stored_open_good(dir, LATER + 2);
	/* a source whose first list has not come yet still needs to know; months later it is just
	 * new */
	book = stored_book(store, "telnyx");
	assert_true(book->told_after_us == changed_ms * 1000);
	book_free(book);
	store_close(store);
	store = stored_open_good(dir, LATER + 60 * 86400000LL);
	book = stored_book(store, "telnyx");
	assert_true(book->told_after_us == STAMP_NONE);
	book_free(book);
	store_close(store);
}

/* with a clock far behind the file's own time ids must not repeat all the same */
static void test_ids_with_a_wrong_clock(void **state)
{
	struct store *store = stored_open_good(dir, 1000);
	struct store_damage damage;

	(void)state;
	assert_int_equal(stored_tell(store, "a", NULL), 1000);
	store_close(store);
	write_state("state.db", "garbage", 7);
	store = stored_open_damaged(dir, 1000, &damage);
	assert_true(stored_tell(store, "a", NULL) > 1700000000000);
	store_close(store);
}

static void refuse(enum store_mode mode, enum err_kind kind, const char *word)
{
	struct store *store;
	struct store_damage damage;
	struct err err = { 0 };

	assert_false(store_open(&store, dir, mode, LATER, &damage, &err));
	assert_null(store);
	assert_string_equal(damage.aside, "");
	if (err.kind != kind || strstr(err.text, word) == NULL)
		fail_msg("%d: %s", (int)err.kind, err.text);
}

static void test_newer_schema(void **state)
{
	size_t len;
	size_t after_len;
	cleanup_free char *bytes = NULL;
	cleanup_free char *after = NULL;

	(void)state;
	make_state();
	stored_sql(dir, "PRAGMA user_version = 999; PRAGMA journal_mode = DELETE");
	bytes = read_state("state.db", &len);
	refuse(STORE_WRITE, ERR_IO, "version 999");
	assert_names("state.db ");
	refuse(STORE_EDIT, ERR_IO, "version 999");
	refuse(STORE_READ, ERR_IO, "version 999");
	after = read_state("state.db", &after_len);
	assert_int_equal(after_len, len);
	assert_memory_equal(after, bytes, len);
	assert_names("state.db ");
}

static void test_readers_do_not_touch_damage(void **state)
{
	(void)state;
	write_state("state.db", "garbage", 7);
	refuse(STORE_READ, ERR_IO, "taskbell watch");
	refuse(STORE_EDIT, ERR_IO, "taskbell watch");
	assert_names("state.db ");
	write_state("state.db", "", 0);
	refuse(STORE_READ, ERR_IO, "empty");
	assert_names("state.db ");
}

static void test_in_the_way(void **state)
{
	cleanup_free char *path = scratch_path(dir, "state.db");
	cleanup_free char *other = scratch_path(dir, "other");

	(void)state;
	scratch_write(other, "mine", 4);
	assert_int_equal(symlink(other, path), 0);
	refuse(STORE_WRITE, ERR_IO, "link");
	refuse(STORE_READ, ERR_IO, "link");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	refuse(STORE_WRITE, ERR_IO, "plain file");
	assert_names("other state.db ");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	refuse(STORE_WRITE, ERR_IO, "plain file");
	assert_int_equal(unlink(path), 0);
	if (geteuid() == 0) {
		scratch_write(path, "theirs", 6);
		assert_int_equal(chown(path, 12345, 12345), 0);
		refuse(STORE_WRITE, ERR_IO, "another user");
		refuse(STORE_READ, ERR_IO, "another user");
	}
}

static bool refused_without_rights(void *arg)
{
	char *own = scratch_new();
	cleanup_free char *path = scratch_path(own, "state.db");
	struct store *store = NULL;
	struct err err = { 0 };
	bool good;

	(void)arg;
	good = chmod(own, 0500) == 0 && !store_open(&store, own, STORE_WRITE, NOW, NULL, &err) &&
	       err.kind == ERR_CANT_CREATE;
	good = good && chmod(own, 0700) == 0 &&
	       store_open(&store, own, STORE_WRITE, NOW, NULL, &err);
	store_close(store);
	/* SQLite can not do without its shared memory, and that is said */
	good = good && chmod(own, 0500) == 0 &&
	       !store_open(&store, own, STORE_READ, NOW, NULL, &err) && err.kind == ERR_IO &&
	       !store_open(&store, own, STORE_WRITE, NOW, NULL, &err) && err.kind == ERR_IO;
	/* a file that we may not read is not damaged */
	good = good && chmod(own, 0700) == 0 && chmod(path, 0) == 0 &&
	       !store_open(&store, own, STORE_WRITE, NOW, NULL, &err) && err.kind == ERR_IO;
	good = good && chmod(path, 0400) == 0 &&
	       !store_open(&store, own, STORE_WRITE, NOW, NULL, &err) && err.kind == ERR_IO;
	if (!good)
		print_error("%d: %s\n", (int)err.kind, err.text);
	scratch_free(own);
	return good;
}

static void test_without_rights(void **state)
{
	(void)state;
	assert_true(scratch_unprivileged(refused_without_rights, NULL));
}

/* power fails between the steps of setting aside: the next start goes on where it stopped */
static void test_interrupted_set_aside(void **state)
{
	static const char *const moved[] = { "", "-wal", "-wal " };
	size_t len;
	cleanup_free char *fresh = NULL;

	(void)state;
	write_state("state.db", "garbage", 7);
	store_close(stored_open_damaged(dir, LATER, &(struct store_damage){ 0 }));
	fresh = read_state("state.db", &len);
	for (size_t step = 0; step < ARRAY_LEN(moved); step++) {
		struct store_damage damage;
		struct store *store;

		scratch_free(dir);
		dir = scratch_new();
		/* the new file names the old directory for what was set aside */
		write_state("state.db.making", "half a file", 11);
		write_state("state.db.making-wal", "x", 1);
		if (step < 2)
			write_state("state.db", "garbage", 7);
		else
			write_state(NAMED, "garbage", 7);
		write_state(step > 0 ? NAMED "-wal" : "state.db-wal", "log", 3);
		write_state("state.db.new", fresh, len);
		{
			cleanup_free char *sql =
				mem_printf("UPDATE home SET lost_aside = '%s/" NAMED "'", dir);
			cleanup_free char *from = scratch_path(dir, "state.db.new");
			struct err err = { 0 };
			struct db *db;

			assert_true(db_open(&db, from, DB_WRITE, 0, &err));
			assert_true(db_exec(db, sql, &err));
			db_close(db);
		}
		store = stored_open_damaged(dir, LATER + 60000, &damage);
		assert_string_equal(strrchr(damage.aside, '/') + 1, NAMED);
		store_close(store);
		assert_names("state.db " NAMED " " NAMED "-wal ");
	}
}

/* power fails while the first file is built: nothing is lost, nothing is said */
static void test_interrupted_creation(void **state)
{
	(void)state;
	write_state("state.db.making", "half a file", 11);
	write_state("state.db.making-wal", "x", 1);
	write_state("state.db.new", "half a file", 11);
	store_close(stored_open_good(dir, NOW));
	assert_names("state.db ");
}

static void test_upgrade_of_version_0(void **state)
{
	cleanup_free char *path = scratch_path(dir, "state.db");
	struct err err = { 0 };
	struct store *store;
	struct db *db;

	(void)state;
	write_state("state.db", "", 0);
	assert_true(db_open(&db, path, DB_WRITE, 0, &err));
	assert_true(schema_migrate(db, NULL, 0, 0, &err));
	db_close(db);
	refuse(STORE_READ, ERR_IO, "version 0");
	store = stored_open_good(dir, NOW);
	assert_int_equal(stored_tell(store, "a", "log"), NOW);
	store_close(store);
	store = stored_open(dir, STORE_READ);
	assert_int_equal(stored_pending(store, "log"), 1);
	store_close(store);
}

/* the way a next version will go: one more row, what is stored stays; a step that fails changes
 * nothing */
static void test_upgrade_by_one_more_step(void **state)
{
	const char *const good[] = { schema_steps[0],
		"ALTER TABLE events ADD COLUMN mood TEXT; UPDATE events SET mood = 'calm'" };
	const char *const bad[] = { schema_steps[0],
		"ALTER TABLE events ADD COLUMN mood TEXT; UPDATE nothing SET x = 1" };
	cleanup_free char *path = scratch_path(dir, "state.db");
	struct err err = { 0 };
	struct db *db;
	int64_t value;

	(void)state;
	make_state();
	assert_true(db_open(&db, path, DB_WRITE, 0, &err));
	assert_true(db_begin(db, DB_SYNC_FULL, &err));
	assert_false(schema_migrate(db, bad, 1, 2, &err));
	db_rollback(db);
	assert_true(schema_read(db, &value, &err));
	assert_int_equal(value, 1);
	assert_true(db_begin(db, DB_SYNC_FULL, &err));
	assert_true(schema_migrate(db, good, 1, 2, &err));
	assert_true(db_commit(db, &err));
	assert_true(schema_read(db, &value, &err));
	assert_int_equal(value, 2);
	assert_true(db_int(db, "SELECT count(*) FROM events WHERE mood = 'calm'", 0, &value, &err));
	assert_int_equal(value, 2);
	db_close(db);
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
	struct book *book;
	int64_t last;

	if (!store_open(&store, dir, STORE_WRITE, LATER, &damage, &err)) {
		/* a flipped version number may claim to be newer: then it is left alone */
		if (strstr(err.text, "has version") == NULL)
			fail_msg("seed %u: %s", seed, err.text);
		return;
	}
	book = stored_book(store, "telnyx");
	if (damage.aside[0] == '\0') {
		if (!book->baseline || book->ended.count != 200 || book->count != 1 ||
			stored_events(store, &last) == 0)
			fail_msg("seed %u: lost without a word", seed);
	} else {
		assert_int_equal(access(damage.aside, F_OK), 0);
		assert_false(book->baseline);
	}
	book_free(book);
	(void)stored_tell(store, "c", "hook");
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
	make_state();
	bytes = read_state("state.db", &len);
	for (uint32_t i = 1; i <= 60; i++) {
		cleanup_free char *copy = mem_strndup(bytes, len);
		uint32_t seed = i * 2654435761u;
		cleanup_free char *names = NULL;

		scratch_free(dir);
		dir = scratch_new();
		/* the first kibibyte is where every byte counts */
		flip(copy, i % 3 == 0 ? 1024 : len, &seed);
		write_state("state.db", copy, len);
		assert_survives(i);
		names = scratch_names(dir);
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
	make_state();
	store = stored_open_good(dir, NOW);
	for (int i = 0; i < 20; i++)
		(void)stored_tell(store, "d", "hook");
	bytes = read_state("state.db", &len);
	log = read_state("state.db-wal", &log_len);
	store_close(store);
	for (uint32_t i = 1; i <= 40; i++) {
		cleanup_free char *copy = mem_strndup(log, log_len);
		uint32_t seed = i * 2654435761u;

		scratch_free(dir);
		dir = scratch_new();
		flip(copy, i % 2 == 0 ? 64 : log_len, &seed);
		write_state("state.db", bytes, len);
		write_state("state.db-wal", copy, log_len);
		assert_survives(i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bytes_that_are_no_database, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_empty_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_truncated, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_zeroed_page, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_senseless_content, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lost_log, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_loss_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ids_with_a_wrong_clock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_newer_schema, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_readers_do_not_touch_damage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_in_the_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_rights, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interrupted_set_aside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interrupted_creation, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_upgrade_of_version_0, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_upgrade_by_one_more_step, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flipped_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flipped_bytes_in_the_log, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
