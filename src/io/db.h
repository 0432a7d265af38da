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
/* does not write the log back on close, so that a damaged file is preserved as found */
void db_keep_wal(struct db *db);
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

/* a write transaction; nothing of it is left after a failure */
bool db_begin(struct db *db, enum db_sync sync, struct err *err);
/* commits what was `good`, and undoes it otherwise; true: it is committed */
bool db_end(struct db *db, bool good, struct err *err);

/* a parameter of a statement, or a column of a row; texts and blobs are borrowed */
struct db_value {
	enum { DB_NULL, DB_INTEGER, DB_TEXT, DB_BLOB } type;
	int64_t integer;
	const char *text; /* NULL: no text */
	const void *blob;
	size_t len; /* bytes of a blob */
};

#define DB_INT(value)                                                                              \
	{                                                                                          \
		.type = DB_INTEGER, .integer = (value)                                             \
	}
/* NULL gives NULL */
#define DB_STRING(value)                                                                           \
	{                                                                                          \
		.type = DB_TEXT, .text = (value)                                                   \
	}
#define DB_BYTES(bytes, count)                                                                     \
	{                                                                                          \
		.type = DB_BLOB, .blob = (bytes), .len = (count)                                   \
	}
/* the parameters ?1, ?2, … of a statement; DB_VALUES() none */
#define DB_VALUES(...)                                                                             \
	(const struct db_value[]){ { .type = DB_NULL }, __VA_ARGS__ },                             \
		sizeof((const struct db_value[]){ { .type = DB_NULL }, __VA_ARGS__ }) /            \
				sizeof(struct db_value) -                                          \
			1

/*
 * `sql` is a literal, prepared once and found again by its address. Its parameters are those of
 * DB_VALUES, and what is borrowed for them must stay until the statement has ended. This runs one
 * to its end, dropping rows.
 */
bool db_run(struct db *db, const char *sql, const struct db_value *values, size_t count,
	struct err *err);
/* begins one whose rows are wanted; NULL on failure */
struct stmt *db_query(struct db *db, const char *sql, const struct db_value *values, size_t count,
	struct err *err);
/* the next row, its first `count` columns, borrowed until the next call; after DB_DONE and DB_ERROR
 * the statement has ended. DB_ERROR for a NULL statement */
enum db_step db_next(struct stmt *stmt, struct db_value *ret, size_t count, struct err *err);
void db_stop(struct stmt *stmt); /* ends it before its last row; NULL is fine */
/* one row, one integer; `otherwise` when there is no row or it is NULL */
bool db_int(struct db *db, const char *sql, const struct db_value *values, size_t count,
	int64_t otherwise, int64_t *ret, struct err *err);
/* rows that the last INSERT, UPDATE or DELETE changed; id of the last row that was put in */
int64_t db_changes(const struct db *db);
int64_t db_last_id(const struct db *db);

void db_random(void *bytes, size_t len);
const char *db_version(void); /* "SQLite/3.40.1" */

#endif
