#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void holds_what_was_added(void **state)
{
	cleanup_buf struct buf buf = { 0 };

	(void)state;
	assert_string_equal(buf_text(&buf), "");
	assert_true(buf_add_text(&buf, "one"));
	assert_true(buf_add_char(&buf, ' '));
	assert_true(buf_addf(&buf, "%d-%s", 2, "three"));
	assert_true(buf_add(&buf, "", 0));
	assert_true(buf_add(&buf, "a\0b", 3));
	assert_int_equal(buf.len, 14);
	assert_memory_equal(buf_text(&buf), "one 2-threea\0b", 15);
}

static void grows_a_byte_at_a_time(void **state)
{
	cleanup_buf struct buf buf = { 0 };

	(void)state;
	for (int i = 0; i < 100000; i++)
		assert_true(buf_add_char(&buf, (char)('a' + i % 26)));
	assert_int_equal(buf.len, 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf.data[i], 'a' + i % 26);
	assert_int_equal(buf.data[100000], '\0');
}

static void keeps_its_limit_and_what_it_had(void **state)
{
	cleanup_buf struct buf buf = BUF_INIT(8);

	(void)state;
	assert_true(buf_add_text(&buf, "1234567"));
	assert_false(buf_add_text(&buf, "89"));
	assert_false(buf_addf(&buf, "%d", 89));
	assert_string_equal(buf_text(&buf), "1234567");
	assert_true(buf_add_char(&buf, '8'));
	assert_false(buf_add_char(&buf, '9'));
	assert_false(buf_add(&buf, "x", SIZE_MAX));
	assert_string_equal(buf_text(&buf), "12345678");
	buf_clear(&buf);
	assert_true(buf_add_text(&buf, "abcdefgh"));
}

static void drops_from_the_front(void **state)
{
	cleanup_buf struct buf buf = { 0 };

	(void)state;
	buf_drop(&buf, 0);
	assert_true(buf_add_text(&buf, "line one\nline two"));
	buf_drop(&buf, 9);
	assert_string_equal(buf_text(&buf), "line two");
	buf_drop(&buf, 8);
	assert_string_equal(buf_text(&buf), "");
	assert_int_equal(buf.len, 0);
}

static void hands_its_bytes_over(void **state)
{
	struct buf buf = { 0 };
	char *text;

	(void)state;
	assert_true(buf_add_text(&buf, "mine"));
	text = buf_steal(&buf);
	assert_string_equal(text, "mine");
	free(text);
	assert_string_equal(buf_text(&buf), "");
	text = buf_steal(&buf);
	assert_string_equal(text, "");
	free(text);
	buf_clear(&buf);
	assert_true(buf_add_text(&buf, "again"));
	buf_done(&buf);
	buf_done(&buf);
	assert_string_equal(buf_text(&buf), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_what_was_added),
		cmocka_unit_test(grows_a_byte_at_a_time),
		cmocka_unit_test(keeps_its_limit_and_what_it_had),
		cmocka_unit_test(drops_from_the_front),
		cmocka_unit_test(hands_its_bytes_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
