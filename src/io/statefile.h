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
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum statefile_look {
	STATEFILE_THERE,
	STATEFILE_ABSENT,
	STATEFILE_RUINED, /* it can hold no state: *ret_reason says why */
	STATEFILE_REFUSED, /* err says why (ERR_IO): not a plain file, not ours, not readable, or
			      not writable by who `writes` */
};

/*
 * Looks at state.db and its side files in `dir`. Who `writes` must be able to write them all, and
 * takes away rights that others have on them. The content is read only as far as SQLite would lose
 * it without a word.
 */
enum statefile_look statefile_look(
	const char *dir, bool writes, const char **ret_reason, struct err *err);
/*
 * Does state.db end within a page, with no log that could complete it? SQLite takes what is missing
 * there for zeros, and its own check does not mind.
 */
bool statefile_cut(const char *dir);
/* what the head of state.db itself says, whatever its log holds; false when it has none */
bool statefile_head(const char *dir, uint32_t *ret_application, uint32_t *ret_version);
/* last change of state.db or its log, wall ms; 0: neither is there */
int64_t statefile_changed(const char *dir);

/* owned paths of the three names; `dir` as it is */
char *statefile_path(const char *dir);
char *statefile_new_path(const char *dir);
/* an empty state.db.making, 0600, in place of what a crash left of one; owned path. NULL:
 * ERR_CANT_CREATE */
char *statefile_make(const char *dir, struct err *err);
/* is a whole new database waiting for an old one to be set aside? */
bool statefile_waiting(const char *dir);
/* forgets what a crash left behind: state.db.making and, if `waiting`, state.db.new */
void statefile_sweep(const char *dir, bool waiting);
/* state.db.making is complete and closed: it becomes state.db, or state.db.new when one is to be
 * set aside */
bool statefile_finish(const char *dir, bool aside, struct err *err);
/* a free name for a damaged file: DIR/state.db.damaged-20261124T201500Z; owned */
char *statefile_aside_name(const char *dir, int64_t wall_ms);
/* moves state.db and its side files to `aside` (what is already there stays), then state.db.new
 * into place */
bool statefile_replace(const char *dir, const char *aside, struct err *err);

#endif
