/* What is in the way is refused, what is newer left alone, what was interrupted goes on, what is
 * old is brought up to date. */
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

static void refuse(enum store_mode mode, enum err_kind kind, const char *word)
{
	struct store *store;
	struct store_damage damage;
	struct err err = { 0 };

	assert_false(store_open(&store, dir, mode, LATER, &damage, &err));
	assert_null(store);
	assert_string_equal(damage.path, "");
	if (err.kind != kind || strstr(err.text, word) == NULL)
		fail_msg("%d: %s", (int)err.kind, err.text);
}

static void test_newer_schema(void **state)
{
	static const char junk[4096] = "no write-ahead log";
	size_t len;
	size_t after_len;
	cleanup_free char *bytes = NULL;
	cleanup_free char *after = NULL;

	(void)state;
	store_fixture_fill(dir);
	store_fixture_sql(dir, "PRAGMA user_version = 999; PRAGMA journal_mode = DELETE");
	bytes = store_fixture_file(dir, "state.db", &len);
	refuse(STORE_WRITE, ERR_IO, "version 999");
	store_fixture_assert_names(dir, "state.db ");
	refuse(STORE_EDIT, ERR_IO, "version 999");
	refuse(STORE_READ, ERR_IO, "version 999");
	after = store_fixture_file(dir, "state.db", &after_len);
	assert_int_equal(after_len, len);
	assert_memory_equal(after, bytes, len);
	store_fixture_assert_names(dir, "state.db ");
	/* damage beside it is for the newer version to judge */
	store_fixture_write(dir, "state.db-wal", junk, sizeof(junk));
	refuse(STORE_WRITE, ERR_IO, "version 999");
	store_fixture_assert_names(dir, "state.db state.db-wal ");
}

static void test_readers_do_not_touch_damage(void **state)
{
	(void)state;
	store_fixture_write(dir, "state.db", "garbage", 7);
	refuse(STORE_READ, ERR_IO, "taskbell watch");
	refuse(STORE_EDIT, ERR_IO, "taskbell watch");
	store_fixture_assert_names(dir, "state.db ");
	store_fixture_write(dir, "state.db", "", 0);
	refuse(STORE_READ, ERR_IO, "empty");
	store_fixture_assert_names(dir, "state.db ");
}

static void test_in_the_way(void **state)
{
	cleanup_free char *path = tmpdir_path(dir, "state.db");
	cleanup_free char *other = tmpdir_path(dir, "other");

	(void)state;
	tmpdir_write(other, "mine", 4);
	assert_int_equal(symlink(other, path), 0);
	refuse(STORE_WRITE, ERR_IO, "link");
	refuse(STORE_READ, ERR_IO, "link");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	refuse(STORE_WRITE, ERR_IO, "plain file");
	store_fixture_assert_names(dir, "other state.db ");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	refuse(STORE_WRITE, ERR_IO, "plain file");
	assert_int_equal(unlink(path), 0);
	if (geteuid() == 0) {
		tmpdir_write(path, "theirs", 6);
		assert_int_equal(chown(path, 12345, 12345), 0);
		refuse(STORE_WRITE, ERR_IO, "another user");
		refuse(STORE_READ, ERR_IO, "another user");
	}
}

static bool refused_without_rights(void *arg)
{
	char *own = tmpdir_new();
	cleanup_free char *path = tmpdir_path(own, "state.db");
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
	tmpdir_free(own);
	return good;
}

static void test_without_rights(void **state)
{
	(void)state;
	assert_true(tmpdir_unprivileged(refused_without_rights, NULL));
}

/* power fails between the steps of setting aside: the next start goes on where it stopped */
static void test_interrupted_set_aside(void **state)
{
	static const char *const moved[] = { "", "-wal", "-wal " };
	size_t len;
	cleanup_free char *fresh = NULL;

	(void)state;
	store_fixture_write(dir, "state.db", "garbage", 7);
	store_close(store_fixture_open_damaged(dir, LATER, &(struct store_damage){ 0 }));
	fresh = store_fixture_file(dir, "state.db", &len);
	for (size_t step = 0; step < ARRAY_LEN(moved); step++) {
		struct store_damage damage;
		struct store *store;

		tmpdir_free(dir);
		dir = tmpdir_new();
		/* the new file names the old directory for what was set aside */
		store_fixture_write(dir, "state.db.making", "half a file", 11);
		store_fixture_write(dir, "state.db.making-wal", "x", 1);
		if (step < 2)
			store_fixture_write(dir, "state.db", "garbage", 7);
		else
			store_fixture_write(dir, NAMED, "garbage", 7);
		store_fixture_write(dir, step > 0 ? NAMED "-wal" : "state.db-wal", "log", 3);
		store_fixture_write(dir, "state.db.new", fresh, len);
		{
			cleanup_free char *sql =
				mem_printf("UPDATE home SET lost_aside = '%s/" NAMED "'", dir);
			cleanup_free char *from = tmpdir_path(dir, "state.db.new");
			struct err err = { 0 };
			struct db *db;

			assert_true(db_open(&db, from, DB_WRITE, 0, &err));
			assert_true(db_exec(db, sql, &err));
			db_close(db);
		}
		store = store_fixture_open_damaged(dir, LATER + 60000, &damage);
		assert_string_equal(strrchr(damage.path, '/') + 1, NAMED);
		store_close(store);
		store_fixture_assert_names(dir, "state.db " NAMED " " NAMED "-wal ");
	}
}

/* power fails while the first file is built: nothing is lost, nothing is said */
static void test_interrupted_creation(void **state)
{
	(void)state;
	store_fixture_write(dir, "state.db.making", "half a file", 11);
	store_fixture_write(dir, "state.db.making-wal", "x", 1);
	store_fixture_write(dir, "state.db.new", "half a file", 11);
	store_close(store_fixture_open_good(dir, NOW));
	store_fixture_assert_names(dir, "state.db ");
}

static void test_upgrade_of_version_0(void **state)
{
	cleanup_free char *path = tmpdir_path(dir, "state.db");
	struct err err = { 0 };
	struct store *store;
	struct db *db;

	(void)state;
	store_fixture_write(dir, "state.db", "", 0);
	assert_true(db_open(&db, path, DB_WRITE, 0, &err));
	assert_true(schema_migrate(db, NULL, 0, 0, &err));
	db_close(db);
	refuse(STORE_READ, ERR_IO, "version 0");
	store = store_fixture_open_good(dir, NOW);
	assert_int_equal(store_fixture_tell(store, "a", "log"), NOW);
	store_close(store);
	store = store_fixture_open(dir, STORE_READ);
	assert_int_equal(store_fixture_pending(store, "log"), 1);
	store_close(store);
}

/* who only reads need not wait for the monitor of the new version; what is stored stays */
static void test_upgrade_of_version_1(void **state)
{
	struct store *store;
	struct snapshot *snapshot;

	(void)state;
	store_fixture_fill(dir);
	store_fixture_sql(dir, "DROP TABLE comebacks; PRAGMA user_version = 1");
	for (int i = 0; i < 2; i++) {
		store = store_fixture_open(dir, i == 0 ? STORE_READ : STORE_EDIT);
		assert_int_equal(store_fixture_pending(store, "log"), 1);
		store_close(store);
	}
	store = store_fixture_open_good(dir, NOW);
	snapshot = store_fixture_snapshot(store, "telnyx");
	assert_int_equal(snapshot->ended.count, 200);
	assert_int_equal(snapshot->reopened_count, 0);
	snapshot_free(snapshot);
	store_close(store);
}

/* the way a next version will go: one more row, what is stored stays; a step that fails changes
 * nothing */
static void test_upgrade_by_one_more_step(void **state)
{
	const char *const good[] = { schema_steps[0], schema_steps[1],
		"ALTER TABLE events ADD COLUMN mood TEXT; UPDATE events SET mood = 'calm'" };
	const char *const bad[] = { schema_steps[0], schema_steps[1],
		"ALTER TABLE events ADD COLUMN mood TEXT; UPDATE nothing SET x = 1" };
	cleanup_free char *path = tmpdir_path(dir, "state.db");
	struct err err = { 0 };
	struct db *db;
	int64_t value;

	(void)state;
	store_fixture_fill(dir);
	assert_true(db_open(&db, path, DB_WRITE, 0, &err));
	assert_true(db_begin(db, DB_SYNC_FULL, &err));
	assert_false(schema_migrate(db, bad, 2, 3, &err));
	(void)db_end(db, false, &err);
	assert_true(schema_read(db, &value, &err));
	assert_int_equal(value, 2);
	assert_true(db_begin(db, DB_SYNC_FULL, &err));
	assert_true(schema_migrate(db, good, 2, 3, &err));
	assert_true(db_end(db, true, &err));
	assert_true(schema_read(db, &value, &err));
	assert_int_equal(value, 3);
	assert_true(db_int(db, "SELECT count(*) FROM events WHERE mood = 'calm'", DB_VALUES(), 0,
		&value, &err));
	assert_int_equal(value, 2);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_newer_schema, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_readers_do_not_touch_damage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_in_the_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_rights, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interrupted_set_aside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interrupted_creation, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_upgrade_of_version_0, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_upgrade_of_version_1, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_upgrade_by_one_more_step, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
