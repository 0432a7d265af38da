/*
 * The status file: one JSON object that a running monitor writes at its polls for `status`, so that
 * an idle monitor writes nothing to the database. It lies in $XDG_RUNTIME_DIR/taskbell/ (named
 * after a hash of the state directory's path), else, unsynced, in the lock file.
 */
#ifndef IO_STATUS_FILE_H
#define IO_STATUS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/store.h"

struct source_status {
	char *name; /* own */
	int64_t active; /* tasks */
	int64_t last_good_ms; /* wall, as all here; 0: none in this run */
	int64_t next_ms; /* when it is asked next; 0: an answer is awaited, or nothing is known */
	int64_t failing_ms; /* since when it fails; 0: it does not */
	int64_t down_after_ms; /* as configured */
	bool refused; /* the key, or by a proxy our password, was refused; or no key is there */
	char *error; /* own; the last one; NULL: all is well */
	/* not in the file: judged by watch/status */
	bool down; /* source_down was told, source_up not yet */
	bool degraded;
};

struct sink_status {
	struct store_sink stored; /* own; of it the file has the name, watch/status the rest */
	char *waits; /* own; why it holds deliveries back; NULL: it does not, or is not configured
		      */
	bool configured; /* not in the file: set by watch/status */
};

/* How a monitor is: what it writes, what the systemd status line says, what `status` reads. */
struct monitor_status {
	int64_t pid; /* 0: not known */
	int64_t started_ms; /* wall; 0: not known */
	struct source_status *sources; /* own */
	size_t source_count;
	struct sink_status *sinks; /* own; the configured ones first, in their order */
	size_t sink_count;
	/* not in the file: filled by watch/status */
	bool running;
	bool reported; /* there was a status file of the monitor that runs */
};

void monitor_status_done(struct monitor_status *status);
/* appends one of that name; borrowed until the next is added */
struct source_status *status_add_source(struct monitor_status *status, const char *name);
struct sink_status *status_add_sink(struct monitor_status *status, const char *name);

struct status_file;

/* `lock_fd` is the lock's descriptor, for where there is no runtime directory */
struct status_file *status_file_open(const char *state_dir, int lock_fd);
/* writes it whole, by rename; the lock file in place. A failure is not reported: `status` then
 * shows less */
void status_file_write(struct status_file *file, const struct monitor_status *status);
void status_file_close(struct status_file *file); /* removes the file; NULL is fine */
/* what a running monitor wrote; false when there is nothing valid, or, with err (ERR_IO), when it
 * cannot be read */
bool status_file_read(const char *state_dir, struct monitor_status *ret, struct err *err);

#endif
