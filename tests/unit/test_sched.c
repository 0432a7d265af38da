#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/sched.h"

static const struct sched_advice again = { .retry = true, .after_ms = -1 };
static const struct sched_advice stays = { .retry = false, .after_ms = -1 };

static void keeps_its_beat(void **state)
{
	struct sched sched = { .random = 1 };

	(void)state;
	sched_start(&sched, 1000);
	assert_true(sched.due_ms == INT64_MAX);
	sched_good(&sched, 10000, 1200);
	assert_int_equal(sched.due_ms, 11000);
	/* an answer that took longer than the interval: at once, and only once */
	sched_start(&sched, 11000);
	sched_good(&sched, 10000, 55000);
	assert_int_equal(sched.due_ms, 55000);
}

static void waits_double_with_jitter_downward(void **state)
{
	static const int64_t most[] = { 500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000,
		60000 };
	int64_t least[ARRAY_LEN(most)];
	int64_t longest[ARRAY_LEN(most)] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(most); i++)
		least[i] = INT64_MAX;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct sched sched = { .random = seed * 0x9e3779b97f4a7c15 };

		for (size_t i = 0; i < ARRAY_LEN(most); i++) {
			sched_bad(&sched, ERR_UNREACHABLE, &again, 10000, 0);
			assert_int_in_range(sched.due_ms, most[i] - most[i] / 4, most[i]);
			if (sched.due_ms < least[i])
				least[i] = sched.due_ms;
			if (sched.due_ms > longest[i])
				longest[i] = sched.due_ms;
		}
	}
	/* the jitter uses its range */
	for (size_t i = 0; i < ARRAY_LEN(most); i++)
		assert_true(longest[i] - least[i] > most[i] / 5);
}

static void success_forgets_failures(void **state)
{
	struct sched sched = { .random = 1 };

	(void)state;
	for (int i = 0; i < 20; i++)
		sched_bad(&sched, ERR_UNREACHABLE, &again, 10000, 0);
	sched_start(&sched, 0);
	sched_good(&sched, 10000, 0);
	sched_bad(&sched, ERR_UNREACHABLE, &again, 10000, 0);
	assert_int_in_range(sched.due_ms, 375, 500);
}

static void retry_after_and_the_error_kind_decide_the_delay(void **state)
{
	struct sched sched = { .random = 1 };
	const struct sched_advice wish = { .retry = true, .after_ms = 123456 };

	(void)state;
	sched_bad(&sched, ERR_UNREACHABLE, &wish, 10000, 1000);
	assert_int_equal(sched.due_ms, 124456);
	sched_bad(&sched, ERR_AUTH, &stays, 10000, 1000);
	assert_int_equal(sched.due_ms, 301000);
	sched.failures = 0;
	sched_bad(&sched, ERR_PROTOCOL, &stays, 10000, 1000);
	assert_int_equal(sched.due_ms, 11000);
	sched.failures = 0;
	sched_bad(&sched, ERR_PROTOCOL, &stays, 100, 1000);
	assert_int_in_range(sched.due_ms, 1375, 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_its_beat),
		cmocka_unit_test(waits_double_with_jitter_downward),
		cmocka_unit_test(success_forgets_failures),
		cmocka_unit_test(retry_after_and_the_error_kind_decide_the_delay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
