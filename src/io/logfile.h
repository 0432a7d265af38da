/* Appends whole lines to a file, /dev/null or a terminal: a line is there entirely or not at all,
 * but for the one that a SIGKILL or a power cut finds being written. */
#ifndef IO_LOGFILE_H
#define IO_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct logfile;

/*
 * Opens `path` for appending, made 0600 when it is not there. `own`: it lies in the state
 * directory, where a link is refused. ERR_CANT_CREATE when it cannot be made or is no regular file,
 * /dev/null or terminal.
 */
bool logfile_open(struct logfile **ret, const char *path, bool own, struct err *err);
void logfile_close(struct logfile *file); /* NULL is fine */
/*
 * Makes ready for a batch: opens it again when it was moved or removed, and completes a torn last
 * line (of a crash) by a newline.
 */
bool logfile_begin(struct logfile *file, struct err *err);
/* writes lines, each of which ends with a newline; so many bytes of them as *ret_whole says are
 * there then. On failure (ERR_IO) those are whole lines, and no part of others */
bool logfile_lines(
	struct logfile *file, const char *lines, size_t len, size_t *ret_whole, struct err *err);
/* ends a batch: true when all its lines are on the disk (ERR_IO) */
bool logfile_sync(struct logfile *file, struct err *err);

#endif
