/* What lasts is said once, and so is its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/alarm.h"

enum { READER = 1, WRITER = 2 };

static void test_said_once(void **state)
{
	struct alarm alarm = { 0 };

	(void)state;
	assert_false(alarm_clear(&alarm, WRITER));
	assert_true(alarm_raise(&alarm, WRITER, "full", 0));
	for (int64_t ms = 1; ms < 10LL * ALARM_APART_MS; ms += 1000)
		assert_false(alarm_raise(&alarm, WRITER, "full", ms));
	assert_true(alarm_clear(&alarm, WRITER));
	assert_false(alarm_clear(&alarm, WRITER));
	alarm_done(&alarm);
}

/* a full disk can be read: that is no end of it */
static void test_over_when_all_got_through(void **state)
{
	struct alarm alarm = { 0 };

	(void)state;
	assert_true(alarm_raise(&alarm, WRITER, "full", 0));
	assert_false(alarm_clear(&alarm, READER));
	assert_false(alarm_raise(&alarm, READER, "not to be read", 1));
	assert_false(alarm_clear(&alarm, WRITER));
	assert_false(alarm_raise(&alarm, WRITER, "full", 2));
	assert_false(alarm_clear(&alarm, READER));
	assert_true(alarm_clear(&alarm, WRITER));
	alarm_done(&alarm);
}

static void test_other_words_are_news(void **state)
{
	struct alarm alarm = { 0 };

	(void)state;
	assert_true(alarm_raise(&alarm, WRITER, "no such file", 0));
	assert_true(alarm_raise(&alarm, WRITER, "not executable", 1));
	assert_false(alarm_raise(&alarm, WRITER, "not executable", 2));
	alarm_rearm(&alarm);
	assert_true(alarm_raise(&alarm, WRITER, "not executable", 3));
	assert_false(alarm_raise(&alarm, WRITER, "not executable", 4));
	alarm_rearm(&alarm);
	assert_true(alarm_clear(&alarm, WRITER));
	alarm_done(&alarm);
}

/* every second event fails: two lines a minute, not two an event */
static void test_what_comes_and_goes(void **state)
{
	struct alarm alarm = { 0 };
	int said = 0;

	(void)state;
	for (int64_t ms = 0; ms < 3LL * ALARM_APART_MS; ms += 1000) {
		said += alarm_raise(&alarm, WRITER, "full", ms);
		said += alarm_clear(&alarm, WRITER);
	}
	assert_int_equal(said, 6);
	alarm_done(&alarm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_said_once),
		cmocka_unit_test(test_over_when_all_got_through),
		cmocka_unit_test(test_other_words_are_news),
		cmocka_unit_test(test_what_comes_and_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
