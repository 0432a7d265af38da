/* The headline: what systemd shows of the monitor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "watch/headline.h"
#include "base/mem.h"

static void expect_headline(struct pulse_source *sources, size_t count, const char *expected)
{
	struct pulse pulse = { .sources = sources, .source_count = count };
	cleanup_buf struct buf line = { 0 };

	headline_add(&line, &pulse);
	assert_string_equal(buf_text(&line), expected);
}

static void no_poll_is_claimed_before_one_was_good(void **state)
{
	struct pulse_source source = { .name = "telnyx" };

	(void)state;
	expect_headline(&source, 1, "0 active, last poll none yet");
	expect_headline(NULL, 0, "0 active, last poll none yet");
}

static void sources_are_added_up_and_the_latest_poll_counts(void **state)
{
	struct pulse_source sources[] = {
		{ .name = "a", .active = 2, .last_good_ms = 1795473659123 },
		{ .name = "b", .active = 3, .last_good_ms = 1795473659000 - 60000 },
		{ .name = "c" },
	};

	(void)state;
	expect_headline(sources, 3, "5 active, last poll 2026-11-23T22:40:59Z");
}

static void an_error_follows_and_cannot_begin_an_assignment(void **state)
{
	struct pulse_source sources[] = {
		{ .name = "a", .error = "it said\nREADY=1\033[31m" },
		{ .name = "b", .active = 1 },
		{ .name = "c", .error = "no route" },
	};

	(void)state;
	expect_headline(sources, 3,
		"1 active, last poll none yet; a: it said\\nREADY=1\\x1b[31m; c: no route");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_poll_is_claimed_before_one_was_good),
		cmocka_unit_test(sources_are_added_up_and_the_latest_poll_counts),
		cmocka_unit_test(an_error_follows_and_cannot_begin_an_assignment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
