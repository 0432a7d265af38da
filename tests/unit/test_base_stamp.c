#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/stamp.h"

static void reads_what_apis_write(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01T00:00:01.5Z", 1500000 },
		{ "2026-11-23T22:40:59.123Z", 1795473659123000 },
		{ "2026-11-23T22:40:59.123456", 1795473659123456 },
		{ "2026-11-23 22:40:59", 1795473659000000 },
		{ "2026-11-23t22:40:59z", 1795473659000000 },
		{ "2026-11-24T00:10:59+01:30", 1795473659000000 },
		{ "2026-11-23T14:40:59-0800", 1795473659000000 },
		{ "2026-11-23T22:40:59.123456789Z", 1795473659123456 },
		{ "2026-11-23T22:40:59.1234567890Z", 1795473659123456 },
		{ "2026-11-23T22:40:59.12345678901234567890123456789", 1795473659123456 },
		{ "2026-11-23T22:40:59,5Z", 1795473659500000 },
		{ "2026-11-24 00:40:59+02", 1795473659000000 },
		{ "2026-11-23 14:40:59.5-08", 1795473659500000 },
		{ "2026-11-23T22:40:60Z", 1795473660000000 },
		{ "2024-02-29T00:00:00Z", 1709164800000000 },
		{ "2000-02-29T12:00:00Z", 951825600000000 },
		{ "1969-12-31T23:59:59.999999Z", -1 },
		{ "0001-01-01T00:00:00Z", -62135596800000000 },
		{ "9999-12-31T23:59:59Z", 253402300799000000 },
	};
	int64_t us;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(stamp_parse(rows[i].text, &us));
		assert_int_equal(us, rows[i].us);
	}
}

static void refuses_everything_else(void **state)
{
	static const char *const bad[] = { "", "2026", "2026-11-23", "2026-11-23T",
		"2026-11-23T22:40", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
		"2026-01-00T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T22:60:00Z",
		"2026-11-23T22:40:61Z", "2026-11-23T22:40:59.Z",
		"2026-11-23T22:40:59+02:", "2026-11-23T22:40:59+02:0", "2026-11-23T22:40:59+020",
		"2026-11-23T22:40:59+", "2026-11-23T22:40:59ZZ", "2026-11-23T22:40:59 Z",
		"2026-11-23T22:40:59+1", "2026-11-23T22:40:59+24:00", "2026-11-23T22:40:59+01:60",
		"2026-11-23X22:40:59Z", " 2026-11-23T22:40:59Z", "+026-11-23T22:40:59Z", "<string>",
		"1795473659" };
	int64_t us = 77;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(stamp_parse(bad[i], &us));
	assert_int_equal(us, 77);
}

static void reads_unix_time_by_its_size(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} rows[] = {
		{ "1795473659", 1795473659000000 },
		{ "1795473659.5", 1795473659500000 },
		{ "1795473659.1234567", 1795473659123456 },
		{ "1795473659123", 1795473659123000 },
		{ "1795473659123.4567", 1795473659123456 },
		{ "1795473659123456", 1795473659123456 },
		{ "1795473659123456.9", 1795473659123456 },
		{ "1795473659123456789", 1795473659123456 },
		{ "9999999999999999999", 9999999999999999 },
		{ "0", 0 },
		{ "0.0", 0 },
		{ "77", 77000000 },
		{ "99999999999", 99999999999000000 },
		{ "100000000000", 100000000000000 },
	};
	static const char *const bad[] = { "", "-1795473659", "+1795473659", "1.795473659e9", ".5",
		"1795473659.", "1795473659Z", " 1795473659", "1795473659 ", "0x10",
		"17954736591234567890", "2026-11-23T22:40:59Z", "1795473659.5.5", "true" };
	int64_t us = 77;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (stamp_parse_unix(bad[i], &us))
			fail_msg("taken for a time: %s", bad[i]);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(stamp_parse_unix(rows[i].text, &us));
		assert_int_equal(us, rows[i].us);
	}
}

static void writes_as_few_digits_as_show_it(void **state)
{
	char text[STAMP_TEXT_MAX];

	(void)state;
	assert_string_equal(stamp_text(1795473659000000, text), "2026-11-23T22:40:59Z");
	assert_string_equal(stamp_text(1795473659120000, text), "2026-11-23T22:40:59.120Z");
	assert_string_equal(stamp_text(1795473659120001, text), "2026-11-23T22:40:59.120001Z");
	assert_string_equal(stamp_text(-1, text), "1969-12-31T23:59:59.999999Z");
	assert_string_equal(stamp_text_ms(1795473659123, text), "2026-11-23T22:40:59.123Z");
	assert_string_equal(stamp_text_ms(0, text), "1970-01-01T00:00:00.000Z");
	assert_string_equal(stamp_text_ms(-1, text), "1969-12-31T23:59:59.999Z");
}

/* against the system's own calendar, a day and a bit at a time through 400 years */
static void agrees_with_the_system_calendar(void **state)
{
	char text[STAMP_TEXT_MAX];
	char expected[STAMP_TEXT_MAX];

	(void)state;
	for (time_t t = 0; t < (time_t)400 * 366 * 86400; t += 86400 + 977) {
		struct tm tm;
		int64_t us;

		assert_non_null(gmtime_r(&t, &tm));
		assert_true(strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
		assert_string_equal(stamp_text((int64_t)t * 1000000, text), expected);
		assert_true(stamp_parse(text, &us));
		assert_int_equal(us, (int64_t)t * 1000000);
	}
}

static void local_time_has_a_date_only_for_other_days(void **state)
{
	static const struct {
		int64_t ms;
		int64_t now_ms;
		const char *text;
	} rows[] = {
		/* five hours and a half ahead of UTC: 1795552882 is Nov 25 02:11:22 there */
		{ 1795552882000, 1795552882000, "02:11:22" },
		{ 1795552882999, 1795552882000, "02:11:22" },
		{ 1795544999000, 1795552882000, "Nov 24 23:59" },
		{ 1795552882000, 1795544999000, "Nov 25 02:11" },
		{ 1798700000000, 1798650000000, "Dec 31 12:23" },
		{ 1798700000000, 1798800000000, "2026-12-31 12:23" },
		{ 1795990000000, 1796100000000, "Nov 30 03:36" },
		{ 1796110000000, 1796200000000, "Dec  1 12:56" },
	};
	char text[STAMP_TEXT_MAX];

	(void)state;
	assert_int_equal(setenv("TZ", "IST-5:30", 1), 0);
	tzset();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_string_equal(
			stamp_text_local(rows[i].ms, rows[i].now_ms, text), rows[i].text);
		assert_string_equal(
			stamp_text_for(true, rows[i].ms, rows[i].now_ms, text), rows[i].text);
	}
	assert_string_equal(
		stamp_text_for(false, 1795552882000, 0, text), "2026-11-24T20:41:22.000Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_apis_write),
		cmocka_unit_test(refuses_everything_else),
		cmocka_unit_test(reads_unix_time_by_its_size),
		cmocka_unit_test(writes_as_few_digits_as_show_it),
		cmocka_unit_test(agrees_with_the_system_calendar),
		cmocka_unit_test(local_time_has_a_date_only_for_other_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
