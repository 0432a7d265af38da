/* A directory of its own for a test, on a real disk. */
#ifndef UNIT_TMPDIR_H
#define UNIT_TMPDIR_H

#include <stdbool.h>
#include <stddef.h>

/* makes one (0700) and returns its path; owned */
char *tmpdir_new(void);
/* removes it with all that is in it, and frees the path */
void tmpdir_free(char *dir);
/* the names in a directory, sorted, a blank after each; owned */
char *tmpdir_names(const char *dir);
/* dir/name; owned */
char *tmpdir_path(const char *dir, const char *name);
/* the whole file; owned, NULL when it cannot be read */
char *tmpdir_read(const char *path, size_t *ret_len);
/* writes it whole, 0600 */
void tmpdir_write(const char *path, const void *bytes, size_t len);
/* runs `check` in a child without root's powers and returns its result; it may not assert */
bool tmpdir_unprivileged(bool (*check)(void *arg), void *arg);

#endif
