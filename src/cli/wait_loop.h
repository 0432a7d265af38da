/* `wait` as it runs: its loop, what it writes and where, its signals, and how it ends. */
#ifndef CLI_WAIT_LOOP_H
#define CLI_WAIT_LOOP_H

#include "client/waiter.h"
#include "cli/command.h"

enum wait_progress { PROGRESS_AUTO, PROGRESS_PLAIN };

/* waits; returns the exit code, having said why. The callbacks of `setup` are its own */
int wait_loop_run(const struct cli *cli, const struct waiter_setup *setup);

#endif
