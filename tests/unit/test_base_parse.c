#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/parse.h"

static void integers_are_whole_and_in_range(void **state)
{
	static const char *const bad[] = { "", "-", "+1", " 1", "1 ", "1x", "x", "0x10", "1.0",
		"1e3", "--1", "9223372036854775808", "-9223372036854775809",
		"99999999999999999999" };
	int64_t value = 77;

	(void)state;
	assert_true(parse_int("0", 0, 9, &value));
	assert_int_equal(value, 0);
	assert_true(parse_int("-12", -12, 9, &value));
	assert_int_equal(value, -12);
	assert_true(parse_int("007", 0, 9, &value));
	assert_int_equal(value, 7);
	assert_true(parse_int("9223372036854775807", 0, INT64_MAX, &value));
	assert_true(value == INT64_MAX);
	assert_true(parse_int("-9223372036854775808", INT64_MIN, 0, &value));
	assert_true(value == INT64_MIN);
	value = 77;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(parse_int(bad[i], INT64_MIN, INT64_MAX, &value));
	assert_false(parse_int("10", 0, 9, &value));
	assert_false(parse_int("-1", 0, 9, &value));
	assert_int_equal(value, 77);
}

static void durations_have_units(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = { { "0", 0 }, { "500ms", 500 }, { "30s", 30000 }, { "5m", 300000 },
		{ "2h", 7200000 }, { "1d", 86400000 }, { "10", 10000 }, { "1.5m", 90000 },
		{ "0.25", 250 }, { "1.0005s", 1000 }, { "1.123456789s", 1123 },
		{ "0.5d", 43200000 }, { "00030s", 30000 } };
	static const char *const bad[] = { "", "s", "-1s", "+1s", " 1s", "1 s", "1s ", "1S", "1.s",
		".5s", "1..5s", "1e3s", "1w", "1sm", "1m30s", "99999999999999999999d", "0x10" };
	int64_t ms = 77;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(parse_duration(good[i].text, &ms));
		assert_int_equal(ms, good[i].ms);
	}
	ms = 77;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(parse_duration(bad[i], &ms));
	assert_int_equal(ms, 77);
}

static void durations_are_written_so_that_they_read_back(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = { { 0, "0" }, { 1, "1ms" }, { 1500, "1500ms" }, { 90000, "90s" },
		{ 7200000, "2h" }, { 86400000, "1d" }, { 129600000, "36h" } };
	char text[PARSE_DURATION_MAX];
	int64_t back;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_string_equal(duration_text(rows[i].ms, text), rows[i].text);
		assert_true(parse_duration(text, &back));
		assert_int_equal(back, rows[i].ms);
	}
	for (int64_t ms = 1; ms < INT64_C(90) * 86400000; ms = ms * 7 + 3) {
		assert_true(parse_duration(duration_text(ms, text), &back));
		assert_int_equal(back, ms);
	}
}

static void spans_of_the_day(void **state)
{
	static const char *const bad[] = { "", "22:00", "22:00-", "22:00-22:00", "24:00-07:00",
		"22:60-07:00", "2:00-07:00", "22.00-07.00", "22:00-07:00 ", "22:00 07:00",
		"aa:bb-cc:dd", "22:00-7:00x" };
	int from;
	int to;

	(void)state;
	assert_true(parse_day_span("22:00-07:00", &from, &to));
	assert_int_equal(from, 22 * 60);
	assert_int_equal(to, 7 * 60);
	assert_true(parse_day_span("00:00-23:59", &from, &to));
	assert_int_equal(from, 0);
	assert_int_equal(to, 23 * 60 + 59);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(parse_day_span(bad[i], &from, &to));
}

static void distance_counts_edits(void **state)
{
	char longer[80];

	(void)state;
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(parse_distance("interval", "interval", 2), 0);
	assert_int_equal(parse_distance("intervall", "interval", 2), 1);
	assert_int_equal(parse_distance("intreval", "interval", 2), 1);
	assert_int_equal(parse_distance("nterva", "interval", 2), 2);
	assert_int_equal(parse_distance("burst", "interval", 2), 3);
	assert_int_equal(parse_distance("", "ab", 2), 2);
	assert_int_equal(parse_distance("", "", 2), 0);
	assert_int_equal(parse_distance(longer, longer, 2), 3);
}

static void globs_match_whole_texts(void **state)
{
	(void)state;
	assert_true(glob_match("*", ""));
	assert_true(glob_match("docs-*", "docs-2026/a.pdf"));
	assert_true(glob_match("*", ".hidden"));
	assert_true(glob_match("d?cs", "docs"));
	assert_true(glob_match("[a-d]ocs", "docs"));
	assert_false(glob_match("docs", "docs2"));
	assert_false(glob_match("docs", "Docs"));
	assert_false(glob_match("d?cs", "dcs"));
	assert_false(glob_match("[!d]ocs", "docs"));
}

static void reads_hexadecimal_digits(void **state)
{
	static const char digits[] = "0123456789abcdef";

	(void)state;
	for (int i = 0; i < 16; i++)
		assert_int_equal(parse_hex(digits[i]), i);
	assert_int_equal(parse_hex('A'), 10);
	assert_int_equal(parse_hex('F'), 15);
	assert_int_equal(parse_hex('g'), -1);
	assert_int_equal(parse_hex('\0'), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_hexadecimal_digits),
		cmocka_unit_test(integers_are_whole_and_in_range),
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(durations_are_written_so_that_they_read_back),
		cmocka_unit_test(spans_of_the_day),
		cmocka_unit_test(distance_counts_edits),
		cmocka_unit_test(globs_match_whole_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
