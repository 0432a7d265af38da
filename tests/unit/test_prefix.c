/* The id that a user means who types its first characters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/prefix.h"

static void six_characters_are_needed(void **state)
{
	(void)state;
	assert_false(prefix_usable(""));
	assert_false(prefix_usable("34dd7"));
	assert_true(prefix_usable("34dd76"));
	/* characters, not bytes */
	assert_false(prefix_usable("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6"));
	assert_true(prefix_usable("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc"));
}

static void one_that_begins_so_is_meant(void **state)
{
	struct prefix prefix = { .text = "34dd76" };

	(void)state;
	prefix_offer(&prefix, "34dd7");
	prefix_offer(&prefix, "x34dd76");
	assert_int_equal(prefix.ids.count, 0);
	prefix_offer(&prefix, "34dd76b3");
	/* the same task in another source or event */
	prefix_offer(&prefix, "34dd76b3");
	assert_int_equal(prefix.ids.count, 1);
	assert_string_equal(prefix.ids.items[0], "34dd76b3");
	assert_false(prefix.exact);
	prefix_done(&prefix);
}

static void an_id_beats_those_that_it_begins(void **state)
{
	struct prefix prefix = { .text = "task-10" };

	(void)state;
	prefix_offer(&prefix, "task-100");
	prefix_offer(&prefix, "task-10");
	prefix_offer(&prefix, "task-101");
	assert_true(prefix.exact);
	assert_int_equal(prefix.ids.count, 1);
	assert_string_equal(prefix.ids.items[0], "task-10");
	prefix_done(&prefix);
}

static void several_are_named(void **state)
{
	struct prefix prefix = { .text = "task-1" };
	cleanup_buf struct buf out = { 0 };

	(void)state;
	prefix_offer(&prefix, "task-11");
	prefix_offer(&prefix, "task-12");
	prefix_add_choice(&prefix, &out);
	assert_string_equal(
		buf_text(&out), "'task-1' is ambiguous: it could be task-11 or task-12");
	prefix_offer(&prefix, "task-13");
	buf_clear(&out);
	prefix_add_choice(&prefix, &out);
	assert_string_equal(
		buf_text(&out), "'task-1' is ambiguous: it could be task-11, task-12 or task-13");
	for (int i = 0; i < 10; i++) {
		cleanup_free char *id = mem_printf("task-1-%d", i);

		prefix_offer(&prefix, id);
	}
	buf_clear(&out);
	prefix_add_choice(&prefix, &out);
	assert_string_equal(buf_text(&out), "'task-1' is ambiguous: it could be task-11, task-12, "
					    "task-13, task-1-0 or others");
	prefix_done(&prefix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(six_characters_are_needed),
		cmocka_unit_test(one_that_begins_so_is_meant),
		cmocka_unit_test(an_id_beats_those_that_it_begins),
		cmocka_unit_test(several_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
