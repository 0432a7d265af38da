/* The limits of contract 8, each to the byte: what just fits, and what no longer does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "json/frame.h"

#define MIB (1024UL * 1024)

static bool count(
	void *arg, const char *bytes, size_t len, const struct flat *flat, struct err *err)
{
	size_t *elements = arg;

	(void)bytes;
	(void)len;
	(void)flat;
	(void)err;
	(*elements)++;
	return true;
}

static bool split(const struct buf *text, size_t piece, size_t *elements, struct err *err)
{
	struct frame_taker taker = { .element = count, .arg = elements };
	struct frame *frame = frame_new("data", &taker);
	bool good = true;

	*elements = 0;
	for (size_t at = 0; at < text->len && good; at += piece)
		good = frame_feed(frame, text->data + at,
			text->len - at < piece ? text->len - at : piece, err);
	good = good && frame_end(frame, err);
	frame_free(frame);
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
	for (size_t piece = 1000; piece < 8 * MIB; piece *= 7000) {
		struct err err = { 0 };
		size_t elements;

		assert_false(split(text, piece, &elements, &err));
		assert_int_equal(err.kind, ERR_PROTOCOL);
		if (strstr(err.text, said) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", err.text, said);
	}
}

static void assert_both_pass(const struct buf *text, size_t expected)
{
	for (size_t piece = 1000; piece < 8 * MIB; piece *= 7000) {
		struct err err = { 0 };
		size_t elements;

		if (!split(text, piece, &elements, &err))
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
	assert_true(frame_check(text.data, text.len, &err));
	nested(&text, "", 65, "");
	assert_false(frame_check(text.data, text.len, &err));
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
	assert_false(frame_check(text.data, text.len, &err));
	assert_non_null(strstr(err.text, said));
}

static void test_elements(void **state)
{
	cleanup_buf struct buf text = { 0 };

	(void)state;
	assert_true(buf_add_text(&text, "{\"data\":[{}"));
	for (int i = 1; i < FRAME_ELEMENTS_MAX; i++)
		assert_true(buf_add_text(&text, ",{}"));
	assert_true(buf_add_text(&text, "]}"));
	assert_both_pass(&text, FRAME_ELEMENTS_MAX);
	text.len -= 2;
	assert_true(buf_add_text(&text, ",{}]}"));
	assert_both_fail(&text, "more than 5000000 elements");
}

/* "{}" is known, everything else is not */
static size_t know_empty(void *arg, const char *bytes, size_t len)
{
	(void)arg;
	return len >= 2 && bytes[1] == '}' ? 2 : 0;
}

static void test_known_elements(void **state)
{
	cleanup_buf struct buf text = { 0 };
	size_t elements = 0;
	struct frame_taker taker = { .known = know_empty, .element = count, .arg = &elements };

	(void)state;
	assert_true(buf_add_text(&text, "{\"data\":[{ }"));
	for (int i = 1; i < FRAME_ELEMENTS_MAX; i++)
		assert_true(buf_add_text(&text, ",{}"));
	for (int more = 0; more < 2; more++) {
		struct frame *frame = frame_new("data", &taker);
		struct err err = { 0 };

		assert_true(buf_add_text(&text, "]}"));
		assert_int_equal(frame_feed(frame, text.data, text.len, &err), more == 0);
		assert_int_equal(frame_end(frame, &err), more == 0);
		assert_int_equal(elements, 1 + more);
		frame_free(frame);
		text.len -= 2;
		assert_true(buf_add_text(&text, ",{}"));
	}
}

static void test_document(void **state)
{
	cleanup_buf struct buf run = { 0 };
	size_t elements = 0;
	struct frame_taker taker = { .element = count, .arg = &elements };
	struct frame *frame = frame_new("data", &taker);
	static const char tail[] = "\",\"data\":[]}";
	struct err err = { 0 };

	(void)state;
	add_run(&run, 'x', MIB);
	assert_true(frame_feed(frame, "{\"x\":\"", 6, &err));
	for (int i = 0; i < 1023; i++)
		assert_true(frame_feed(frame, run.data, MIB, &err));
	assert_true(frame_feed(frame, run.data, MIB - 6 - strlen(tail), &err));
	assert_true(frame_feed(frame, tail, strlen(tail), &err));
	assert_true(frame_end(frame, &err));
	assert_false(frame_feed(frame, " ", 1, &err));
	assert_int_equal(err.kind, ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "longer than 1 GiB"));
	assert_false(frame_end(frame, &err));
	frame_free(frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_element),
		cmocka_unit_test(test_long_elsewhere),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_elements),
		cmocka_unit_test(test_known_elements),
		cmocka_unit_test(test_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
