/* The timer: readable from its moment on, until it is armed for another one. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/clock.h"

static bool readable(const struct clock_timer *timer, int timeout_ms)
{
	struct pollfd fd = { .fd = timer->fd, .events = POLLIN };

	return poll(&fd, 1, timeout_ms) == 1;
}

static void test_timer(void **state)
{
	struct clock_timer timer = clock_timer_new();
	int64_t now = clock_now().mono_ms;

	(void)state;
	if (timer.fd < 0) {
		clock_timer_arm(&timer, now); /* not one of the systems that have one */
		return;
	}
	assert_false(readable(&timer, 0));
	clock_timer_arm(&timer, now + 20);
	assert_true(readable(&timer, 10000));
	assert_true(clock_now().mono_ms >= now + 20);
	/* the same again is still the one that is over */
	clock_timer_arm(&timer, now + 20);
	assert_true(readable(&timer, 0));
	/* another one is not, though nothing was read */
	clock_timer_arm(&timer, now + 3600000);
	assert_false(readable(&timer, 0));
	clock_timer_arm(&timer, now - 1);
	assert_true(readable(&timer, 10000));
	clock_timer_arm(&timer, INSTANT_NEVER);
	assert_false(readable(&timer, 0));
	clock_timer_arm(&timer, -1);
	assert_true(readable(&timer, 10000));
	clock_timer_done(&timer);
	clock_timer_done(&timer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
