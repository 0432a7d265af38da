/* Signals as events: counted once, and none is lost between two questions. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/signals.h"

static bool readable(void)
{
	struct pollfd fd = { .fd = signals_fd(), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

static int setup(void **state)
{
	static const int numbers[] = { SIGUSR1, SIGTERM };
	struct err err = { 0 };

	(void)state;
	return signals_open(numbers, ARRAY_LEN(numbers), &err) ? 0 : -1;
}

static void test_signals_are_counted(void **state)
{
	(void)state;
	assert_int_equal(signals_take(SIGUSR1), 0);
	assert_false(readable());
	(void)raise(SIGUSR1);
	(void)raise(SIGUSR1);
	assert_true(readable());
	assert_int_equal(signals_take(SIGUSR1), 2);
	assert_false(readable());
	assert_int_equal(signals_take(SIGUSR1), 0);
}

/* the pipe was emptied on account of another signal: the wait must not be entered */
static void test_one_that_was_not_taken_is_known(void **state)
{
	(void)state;
	assert_false(signals_waiting());
	(void)raise(SIGTERM);
	assert_int_equal(signals_take(SIGUSR1), 0);
	assert_false(readable());
	assert_true(signals_waiting());
	assert_int_equal(signals_take(SIGTERM), 1);
	assert_false(signals_waiting());
}

/* more than the pipe holds */
static void test_a_storm_of_signals(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++)
		(void)raise(SIGUSR1);
	assert_int_equal(signals_take(SIGUSR1), 100000);
	assert_false(readable());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals_are_counted),
		cmocka_unit_test(test_one_that_was_not_taken_is_known),
		cmocka_unit_test(test_a_storm_of_signals),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
