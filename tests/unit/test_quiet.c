/* Quiet hours by the local clock, also on the two nights a year on which it jumps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/stamp.h"
#include "core/quiet.h"
#include "io/clock.h"

static int64_t at(const char *stamp)
{
	int64_t us;

	assert_true(stamp_parse(stamp, &us));
	return us / 1000;
}

static int utc_minute(int64_t wall_ms)
{
	return (int)(wall_ms / 60000 % 1440);
}

static void test_parse(void **state)
{
	struct quiet quiet;

	(void)state;
	assert_true(quiet_parse("22:00-07:00", &quiet));
	assert_int_equal(quiet.from, 22 * 60);
	assert_int_equal(quiet.to, 7 * 60);
	assert_true(quiet_parse("", &quiet));
	assert_int_equal(quiet.from, quiet.to);
	assert_false(quiet_parse("22-7", &quiet));
	assert_false(quiet_parse("22:00-24:00", &quiet));
}

static void test_bounds(void **state)
{
	struct quiet night;
	struct quiet noon;
	struct quiet none;

	(void)state;
	assert_true(quiet_parse("22:00-07:00", &night) && quiet_parse("12:00-13:00", &noon) &&
		    quiet_parse("", &none));
	assert_false(quiet_holds(&night, 22 * 60 - 1));
	assert_true(quiet_holds(&night, 22 * 60));
	assert_true(quiet_holds(&night, 0));
	assert_true(quiet_holds(&night, 7 * 60 - 1));
	assert_false(quiet_holds(&night, 7 * 60));
	assert_false(quiet_holds(&noon, 12 * 60 - 1));
	assert_true(quiet_holds(&noon, 12 * 60));
	assert_false(quiet_holds(&noon, 13 * 60));
	for (int minute = 0; minute < 1440; minute++)
		assert_false(quiet_holds(&none, minute));
}

static void expect_end(const char *span, const char *from, const char *to, quiet_minute_fn minute)
{
	struct quiet quiet;
	char text[STAMP_TEXT_MAX];

	assert_true(quiet_parse(span, &quiet));
	assert_string_equal(stamp_text(quiet_end(&quiet, at(from), minute) * 1000, text), to);
}

static void test_end(void **state)
{
	(void)state;
	expect_end("22:00-07:00", "2026-01-10T22:00:00Z", "2026-01-11T07:00:00Z", utc_minute);
	expect_end("22:00-07:00", "2026-01-11T06:59:59.999Z", "2026-01-11T07:00:00Z", utc_minute);
	/* it is not quiet: now */
	expect_end("22:00-07:00", "2026-01-11T07:00:00Z", "2026-01-11T07:00:00Z", utc_minute);
	expect_end("", "2026-01-11T07:00:00Z", "2026-01-11T07:00:00Z", utc_minute);
	/* a single loud minute of the day is not missed, from whatever second */
	expect_end("07:01-07:00", "2026-01-11T07:01:30Z", "2026-01-12T07:00:00Z", utc_minute);
}

static void set_zone(const char *zone)
{
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

static void test_summer_time(void **state)
{
	(void)state;
	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	/* spring: 22:00 CET is 21:00 Z, 07:00 CEST is 05:00 Z: an hour less */
	expect_end(
		"22:00-07:00", "2026-03-28T21:00:00Z", "2026-03-29T05:00:00Z", clock_local_minute);
	/* an end inside the hour that is left out: at once when it is over */
	expect_end(
		"01:00-02:30", "2026-03-29T00:10:00Z", "2026-03-29T01:00:00Z", clock_local_minute);
	/* autumn: 07:00 CET is 06:00 Z: an hour more */
	expect_end(
		"22:00-07:00", "2026-10-24T20:00:00Z", "2026-10-25T06:00:00Z", clock_local_minute);
	/* the hour that comes twice is quiet twice */
	expect_end(
		"02:00-03:00", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", clock_local_minute);
	/* half an hour of summer time, and a zone off by 45 minutes */
	set_zone("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0");
	expect_end(
		"22:00-07:00", "2026-10-03T12:00:00Z", "2026-10-03T20:00:00Z", clock_local_minute);
	set_zone("<+0545>-5:45");
	expect_end(
		"22:00-07:00", "2026-10-03T16:15:00Z", "2026-10-04T01:15:00Z", clock_local_minute);
	set_zone("UTC0");
}

static int stuck_minute(int64_t wall_ms)
{
	(void)wall_ms;
	return 0;
}

static void test_clock_that_is_none(void **state)
{
	struct quiet quiet = { 0, 1 };

	(void)state;
	assert_int_equal(quiet_end(&quiet, 0, stuck_minute), 2LL * 86400000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_summer_time),
		cmocka_unit_test(test_clock_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
