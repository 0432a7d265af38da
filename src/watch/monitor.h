/* The monitor: sources, state and sinks wired together in one loop. */
#ifndef WATCH_MONITOR_H
#define WATCH_MONITOR_H

#include <stdbool.h>

#include "core/config.h"

struct monitor_setup {
	struct config *config; /* the monitor's from now on */
	const char *state_dir; /* borrowed */
	const char *only_source; /* borrowed; --source; NULL: all */
	bool once;
	bool json; /* events on stdout as NDJSON instead of lines */
	bool color; /* lines on stdout may be coloured */
};

/* runs until it is stopped (or done, with `once`); returns the exit code, having logged why */
int monitor_run(const struct monitor_setup *setup);

#endif
