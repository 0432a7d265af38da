#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/hash.h"
#include "json/check.h"
#include "json/split.h"

/* what was handed out: each element and a newline */
struct seen {
	struct buf elements;
	size_t count;
	size_t carried; /* of these, begun in an earlier chunk */
	const char *begin; /* NULL, or what every element must lie in */
	const char *end;
};

/* feeds a copy of exact size, so that a byte read past a chunk is found by sanitizers and valgrind
 */
static void feed_copy(struct json_split *split, const char *bytes, size_t len, struct seen *seen)
{
	cleanup_free char *copy = mem_resize(NULL, len + 1, 1);
	struct json_value value;
	struct json_element element;

	if (len != 0)
		memcpy(copy + 1, bytes, len);
	json_split_feed(split, seen->begin != NULL ? bytes : copy + 1, len);
	while (json_split_next(split, &value, &element)) {
		assert_int_equal(value.type, JSON_OBJECT);
		assert_ptr_equal(value.bytes, element.bytes);
		assert_int_equal(value.len, element.len);
		if (seen->begin != NULL)
			assert_true(element.bytes >= seen->begin &&
				    element.bytes + element.len <= seen->end);
		assert_true(buf_add(&seen->elements, element.bytes, element.len));
		assert_true(buf_add_char(&seen->elements, '\n'));
		seen->count++;
		seen->carried += element.carried;
	}
}

/* the element itself is what is picked */
static struct json_pick *pick_whole(void)
{
	static const char *const pointers[] = { "" };
	static struct json_pick pick;

	assert_true(json_pick_init(&pick, "", pointers, 1));
	return &pick;
}

static bool split_at(enum split_form form, const char *path, const char *text, size_t len,
	size_t chunk, struct seen *seen, struct err *err)
{
	struct json_split *split = json_split_new(form, path, pick_whole());
	bool good;

	for (size_t at = 0; at < len; at += chunk)
		feed_copy(split, text + at, len - at < chunk ? len - at : chunk, seen);
	good = json_split_good(split, err) && json_split_end(split, err);
	json_split_free(split);
	return good;
}

static bool split(const char *text, size_t len, size_t chunk, struct seen *seen, struct err *err)
{
	return split_at(SPLIT_LIST, "/data", text, len, chunk, seen, err);
}

static void seen_done(struct seen *seen)
{
	buf_done(&seen->elements);
	*seen = (struct seen){ 0 };
}

/* all that JSON has, with blanks wherever they may stand, and elements nested and not */
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
	assert_int_equal(seen.carried, 0);
	seen_done(&seen);
}

static void test_every_chunk_size(void **state)
{
	(void)state;
	for (size_t chunk = 1; chunk < sizeof(rich); chunk++) {
		struct seen seen = { 0 };
		struct err err = { 0 };

		assert_true(split(rich, sizeof(rich) - 1, chunk, &seen, &err));
		assert_string_equal(buf_text(&seen.elements), rich_elements);
		assert_int_equal(seen.count, 6);
		seen_done(&seen);
	}
}

static void test_random_chunks(void **state)
{
	const struct hash_key key = { 1, 2 };
	uint64_t turn = 0;

	(void)state;
	for (int round = 0; round < 500; round++) {
		struct seen seen = { 0 };
		struct json_split *split = json_split_new(SPLIT_LIST, "/data", pick_whole());
		struct err err = { 0 };

		for (size_t at = 0; at < sizeof(rich) - 1;) {
			size_t len = (size_t)(hash_bytes(&key, &turn, sizeof(turn)).lo % 60);

			turn++;
			if (len > sizeof(rich) - 1 - at)
				len = sizeof(rich) - 1 - at;
			feed_copy(split, rich + at, len, &seen);
			assert_true(json_split_good(split, &err));
			at += len;
		}
		assert_true(json_split_end(split, &err));
		assert_string_equal(buf_text(&seen.elements), rich_elements);
		json_split_free(split);
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

/* one wrong byte: the pick from whole elements and the machine of single states agree on it
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
			assert_int_equal(whole.count, single.count);
			seen_done(&whole);
			seen_done(&single);
			text[at] = rich[at];
		}
}

static void test_in_place(void **state)
{
	struct seen seen = { .begin = rich, .end = rich + sizeof(rich) };
	struct err err;

	(void)state;
	assert_true(split(rich, sizeof(rich) - 1, sizeof(rich), &seen, &err));
	assert_int_equal(seen.count, 6);
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
		if (!json_is_valid(texts[i], strlen(texts[i]), &err))
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
		if (json_is_valid(texts[i], strlen(texts[i]), &err))
			fail_msg("%s was taken", texts[i]);
	assert_false(json_is_valid("[]\0", 3, &err));
	assert_false(json_is_valid("[\0]", 3, &err));
	assert_false(json_is_valid("\"\0\"", 3, &err));
	assert_false(json_is_valid("\"\\\0\"", 4, &err));
	assert_false(json_is_valid("\"\\u00\0"
				   "0\"",
		8, &err));
}

/* feeds it whole and bytewise, and both say this */
static void assert_fault(const char *text, const char *said)
{
	for (size_t chunk = 1; chunk <= strlen(text) + 1;
		chunk += strlen(text) > 0 ? strlen(text) : 1) {
		struct seen seen = { 0 };
		struct err err = { 0 };

		assert_false(split(text, strlen(text), chunk, &seen, &err));
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

/* the document without its elements, however it is cut into chunks */
static void test_outside(void **state)
{
	static const struct {
		const char *text;
		const char *outside; /* NULL: not whole */
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
		for (size_t chunk = 1; chunk <= strlen(rows[i].text); chunk++) {
			struct seen seen = { 0 };
			struct json_split *split =
				json_split_new(SPLIT_LIST, "/data", pick_whole());
			size_t len = strlen(rows[i].text);
			const struct buf *outside;

			for (size_t at = 0; at < len; at += chunk)
				feed_copy(split, rows[i].text + at,
					len - at < chunk ? len - at : chunk, &seen);
			outside = json_split_outside(split);
			assert_int_equal(outside != NULL, rows[i].outside != NULL);
			if (outside != NULL)
				assert_string_equal(buf_text(outside), rows[i].outside);
			assert_int_equal(json_split_elements(split), seen.count);
			json_split_free(split);
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
		for (size_t chunk = 1; chunk <= strlen(same[i]); chunk++) {
			struct seen seen = { 0 };
			struct err err = { 0 };

			assert_true(split(same[i], strlen(same[i]), chunk, &seen, &err));
			assert_int_equal(seen.count, 1);
			seen_done(&seen);
		}
}

/* where the list can be, and what of it is an element: rows of form, path, document and elements */
static void test_paths(void **state)
{
	static const struct {
		enum split_form form;
		const char *path;
		const char *text;
		const char *elements; /* NULL: not valid … */
		const char *said; /* … with this, or the document without them */
	} rows[] = {
		{ SPLIT_LIST, "", " [ {\"a\":1} , {} ] ", "{\"a\":1}\n{}\n", " [] " },
		{ SPLIT_LIST, "", "[]", "", "[]" },
		{ SPLIT_LIST, "", "[{}]x", NULL, "nothing more expected, not 'x'" },
		{ SPLIT_LIST, "", "[{},1]", NULL, "element 2 of the answer is not an object" },
		{ SPLIT_LIST, "", "{\"a\":[]}", NULL, "but not a list (at byte 0)" },
		{ SPLIT_LIST, "/a/b", "{\"b\":[{}],\"a\":{\"a\":[{}],\"b\":[{\"b\":[2]}],\"c\":0}}",
			"{\"b\":[2]}\n", "{\"b\":[{}],\"a\":{\"a\":[{}],\"b\":[],\"c\":0}}" },
		{ SPLIT_LIST, "/a/b", "{\"a\":{\"b\":[],\"b\":[]}}", NULL, "\"a/b\" twice" },
		{ SPLIT_LIST, "/a/b", "{\"a\":{},\"a\":{\"b\":[]}}", NULL, "\"a/b\" twice" },
		{ SPLIT_LIST, "/a/b", "{\"a\":[{\"b\":[{}]}]}", NULL, "no list \"a/b\"" },
		{ SPLIT_LIST, "/a/b", "{\"a\":{\"b\":7}}", NULL, "is not a list" },
		{ SPLIT_LIST, "/a~1b/~0", "{\"a/b\":{\"~\":[{}]}}", "{}\n",
			"{\"a/b\":{\"~\":[]}}" },
		{ SPLIT_LIST, "/1/x", "[[{}],{\"x\":[{\"y\":[]}]},{\"x\":[{}]}]", "{\"y\":[]}\n",
			"[[{}],{\"x\":[]},{\"x\":[{}]}]" },
		{ SPLIT_LIST, "/r/0", "{\"r\":[[{\"k\":1}],[{}]],\"n\":\"t\"}", "{\"k\":1}\n",
			"{\"r\":[[],[{}]],\"n\":\"t\"}" },
		{ SPLIT_LIST, "/0", "{\"0\":[{}]}", "{}\n", "{\"0\":[]}" },
		{ SPLIT_LIST, "/a/b/c/d", "{\"a\":{\"b\":{\"c\":{\"d\":[{}]}}}}", "{}\n",
			"{\"a\":{\"b\":{\"c\":{\"d\":[]}}}}" },
		{ SPLIT_VALUES, "", "{ \"x\" : {\"a\":1} , \"y\":{}}", "{\"a\":1}\n{}\n", "{}" },
		{ SPLIT_VALUES, "", "[{}]", "{}\n", "[]" },
		{ SPLIT_VALUES, "/t", "{\"t\":{\"t\":{\"t\":[3]},\"u\":{}},\"more\":true}",
			"{\"t\":[3]}\n{}\n", "{\"t\":{},\"more\":true}" },
		{ SPLIT_VALUES, "/t", "{\"t\":{\"t\":5}}", NULL, "element 1 of \"t\" is not" },
		{ SPLIT_VALUES, "/t", "{\"t\":7}", NULL, "is not a list" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t chunk = strlen(rows[i].text); chunk > 0; chunk--) {
			struct json_split *split =
				json_split_new(rows[i].form, rows[i].path, pick_whole());
			size_t len = strlen(rows[i].text);
			struct seen seen = { 0 };
			struct err err = { 0 };
			bool good;

			assert_non_null(split);
			for (size_t at = 0; at < len; at += chunk)
				feed_copy(split, rows[i].text + at,
					len - at < chunk ? len - at : chunk, &seen);
			good = json_split_end(split, &err);
			if (good != (rows[i].elements != NULL))
				fail_msg("%s in %s: %s", rows[i].path, rows[i].text, err.text);
			if (!good && strstr(err.text, rows[i].said) == NULL)
				fail_msg("%s in %s: %s", rows[i].path, rows[i].text, err.text);
			if (good) {
				assert_string_equal(buf_text(&seen.elements), rows[i].elements);
				assert_string_equal(
					buf_text(json_split_outside(split)), rows[i].said);
			}
			json_split_free(split);
			seen_done(&seen);
		}
	assert_null(json_split_new(SPLIT_LIST, "data", NULL));
	assert_null(json_split_new(SPLIT_LIST, "/a/b/c/d/e", NULL));
	assert_null(json_split_new(SPLIT_LIST,
		"/a_name_of_a_list_that_is_longer_than_any_which_a_json_api_has_ever_had_in_all_of_the_"
		"known_world",
		NULL));
}

/* what a source type watches beside the list is picked from the document without it */
static void test_watched(void **state)
{
	static const char *const pointers[] = { "/has_more", "/meta/next", "/errors/0/detail",
		"/total" };
	static const char text[] =
		"{\"meta\":{\"next\":\"p\\u0032\"},\"data\":[{\"has_more\":1}],\"has_more\":true,"
		"\"errors\":[{\"detail\":\"half\"}],\"total\":12345678901234567890}";
	struct json_split *split = json_split_new(SPLIT_LIST, "/data", pick_whole());
	struct json_pick pick = { 0 };
	struct json_value values[4];
	struct seen seen = { 0 };
	const struct buf *outside;

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		feed_copy(split, text + i, 1, &seen);
	outside = json_split_outside(split);
	assert_true(json_pick_init(&pick, "", pointers, 4));
	assert_ptr_equal(json_pick_read(&pick, outside->data, outside->data + outside->len,
				 JSON_DEPTH_MAX, values),
		outside->data + outside->len);
	assert_int_equal(values[0].type, JSON_TRUE);
	assert_int_equal(values[1].type, JSON_STRING);
	assert_true(values[1].escaped);
	assert_memory_equal(values[2].bytes, "half", 4);
	assert_int_equal(values[3].type, JSON_NUMBER);
	assert_int_equal(values[3].len, 20);
	assert_memory_equal(values[3].bytes, "12345678901234567890", 20);
	json_split_free(split);
	seen_done(&seen);
}

/* what is wrong is said again at every later call, and nothing more is read */
static void test_fault_stays(void **state)
{
	struct json_split *split = json_split_new(SPLIT_LIST, "/data", pick_whole());
	struct seen seen = { 0 };
	struct err err = { 0 };

	(void)state;
	feed_copy(split, "{\"data\":[{},7", 13, &seen);
	assert_int_equal(seen.count, 1);
	for (int i = 0; i < 2; i++) {
		err = (struct err){ 0 };
		assert_false(json_split_good(split, &err));
		assert_string_equal(
			err.text, "element 2 of \"data\" is not an object (at byte 12)");
		feed_copy(split, ",{}]}", 5, &seen);
		assert_int_equal(seen.count, 1);
		err = (struct err){ 0 };
		assert_false(json_split_end(split, &err));
		assert_string_equal(
			err.text, "element 2 of \"data\" is not an object (at byte 12)");
	}
	assert_null(json_split_outside(split));
	json_split_free(split);
	seen_done(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_every_chunk_size),
		cmocka_unit_test(test_random_chunks),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_one_wrong_byte),
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_valid_json),
		cmocka_unit_test(test_invalid_json),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_member_name),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_watched),
		cmocka_unit_test(test_fault_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
