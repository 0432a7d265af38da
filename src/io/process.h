/*
 * Child processes: each in its own process group, fed and read without ever blocking; with time
 * limits, after which it gets a SIGTERM and some seconds later a SIGKILL.
 */
#ifndef IO_PROCESS_H
#define IO_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/stamp.h"
#include "io/http.h"

struct process;

struct spawn {
	const char *const *argv; /* NULL-terminated; argv[0] without a slash is looked for in the
				    PATH of `env` */
	const char *const *env; /* NULL-terminated NAME=value: the whole environment; NULL: ours */
	const char *cwd; /* NULL: as ours; one that cannot be entered falls back to "/" */
	const char *input; /* what it reads on stdin before the end of file; copied */
	size_t input_len;
	bool input_open; /* its stdin stays open for process_write */
	size_t output_max; /* bytes of each of stdout and stderr that are kept; the rest is read and
			      dropped */
	bool merge; /* stderr goes where stdout goes */
};

/*
 * Starts it: signals at their defaults, nothing blocked, no descriptor of ours but 0, 1, 2. A text
 * without a first line that names its interpreter is run by /bin/sh, as a shell would. False when
 * it cannot be started, also when exec fails: ERR_OS for want of processes, memory or descriptors,
 * ERR_NOT_FOUND when the program is missing or not executable. Needs SIGCHLD to wake the caller
 * (io/signals).
 */
bool process_start(struct process **ret, const struct spawn *spawn, struct err *err);
/* with `input_open`: more for its stdin; dropped when it does not read any more */
void process_write(struct process *process, const char *bytes, size_t len);
/* moves bytes and notices the end of the process (not of what it left in the background) */
void process_step(struct process *process);
/*
 * Has it ended? Then *ret_status is that of waitpid(2) and its output is as complete as it will be.
 * Stepped on after that, it drops what is still written to its pipes.
 */
bool process_ended(const struct process *process, int *ret_status);
/* what it wrote so far; the caller may consume it with buf_drop. `truncated` once something was
 * dropped */
struct buf *process_output(struct process *process);
struct buf *process_errors(struct process *process);
bool process_truncated(const struct process *process);
/*
 * Sends a signal to its process group, also after its own end; false when nobody is left in it. The
 * number of a group stays taken while somebody is in it, so stop asking once this was false. 0 only
 * asks.
 */
bool process_signal(const struct process *process, int number);
/* does somebody still hold its stdout or stderr open? After the end: what it left in the background
 */
bool process_held(const struct process *process);
pid_t process_pid(const struct process *process);
/* descriptors to wait for; returns how many were put in, at most `cap` (3 are enough) */
size_t process_fds(const struct process *process, struct poll_fd *fds, size_t cap);
/* kills the group if the process still runs, reaps it; NULL is fine */
void process_free(struct process *process);
/* before we end: reaps what was killed, as soon as it is gone, for `most_ms` at most */
void process_reap_killed(int64_t most_ms);

#define TIMED_PROCESS_TIMEOUT_KILL_MS 5000 /* between TERM and KILL, past a timeout */
#define TIMED_PROCESS_STOP_KILL_MS 2000 /* of an orderly stop */

/* a process with its time limits */
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
