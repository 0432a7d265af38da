/* The shape of state.db, by version, and the way from each version to the next. */
#ifndef IO_SCHEMA_H
#define IO_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "io/db.h"

#define SCHEMA_APPLICATION 0x7462656c /* "tbel", so that file(1) and we know the file */

/* steps[n] makes version n + 1 of version n; version 0 is a file without tables */
extern const char *const schema_steps[];
extern const int64_t schema_version; /* how many there are */
#define SCHEMA_READABLE 1 /* what later versions have more is of no use to who only reads */

/* runs steps `from` to `to` and notes the version, within the caller's transaction */
bool schema_migrate(
	struct db *db, const char *const *steps, int64_t from, int64_t to, struct err *err);
/* the version of the file; 0 when it has none. db_refuse()s a file of another program */
bool schema_read(struct db *db, int64_t *ret_version, struct err *err);

#endif
