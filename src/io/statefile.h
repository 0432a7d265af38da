/*
 * state.db as files: what may lie there, how a new one comes into place, how a damaged one is set
 * aside.
 *
 * A new database is built as state.db.making. Complete, it becomes state.db.new when an old one has
 * to be set aside first, and state.db at last: whatever moment power fails at, the next start finds
 * either the old database or a whole new one that knows what was set aside.
 */
#ifndef IO_STATEFILE_H
#define IO_STATEFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum statefile_check {
	STATEFILE_PRESENT,
	STATEFILE_ABSENT,
	STATEFILE_CORRUPT, /* not all of its state can be read: *ret_reason (a literal) says why */
	STATEFILE_UNUSABLE, /* err says why (ERR_IO): not a plain file, not ours, not readable, or
			       not writable by who `writes` */
};

/*
 * Checks state.db and its side files in `dir`. Who `writes` must be able to write them all, and
 * takes away rights that others have on them. The content is read only as far as SQLite would lose
 * it without a word: a write-ahead log with a damaged head is empty to it, and a cut page is zeros.
 */
enum statefile_check statefile_check(
	const char *dir, bool writes, const char **ret_reason, struct err *err);
/* what the header of state.db itself says, whatever its log holds; false when it has none */
bool statefile_header(const char *dir, uint32_t *ret_application, uint32_t *ret_version);
/* last change of state.db or its log, wall ms; 0: neither is there */
int64_t statefile_modified(const char *dir);

/* owned paths of state.db and state.db.new; `dir` as it is */
char *statefile_path(const char *dir);
char *statefile_new_path(const char *dir);
/* an empty state.db.making, 0600, in place of what a crash left of one; owned path. NULL:
 * ERR_CANT_CREATE */
char *statefile_create_temporary(const char *dir, struct err *err);
/* removes what a crash left behind: state.db.making and, if `new_too`, state.db.new */
void statefile_remove_unfinished(const char *dir, bool new_too);
/* renames state.db.making, complete and closed, to state.db, or to state.db.new when a damaged file
 * is to be quarantined first; on disk when it returns */
bool statefile_install(const char *dir, bool as_new, struct err *err);
/* a free name for a damaged file: DIR/state.db.damaged-20261124T201500Z; owned */
char *statefile_quarantine_path(const char *dir, int64_t wall_ms);
/* moves state.db and its side files to `path` (what is already there stays), then state.db.new
 * into place */
bool statefile_quarantine(const char *dir, const char *path, struct err *err);

#endif
