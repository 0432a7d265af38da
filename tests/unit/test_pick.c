/* What is picked of a value, and that what a pick has read before does not change what it reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "json/lex.h"
#include "json/pick.h"

#define LONG_NAME "a_name_that_is_longer_than_any_lead_which_is_kept"

static const char *const objects[] = {
	"{}",
	"{ }",
	"{\"task_id\":\"a\",\"status\":\"queued\"}",
	"{\"task_id\":\"bb\",\"status\":\"x\"}",
	"{\"task_id\": \"a\" , \"status\" :\"queued\" }",
	"{\"task_id\":   \"a\",\"status\":  \"queued\"}",
	"{ \"task_id\":\"a\",\"status\":\"queued\"}",
	"{\"status\":\"queued\",\"task_id\":\"a\"}",
	"{\"task_id\":\"a\",\"finished_at\":null,\"status\":\"queued\"}",
	"{\"task_id\":\"a\",\"finished_at\":\"b\",\"status\":\"queued\"}",
	"{\"task_id\":\"a\",\"finished_at\":12,\"status\":\"queued\"}",
	"{\"task_id\":1,\"status\":true}",
	"{\"task_id\":\"a\",\"task_id\":\"b\"}",
	"{\"" LONG_NAME "\":\"a\",\"status\":\"queued\"}",
	"{\"" LONG_NAME "_\":\"a\",\"status\":\"queued\"}",
	"{\"\":\"\",\"status\":\"queued\"}",
	"{\"task_id\":\"a\",\"run\":{\"id\":7,\"steps\":[{\"n\":1},{\"n\":2}]},\"status\":\"queued\"}",
	"{\"run\":{\"steps\":[{\"n\":[[]]}],\"id\":null},\"task_id\":\"a\"}",
	"{\"run\":[],\"status\":[],\"task_id\":{}}",
	"{\"t\\u0061sk_id\":\"\\u0041\",\"status\":\"qu\\u0065ued\"}",
	/* not valid */
	"{\"task_id\":\"a\",\"status\":}",
	"{\"task_id\":\"a\",\"status\"}",
	"{\"task_id\":\"a\",}",
	"{\"task_id\":\"a\" \"status\":\"queued\"}",
	"{\"task_id\":\"\\u004\",\"status\":\"queued\"}",
	"{\"run\":{\"id\":7,\"steps\":[{\"n\":1},]}}",
	"{,\"task_id\":\"a\"}",
};

static const char *const pointers[] = { "/task_id", "/status", "/finished_at", "/run/id",
	"/run/steps/1/n", "/run" };

/* what is picked of the value, which is put where it ends exactly */
static void say(struct json_pick *pick, const char *text, size_t len, struct buf *out)
{
	cleanup_free char *copy = mem_resize(NULL, len, 1);
	struct json_value values[JSON_PICK_MAX];
	const char *stop;

	memcpy(copy, text, len);
	stop = json_pick_read(pick, copy, copy + len, 4, values);
	buf_clear(out);
	if (stop == NULL) {
		(void)buf_add_text(out, "not valid");
		return;
	}
	(void)buf_addf(out, "%d", (int)(stop - copy));
	for (size_t i = 0; i < pick->count; i++) {
		static const char types[] = "-nftNSAO";
		const struct json_value *value = &values[i];

		(void)buf_addf(out, " %c%s%.*s", types[value->type],
			value->type == JSON_STRING && value->escaped ? "\\" : "",
			value->type != JSON_MISSING ? (int)value->len : 0,
			value->type != JSON_MISSING ? value->bytes : "");
	}
}

static void test_after_any_other(void **state)
{
	cleanup_buf struct buf alone = { 0 };
	cleanup_buf struct buf after = { 0 };
	struct json_pick pick = { 0 };

	(void)state;
	assert_true(json_pick_init(&pick, "", pointers, ARRAY_LEN(pointers)));
	for (size_t i = 0; i < ARRAY_LEN(objects); i++)
		for (size_t j = 0; j < ARRAY_LEN(objects); j++) {
			struct json_pick fresh = { 0 };
			size_t len = strlen(objects[j]);

			/* cut anywhere, it is not whole, and leaves nothing behind */
			for (size_t cut = 1; cut < len; cut++) {
				say(&pick, objects[i], strlen(objects[i]), &after);
				say(&pick, objects[j], cut, &after);
				assert_string_equal(buf_text(&after), "not valid");
			}
			assert_true(json_pick_init(&fresh, "", pointers, ARRAY_LEN(pointers)));
			say(&fresh, objects[j], len, &alone);
			for (int twice = 0; twice < 2; twice++) {
				say(&pick, objects[j], len, &after);
				assert_string_equal(buf_text(&after), buf_text(&alone));
			}
		}
}

static void test_what_it_says(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "{\"task_id\":\"a\",\"status\":\"queued\"}", "33 Sa Squeued - - - -" },
		{ "{ \"status\" : \"x\" , \"task_id\":\"bb\" } ", "35 Sbb Sx - - - -" },
		{ "{\"task_id\":-1.50e+3,\"status\":true,\"finished_at\":null}",
			"53 N-1.50e+3 ttrue nnull - - -" },
		{ "{\"task_id\":\"a\",\"task_id\":false}", "31 ffalse - - - - -" },
		/* nested members, an index, and a container as it is written */
		{ "{\"run\":{\"id\":12345678901234567890,\"x\":{\"id\":1}}}",
			"48 - - - N12345678901234567890 - O{\"id\":12345678901234567890,\"x\":{\"id\":1}}" },
		{ "{\"run\":{\"steps\":[{\"n\":1},{\"n\":\"b\"},{\"n\":3}]}}",
			"45 - - - - Sb O{\"steps\":[{\"n\":1},{\"n\":\"b\"},{\"n\":3}]}" },
		{ "{\"run\":{\"steps\":{\"1\":{\"n\":2}}}}",
			"31 - - - - N2 O{\"steps\":{\"1\":{\"n\":2}}}" },
		{ "{\"run\":[{\"id\":1}]}", "18 - - - - - A[{\"id\":1}]" },
		/* of a name that stands twice the last one counts, with all that is in it */
		{ "{\"run\":{\"id\":1},\"run\":{}}", "25 - - - - - O{}" },
		{ "{\"run\":{\"id\":1},\"run\":7}", "24 - - - - - N7" },
		{ "{\"run\":{\"id\":1,\"steps\":[0,{\"n\":1}],\"steps\":[]}}",
			"47 - - - N1 - O{\"id\":1,\"steps\":[0,{\"n\":1}],\"steps\":[]}" },
		/* escapes, in texts and in names */
		{ "{\"t\\u0061sk_id\":\"\\u0041\",\"status\":\"a\\\"b\"}",
			"41 S\\\\u0041 S\\a\\\"b - - - -" },
		{ "{\"task_id\\u0000\":1,\"\\ud800\":2,\"status\":\"\"}", "42 - S - - - -" },
		/* other values than objects */
		{ "[{\"task_id\":1}]", "15 - - - - - -" },
		{ "7,", "1 - - - - - -" },
		{ "\"task_id\"", "9 - - - - - -" },
		/* as deep as was allowed, and deeper */
		{ "{\"x\":[[[]]]}", "12 - - - - - -" },
		{ "{\"x\":[[[[]]]]}", "not valid" },
	};
	cleanup_buf struct buf said = { 0 };
	struct json_pick pick = { 0 };

	(void)state;
	assert_true(json_pick_init(&pick, "", pointers, ARRAY_LEN(pointers)));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		say(&pick, rows[i].text, strlen(rows[i].text), &said);
		assert_string_equal(buf_text(&said), rows[i].said);
	}
}

static void test_pointers(void **state)
{
	static const char *const good[] = { "", "/", "/a~1b/~0c~1", "/a/0", NULL, "/a/00", "/a/-" };
	static const char *const bad[] = { "a" };
	static const char *const many[JSON_PICK_MAX + 1] = { NULL };
	static const char *const deep[] = {
		"/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/A/B/C/D/E/F/G/H"
		"/I/J/K/L/M/N/O/P/Q/R/S/T/U/V/W/X/Y/Z/-/+/./:",
	};
	cleanup_buf struct buf said = { 0 };
	struct json_pick pick = { 0 };

	(void)state;
	assert_false(json_pick_init(&pick, "", bad, 1));
	assert_false(json_pick_init(&pick, "", many, ARRAY_LEN(many)));
	assert_true(json_pick_init(&pick, "", many, JSON_PICK_MAX));
	assert_false(json_pick_init(&pick, "", deep, 1));
	assert_true(json_pick_init(&pick, "", good, ARRAY_LEN(good)));
	say(&pick, "[]", 2, &said);
	assert_string_equal(buf_text(&said), "2 A[] - - - - - -");
	say(&pick, "{\"\":1,\"a/b\":{\"~c/\":2},\"a\":[3,4]}", 32, &said);
	assert_string_equal(
		buf_text(&said), "32 O{\"\":1,\"a/b\":{\"~c/\":2},\"a\":[3,4]} N1 N2 N3 - - -");
	say(&pick, "{\"a\":{\"0\":1,\"00\":2,\"-\":3}}", 26, &said);
	assert_string_equal(
		buf_text(&said), "26 O{\"a\":{\"0\":1,\"00\":2,\"-\":3}} - - N1 - N2 N3");
}

static void test_unescape(void **state)
{
	static const struct {
		const char *bytes, *text;
		bool broken;
	} rows[] = {
		{ "", "", false },
		{ "plain \xff", "plain \xff", false },
		{ "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", false },
		{ "\\u0041\\u00e9\\u20AC\\uD83D\\ude00", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
			false },
		{ "a\\u0000b",
			"a\xef\xbf\xbd"
			"b",
			true },
		{ "\\ud800", "\xef\xbf\xbd", true },
		{ "\\ud800\\ud800\\udc00", "\xef\xbf\xbd\xf0\x90\x80\x80", true },
		{ "\\udc00\\n\\ud800x", "\xef\xbf\xbd\n\xef\xbf\xbdx", true },
		{ "\\ud800\\\\ud800", "\xef\xbf\xbd\\ud800", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = strlen(rows[i].bytes);
		cleanup_free char *to = mem_resize(NULL, len + 1, 1);
		bool broken = false;
		size_t got = json_unescape(rows[i].bytes, len, to, &broken);

		assert_int_equal(got, strlen(rows[i].text));
		assert_memory_equal(to, rows[i].text, got);
		assert_int_equal(broken, rows[i].broken);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_after_any_other),
		cmocka_unit_test(test_what_it_says),
		cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_unescape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
