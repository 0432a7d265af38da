#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static const char *safe(const char *text)
{
	static struct buf buf;

	buf_done(&buf);
	text_add_safe(&buf, text);
	return buf_text(&buf);
}

static const char *cut(const char *text, size_t columns)
{
	static struct buf buf;

	buf_done(&buf);
	text_add_cut(&buf, text, columns);
	return buf_text(&buf);
}

static void decodes_only_utf8(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		size_t took;
		uint32_t code;
	} rows[] = {
		{ "a", 1, 1, 'a' },
		{ "\0", 1, 1, 0 },
		{ "\xc3\xa9", 2, 2, 0xe9 },
		{ "\xe2\x82\xac", 3, 3, 0x20ac },
		{ "\xf0\x9f\x98\x80", 4, 4, 0x1f600 },
		{ "\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff },
		{ "\xc3", 1, 0, 0 },
		{ "\xe2\x82", 2, 0, 0 },
		{ "\x80", 1, 0, 0 },
		{ "\xc0\x80", 2, 0, 0 },
		{ "\xc1\xbf", 2, 0, 0 },
		{ "\xe0\x80\x80", 3, 0, 0 },
		{ "\xed\xa0\x80", 3, 0, 0 },
		{ "\xf0\x80\x80\x80", 4, 0, 0 },
		{ "\xf4\x90\x80\x80", 4, 0, 0 },
		{ "\xf8\x88\x80\x80\x80", 5, 0, 0 },
		{ "\xff", 1, 0, 0 },
		{ "\xc3\x28", 2, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t code = 0;

		assert_int_equal(text_decode(rows[i].bytes, rows[i].len, &code), rows[i].took);
		assert_int_equal(code, rows[i].code);
	}
}

static void shows_what_could_deceive(void **state)
{
	(void)state;
	assert_string_equal(safe("plain \\ \"text\""), "plain \\ \"text\"");
	assert_string_equal(safe("a\nb\tc\rd"), "a\\nb\\tc\\rd");
	assert_string_equal(safe("\033[31mred\a"), "\\x1b[31mred\\x07");
	assert_string_equal(safe("\x7f\xc2\x9b"), "\\x7f\\x9b");
	assert_string_equal(safe("a\xe2\x80\xae"
				 "fdp.exe"),
		"a\\u{202e}fdp.exe");
	assert_string_equal(safe("\xe2\x81\xa6\xe2\x80\x8f\xe2\x80\xa8\xd8\x9c"),
		"\\u{2066}\\u{200f}\\u{2028}\\u{61c}");
	assert_string_equal(safe("\xf3\xa0\x80\x81"), "\\u{e0001}");
	assert_string_equal(safe("bad \xff\xc3 end"), "bad \\xff\\xc3 end");
	assert_string_equal(safe("gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac"),
		"gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac");
	safe("");
}

static void knows_columns(void **state)
{
	(void)state;
	assert_int_equal(text_width(""), 0);
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("gr\xc3\xbc\xc3\x9f"), 4);
	assert_int_equal(text_width("\xe6\x97\xa5\xe6\x9c\xac"), 4);
	assert_int_equal(text_width("\xf0\x9f\x98\x80"), 2);
	assert_int_equal(text_width("e\xcc\x81"), 1);
	assert_int_equal(text_width("a\xff"), 2);
	/* where terminals disagree, it is what the widest of them does */
	assert_int_equal(text_width("\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd"), 4);
	assert_int_equal(text_width("\xe2\x9d\xa4\xef\xb8\x8f"), 2);
}

static void cuts_with_an_ellipsis(void **state)
{
	(void)state;
	assert_string_equal(cut("abcdef", 0), "abcdef");
	assert_string_equal(cut("abcdef", 6), "abcdef");
	assert_string_equal(cut("abcdef", 5), "abcd\xe2\x80\xa6");
	assert_string_equal(cut("abcdef", 1), "\xe2\x80\xa6");
	assert_string_equal(cut("\xe6\x97\xa5\xe6\x9c\xac", 3), "\xe6\x97\xa5\xe2\x80\xa6");
	assert_string_equal(cut("\xe6\x97\xa5\xe6\x9c\xac", 2), "\xe2\x80\xa6");
	assert_string_equal(cut("a\033bcdef", 6), "a\\x1b\xe2\x80\xa6");
	cut("", 0);
}

/* marks have no width: a text of nothing else would have no end */
static void cuts_a_heap_of_marks(void **state)
{
	cleanup_buf struct buf heap = { 0 };

	(void)state;
	(void)buf_add_text(&heap, "x");
	for (int i = 0; i < 40000; i++)
		(void)buf_add_text(&heap, "\xcc\x81");
	assert_int_in_range(strlen(cut(buf_text(&heap), 80)), 100, 80 * 16);
	assert_string_equal(cut("e\xcc\x81\xcc\x82o", 2), "e\xcc\x81\xcc\x82o");
}

static char *wrapped(const char *text, size_t used, size_t indent, size_t columns)
{
	struct buf out = { 0 };

	text_add_wrapped(&out, text, used, indent, columns);
	return buf_steal(&out);
}

static void is_put_on_lines(void **state)
{
	static const struct {
		const char *text;
		size_t used;
		size_t indent;
		size_t columns;
		const char *lines;
	} rows[] = {
		{ "one two three", 0, 0, 0, "one two three" },
		{ "one two three", 0, 0, 13, "one two three" },
		{ "one two three", 0, 0, 12, "one two\nthree" },
		{ "one two three", 0, 2, 9, "one two\n  three" },
		/* the head that stands before the text takes its columns */
		{ "one two three", 6, 2, 9, "one\n  two\n  three" },
		{ "one two", 7, 2, 9, "\n  one two" },
		{ "one  two ", 0, 0, 9, "one  two " },
		/* a word is broken only where no line has room for it */
		{ "a 123456 b", 0, 0, 6, "a\n123456\nb" },
		{ "a 1234567 b", 0, 0, 6, "a\n123456\n7 b" },
		{ "1234567", 4, 2, 6, "\n  1234\n  567" },
		/* … which one without blanks before it may have */
		{ "a 12345 b", 0, 2, 6, "a\n12345\n  b" },
		{ "123456 b", 4, 2, 6, "\n123456\n  b" },
		/* by columns, never within a character or before a mark of its own */
		{ "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 0, 0, 5,
			"\xe6\x97\xa5\xe6\x9c\xac\n\xe8\xaa\x9e" },
		{ "abe\xcc\x81"
		  "cd",
			0, 0, 3, "abe\xcc\x81\ncd" },
		{ "a\033b\nc", 0, 0, 6, "a\\x1bb\n\\nc" },
		{ "", 3, 2, 6, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_free char *lines =
			wrapped(rows[i].text, rows[i].used, rows[i].indent, rows[i].columns);

		assert_string_equal(lines, rows[i].lines);
	}
}

static void replaces_invalid_bytes(void **state)
{
	cleanup_buf struct buf buf = { 0 };

	(void)state;
	text_add_valid(&buf,
		"a\xff"
		"b\0c\xc3",
		6);
	assert_string_equal(buf_text(&buf), "a\xef\xbf\xbd"
					    "b\xef\xbf\xbd"
					    "c\xef\xbf\xbd");
	buf_clear(&buf);
	text_add_valid(&buf, "\xe6\x97\xa5\xf0\x9f\x98\x80\n", 8);
	assert_string_equal(buf_text(&buf), "\xe6\x97\xa5\xf0\x9f\x98\x80\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_only_utf8),
		cmocka_unit_test(shows_what_could_deceive),
		cmocka_unit_test(knows_columns),
		cmocka_unit_test(cuts_with_an_ellipsis),
		cmocka_unit_test(cuts_a_heap_of_marks),
		cmocka_unit_test(is_put_on_lines),
		cmocka_unit_test(replaces_invalid_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
