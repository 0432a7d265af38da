/* The limits of taskbell(7), each to the byte: what just fits, and what no longer does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "json/check.h"
#include "json/split.h"

#define MIB (1024UL * 1024)

static void feed(struct json_split *split, const char *bytes, size_t len, size_t *elements)
{
	struct json_element element;

	json_split_feed(split, bytes, len);
	while (json_split_next(split, NULL, &element))
		(*elements)++;
}

static bool split(const struct buf *text, size_t chunk, size_t *elements, struct err *err)
{
	struct json_pick pick = { 0 };
	struct json_split *split = json_split_new(SPLIT_LIST, "/data", &pick);
	bool good;

	assert_true(json_pick_init(&pick, "", NULL, 0));
	*elements = 0;
	for (size_t at = 0; at < text->len && json_split_good(split, err); at += chunk)
		feed(split, text->data + at, text->len - at < chunk ? text->len - at : chunk,
			elements);
	good = json_split_end(split, err);
	json_split_free(split);
	return good;
}

static void add_run(struct buf *buf, char c, size_t len)
{
	cleanup_free char *run = mem_alloc(len);

	memset(run, c, len);
	assert_true(buf_add(buf, run, len));
}

static void assert_both_fail(const struct buf *text, const char *said)
{
	for (size_t chunk = 1000; chunk < 8 * MIB; chunk *= 7000) {
		struct err err = { 0 };
		size_t elements;

		assert_false(split(text, chunk, &elements, &err));
		assert_int_equal(err.kind, ERR_PROTOCOL);
		if (strstr(err.text, said) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", err.text, said);
	}
}

static void assert_both_pass(const struct buf *text, size_t expected)
{
	for (size_t chunk = 1000; chunk < 8 * MIB; chunk *= 7000) {
		struct err err = { 0 };
		size_t elements;

		if (!split(text, chunk, &elements, &err))
			fail_msg("%s", err.text);
		assert_int_equal(elements, expected);
	}
}

/* an element of so many bytes, plain or not, after a small one */
static void element_of(struct buf *text, size_t len, bool plain)
{
	const char *head = plain ? "{\"a\":\"" : "{\"a\":\"\\n";

	buf_clear(text);
	assert_true(buf_add_text(text, "{\"data\":[{},"));
	assert_true(buf_add_text(text, head));
	add_run(text, 'x', len - strlen(head) - 2);
	assert_true(buf_add_text(text, "\"},{}]}"));
}

static void test_element(void **state)
{
	cleanup_buf struct buf text = { 0 };

	(void)state;
	for (int plain = 0; plain < 2; plain++) {
		element_of(&text, MIB, plain != 0);
		assert_both_pass(&text, 3);
		element_of(&text, MIB + 1, plain != 0);
		assert_both_fail(&text, "element 2 of \"data\" is longer than 1 MiB");
	}
}

/* what is no element is only stepped over, however long it is */
static void test_long_elsewhere(void **state)
{
	cleanup_buf struct buf text = { 0 };

	(void)state;
	assert_true(buf_add_text(&text, "{\"x\":\""));
	add_run(&text, 'y', 10 * MIB);
	assert_true(buf_add_text(&text, "\",\"data\":[{}]}"));
	assert_both_pass(&text, 1);
	buf_clear(&text);
	add_run(&text, ' ', 3 * MIB);
	assert_true(buf_add_text(&text, "{\"data\":[{},"));
	add_run(&text, '\n', 3 * MIB);
	assert_true(buf_add_text(&text, "{}]}"));
	add_run(&text, '\t', 3 * MIB);
	assert_both_pass(&text, 2);
}

/* `levels` brackets of each kind in turn, inside of what stands before and after */
static void nested(struct buf *text, const char *before, size_t levels, const char *after)
{
	buf_clear(text);
	assert_true(buf_add_text(text, before));
	for (size_t i = 0; i < levels; i++)
		assert_true(buf_add_text(text, i % 2 == 0 ? "[" : "{\"a\":"));
	assert_true(buf_add_char(text, '0'));
	for (size_t i = levels; i-- > 0;)
		assert_true(buf_add_char(text, i % 2 == 0 ? ']' : '}'));
	assert_true(buf_add_text(text, after));
}

static void test_nesting(void **state)
{
	static const char said[] = "nested deeper than 64 levels";
	cleanup_buf struct buf text = { 0 };
	struct err err;

	(void)state;
	nested(&text, "", 64, "");
	assert_true(json_is_valid(text.data, text.len, &err));
	nested(&text, "", 65, "");
	assert_false(json_is_valid(text.data, text.len, &err));
	nested(&text, "{\"data\":[{\"x\":", 61, "}]}");
	assert_both_pass(&text, 1);
	nested(&text, "{\"data\":[{\"x\":", 62, "}]}");
	assert_both_fail(&text, said);
	nested(&text, "{\"data\":[{\"x\":", 10000, "}]}");
	assert_both_fail(&text, said);
	nested(&text, "{\"data\":[],\"x\":", 10000, "}");
	assert_both_fail(&text, said);
	buf_clear(&text);
	add_run(&text, '[', 1000000);
	assert_false(json_is_valid(text.data, text.len, &err));
	assert_non_null(strstr(err.text, said));
}

static void test_elements(void **state)
{
	cleanup_buf struct buf text = { 0 };

	(void)state;
	assert_true(buf_add_text(&text, "{\"data\":[{}"));
	for (int i = 1; i < JSON_ELEMENTS_MAX; i++)
		assert_true(buf_add_text(&text, ",{}"));
	assert_true(buf_add_text(&text, "]}"));
	assert_both_pass(&text, JSON_ELEMENTS_MAX);
	text.len -= 2;
	assert_true(buf_add_text(&text, ",{}]}"));
	assert_both_fail(&text, "more than 5000000 elements");
}

static void test_document(void **state)
{
	cleanup_buf struct buf run = { 0 };
	size_t elements = 0;
	static struct json_pick pick;
	struct json_split *split = json_split_new(SPLIT_LIST, "/data", &pick);
	static const char tail[] = "\",\"data\":[]}";
	struct err err = { 0 };

	(void)state;
	add_run(&run, 'x', MIB);
	feed(split, "{\"x\":\"", 6, &elements);
	for (int i = 0; i < 1023; i++)
		feed(split, run.data, MIB, &elements);
	feed(split, run.data, MIB - 6 - strlen(tail), &elements);
	feed(split, tail, strlen(tail), &elements);
	assert_true(json_split_end(split, &err));
	feed(split, " ", 1, &elements);
	assert_false(json_split_good(split, &err));
	assert_int_equal(err.kind, ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "longer than 1 GiB"));
	assert_false(json_split_end(split, &err));
	json_split_free(split);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_element),
		cmocka_unit_test(test_long_elsewhere),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_elements),
		cmocka_unit_test(test_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
