/* The state directory: where it is, that it is ours alone, and who holds its lock. */
#ifndef IO_STATEDIR_H
#define IO_STATEDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * `option` (--state-dir) if not NULL, else $XDG_STATE_HOME/taskbell, else ~/.local/state/taskbell;
 * empty or relative XDG variables do not count. An owned absolute path. NULL with err when there is
 * no home.
 */
char *statedir_find(const char *option, struct err *err);
/*
 * Makes it (0700, parents 0700 as the XDG specification says) or checks what is there: a directory,
 * not a link itself, ours, with no bit of 077 (a mode that is too wide is narrowed).
 * ERR_CANT_CREATE.
 */
bool statedir_make(const char *path, struct err *err);
/* the directory without any links on the way to it; owned, NULL with errno when it is not there */
char *statedir_real(const char *path);
/* checks without making; ERR_NOT_FOUND when it is not there */
bool statedir_check(const char *path, struct err *err);
/* writes a directory to disk, and with it what was created or renamed there; ERR_CANT_CREATE */
bool dir_sync(const char *path, struct err *err);
/*
 * Takes the lock for as long as the descriptor is open (a record lock: the kernel lets go of it
 * when we die). ERR_TEMPORARY names the holder's process; ERR_CANT_CREATE when the file cannot be
 * made. The file must not be opened by anybody else in this process.
 */
bool statedir_lock(const char *path, int *ret_fd, struct err *err);
/*
 * Does a monitor hold the lock? Never takes it. *ret_pid is 0 where the kernel cannot say. When
 * that cannot be found out, false and err (ERR_IO) says why.
 */
bool statedir_held(const char *path, int64_t *ret_pid, struct err *err);

#endif
