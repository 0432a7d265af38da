/* A program's time limits: they are those of the time in which it could run. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "io/process.h"
#include "io/signals.h"

#define SECOND 1000
#define HOUR (3600 * SECOND)
#define LIMIT (30 * SECOND)

static const struct instant evening = { .mono_ms = HOUR, .asleep_ms = 5 * HOUR };

static void start(struct timed_process *program)
{
	static const char *const argv[] = { "sleep", "60", NULL };
	static const char *const env[] = { "PATH=/usr/bin:/bin", NULL };
	struct spawn spawn = { .argv = argv, .env = env, .cwd = "/", .output_max = 100 };
	struct err err = { 0 };

	if (!timed_process_start(program, &spawn, LIMIT, evening, &err))
		fail_msg("%s", err.text);
}

static int finish(struct timed_process *program, struct instant now)
{
	struct pollfd wake = { .fd = signals_fd(), .events = POLLIN };
	int status = 0;

	while (!timed_process_step(program, now, &status)) {
		if (poll(&wake, 1, 20000) == 0)
			fail_msg("the program does not end");
		(void)signals_take(SIGCHLD);
	}
	return status;
}

static struct instant later(int64_t awake_ms, int64_t asleep_ms)
{
	return (struct instant){ .mono_ms = evening.mono_ms + awake_ms + asleep_ms,
		.asleep_ms = evening.asleep_ms + asleep_ms };
}

static void test_a_limit_ends_it(void **state)
{
	struct timed_process program;
	int status = 0;

	(void)state;
	start(&program);
	assert_int_equal(timed_process_next(&program), evening.mono_ms + LIMIT);
	assert_false(timed_process_step(&program, later(LIMIT - 1, 0), &status));
	assert_false(program.timed_out);
	status = finish(&program, later(LIMIT, 0));
	assert_true(WIFSIGNALED(status) && program.timed_out);
	timed_process_done(&program);
}

/* the machine falls asleep right behind the start: no clock but the step's own may count */
static void test_a_limit_waits_while_the_machine_sleeps(void **state)
{
	struct timed_process program;
	int status = 0;

	(void)state;
	start(&program);
	for (int night = 1; night <= 2; night++) {
		assert_false(
			timed_process_step(&program, later(night * SECOND, night * HOUR), &status));
		assert_false(program.timed_out);
		assert_int_equal(
			timed_process_next(&program), evening.mono_ms + LIMIT + night * HOUR);
	}
	status = finish(&program, later(LIMIT, 2 * HOUR));
	assert_true(WIFSIGNALED(status) && program.timed_out);
	timed_process_done(&program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_limit_ends_it),
		cmocka_unit_test(test_a_limit_waits_while_the_machine_sleeps),
	};
	const int process = SIGCHLD;
	struct err err = { 0 };

	if (!signals_open(&process, 1, &err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
