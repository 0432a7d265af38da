/* What lasts is said once, and so is its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/trouble.h"

enum { READER = 1, WRITER = 2 };

static void test_said_once(void **state)
{
	struct trouble trouble = { 0 };

	(void)state;
	assert_false(trouble_over(&trouble, WRITER));
	assert_true(trouble_met(&trouble, WRITER, "full", 0));
	for (int64_t ms = 1; ms < 10LL * TROUBLE_APART_MS; ms += 1000)
		assert_false(trouble_met(&trouble, WRITER, "full", ms));
	assert_true(trouble_over(&trouble, WRITER));
	assert_false(trouble_over(&trouble, WRITER));
	trouble_done(&trouble);
}

/* a full disk can be read: that is no end of it */
static void test_over_when_all_got_through(void **state)
{
	struct trouble trouble = { 0 };

	(void)state;
	assert_true(trouble_met(&trouble, WRITER, "full", 0));
	assert_false(trouble_over(&trouble, READER));
	assert_false(trouble_met(&trouble, READER, "not to be read", 1));
	assert_false(trouble_over(&trouble, WRITER));
	assert_false(trouble_met(&trouble, WRITER, "full", 2));
	assert_false(trouble_over(&trouble, READER));
	assert_true(trouble_over(&trouble, WRITER));
	trouble_done(&trouble);
}

static void test_other_words_are_news(void **state)
{
	struct trouble trouble = { 0 };

	(void)state;
	assert_true(trouble_met(&trouble, WRITER, "no such file", 0));
	assert_true(trouble_met(&trouble, WRITER, "not executable", 1));
	assert_false(trouble_met(&trouble, WRITER, "not executable", 2));
	trouble_remind(&trouble);
	assert_true(trouble_met(&trouble, WRITER, "not executable", 3));
	assert_false(trouble_met(&trouble, WRITER, "not executable", 4));
	trouble_remind(&trouble);
	assert_true(trouble_over(&trouble, WRITER));
	trouble_done(&trouble);
}

/* every second event fails: two lines a minute, not two an event */
static void test_what_comes_and_goes(void **state)
{
	struct trouble trouble = { 0 };
	int said = 0;

	(void)state;
	for (int64_t ms = 0; ms < 3LL * TROUBLE_APART_MS; ms += 1000) {
		said += trouble_met(&trouble, WRITER, "full", ms);
		said += trouble_over(&trouble, WRITER);
	}
	assert_int_equal(said, 6);
	trouble_done(&trouble);
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
