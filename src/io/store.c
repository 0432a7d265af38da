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

/* what the row of a new file begins with */
struct meta {
	int64_t first_id;
	int64_t wall_ms;
	const struct store_damage *damage; /* NULL: nothing was lost */
};

static struct hash key_check(const struct hash_key *key)
{
	return hash_bytes(key, "taskbell", 8);
}

/* the one row of the table home */
static bool meta_insert(struct db *db, const struct meta *meta, struct err *err)
{
	const struct store_damage *damage = meta->damage;
	struct hash_key key;
	struct hash check;

	db_random(&key, sizeof(key));
	check = key_check(&key);
	return db_run(db,
		       "INSERT INTO home (one, last_event, hash_key, hash_proof, lost_told)"
		       " VALUES (1, ?1, ?2, ?3, ?4)",
		       DB_VALUES(DB_INT(meta->first_id - 1), DB_BYTES(&key, sizeof(key)),
			       DB_BYTES(&check, sizeof(check)), DB_INT(damage == NULL)),
		       err) &&
	       (damage == NULL ||
		       db_run(db,
			       "UPDATE home SET lost_changed_ms = ?1, lost_ms = ?2,"
			       " lost_aside = ?3, lost_reason = ?4",
			       DB_VALUES(DB_INT(damage->changed_ms), DB_INT(meta->wall_ms),
				       DB_STRING(damage->path), DB_STRING(damage->reason)),
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
		store->report_after_us = row[CHANGED].integer * 1000;
	/* a loss of which nobody has been told yet is as new as on the first day */
	if (row[TOLD].integer == 0 && row[ASIDE].text != NULL) {
		damage->changed_ms = row[CHANGED].integer;
		(void)snprintf(damage->path, sizeof(damage->path), "%s", row[ASIDE].text);
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
static bool upgrade(struct db *db, int64_t version, const struct meta *meta, struct err *err)
{
	if (version == schema_version)
		return true;
	return db_begin(db, DB_SYNC_FULL, err) &&
	       db_end(db,
		       schema_migrate(db, schema_steps, version, schema_version, err) &&
			       (version != 0 || meta_insert(db, meta, err)),
		       err);
}

/* opens the file that is there; false with db_damage(store->db) when it makes no sense */
static bool open_file(struct store *store, const char *path, enum store_mode mode, int64_t wall_ms,
	struct store_damage *damage, struct err *err)
{
	const struct meta meta = { wall_ms, wall_ms, NULL };
	int64_t version;

	if (!db_open(&store->db, path, mode == STORE_READ ? DB_READ : DB_WRITE, STORE_OPEN_BUSY_MS,
		    err) ||
		!schema_read(store->db, &version, err))
		return false;
	if (!version_check(version, mode, err)) {
		db_keep_wal(store->db);
		return false;
	}
	/* the monitor trusts nothing, and brings it up to date */
	if (mode == STORE_WRITE &&
		(!db_check(store->db, err) || !db_begin_writing(store->db, err) ||
			!upgrade(store->db, version, &meta, err)))
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
static bool create(const char *dir, const struct meta *meta, struct err *err)
{
	cleanup_free char *temporary = statefile_create_temporary(dir, err);
	struct db *db = NULL;
	bool made;

	if (temporary == NULL)
		return false;
	made = db_open(&db, temporary, DB_WRITE, STORE_OPEN_BUSY_MS, err) &&
	       db_begin_writing(db, err) && upgrade(db, 0, meta, err);
	db_close(db);
	made = made && statefile_install(dir, meta->damage != NULL, err);
	if (!made) {
		err->kind = ERR_CANT_CREATE;
		statefile_remove_unfinished(dir, false);
	}
	return made;
}

/* finishes a quarantine that a crash interrupted; the new database knows the old one's new name */
static bool resume_quarantine(const char *dir, struct err *err)
{
	cleanup_free char *path = statefile_new_path(dir);
	struct store_damage damage = { 0 };
	struct store store = { 0 };
	struct err ignored = { 0 };

	/* nearly always there is no such file */
	if (db_open(&store.db, path, DB_WRITE, STORE_OPEN_BUSY_MS, &ignored))
		(void)meta_read(&store, 0, &damage, &ignored);
	db_close(store.db);
	statefile_remove_unfinished(dir, damage.path[0] == '\0');
	return damage.path[0] == '\0' || statefile_quarantine(dir, damage.path, err);
}

/* sets the damaged file aside, for a new one that knows of it */
static bool quarantine(
	const char *dir, const char *reason, int64_t modified_ms, int64_t wall_ms, struct err *err)
{
	struct store_damage damage = { .changed_ms = modified_ms };
	struct meta meta = { wall_ms, wall_ms, &damage };
	cleanup_free char *path = statefile_quarantine_path(dir, wall_ms);

	/* with a clock that went back, ids must still not repeat */
	if (modified_ms >= meta.first_id)
		meta.first_id = modified_ms + 1;
	if (strlen(path) >= sizeof(damage.path))
		return err_set(err, ERR_CANT_CREATE, "the path %s is too long", path);
	(void)snprintf(damage.path, sizeof(damage.path), "%s", path);
	(void)snprintf(damage.reason, sizeof(damage.reason), "%s", reason);
	return create(dir, &meta, err) && statefile_quarantine(dir, path, err);
}

/* a file of a newer version is not even opened, so that nothing of it changes */
static bool header_check(const char *dir, struct err *err)
{
	uint32_t application;
	uint32_t version;

	if (!statefile_header(dir, &application, &version) || application != SCHEMA_APPLICATION)
		return true;
	return version > INT32_MAX || version_check(version, STORE_WRITE, err);
}

static bool open_for_writing(struct store *store, const char *dir, int64_t wall_ms,
	struct store_damage *damage, struct err *err)
{
	const struct meta meta = { wall_ms, wall_ms, NULL };
	cleanup_free char *path = statefile_path(dir);
	cleanup_free char *found = NULL;
	const char *reason = NULL;
	enum statefile_check check;
	int64_t modified_ms;

	if (!resume_quarantine(dir, err))
		return false;
	check = statefile_check(dir, true, &reason, err);
	if (check == STATEFILE_UNUSABLE || !header_check(dir, err) ||
		(check == STATEFILE_ABSENT && !create(dir, &meta, err)))
		return false;
	/* before SQLite opens it, for that makes a log of today */
	modified_ms = statefile_modified(dir);
	if (check != STATEFILE_CORRUPT) {
		if (open_file(store, path, STORE_WRITE, wall_ms, damage, err))
			return true;
		if (store->db == NULL || db_damage(store->db) == NULL)
			return false;
		found = mem_strdup(db_damage(store->db));
		reason = found;
		db_close(store->db);
		store->db = NULL;
		store_free_loaded(store);
	}
	return quarantine(dir, reason, modified_ms, wall_ms, err) &&
	       open_file(store, path, STORE_WRITE, wall_ms, damage, err);
}

static bool open_existing(struct store *store, const char *dir, enum store_mode mode,
	int64_t wall_ms, struct err *err)
{
	cleanup_free char *path = statefile_path(dir);
	struct store_damage damage = { 0 };
	const char *reason = "";

	switch (statefile_check(dir, false, &reason, err)) {
	case STATEFILE_UNUSABLE:
		return false;
	case STATEFILE_ABSENT:
		return err_set(err, ERR_NOT_FOUND, "no monitor has stored anything in %s", dir);
	case STATEFILE_CORRUPT:
		return err_set(err, ERR_IO,
			"%s is damaged: %s; `taskbell watch` sets it aside when it starts", path,
			reason);
	case STATEFILE_PRESENT:
		break;
	}
	return open_file(store, path, mode, wall_ms, &damage, err);
}

bool store_open(struct store **ret, const char *dir, enum store_mode mode, int64_t wall_ms,
	struct store_damage *damage, struct err *err)
{
	/* SQLite follows no links, so those on the way to the directory are resolved here */
	cleanup_free char *real = statedir_real(dir);
	struct store *store = mem_alloc(sizeof(*store));
	struct store_damage found = { 0 };
	bool opened;

	*ret = NULL;
	store->report_after_us = STAMP_NONE;
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
	store_clear_sinks(store);
	store_free_loaded(store);
	free(store->sinks);
	free(store);
}

void store_trim(struct store *store)
{
	db_make_room(store->db, false);
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
