/* The ids that `wait` is given: as arguments, in a file, on standard input. */
#ifndef CLI_WAIT_IDS_H
#define CLI_WAIT_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strings.h"

/* adds a copy; false: it cannot be the id of a task (ERR_USAGE) */
bool wait_ids_add(struct strings *ids, const char *id, struct err *err);
/*
 * Adds the lines of a file ("-": standard input), without empty ones and blanks at their ends.
 * Waits for whoever writes them until `deadline_ms` (mono). False: it cannot be read, or a line is
 * no id (ERR_USAGE, with its number), or the time is up (ERR_TEMPORARY).
 */
bool wait_ids_read(struct strings *ids, const char *path, int64_t deadline_ms, struct err *err);

#endif
