/* A program that is run to its end, for one-shot commands: waits for it, but not for ever. */
#ifndef CLIENT_RUN_COMMAND_H
#define CLIENT_RUN_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/process.h"

/*
 * Runs it in our environment, but for keys; *ret_code is its exit code, and what it wrote to stdout
 * (and stderr, with `merge`) is in `output`. False when it cannot be started (as process_start),
 * was ended by a signal, or did not end in time (ERR_TEMPORARY).
 */
bool run_command(const struct spawn *spawn, int64_t timeout_ms, int *ret_code, struct buf *output,
	struct err *err);

#endif
