/* When a failed delivery is tried again, and when it is given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/attempt.h"

static const int64_t delays_s[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300 };

static void expect_delays(bool counted)
{
	const struct attempt_rules rules = { 0 };
	struct attempt attempt = { 0 };
	int64_t now = 1000000;

	for (size_t i = 0; i < ARRAY_LEN(delays_s); i++) {
		assert_true(attempt_failed(&attempt, &rules, counted, now));
		assert_int_equal(attempt.due_ms - now, delays_s[i] * 1000);
		assert_int_equal(attempt.attempts, counted ? (int64_t)i + 1 : 0);
		assert_int_equal(attempt.first_failed_ms, 1000000);
		now = attempt.due_ms;
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
	const struct attempt_rules rules = { 0 };
	struct attempt attempt = { 0 };

	(void)state;
	assert_true(attempt_failed(&attempt, &rules, true, 30000));
	assert_true(attempt_failed(&attempt, &rules, true, 90000));
	assert_int_equal(attempt.due_ms, 92000);
}

static void test_attempts(void **state)
{
	const struct attempt_rules rules = { .attempts = 2 };
	struct attempt attempt = { 0 };

	(void)state;
	assert_true(attempt_failed(&attempt, &rules, true, 1000));
	assert_true(attempt_failed(&attempt, &rules, false, 2000));
	assert_int_equal(attempt.attempts, 1);
	assert_false(attempt_failed(&attempt, &rules, true, 3000));
	assert_int_equal(attempt.attempts, 2);
}

static void test_age_runs_from_the_first_failure(void **state)
{
	const struct attempt_rules rules = { .max_age_ms = 10000 };
	struct attempt attempt = { 0 };

	(void)state;
	assert_true(attempt_failed(&attempt, &rules, false, 500000));
	assert_true(attempt_failed(&attempt, &rules, true, 509999));
	assert_false(attempt_failed(&attempt, &rules, true, 510000));
}

static void test_a_clock_set_back_gives_nothing_up(void **state)
{
	const struct attempt_rules rules = { .max_age_ms = 10000 };
	struct attempt attempt = { .first_failed_ms = 500000 };

	(void)state;
	assert_true(attempt_failed(&attempt, &rules, false, 1000));
	assert_int_equal(attempt.due_ms, 2000);
	/* and it neither stays that young nor is tried each second for a year */
	assert_true(attempt_failed(&attempt, &rules, false, 8000));
	assert_int_equal(attempt.due_ms, 16000);
	assert_false(attempt_failed(&attempt, &rules, false, 11000));
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
