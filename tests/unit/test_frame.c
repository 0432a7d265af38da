#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/hash.h"
#include "json/frame.h"

/* what was handed out: each element and a newline */
struct seen {
	struct buf elements;
	size_t count;
	size_t plain; /* of these, in plain form */
	size_t stop_after; /* 0: never */
	const char *begin; /* NULL, or what every element must lie in */
	const char *end;
};

static bool take(void *arg, const char *bytes, size_t len, const struct flat *flat, struct err *err)
{
	struct seen *seen = arg;

	if (seen->begin != NULL)
		assert_true(bytes >= seen->begin && bytes + len <= seen->end);
	assert_true(buf_add(&seen->elements, bytes, len));
	assert_true(buf_add_char(&seen->elements, '\n'));
	seen->count++;
	seen->plain += flat != NULL;
	if (seen->count == seen->stop_after)
		return err_set(err, ERR_IO, "enough");
	return true;
}

/* feeds a copy of exact size, so that a byte read past a piece is found by sanitizers and valgrind
 */
static bool feed_copy(struct frame *frame, const char *bytes, size_t len, struct err *err)
{
	cleanup_free char *copy = mem_strndup(bytes, len);

	copy = mem_resize(copy, len, 1);
	return frame_feed(frame, copy, len, err);
}

static bool split(const char *text, size_t len, size_t piece, struct seen *seen, struct err *err)
{
	struct frame_taker taker = { .element = take, .arg = seen };
	struct frame *frame = frame_new("data", &taker);
	bool good = true;

	for (size_t at = 0; at < len && good; at += piece)
		good = feed_copy(frame, text + at, len - at < piece ? len - at : piece, err);
	good = good && frame_end(frame, err);
	frame_free(frame);
	return good;
}

static void seen_done(struct seen *seen)
{
	buf_done(&seen->elements);
	*seen = (struct seen){ 0 };
}

/* all that JSON has, with blanks wherever they may stand, and elements plain and not */
static const char rich[] =
	"\xef\xbb\xbf \t\r\n{ \"meta\" : {\"\":[1,-0,0.5,1e5,1E+5,2e-3,-12.25e10,0,true , "
	"false,null,\"\","
	"{ } ,[ ] ]}\n,\"data\\\"\":\"]}\" ,\"dat\" :0, "
	"\"\\uD83D\\uDe00\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0aF9\","
	"\"data\" : [ {\"task_id\":\"a\",\"status\":\"queued\"},{ } ,\r\n"
	"{ \"n\" : -1.5e-7 , \"t\":true,\"f\" :false, \"z\": null, \"e\":\"\" }\t,"
	"{\"deep\":[[{\"x\":{\"data\":[{}]}}]]}, "
	"{\"esc\":\"\\u0000\\\"\\\\}\"},{\"bad\":\"\xff\xc0\x80\",\"\x7f\":\"\xc3\xa9\"}"
	" ] , \"last\":{\"data\":[{\"not\":\"an element\"}]}}";

static const char rich_elements[] =
	"{\"task_id\":\"a\",\"status\":\"queued\"}\n{ }\n"
	"{ \"n\" : -1.5e-7 , \"t\":true,\"f\" :false, \"z\": null, \"e\":\"\" }\n"
	"{\"deep\":[[{\"x\":{\"data\":[{}]}}]]}\n{\"esc\":\"\\u0000\\\"\\\\}\"}\n"
	"{\"bad\":\"\xff\xc0\x80\",\"\x7f\":\"\xc3\xa9\"}\n";

static void test_whole(void **state)
{
	struct seen seen = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_true(split(rich, sizeof(rich) - 1, sizeof(rich), &seen, &err));
	assert_string_equal(buf_text(&seen.elements), rich_elements);
	assert_int_equal(seen.count, 6);
	assert_int_equal(seen.plain, 4);
	seen_done(&seen);
}

static void test_every_piece_size(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < sizeof(rich); piece++) {
		struct seen seen = { 0 };
		struct err err = { 0 };

		assert_true(split(rich, sizeof(rich) - 1, piece, &seen, &err));
		assert_string_equal(buf_text(&seen.elements), rich_elements);
		/* an element in several pieces is in plain form nevertheless */
		assert_int_equal(seen.plain, 4);
		seen_done(&seen);
	}
}

static void test_random_pieces(void **state)
{
	const struct hash_key key = { 1, 2 };
	uint64_t turn = 0;

	(void)state;
	for (int round = 0; round < 500; round++) {
		struct seen seen = { 0 };
		struct frame_taker taker = { .element = take, .arg = &seen };
		struct frame *frame = frame_new("data", &taker);
		struct err err = { 0 };

		for (size_t at = 0; at < sizeof(rich) - 1;) {
			size_t len = (size_t)(hash_bytes(&key, &turn, sizeof(turn)).lo % 60);

			turn++;
			if (len > sizeof(rich) - 1 - at)
				len = sizeof(rich) - 1 - at;
			assert_true(feed_copy(frame, rich + at, len, &err));
			at += len;
		}
		assert_true(frame_end(frame, &err));
		assert_string_equal(buf_text(&seen.elements), rich_elements);
		frame_free(frame);
		seen_done(&seen);
	}
}

static void test_cut_anywhere(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof(rich) - 1; len++) {
		struct seen seen = { 0 };
		struct err err = { 0 };

		assert_false(split(rich, len, sizeof(rich), &seen, &err));
		assert_int_equal(err.kind, ERR_PROTOCOL);
		seen_done(&seen);
	}
}

/* one wrong byte: the fast way through plain elements and the machine of single states agree on it
 */
static void test_one_wrong_byte(void **state)
{
	static const char bytes[] = "\"\\{}[],:0x-.e \n\x01\x80";
	cleanup_free char *text = mem_strndup(rich, sizeof(rich) - 1);

	(void)state;
	for (size_t at = 0; at < sizeof(rich) - 1; at++)
		for (size_t i = 0; i < sizeof(bytes); i++) {
			struct seen whole = { 0 };
			struct seen single = { 0 };
			struct err err = { 0 };
			struct err single_err = { 0 };
			bool good;

			text[at] = bytes[i];
			good = split(text, sizeof(rich) - 1, sizeof(rich), &whole, &err);
			assert_int_equal(
				good, split(text, sizeof(rich) - 1, 1, &single, &single_err));
			assert_string_equal(buf_text(&whole.elements), buf_text(&single.elements));
			assert_string_equal(err.text, single_err.text);
			assert_int_equal(whole.plain, single.plain);
			seen_done(&whole);
			seen_done(&single);
			text[at] = rich[at];
		}
}

static void test_in_place(void **state)
{
	struct seen seen = { .begin = rich, .end = rich + sizeof(rich) };
	struct frame_taker taker = { .element = take, .arg = &seen };
	struct frame *frame = frame_new("data", &taker);
	struct err err;

	(void)state;
	assert_true(frame_feed(frame, rich, sizeof(rich) - 1, &err));
	assert_true(frame_end(frame, &err));
	assert_int_equal(seen.count, 6);
	frame_free(frame);
	seen_done(&seen);
}

static void test_valid_json(void **state)
{
	static const char *const texts[] = { "{}", "[]", " [ ] ", "0", "-0", "-1.0e+10", "123",
		"1E5", "\"\"", "true", "false", "null", "[0]", "[1 ,2]", "{\"a\":1}",
		"{\"a\":{\"a\":{}}}", "[[],[],{}]", "\"\\u00e9\\uD800\\u0000\"", "\"\x7f\xff\"",
		"\t\n\r 1 \t\n\r", "\xef\xbb\xbf[]", "{\"a\":1,\"a\":2}", "[0.0,0e0,-0]" };
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!frame_check(texts[i], strlen(texts[i]), &err))
			fail_msg("%s: %s", texts[i], err.text);
}

static void test_invalid_json(void **state)
{
	static const char *const texts[] = { "", " ", "\xef\xbb\xbf", "\xef\xbb[]",
		" \xef\xbb\xbf[]", "\xef\xbb\xbf\xef\xbb\xbf[]", "{", "}", "[", "]", "{]", "[}",
		"{}{}", "{},", "[]]", "[,]", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}",
		"{\"a\":1,}", "{,}", "{1:2}", "{a:1}", "{'a':1}", "{\"a\" 1}", "{\"a\"::1}",
		"{\"a\":1 \"b\":2}", "01", "-", "-a", "--1", "+1", "1.", ".5", "1.e5", "1e", "1e+",
		"1e+-5", "1.5.5", "0x10", "1a", "00", "-01", "1 2", "NaN", "Infinity", "tru",
		"truex", "nul", "nulll", "fals", "falsE", "True", "\"", "\"a", "\"\\", "\"\\x\"",
		"\"\\u\"", "\"\\u12g4\"", "\"\\u123\"", "\"\\U0041\"", "\"a\nb\"", "\"a\tb\"",
		"\"\x1f\"", "\"\\\n\"", "[1] x", "[1]\x0b", "// no\n[]", "[]/**/", "{\"a\":1}\x01",
		"\x01[]", "'a'", "[\"a]", "\x80", "\xff" };
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (frame_check(texts[i], strlen(texts[i]), &err))
			fail_msg("%s was taken", texts[i]);
	assert_false(frame_check("[]\0", 3, &err));
	assert_false(frame_check("[\0]", 3, &err));
	assert_false(frame_check("\"\0\"", 3, &err));
	assert_false(frame_check("\"\\\0\"", 4, &err));
	assert_false(frame_check("\"\\u00\0"
				 "0\"",
		8, &err));
}

/* feeds it whole and bytewise, and both say this */
static void assert_fault(const char *text, const char *said)
{
	for (size_t piece = 1; piece <= strlen(text) + 1;
		piece += strlen(text) > 0 ? strlen(text) : 1) {
		struct seen seen = { 0 };
		struct err err = { 0 };

		assert_false(split(text, strlen(text), piece, &seen, &err));
		assert_int_equal(err.kind, ERR_PROTOCOL);
		if (strstr(err.text, said) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", err.text, said);
		seen_done(&seen);
	}
}

static void test_shape(void **state)
{
	(void)state;
	assert_fault("", "empty");
	assert_fault(" \n", "empty");
	assert_fault("<!DOCTYPE html><html>", "the answer is a page, not JSON");
	assert_fault("hello", "not valid JSON: a value expected, not 'h' (at byte 0)");
	assert_fault("[]", "not an object with a list \"data\"");
	assert_fault("null", "not an object with a list \"data\"");
	assert_fault("42", "not an object with a list \"data\"");
	assert_fault("{}", "no list \"data\"");
	assert_fault("{\"tasks\":[]}", "no list \"data\"");
	assert_fault("{\"x\":{\"data\":[{}]}}", "no list \"data\"");
	assert_fault("{\"data\":null}", "\"data\" in the answer is not a list");
	assert_fault("{\"data\":{\"0\":{}}}", "\"data\" in the answer is not a list");
	assert_fault("{\"data\":\"[]\"}", "\"data\" in the answer is not a list");
	assert_fault("{\"data\":[],\"data\":[]}", "\"data\" twice");
	assert_fault("{\"data\":[],\"x\":0,\"d\\u0061t\\u0061\":[]}", "\"data\" twice");
	assert_fault("{\"data\":[{},7]}", "element 2 of \"data\" is not an object");
	assert_fault("{\"data\":[[]]}", "element 1 of \"data\" is not an object");
	assert_fault("{\"data\":[null]}", "element 1 of \"data\" is not an object");
	assert_fault("{\"data\":[{}]} x", "nothing more expected, not 'x' (at byte 14)");
	assert_fault("{\"data\":[{}]", "cut off after 12 bytes");
	assert_fault("{\"data\":[{},]}", "not valid JSON: a value expected, not ']'");
	assert_fault("{\"data\":[{\"a\":01}]}", "\",\" or a closing bracket expected, not '1'");
	assert_fault("{\"data\":[{\"a\":\"\x01\"}]}", "expected, not byte 0x01 (at byte 15)");
}

/* the document without its elements, however it is cut into pieces */
static void test_envelope(void **state)
{
	static const struct {
		const char *text;
		const char *envelope; /* NULL: not whole */
	} rows[] = {
		{ "{\"data\":[]}", "{\"data\":[]}" },
		{ " {\"m\":{\"data\":[{}]},\"data\":[{},{\"a\":[1]} , {\"b\":\"\\n\"}],\"n\":1}\n",
			" {\"m\":{\"data\":[{}]},\"data\":[],\"n\":1}\n" },
		{ "{\"errors\":[{\"x\":1}]}", "{\"errors\":[{\"x\":1}]}" },
		{ "{\"data\":null,\"errors\":[1]}", "{\"data\":null,\"errors\":[1]}" },
		{ "{\"data\":[{}", NULL },
		{ "{\"data\":[{}]}]", NULL },
		{ "<html>", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t piece = 1; piece <= strlen(rows[i].text); piece++) {
			struct seen seen = { 0 };
			struct frame_taker taker = { .element = take, .arg = &seen };
			struct frame *frame = frame_new("data", &taker);
			size_t len = strlen(rows[i].text);
			const struct buf *envelope;
			struct err err;

			for (size_t at = 0; at < len; at += piece)
				(void)feed_copy(frame, rows[i].text + at,
					len - at < piece ? len - at : piece, &err);
			envelope = frame_envelope(frame);
			assert_int_equal(envelope != NULL, rows[i].envelope != NULL);
			if (envelope != NULL)
				assert_string_equal(buf_text(envelope), rows[i].envelope);
			assert_int_equal(frame_elements(frame), seen.count);
			frame_free(frame);
			seen_done(&seen);
		}
}

static void test_member_name(void **state)
{
	static const char *const same[] = { "{\"data\":[{}]}", "{\"d\\u0061ta\":[{}]}",
		"{\"\\u0064\\u0061\\u0074\\u0061\":[{}]}",
		"{\"datax\":[1],\"dat\":[2],\"DATA\":4,\"data\\u00e9\":5,\"\":6,\"data\":[{}]}",
		"{\"x\":\"data\",\"y\":[\"data\"],\"z\":{\"data\":1,\"data\":2},\"data\":[{}]}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		for (size_t piece = 1; piece <= strlen(same[i]); piece++) {
			struct seen seen = { 0 };
			struct err err = { 0 };

			assert_true(split(same[i], strlen(same[i]), piece, &seen, &err));
			assert_int_equal(seen.count, 1);
			seen_done(&seen);
		}
}

/* the elements that are expected, in this order */
struct expected {
	struct seen seen;
	const char *const *next; /* NULL at the end */
};

static size_t know_next(void *arg, const char *bytes, size_t len)
{
	struct expected *expected = arg;
	size_t known = *expected->next != NULL ? strlen(*expected->next) : 0;

	if (known == 0 || known > len || memcmp(bytes, *expected->next, known) != 0)
		return 0;
	expected->next++;
	return known;
}

static bool take_unexpected(
	void *arg, const char *bytes, size_t len, const struct flat *flat, struct err *err)
{
	return take(&((struct expected *)arg)->seen, bytes, len, flat, err);
}

/* what is known is stepped over, and what stands around it is held to the same rules as ever */
static void test_known(void **state)
{
	static const char *const known[] = { "{\"a\":\"}\"}", "{\"b\":[{}]}", NULL };
	static const struct {
		const char *text, *read; /* NULL: not valid */
	} rows[] = {
		{ "{\"data\":[{\"a\":\"}\"},{\"b\":[{}]}]}", "" },
		{ "{\"data\": [ {\"a\":\"}\"} , {\"b\":[{}]} , {} ] }", "{}\n" },
		{ "{\"data\":[{\"x\":1},{\"a\":\"}\"},{},{\"b\":[{}]}]}", "{\"x\":1}\n{}\n" },
		{ "{\"data\":[{\"a\":\"}\"},{\"a\":\"}\"}]}", "{\"a\":\"}\"}\n" },
		{ "{\"data\":[{\"a\":\"}\"}}]}", NULL },
		{ "{\"data\":[{\"a\":\"}\"}{\"b\":[{}]}]}", NULL },
		{ "{\"data\":[{\"a\":\"}\"},]}", NULL },
		{ "{\"data\":[{\"a\":\"}\"}", NULL },
		/* not where elements stand */
		{ "{\"x\":[{\"a\":\"}\"}],\"data\":[]}", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t piece = strlen(rows[i].text); piece > 0; piece--) {
			struct expected expected = { .next = known };
			struct frame_taker taker = { know_next, take_unexpected, &expected };
			struct frame *frame = frame_new("data", &taker);
			size_t len = strlen(rows[i].text);
			struct err err = { 0 };
			bool good = true;

			for (size_t at = 0; at < len && good; at += piece)
				good = feed_copy(frame, rows[i].text + at,
					len - at < piece ? len - at : piece, &err);
			good = good && frame_end(frame, &err);
			assert_int_equal(good, rows[i].read != NULL);
			/* whole in one piece, so that what is known is seen as such */
			if (good && piece == len)
				assert_string_equal(
					buf_text(&expected.seen.elements), rows[i].read);
			frame_free(frame);
			seen_done(&expected.seen);
		}
}

static void test_taker_ends_it(void **state)
{
	static const char text[] = "{\"data\":[{},{},{}]}";
	struct seen seen = { .stop_after = 2 };
	struct frame_taker taker = { .element = take, .arg = &seen };
	struct frame *frame = frame_new("data", &taker);
	struct err err = { 0 };

	(void)state;
	assert_false(frame_feed(frame, text, strlen(text), &err));
	assert_int_equal(err.kind, ERR_IO);
	assert_string_equal(err.text, "enough");
	assert_int_equal(seen.count, 2);
	err = (struct err){ 0 };
	assert_false(frame_feed(frame, "", 0, &err));
	assert_string_equal(err.text, "enough");
	err = (struct err){ 0 };
	assert_false(frame_end(frame, &err));
	assert_string_equal(err.text, "enough");
	frame_free(frame);
	seen_done(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_every_piece_size),
		cmocka_unit_test(test_random_pieces),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_one_wrong_byte),
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_valid_json),
		cmocka_unit_test(test_invalid_json),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_member_name),
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_taker_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
