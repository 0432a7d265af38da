/*
 * A file of SQLite behind a small wrapper (db.c is the only file that sees SQLite). SQL texts are
 * literals, what varies is bound. Every failure names the file and the remedy.
 */
#ifndef IO_DB_H
#define IO_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct db;
struct stmt;

enum db_mode { DB_READ, DB_WRITE };
/* what a commit waits for: the order of writes, or the disk */
enum db_sync { DB_SYNC_NORMAL, DB_SYNC_FULL };
enum db_step { DB_ROW, DB_DONE, DB_ERROR };

/*
 * Opens an existing file, of which no part of the path may be a link. It waits at most `busy_ms`
 * for others. Nothing is written yet. ERR_IO; *ret is set also on failure when the file makes no
 * sense (see db_damage).
 */
bool db_open(struct db **ret, const char *path, enum db_mode mode, int busy_ms, struct err *err);
void db_close(struct db *db); /* the last one writes the log back into the file; NULL is fine */
/* for DB_WRITE: from now on writes go to a log beside the file */
bool db_begin_writing(struct db *db, struct err *err);
/* closing it will change nothing: the log stays where it is */
void db_leave(struct db *db);
void db_set_busy(struct db *db, int busy_ms);
/* what has shown that the file is not what it was; NULL: nothing (no space, no rights and busy are
 * no damage) */
const char *db_damage(const struct db *db);
/* says that the file is damaged, for a reason that only the caller can see; always returns false */
bool db_refuse(struct db *db, struct err *err, const char *reason);
/* reads the whole file for consistency; false with db_damage() when something is wrong with it */
bool db_check(struct db *db, struct err *err);
/* one or more statements without results */
bool db_exec(struct db *db, const char *sql, struct err *err);

/* keeps more pages in memory, for large transactions; or gives them back */
void db_make_room(struct db *db, bool much);

/* what tells one state of the log from another without a look into it */
struct db_mark {
	int64_t changed_ns; /* wall */
	int64_t size; /* bytes */
	uint64_t inode;
};

/* the mark of the log beside the file; false: there is no log */
bool db_mark(struct db *db, struct db_mark *ret);
bool db_mark_same(const struct db_mark *a, const struct db_mark *b);

/* a write transaction; nothing of it is left after a failure */
bool db_begin(struct db *db, enum db_sync sync, struct err *err);
bool db_commit(struct db *db, struct err *err);
void db_rollback(struct db *db); /* nothing when none is open */

/* the statement of a literal: prepared once, owned by the db; comes reset, with nothing bound. NULL
 * on failure */
struct stmt *db_stmt(struct db *db, const char *sql, struct err *err);
/* indexes count from 1; texts and blobs are borrowed until the statement is stepped to its end or
 * reset */
void stmt_bind_int(struct stmt *stmt, int index, int64_t value);
void stmt_bind_text(struct stmt *stmt, int index, const char *text); /* NULL binds NULL */
void stmt_bind_blob(struct stmt *stmt, int index, const void *bytes, size_t len);
/* the next row; after DB_DONE and DB_ERROR the statement is reset */
enum db_step stmt_step(struct stmt *stmt, struct err *err);
/* steps to the end, dropping rows */
bool stmt_run(struct stmt *stmt, struct err *err);
void stmt_reset(struct stmt *stmt);
/* columns of the row, counted from 0; texts and blobs are borrowed until the next step */
int64_t stmt_int(struct stmt *stmt, int column);
bool stmt_null(struct stmt *stmt, int column);
const char *stmt_text(struct stmt *stmt, int column); /* NULL for NULL */
const void *stmt_blob(struct stmt *stmt, int column, size_t *ret_len);
/* one statement, one row, one integer; `otherwise` when there is no row or it is NULL */
bool db_int(struct db *db, const char *sql, int64_t otherwise, int64_t *ret, struct err *err);
/* rows that the last INSERT, UPDATE or DELETE changed; id of the last row that was put in */
int64_t db_changes(const struct db *db);
int64_t db_last_id(const struct db *db);

void db_random(void *bytes, size_t len);
const char *db_version(void); /* "SQLite/3.40.1" */

#endif
