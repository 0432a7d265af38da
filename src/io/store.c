#include "io/store.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/schema.h"
#include "io/statedir.h"
#include "io/statefile.h"
#include "io/store_private.h"

#define STORE_OPEN_BUSY_MS 5000 /* at the start, and for commands that a person waits for */
/* the running monitor has other things to do than to wait for a redeliver */
#define STORE_BUSY_MS 250
#define STORE_LOST_MS (7 * 86400000LL) /* a source first seen so long after a loss is just new */
#define CUT_SHORT "its last page is cut short"

/* what SQL needs to begin a new file */
struct beginning {
	int64_t first_id;
	int64_t wall_ms;
	const struct store_damage *damage; /* NULL: nothing was lost */
};

static struct hash key_check(const struct hash_key *key)
{
	return hash_bytes(key, "taskbell", 8);
}

/* the one row of the table home */
static bool meta_begin(struct db *db, const struct beginning *beginning, struct err *err)
{
	const struct store_damage *damage = beginning->damage;
	struct hash_key key;
	struct hash check;

	db_random(&key, sizeof(key));
	check = key_check(&key);
	return db_run(db,
		       "INSERT INTO home (one, last_event, hash_key, hash_proof, lost_told)"
		       " VALUES (1, ?1, ?2, ?3, ?4)",
		       DB_VALUES(DB_INT(beginning->first_id - 1), DB_BYTES(&key, sizeof(key)),
			       DB_BYTES(&check, sizeof(check)), DB_INT(damage == NULL)),
		       err) &&
	       (damage == NULL ||
		       db_run(db,
			       "UPDATE home SET lost_changed_ms = ?1, lost_ms = ?2,"
			       " lost_aside = ?3, lost_reason = ?4",
			       DB_VALUES(DB_INT(damage->changed_ms), DB_INT(beginning->wall_ms),
				       DB_STRING(damage->aside), DB_STRING(damage->reason)),
			       err));
}

/* reads the key and what was lost; a file without them, or with a wrong key, is damaged */
static bool meta_read(
	struct store *store, int64_t wall_ms, struct store_damage *damage, struct err *err)
{
	enum { KEY, CHECK, TOLD, CHANGED, LOST, ASIDE, REASON, COLUMNS };
	struct stmt *stmt = db_query(store->db,
		"SELECT hash_key, hash_proof, lost_told, lost_changed_ms, lost_ms, lost_aside,"
		" lost_reason FROM home",
		DB_VALUES(), err);
	struct db_value row[COLUMNS];
	enum db_step step = db_next(stmt, row, COLUMNS, err);
	struct hash check;

	if (step != DB_ROW)
		return step == DB_ERROR ? false : db_refuse(store->db, err, "its key is missing");
	if (row[KEY].len == sizeof(store->key))
		memcpy(&store->key, row[KEY].blob, row[KEY].len);
	check = key_check(&store->key);
	if (row[CHECK].len != sizeof(check) ||
		memcmp(row[CHECK].blob, &check, sizeof(check)) != 0) {
		db_stop(stmt);
		return db_refuse(store->db, err, "its key is not the one it was made with");
	}
	if (row[LOST].type != DB_NULL && wall_ms - row[LOST].integer < STORE_LOST_MS)
		store->told_after_us = row[CHANGED].integer * 1000;
	/* a loss of which nobody has been told yet is as new as on the first day */
	if (row[TOLD].integer == 0 && row[ASIDE].text != NULL) {
		damage->changed_ms = row[CHANGED].integer;
		(void)snprintf(damage->aside, sizeof(damage->aside), "%s", row[ASIDE].text);
		(void)snprintf(damage->reason, sizeof(damage->reason), "%s",
			row[REASON].text != NULL ? row[REASON].text : "");
	}
	db_stop(stmt);
	return true;
}

static bool version_check(int64_t version, enum store_mode mode, struct err *err)
{
	if (version > schema_version)
		return err_set(err, ERR_IO,
			"state.db has version %" PRId64 ", this taskbell knows %" PRId64
			" at most; use the newer taskbell, or another --state-dir",
			version, schema_version);
	if (version < SCHEMA_READABLE && mode != STORE_WRITE)
		return err_set(err, ERR_IO,
			"state.db has version %" PRId64 ", this taskbell reads %" PRId64
			"; start `taskbell watch` once to bring it up to date",
			version, schema_version);
	return true;
}

/* brings a file from an older version to ours, all or nothing; a new one has version 0 */
static bool upgrade(
	struct db *db, int64_t version, const struct beginning *beginning, struct err *err)
{
	if (version == schema_version)
		return true;
	return db_begin(db, DB_SYNC_FULL, err) &&
	       db_end(db,
		       schema_migrate(db, schema_steps, version, schema_version, err) &&
			       (version != 0 || meta_begin(db, beginning, err)),
		       err);
}

/* what only the monitor does with a file: trust nothing, bring it up to date */
static bool open_checked(struct store *store, int64_t version, int64_t wall_ms, struct err *err)
{
	struct beginning beginning = { wall_ms, wall_ms, NULL };

	return db_check(store->db, err) && db_begin_writing(store->db, err) &&
	       upgrade(store->db, version, &beginning, err);
}

/* opens the file that is there; false with db_damage(store->db) when it makes no sense */
static bool open_file(struct store *store, const char *path, enum store_mode mode, int64_t wall_ms,
	struct store_damage *damage, struct err *err)
{
	int64_t version;

	if (!db_open(&store->db, path, mode == STORE_READ ? DB_READ : DB_WRITE, STORE_OPEN_BUSY_MS,
		    err) ||
		!schema_read(store->db, &version, err))
		return false;
	if (!version_check(version, mode, err)) {
		db_keep_log(store->db);
		return false;
	}
	if (mode == STORE_WRITE && !open_checked(store, version, wall_ms, err))
		return false;
	if (mode == STORE_EDIT && !db_begin_writing(store->db, err))
		return false;
	if (!meta_read(store, wall_ms, damage, err))
		return false;
	if (mode == STORE_WRITE) {
		db_set_busy(store->db, STORE_BUSY_MS);
		return store_check_snapshots(store, err) && store_check_queue(store, err);
	}
	return true;
}

/* builds a whole new database and puts it in its place, or beside the damaged one */
static bool create(const char *dir, const struct beginning *beginning, struct err *err)
{
	cleanup_free char *making = statefile_make(dir, err);
	struct db *db = NULL;
	bool made;

	if (making == NULL)
		return false;
	made = db_open(&db, making, DB_WRITE, STORE_OPEN_BUSY_MS, err) &&
	       db_begin_writing(db, err) && upgrade(db, 0, beginning, err);
	db_close(db);
	made = made && statefile_finish(dir, beginning->damage != NULL, err);
	if (!made) {
		err->kind = ERR_CANT_CREATE;
		statefile_sweep(dir, false);
	}
	return made;
}

static void damage_read(const char *path, struct store_damage *ret)
{
	struct store store = { 0 };
	struct err err = { 0 };

	if (db_open(&store.db, path, DB_WRITE, STORE_OPEN_BUSY_MS, &err))
		(void)meta_read(&store, 0, ret, &err);
	db_close(store.db);
}

/* a crash in the middle of setting aside: the new database stands ready and knows the name for the
 * old one */
static bool resume(const char *dir, struct err *err)
{
	cleanup_free char *fresh = statefile_new_path(dir);
	struct store_damage damage = { 0 };
	bool waiting = statefile_waiting(dir);

	if (waiting)
		damage_read(fresh, &damage);
	statefile_sweep(dir, damage.aside[0] == '\0');
	return damage.aside[0] == '\0' || statefile_replace(dir, damage.aside, err);
}

/*
 * Sets the damaged file aside, for a new one that knows of it. When it was last changed has to be
 * asked before SQLite opens it, for that makes a WAL of today.
 */
static bool begin_anew(
	const char *dir, const char *reason, int64_t changed_ms, int64_t wall_ms, struct err *err)
{
	struct store_damage damage = { .changed_ms = changed_ms };
	struct beginning beginning = { wall_ms, wall_ms, &damage };
	cleanup_free char *aside = statefile_aside_name(dir, wall_ms);

	/* with a clock that went back, ids must still not repeat */
	if (damage.changed_ms >= beginning.first_id)
		beginning.first_id = damage.changed_ms + 1;
	if (strlen(aside) >= sizeof(damage.aside))
		return err_set(err, ERR_CANT_CREATE, "the path %s is too long", aside);
	(void)snprintf(damage.aside, sizeof(damage.aside), "%s", aside);
	(void)snprintf(damage.reason, sizeof(damage.reason), "%s", reason);
	return create(dir, &beginning, err) && statefile_replace(dir, aside, err);
}

/* a file of a newer version is not even opened, so that nothing of it changes */
static bool head_check(const char *dir, struct err *err)
{
	uint32_t application;
	uint32_t version;

	if (!statefile_head(dir, &application, &version) || application != SCHEMA_APPLICATION)
		return true;
	return version > INT32_MAX || version_check(version, STORE_WRITE, err);
}

static bool open_or_set_aside(struct store *store, const char *dir, int64_t wall_ms,
	struct store_damage *damage, struct err *err)
{
	cleanup_free char *path = statefile_path(dir);
	cleanup_free char *reason = NULL;
	int64_t changed_ms = statefile_changed(dir);
	bool cut;

	if (!head_check(dir, err))
		return false;
	cut = statefile_cut(dir);
	if (!cut && open_file(store, path, STORE_WRITE, wall_ms, damage, err))
		return true;
	if (!cut && (store->db == NULL || db_damage(store->db) == NULL))
		return false;
	reason = mem_strdup(cut ? CUT_SHORT : db_damage(store->db));
	db_close(store->db);
	store->db = NULL;
	store_loaded_forget(store);
	return begin_anew(dir, reason, changed_ms, wall_ms, err) &&
	       open_file(store, path, STORE_WRITE, wall_ms, damage, err);
}

static bool open_for_writing(struct store *store, const char *dir, int64_t wall_ms,
	struct store_damage *damage, struct err *err)
{
	struct beginning beginning = { wall_ms, wall_ms, NULL };
	const char *reason = "";

	if (!resume(dir, err))
		return false;
	switch (statefile_look(dir, true, &reason, err)) {
	case STATEFILE_REFUSED:
		return false;
	case STATEFILE_ABSENT:
		if (!create(dir, &beginning, err))
			return false;
		break;
	case STATEFILE_RUINED:
		if (!begin_anew(dir, reason, statefile_changed(dir), wall_ms, err))
			return false;
		break;
	case STATEFILE_THERE:
		break;
	}
	return open_or_set_aside(store, dir, wall_ms, damage, err);
}

static bool refuse_damaged(const char *path, const char *reason, struct err *err)
{
	return err_set(err, ERR_IO,
		"%s is damaged: %s; `taskbell watch` sets it aside when it starts", path, reason);
}

static bool open_existing(struct store *store, const char *dir, enum store_mode mode,
	int64_t wall_ms, struct err *err)
{
	cleanup_free char *path = statefile_path(dir);
	struct store_damage damage = { 0 };
	const char *reason = "";

	switch (statefile_look(dir, false, &reason, err)) {
	case STATEFILE_REFUSED:
		return false;
	case STATEFILE_ABSENT:
		return err_set(err, ERR_NOT_FOUND, "no monitor has stored anything in %s", dir);
	case STATEFILE_RUINED:
		return refuse_damaged(path, reason, err);
	case STATEFILE_THERE:
		break;
	}
	/* SQLite reads what is missing of a page as zeros: some of the rows, and no word of the
	 * others */
	if (statefile_cut(dir))
		return refuse_damaged(path, CUT_SHORT, err);
	return open_file(store, path, mode, wall_ms, &damage, err);
}

bool store_open(struct store **ret, const char *dir, enum store_mode mode, int64_t wall_ms,
	struct store_damage *damage, struct err *err)
{
	/* SQLite is told to follow no links; those that the directory lies behind are resolved here
	 */
	cleanup_free char *real = statedir_real(dir);
	struct store *store = mem_alloc(sizeof(*store));
	struct store_damage found = { 0 };
	bool opened;

	*ret = NULL;
	store->told_after_us = STAMP_NONE;
	if (real == NULL && mode != STORE_WRITE && errno != ENOENT && errno != ENOTDIR)
		opened =
			err_errno(err, ERR_IO, errno, "cannot look at the state directory %s", dir);
	else if (real == NULL)
		opened = err_set(err, mode == STORE_WRITE ? ERR_CANT_CREATE : ERR_NOT_FOUND,
			"there is no state directory %s", dir);
	else if (mode == STORE_WRITE)
		opened = open_for_writing(store, real, wall_ms, &found, err);
	else
		opened = open_existing(store, real, mode, wall_ms, err);
	if (damage != NULL)
		*damage = found;
	if (!opened) {
		store_close(store);
		return false;
	}
	(void)store_changed(store);
	*ret = store;
	return true;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	db_close(store->db);
	store_sinks_forget(store);
	store_loaded_forget(store);
	free(store->sinks);
	free(store);
}

void store_rest(struct store *store)
{
	db_make_room(store->db, false);
}

struct hash_key store_hash_key(const struct store *store)
{
	return store->key;
}

bool store_changed(struct store *store)
{
	int64_t before = store->data_version;
	struct err ignored = { 0 };

	return db_int(store->db, "PRAGMA data_version", DB_VALUES(), before, &store->data_version,
		       &ignored) &&
	       store->data_version != before;
}

const char *store_version(void)
{
	return db_version();
}
