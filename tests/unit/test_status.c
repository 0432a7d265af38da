/* When a monitor is healthy, and its line for systemd. How its status file and state are read is
 * seen end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "watch/status.h"
#include "base/mem.h"

#define NOW 1000000000
#define STARTED (NOW - 500000)

/* a source that is polled every 10 s, and just was */
static const struct source_status good = {
	.name = (char[]){ "a" },
	.last_good_ms = NOW - 1000,
	.next_ms = NOW + 9000,
	.down_after_ms = 120000,
};

static bool degraded(const struct source_status *source)
{
	return status_source_degraded(source, STARTED, NOW);
}

static void a_source_may_fail_for_a_while(void **state)
{
	struct source_status source = good;

	(void)state;
	assert_false(degraded(&source));
	source.failing_ms = NOW - 500;
	assert_false(degraded(&source));
	source.last_good_ms = NOW - 119999;
	assert_false(degraded(&source));
	source.last_good_ms = NOW - 120000;
	assert_true(degraded(&source));
}

static void the_start_counts_where_no_poll_was_good(void **state)
{
	struct source_status source = good;

	(void)state;
	source.last_good_ms = 0;
	source.failing_ms = NOW - 1;
	assert_true(degraded(&source));
	source.down_after_ms = 500001;
	assert_false(degraded(&source));
}

static void a_refused_key_is_no_matter_of_time(void **state)
{
	struct source_status source = good;

	(void)state;
	source.refused = true;
	assert_true(degraded(&source));
}

static void a_long_interval_is_no_fault(void **state)
{
	struct source_status source = good;

	(void)state;
	source.last_good_ms = NOW - 300000;
	assert_false(degraded(&source));
	/* but it is one to be hung, or to wait for an answer for ever */
	source.next_ms = NOW - 1;
	assert_true(degraded(&source));
	source.next_ms = 0;
	assert_true(degraded(&source));
}

static void sinks_degrade(void **state)
{
	struct store_sink sink = { .failed = 5 };

	(void)state;
	assert_false(status_sink_degraded(&sink)); /* long ago */
	sink.failed_day = 1;
	assert_true(status_sink_degraded(&sink));
	sink.failed_day = 0;
	sink.last_failed = true;
	assert_true(status_sink_degraded(&sink));
}

static void one_fault_is_enough(void **state)
{
	struct source_status sources[2] = { { 0 } };
	struct sink_status sinks[2] = { { .configured = true }, { .configured = true } };
	struct monitor_status status = {
		.running = true,
		.sources = sources,
		.source_count = 2,
		.sinks = sinks,
		.sink_count = 2,
	};

	(void)state;
	assert_true(status_healthy(&status));
	sources[1].degraded = true;
	assert_false(status_healthy(&status));
	sources[1].degraded = false;
	sinks[1].stored.last_failed = true;
	assert_false(status_healthy(&status));
	sinks[1].configured = false;
	assert_true(status_healthy(&status));
	sinks[1].stored.last_failed = false;
	status.running = false;
	assert_false(status_healthy(&status));
}

static void source_named(struct source_status *source, const char *name)
{
	*source = (struct source_status){ .name = mem_strdup(name), .error = mem_strdup("why") };
}

static void only_one_source(void **state)
{
	struct monitor_status status = { .source_count = 3 };

	(void)state;
	status.sources = mem_alloc(3 * sizeof(*status.sources));
	source_named(&status.sources[0], "a");
	source_named(&status.sources[1], "b");
	source_named(&status.sources[2], "c");
	assert_ptr_equal(status_find(&status, "b"), &status.sources[1]);
	assert_null(status_find(&status, "x"));
	status_keep_only(&status, "b");
	assert_int_equal(status.source_count, 1);
	assert_string_equal(status.sources[0].name, "b");
	status_keep_only(&status, "x");
	assert_int_equal(status.source_count, 0);
	monitor_status_done(&status);
}

static void expect_line(struct source_status *sources, size_t count, const char *expected)
{
	struct monitor_status status = { .sources = sources, .source_count = count };
	cleanup_buf struct buf line = { 0 };

	status_add_line(&line, &status);
	assert_string_equal(buf_text(&line), expected);
}

static void no_poll_is_claimed_before_one_was_good(void **state)
{
	struct source_status source = { .name = (char[]){ "telnyx" } };

	(void)state;
	expect_line(&source, 1, "0 active, last poll none yet");
	expect_line(NULL, 0, "0 active, last poll none yet");
}

static void sources_are_added_up_and_the_latest_poll_counts(void **state)
{
	struct source_status sources[] = {
		{ .name = (char[]){ "a" }, .active = 2, .last_good_ms = 1795473659123 },
		{ .name = (char[]){ "b" }, .active = 3, .last_good_ms = 1795473659000 - 60000 },
		{ .name = (char[]){ "c" } },
	};

	(void)state;
	expect_line(sources, 3, "5 active, last poll 2026-11-23T22:40:59Z");
}

static void an_error_follows_and_cannot_begin_an_assignment(void **state)
{
	struct source_status sources[] = {
		{ .name = (char[]){ "a" }, .error = (char[]){ "it said\nREADY=1\033[31m" } },
		{ .name = (char[]){ "b" }, .active = 1 },
		{ .name = (char[]){ "c" }, .error = (char[]){ "no route" } },
	};

	(void)state;
	expect_line(sources, 3,
		"1 active, last poll none yet; a: it said\\nREADY=1\\x1b[31m; c: no route");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_may_fail_for_a_while),
		cmocka_unit_test(the_start_counts_where_no_poll_was_good),
		cmocka_unit_test(a_refused_key_is_no_matter_of_time),
		cmocka_unit_test(a_long_interval_is_no_fault),
		cmocka_unit_test(sinks_degrade),
		cmocka_unit_test(one_fault_is_enough),
		cmocka_unit_test(only_one_source),
		cmocka_unit_test(no_poll_is_claimed_before_one_was_good),
		cmocka_unit_test(sources_are_added_up_and_the_latest_poll_counts),
		cmocka_unit_test(an_error_follows_and_cannot_begin_an_assignment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
