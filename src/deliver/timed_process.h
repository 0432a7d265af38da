/* A running program with its time limits: SIGTERM to its group, SIGKILL some seconds later. */
#ifndef DELIVER_TIMED_PROCESS_H
#define DELIVER_TIMED_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/stamp.h"
#include "io/spawn.h"

#define TIMED_PROCESS_TIMEOUT_KILL_MS 5000 /* between TERM and KILL, past a timeout */
#define TIMED_PROCESS_STOP_KILL_MS 2000 /* of an orderly stop */

struct timed_process {
	struct process *process; /* own */
	int64_t term_ms; /* mono; INSTANT_NEVER: no limit, or sent */
	int64_t kill_ms; /* mono; INSTANT_NEVER: TERM was not sent yet */
	int64_t kill_after_ms;
	int64_t asleep_ms; /* of the instant by which the limits are set */
	bool timed_out; /* its time limit ended it */
	bool stopped; /* a stop ended it */
	bool stopping;
};

/* `timeout_ms` 0: no limit */
bool timed_process_start(struct timed_process *timed, const struct spawn *spawn, int64_t timeout_ms,
	struct instant now, struct err *err);
/* moves bytes, sends the signals that are due; true once it has ended */
bool timed_process_step(struct timed_process *timed, struct instant now, int *ret_status);
/*
 * After its end: is it still to be stepped? Either its output is held open by another process,
 * which must not die of a closed pipe, or its group got a TERM and is not empty yet.
 */
bool timed_process_lingers(const struct timed_process *timed);
/* an orderly stop: TERM in `grace_ms` at the latest, KILL 2 s later */
void timed_process_stop(struct timed_process *timed, struct instant now, int64_t grace_ms);
/* mono time of the next timed_process_step that is needed; INSTANT_NEVER: when a descriptor or
 * SIGCHLD says so */
int64_t timed_process_next(const struct timed_process *timed);
/* kills what still runs and what got a TERM */
void timed_process_done(struct timed_process *timed);

#endif
