#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "json/write.h"

static void writes_one_object(void **state)
{
	cleanup_buf struct buf out = { 0 };
	struct json_writer json = json_begin(&out);

	(void)state;
	json_int(&json, "schema", 1);
	json_text(&json, "text", "a \"b\" \\ /");
	json_text(&json, "none", NULL);
	json_bool(&json, "yes", true);
	json_bool(&json, "no", false);
	json_null(&json, "null");
	json_int(&json, "least", INT64_MIN);
	json_end(&json);
	assert_string_equal(buf_text(&out),
		"{\"schema\":1,\"text\":\"a \\\"b\\\" \\\\ /\",\"none\":null,\"yes\":true,"
		"\"no\":false,\"null\":null,\"least\":-9223372036854775808}");
}

static void an_empty_object(void **state)
{
	cleanup_buf struct buf out = { 0 };
	struct json_writer json = json_begin(&out);

	(void)state;
	json_end(&json);
	assert_string_equal(buf_text(&out), "{}");
}

static void seconds_have_the_digits_they_need(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = { { 0, "{\"s\":0}" }, { 1000, "{\"s\":1}" }, { 123400, "{\"s\":123.4}" },
		{ 1001, "{\"s\":1.001}" }, { 10, "{\"s\":0.01}" }, { -1500, "{\"s\":-1.5}" },
		{ -5, "{\"s\":-0.005}" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_buf struct buf out = { 0 };
		struct json_writer json = json_begin(&out);

		json_seconds(&json, "s", rows[i].ms);
		json_end(&json);
		assert_string_equal(buf_text(&out), rows[i].text);
	}
}

static void strings_are_always_valid(void **state)
{
	static const struct {
		const char *text;
		const char *json;
	} rows[] = {
		{ "", "\"\"" },
		{ "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
		{ "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"" },
		{ "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80",
			"\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"" },
		{ "a\xff\xed\xa0\x80z", "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"" },
		{ "</script>\xe2\x80\xa8", "\"</script>\\u2028\"" },
		{ "\xc2\x85\xc2\x9b \xe2\x80\xae", "\"\\u0085\\u009b \\u202e\"" },
		{ "\xf3\xa0\x80\x81", "\"\\udb40\\udc01\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_buf struct buf out = { 0 };

		json_add_string(&out, rows[i].text);
		assert_string_equal(buf_text(&out), rows[i].json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_one_object),
		cmocka_unit_test(an_empty_object),
		cmocka_unit_test(seconds_have_the_digits_they_need),
		cmocka_unit_test(strings_are_always_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
