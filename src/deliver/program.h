/* A running program with its time limits: SIGTERM to its group, SIGKILL some seconds later. */
#ifndef DELIVER_PROGRAM_H
#define DELIVER_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/stamp.h"
#include "io/spawn.h"

#define PROGRAM_TIMEOUT_KILL_MS 5000 /* between TERM and KILL, past a timeout */
#define PROGRAM_STOP_KILL_MS 2000 /* of an orderly stop */

struct program {
	struct process *process; /* own */
	int64_t term_ms; /* mono; INSTANT_NEVER: no limit, or sent */
	int64_t kill_ms; /* mono; INSTANT_NEVER: TERM was not sent yet */
	int64_t kill_wait_ms;
	int64_t asleep_ms; /* of the instant by which the limits are set */
	bool late; /* its time limit ended it */
	bool cut; /* a stop ended it */
	bool stopping;
};

/* `timeout_ms` 0: no limit */
bool program_start(struct program *program, const struct spawn *spawn, int64_t timeout_ms,
	struct instant now, struct err *err);
/* moves bytes, sends the signals that are due; true once it has ended */
bool program_step(struct program *program, struct instant now, int *ret_status);
/*
 * After its end: is something to be done about what it left behind? Either its output is still held
 * open (whoever writes there shall not die of it), or its group got a TERM and somebody of it is
 * still there.
 */
bool program_lingers(const struct program *program);
/* an orderly stop: TERM in `grace_ms` at the latest, KILL 2 s later */
void program_stop(struct program *program, struct instant now, int64_t grace_ms);
/* mono time of the next program_step that is needed; INSTANT_NEVER: when a descriptor or SIGCHLD
 * says so */
int64_t program_next(const struct program *program);
/* kills what still runs and what got a TERM */
void program_done(struct program *program);

#endif
