/*
 * The pulse: what changes at every poll and only `status` wants to know, so that an idle monitor
 * writes nothing to disk. A small text file in $XDG_RUNTIME_DIR/taskbell/ (named after a hash of
 * the state directory's path), else, unsynced, in the lock file.
 */
#ifndef IO_PULSE_H
#define IO_PULSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/config.h"

struct pulse_source {
	char name[256];
	int64_t last_good_ms; /* wall; 0: none in this run */
	int64_t next_ms; /* wall; when it is asked next; 0: an answer is awaited */
	int64_t failing_ms; /* wall; since when it fails; 0: it does not */
	int64_t active; /* tasks */
	int64_t down_after_ms; /* as configured, so that status can judge without the configuration
				*/
	bool refused; /* the key, or by a proxy our password, was refused; or no key is there */
	char error[600]; /* the last one; "" when all is well */
};

struct pulse {
	int64_t pid;
	int64_t started_ms; /* wall */
	struct strings sinks; /* own; the names of those that are configured */
	struct strings waits; /* own; why each holds deliveries back; "": it does not; or none */
	struct pulse_source *sources; /* own */
	size_t source_count;
};

struct pulse_file;

/* `lock_fd` is the lock's descriptor, for where there is no runtime directory */
struct pulse_file *pulse_open(const char *state_dir, int lock_fd);
/* writes it whole, by rename or in place; a failure is not worth a word: status then shows less */
void pulse_write(struct pulse_file *file, const struct pulse *pulse);
void pulse_close(struct pulse_file *file); /* removes the file; NULL is fine */
/* what a running monitor wrote; false when there is nothing valid, or, with err (ERR_IO), when it
 * cannot be read */
bool pulse_read(const char *state_dir, struct pulse *ret, struct err *err);
void pulse_done(struct pulse *pulse);

#endif
