/* When a failed delivery is tried again, and when it is given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/delivery.h"

/* a failed attempt, counted or not; true when the delivery is given up */
static bool fails(struct delivery *delivery, const struct delivery_limits *limits, bool counted,
	int64_t wall_ms)
{
	delivery->result = counted ? DELIVERY_RETRY : DELIVERY_UNAVAILABLE;
	delivery_judge(delivery, limits, wall_ms);
	return delivery->given_up;
}

static const int64_t delays_s[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300 };

static void expect_delays(bool counted)
{
	const struct delivery_limits limits = { 0 };
	struct delivery delivery = { 0 };
	int64_t now = 1000000;

	for (size_t i = 0; i < ARRAY_LEN(delays_s); i++) {
		assert_false(fails(&delivery, &limits, counted, now));
		assert_int_equal(delivery.due_ms - now, delays_s[i] * 1000);
		assert_int_equal(delivery.attempts, counted ? (int64_t)i + 1 : 0);
		assert_int_equal(delivery.first_failed_ms, 1000000);
		now = delivery.due_ms;
	}
}

static void test_delays_double(void **state)
{
	(void)state;
	expect_delays(true);
	expect_delays(false);
}

/* a run takes its time: what counts is the number of runs, not the time that they took */
static void test_long_runs_do_not_lengthen_delays(void **state)
{
	const struct delivery_limits limits = { 0 };
	struct delivery delivery = { 0 };

	(void)state;
	assert_false(fails(&delivery, &limits, true, 30000));
	assert_false(fails(&delivery, &limits, true, 90000));
	assert_int_equal(delivery.due_ms, 92000);
}

static void test_attempts(void **state)
{
	const struct delivery_limits limits = { .attempts = 2 };
	struct delivery delivery = { 0 };

	(void)state;
	assert_false(fails(&delivery, &limits, true, 1000));
	assert_false(fails(&delivery, &limits, false, 2000));
	assert_int_equal(delivery.attempts, 1);
	assert_true(fails(&delivery, &limits, true, 3000));
	assert_int_equal(delivery.attempts, 2);
}

static void test_age_runs_from_the_first_failure(void **state)
{
	const struct delivery_limits limits = { .max_age_ms = 10000 };
	struct delivery delivery = { 0 };

	(void)state;
	assert_false(fails(&delivery, &limits, false, 500000));
	assert_false(fails(&delivery, &limits, true, 509999));
	assert_true(fails(&delivery, &limits, true, 510000));
}

static void test_a_clock_set_back_gives_nothing_up(void **state)
{
	const struct delivery_limits limits = { .max_age_ms = 10000 };
	struct delivery delivery = { .first_failed_ms = 500000 };

	(void)state;
	assert_false(fails(&delivery, &limits, false, 1000));
	assert_int_equal(delivery.due_ms, 2000);
	/* and it neither stays that young nor is tried each second for a year */
	assert_false(fails(&delivery, &limits, false, 8000));
	assert_int_equal(delivery.due_ms, 16000);
	assert_true(fails(&delivery, &limits, false, 11000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delays_double),
		cmocka_unit_test(test_long_runs_do_not_lengthen_delays),
		cmocka_unit_test(test_attempts),
		cmocka_unit_test(test_age_runs_from_the_first_failure),
		cmocka_unit_test(test_a_clock_set_back_gives_nothing_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
