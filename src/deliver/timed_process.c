#include "deliver/timed_process.h"

#include <signal.h>

bool timed_process_start(struct timed_process *timed, const struct spawn *spawn, int64_t timeout_ms,
	struct instant now, struct err *err)
{
	*timed = (struct timed_process){
		.term_ms = timeout_ms > 0 ? now.mono_ms + timeout_ms : INSTANT_NEVER,
		.kill_ms = INSTANT_NEVER,
		.kill_after_ms = TIMED_PROCESS_TIMEOUT_KILL_MS,
		.asleep_ms = now.asleep_ms,
	};
	return process_start(&timed->process, spawn, err);
}

bool timed_process_step(struct timed_process *timed, struct instant now, int *ret_status)
{
	int64_t slept = now.asleep_ms - timed->asleep_ms;
	bool ended;

	process_step(timed->process);
	ended = process_ended(timed->process, ret_status);
	/* a program does not run while the machine sleeps, so its limits wait as well; the two
	 * clocks are read one after the other, and a few ms are no sleep */
	if (slept >= 100) {
		if (timed->term_ms != INSTANT_NEVER)
			timed->term_ms += slept;
		if (timed->kill_ms != INSTANT_NEVER)
			timed->kill_ms += slept;
		timed->asleep_ms = now.asleep_ms;
	}
	if (now.mono_ms >= timed->term_ms && !ended) {
		timed->timed_out = !timed->stopping;
		timed->stopped = timed->stopping;
		(void)process_signal(timed->process, SIGTERM);
		timed->term_ms = INSTANT_NEVER;
		timed->kill_ms = now.mono_ms + timed->kill_after_ms;
	} else if (now.mono_ms >= timed->kill_ms) {
		(void)process_signal(timed->process, SIGKILL);
		timed->kill_ms = INSTANT_NEVER;
	}
	if (ended)
		timed->term_ms = INSTANT_NEVER;
	/* once its group is empty there is nobody to kill, and its number may become another's */
	if (ended && timed->kill_ms != INSTANT_NEVER && !process_signal(timed->process, 0))
		timed->kill_ms = INSTANT_NEVER;
	return ended;
}

bool timed_process_lingers(const struct timed_process *timed)
{
	return timed->kill_ms != INSTANT_NEVER ||
	       (!timed->stopping && process_held(timed->process));
}

void timed_process_stop(struct timed_process *timed, struct instant now, int64_t grace_ms)
{
	int64_t term_ms = now.mono_ms + grace_ms;
	int64_t kill_ms = now.mono_ms + grace_ms + TIMED_PROCESS_STOP_KILL_MS;

	timed->kill_after_ms = TIMED_PROCESS_STOP_KILL_MS;
	if (timed->kill_ms != INSTANT_NEVER) {
		/* past its timeout already: only not longer than a stop may take */
		timed->stopping = true;
		if (kill_ms < timed->kill_ms)
			timed->kill_ms = kill_ms;
		return;
	}
	timed->stopping = true;
	if (term_ms < timed->term_ms)
		timed->term_ms = term_ms;
}

int64_t timed_process_next(const struct timed_process *timed)
{
	return timed->term_ms < timed->kill_ms ? timed->term_ms : timed->kill_ms;
}

void timed_process_done(struct timed_process *timed)
{
	if (timed->process != NULL && timed->kill_ms != INSTANT_NEVER)
		(void)process_signal(timed->process, SIGKILL);
	process_free(timed->process);
	*timed = (struct timed_process){ .term_ms = INSTANT_NEVER, .kill_ms = INSTANT_NEVER };
}
