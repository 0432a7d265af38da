/* A directory of its own for a test, on a real disk. */
#ifndef UNIT_SCRATCH_H
#define UNIT_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

/* makes one (0700) and returns its path; owned */
char *scratch_new(void);
/* removes it with all that is in it, and frees the path */
void scratch_free(char *dir);
/* the names in a directory, sorted, a blank after each; owned */
char *scratch_names(const char *dir);
/* dir/name; owned */
char *scratch_path(const char *dir, const char *name);
/* the whole file; owned, NULL when it cannot be read */
char *scratch_read(const char *path, size_t *ret_len);
/* writes it whole, 0600 */
void scratch_write(const char *path, const void *bytes, size_t len);
/* runs `check` in a child without root's powers and returns its result; it may not assert */
bool scratch_unprivileged(bool (*check)(void *arg), void *arg);

#endif
