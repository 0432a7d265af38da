#include "io/db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/*
 * KiB of pages in memory, of which the default keeps 2 MB for ever after one large transaction; and
 * pages of the log after which it is written back to the file, which would come in the middle of a
 * large piece of work.
 */
#define ROOM_LITTLE "PRAGMA cache_size = -256; PRAGMA wal_autocheckpoint = 1000"
#define ROOM_MUCH "PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 4000"

struct stmt {
	struct db *db; /* borrowed */
	const char *sql; /* borrowed; the literal, by whose address it is found again */
	sqlite3_stmt *raw; /* own */
	bool stepped; /* since it was reset */
};

struct db {
	sqlite3 *raw; /* own */
	char *path; /* own */
	struct stmt **stmts; /* own, each own */
	size_t stmt_count;
	size_t stmt_cap;
	enum db_sync sync;
	bool roomy;
	char damage[200]; /* "" while nothing is wrong */
};

/* not for SQLITE_NOMEM, which ends the program as any want of memory does */
static bool db_fail(struct db *db, int rc, struct err *err)
{
	const char *why = sqlite3_errmsg(db->raw);

	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		mem_die();
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* our own words are right: a table or column that they name is missing
			    */
		return db_refuse(db, err, why);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_TEMPORARY,
			"%s is in use by another process; try again in a moment", db->path);
	case SQLITE_FULL:
		return err_set(err, ERR_IO, "cannot write %s: no space left; make room on its disk",
			db->path);
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return err_set(err, ERR_IO,
			"cannot use %s: %s; it and its directory must be yours and writable",
			db->path, why);
	case SQLITE_IOERR:
		return err_set(err, ERR_IO, "cannot read or write %s: %s (%d); check its disk",
			db->path, why, rc);
	default:
		return err_set(err, ERR_IO, "cannot use %s: %s (%d)", db->path, why, rc);
	}
}

bool db_refuse(struct db *db, struct err *err, const char *reason)
{
	(void)snprintf(db->damage, sizeof(db->damage), "%s", reason);
	db_keep_wal(db);
	return err_set(err, ERR_IO,
		"%s is damaged: %s; `taskbell watch` sets it aside when it starts", db->path,
		reason);
}

const char *db_damage(const struct db *db)
{
	return db->damage[0] != '\0' ? db->damage : NULL;
}

void db_keep_wal(struct db *db)
{
	(void)sqlite3_db_config(db->raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

void db_set_busy(struct db *db, int busy_ms)
{
	(void)sqlite3_busy_timeout(db->raw, busy_ms);
}

/* does the head name a way of writing that SQLite does not know? 1 and 2 are those it knows */
static bool header_forbids(const char *path)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint8_t version;

	return fd >= 0 && pread(fd, &version, 1, 18) == 1 && version > 2;
}

bool db_begin_writing(struct db *db, struct err *err)
{
	/* once the log is written back it is cut to 4 MiB, so that it does not grow for ever */
	static const char sql[] = "PRAGMA journal_mode = WAL;"
				  "PRAGMA synchronous = FULL;"
				  "PRAGMA journal_size_limit = 4194304;";

	if (sqlite3_db_readonly(db->raw, "main") == 0)
		return db_exec(db, sql, err);
	/* SQLite falls back to reading alone when the file's rights or its head forbid writing … */
	if (access(db->path, W_OK) != 0)
		return err_errno(err, ERR_IO, errno, "cannot write %s", db->path);
	if (header_forbids(db->path))
		return db_refuse(db, err, "its head says that it cannot be written");
	/* … and when opening it failed for a want that has passed since, which is no damage */
	return err_set(err, ERR_IO, "cannot open %s for writing; try again", db->path);
}

bool db_open(struct db **ret, const char *path, enum db_mode mode, int busy_ms, struct err *err)
{
	int flags = mode == DB_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
	struct db *db = mem_alloc(sizeof(*db));
	int rc;

	*ret = NULL;
	/* one thread has all the databases: guarding them from others took a tenth of a large
	 * commit. Counts before the first is opened, and is refused later */
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	db->path = mem_strdup(path);
	db->sync = DB_SYNC_FULL;
	rc = sqlite3_open_v2(path, &db->raw, flags | SQLITE_OPEN_NOFOLLOW, NULL);
	if (db->raw == NULL)
		mem_die();
	if (rc != SQLITE_OK) {
		(void)db_fail(db, rc, err);
		db_close(db);
		return false;
	}
	(void)sqlite3_extended_result_codes(db->raw, 1);
	db_set_busy(db, busy_ms);
	*ret = db;
	/* what the file says is not trusted: no function of its schema runs, cells are checked */
	return db_exec(db,
		"PRAGMA trusted_schema = OFF;"
		"PRAGMA cell_size_check = ON;"
		"PRAGMA temp_store = MEMORY;" ROOM_LITTLE,
		err);
}

void db_make_room(struct db *db, bool much)
{
	struct err ignored = { 0 };

	if (db->roomy == much)
		return;
	db->roomy = much;
	(void)db_exec(db, much ? ROOM_MUCH : ROOM_LITTLE, &ignored);
	if (!much)
		(void)sqlite3_db_release_memory(db->raw);
}

void db_close(struct db *db)
{
	if (db == NULL)
		return;
	for (size_t i = 0; i < db->stmt_count; i++) {
		(void)sqlite3_finalize(db->stmts[i]->raw);
		free(db->stmts[i]);
	}
	(void)sqlite3_close(db->raw);
	free(db->stmts);
	free(db->path);
	free(db);
}

bool db_exec(struct db *db, const char *sql, struct err *err)
{
	int rc = sqlite3_exec(db->raw, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK || db_fail(db, rc, err);
}

/* the first finding, without SQLite's headline */
static const char *finding(const char *text)
{
	const char *line = text != NULL ? strchr(text, '\n') : NULL;

	return line != NULL ? line + 1 : text != NULL ? text : "it cannot be checked";
}

/* the check goes on past pages that the disk did not give, and says so among its findings */
static bool finding_is_io(const char *text)
{
	static const char words[] = "error code=";
	const char *at = strstr(text, words);
	int64_t code = 0;

	for (at = at != NULL ? at + strlen(words) : ""; *at >= '0' && *at <= '9'; at++)
		code = code * 10 + (*at - '0');
	return (code & 0xff) == SQLITE_IOERR;
}

bool db_check(struct db *db, struct err *err)
{
	struct stmt *stmt = db_query(db, "PRAGMA quick_check(1)", DB_VALUES(), err);
	struct db_value value = { .type = DB_NULL };
	const char *word;
	bool good;

	if (db_next(stmt, &value, 1, err) == DB_ERROR)
		return false;
	word = value.text;
	good = word != NULL && strcmp(word, "ok") == 0;
	if (!good && finding_is_io(finding(word)))
		(void)err_set(
			err, ERR_IO, "cannot read %s: %s; check its disk", db->path, finding(word));
	else if (!good)
		(void)db_refuse(db, err, finding(word));
	db_stop(stmt);
	return good;
}

bool db_begin(struct db *db, enum db_sync sync, struct err *err)
{
	static const char *const words[] = {
		[DB_SYNC_NORMAL] = "PRAGMA synchronous = NORMAL",
		[DB_SYNC_FULL] = "PRAGMA synchronous = FULL",
	};

	if (sync != db->sync && !db_exec(db, words[sync], err))
		return false;
	db->sync = sync;
	return db_run(db, "BEGIN IMMEDIATE", DB_VALUES(), err);
}

bool db_end(struct db *db, bool good, struct err *err)
{
	bool committed = good && db_run(db, "COMMIT", DB_VALUES(), err);

	if (sqlite3_get_autocommit(db->raw) == 0)
		(void)sqlite3_exec(db->raw, "ROLLBACK", NULL, NULL, NULL);
	return committed;
}

static struct stmt *stmt_new(struct db *db, const char *sql, struct err *err)
{
	sqlite3_stmt *raw = NULL;
	struct stmt *stmt;
	int rc = sqlite3_prepare_v3(db->raw, sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, NULL);

	if (rc != SQLITE_OK) {
		(void)db_fail(db, rc, err);
		return NULL;
	}
	stmt = mem_alloc(sizeof(*stmt));
	*stmt = (struct stmt){ .db = db, .sql = sql, .raw = raw };
	db->stmts = mem_grow(db->stmts, &db->stmt_cap, db->stmt_count + 1, sizeof(struct stmt *));
	db->stmts[db->stmt_count++] = stmt;
	return stmt;
}

static struct stmt *stmt_find(const struct db *db, const char *sql)
{
	for (size_t i = 0; i < db->stmt_count; i++)
		if (db->stmts[i]->sql == sql)
			return db->stmts[i];
	return NULL;
}

static int bind(struct stmt *stmt, int index, const struct db_value *value)
{
	switch (value->type) {
	case DB_INTEGER:
		return sqlite3_bind_int64(stmt->raw, index, value->integer);
	case DB_TEXT:
		return sqlite3_bind_text(stmt->raw, index, value->text, -1, SQLITE_STATIC);
	case DB_BLOB:
		return sqlite3_bind_blob64(
			stmt->raw, index, value->blob, value->len, SQLITE_STATIC);
	case DB_NULL:
		break;
	}
	return sqlite3_bind_null(stmt->raw, index);
}

struct stmt *db_query(struct db *db, const char *sql, const struct db_value *values, size_t count,
	struct err *err)
{
	struct stmt *stmt = stmt_find(db, sql);
	int rc = SQLITE_OK;

	if (stmt == NULL)
		stmt = stmt_new(db, sql, err);
	else if (stmt->stepped)
		db_stop(stmt);
	if (stmt == NULL)
		return NULL;
	/* the first of DB_VALUES stands for nothing */
	for (size_t i = 1; i <= count && rc == SQLITE_OK; i++)
		rc = bind(stmt, (int)i, &values[i]);
	if (rc == SQLITE_OK && (size_t)sqlite3_bind_parameter_count(stmt->raw) != count)
		rc = SQLITE_RANGE;
	if (rc == SQLITE_OK)
		return stmt;
	(void)db_fail(db, rc, err);
	return NULL;
}

/* what SQLite calls unprotected, which with SQLITE_CONFIG_SINGLETHREAD is the same as protected */
static void value_read(sqlite3_value *raw, struct db_value *ret)
{
	switch (sqlite3_value_type(raw)) {
	case SQLITE_INTEGER:
	case SQLITE_FLOAT:
		*ret = (struct db_value)DB_INT(sqlite3_value_int64(raw));
		break;
	case SQLITE_TEXT:
		*ret = (struct db_value)DB_STRING((const char *)sqlite3_value_text(raw));
		if (ret->text == NULL)
			mem_die();
		break;
	case SQLITE_BLOB:
		*ret = (struct db_value)DB_BYTES(
			sqlite3_value_blob(raw), (size_t)sqlite3_value_bytes(raw));
		break;
	default:
		*ret = (struct db_value){ .type = DB_NULL };
	}
}

enum db_step db_next(struct stmt *stmt, struct db_value *ret, size_t count, struct err *err)
{
	int rc;

	if (stmt == NULL)
		return DB_ERROR;
	rc = sqlite3_step(stmt->raw);
	stmt->stepped = true;
	if (rc == SQLITE_ROW) {
		for (size_t i = 0; i < count; i++)
			value_read(sqlite3_column_value(stmt->raw, (int)i), &ret[i]);
		return DB_ROW;
	}
	if (rc != SQLITE_DONE)
		(void)db_fail(stmt->db, rc, err);
	db_stop(stmt);
	return rc == SQLITE_DONE ? DB_DONE : DB_ERROR;
}

void db_stop(struct stmt *stmt)
{
	if (stmt == NULL || !stmt->stepped)
		return;
	/* its next start binds all parameters anew */
	(void)sqlite3_reset(stmt->raw);
	stmt->stepped = false;
}

bool db_run(struct db *db, const char *sql, const struct db_value *values, size_t count,
	struct err *err)
{
	struct stmt *stmt = db_query(db, sql, values, count, err);
	enum db_step step;

	do
		step = db_next(stmt, NULL, 0, err);
	while (step == DB_ROW);
	return step == DB_DONE;
}

bool db_int(struct db *db, const char *sql, const struct db_value *values, size_t count,
	int64_t otherwise, int64_t *ret, struct err *err)
{
	struct stmt *stmt = db_query(db, sql, values, count, err);
	struct db_value value;
	enum db_step step = db_next(stmt, &value, 1, err);

	*ret = otherwise;
	if (step == DB_ERROR)
		return false;
	if (step == DB_ROW && value.type == DB_INTEGER)
		*ret = value.integer;
	db_stop(stmt);
	return true;
}

int64_t db_changes(const struct db *db)
{
	return sqlite3_changes(db->raw);
}

int64_t db_last_id(const struct db *db)
{
	return sqlite3_last_insert_rowid(db->raw);
}

void db_random(void *bytes, size_t len)
{
	sqlite3_randomness((int)len, bytes);
}

const char *db_version(void)
{
	static char text[32];

	(void)snprintf(text, sizeof(text), "SQLite/%s", sqlite3_libversion());
	return text;
}
