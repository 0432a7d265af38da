#include "deliver/program.h"

#include <signal.h>

bool program_start(struct program *program, const struct spawn *spawn, int64_t timeout_ms,
	struct instant now, struct err *err)
{
	*program = (struct program){
		.term_ms = timeout_ms > 0 ? now.mono_ms + timeout_ms : INSTANT_NEVER,
		.kill_ms = INSTANT_NEVER,
		.kill_wait_ms = PROGRAM_TIMEOUT_KILL_MS,
		.asleep_ms = now.asleep_ms,
	};
	return process_start(&program->process, spawn, err);
}

/* a program does not run while the machine sleeps: its limits wait as well */
static void limits_shift(struct program *program, struct instant now)
{
	int64_t slept = now.asleep_ms - program->asleep_ms;

	/* the two clocks are read one after the other: a few ms are no sleep */
	if (slept < 100)
		return;
	if (program->term_ms != INSTANT_NEVER)
		program->term_ms += slept;
	if (program->kill_ms != INSTANT_NEVER)
		program->kill_ms += slept;
	program->asleep_ms = now.asleep_ms;
}

static void limits_apply(struct program *program, bool ended, struct instant now)
{
	if (now.mono_ms >= program->term_ms && !ended) {
		program->late = !program->stopping;
		program->cut = program->stopping;
		(void)process_signal(program->process, SIGTERM);
		program->term_ms = INSTANT_NEVER;
		program->kill_ms = now.mono_ms + program->kill_wait_ms;
	} else if (now.mono_ms >= program->kill_ms) {
		(void)process_signal(program->process, SIGKILL);
		program->kill_ms = INSTANT_NEVER;
	}
}

bool program_step(struct program *program, struct instant now, int *ret_status)
{
	bool ended;

	process_step(program->process);
	ended = process_ended(program->process, ret_status);
	limits_shift(program, now);
	limits_apply(program, ended, now);
	if (ended)
		program->term_ms = INSTANT_NEVER;
	/* once its group is empty there is nobody to kill, and its number may become another's */
	if (ended && program->kill_ms != INSTANT_NEVER && !process_signal(program->process, 0))
		program->kill_ms = INSTANT_NEVER;
	return ended;
}

bool program_lingers(const struct program *program)
{
	return program->kill_ms != INSTANT_NEVER ||
	       (!program->stopping && process_held(program->process));
}

void program_stop(struct program *program, struct instant now, int64_t grace_ms)
{
	int64_t term_ms = now.mono_ms + grace_ms;
	int64_t kill_ms = now.mono_ms + grace_ms + PROGRAM_STOP_KILL_MS;

	program->kill_wait_ms = PROGRAM_STOP_KILL_MS;
	if (program->kill_ms != INSTANT_NEVER) {
		/* past its timeout already: only not longer than a stop may take */
		program->stopping = true;
		if (kill_ms < program->kill_ms)
			program->kill_ms = kill_ms;
		return;
	}
	program->stopping = true;
	if (term_ms < program->term_ms)
		program->term_ms = term_ms;
}

int64_t program_next(const struct program *program)
{
	return program->term_ms < program->kill_ms ? program->term_ms : program->kill_ms;
}

void program_done(struct program *program)
{
	if (program->process != NULL && program->kill_ms != INSTANT_NEVER)
		(void)process_signal(program->process, SIGKILL);
	process_free(program->process);
	*program = (struct program){ .term_ms = INSTANT_NEVER, .kill_ms = INSTANT_NEVER };
}
