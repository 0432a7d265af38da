/* Points in time as people write and read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/time_text.h"

#define NOW 1795552882000 /* 2026-11-24T20:41:22Z */
#define DAY 86400000

static int zone(void **state)
{
	(void)state;
	/* five hours and a half ahead of UTC, the whole year */
	if (setenv("TZ", "IST-5:30", 1) != 0)
		return -1;
	tzset();
	return 0;
}

static void what_is_written(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{ "0", NOW },
		{ "90", NOW - 90000 },
		{ "2h", NOW - 7200000 },
		{ "2h ago", NOW - 7200000 },
		{ "1.5d  ago", NOW - 129600000 },
		{ "0 ago", NOW },
		{ "1.5d", NOW - 129600000 },
		{ "100000d", 1 },
		{ "2026-11-24T20:41:22Z", NOW },
		{ "2026-11-24T20:41:22.250Z", NOW + 250 },
		{ "2026-11-24T22:41:22+02:00", NOW },
		{ "2026-11-24t20:41:22z", NOW },
		/* without a zone it is local */
		{ "2026-11-25T02:11:22", NOW },
		{ "2026-11-25 02:11:22.5", NOW + 500 },
		/* a date is its local midnight, 18:30 UTC of the day before */
		{ "2026-11-25", NOW - 7882000 },
		{ "1960-01-01T00:00:00Z", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t ms = -1;

		assert_true(time_text_parse(cases[i].text, NOW, &ms));
		assert_int_equal(ms, cases[i].ms);
	}
}

static void what_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"yesterday",
		"2h  ",
		"2h ahead",
		"2h ago ",
		" 2h ago",
		"ago",
		"2026-11-24 ago",
		"-2h",
		"2026-11",
		"2026-13-01",
		"2026-02-29",
		"2026-11-24T",
		"2026-11-24T20:41",
		"2026-11-24T25:00:00Z",
		"2026-11-24T20:41:22X",
		"20:41:22",
		"2026/11/24",
		"99999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		int64_t ms = -1;

		assert_false(time_text_parse(texts[i], NOW, &ms));
		assert_int_equal(ms, -1);
	}
}

static void assert_shown(int64_t ms, bool people, const char *text)
{
	cleanup_buf struct buf out = { 0 };

	time_text_add(&out, ms, NOW, people);
	assert_string_equal(buf_text(&out), text);
}

static void what_is_shown(void **state)
{
	(void)state;
	assert_shown(0, true, "-");
	assert_shown(0, false, "-");
	assert_shown(NOW, true, "02:11:22");
	assert_shown(NOW + 7000, true, "02:11:29");
	assert_shown(NOW - DAY, true, "Nov 24 02:11");
	assert_shown(NOW + DAY, true, "Nov 26 02:11");
	assert_shown(NOW - 400 * (int64_t)DAY, true, "2025-10-21 02:11");
	assert_shown(NOW - 119999, false, "2026-11-24T20:39:22.001Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(what_is_shown),
	};

	return cmocka_run_group_tests(tests, zone, NULL);
}
