/* When is a monitor healthy? How its pulse and state are read is seen end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "watch/vitals.h"
#include "base/mem.h"

#define NOW 1000000000
#define STARTED (NOW - 500000)

/* a source that is polled every 10 s, and just was */
static const struct pulse_source good = {
	.name = "a",
	.last_good_ms = NOW - 1000,
	.next_ms = NOW + 9000,
	.down_after_ms = 120000,
};

static bool degraded(const struct pulse_source *source)
{
	return vitals_source_degraded(source, STARTED, NOW);
}

static void a_source_may_fail_for_a_while(void **state)
{
	struct pulse_source source = good;

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
	struct pulse_source source = good;

	(void)state;
	source.last_good_ms = 0;
	source.failing_ms = NOW - 1;
	assert_true(degraded(&source));
	source.down_after_ms = 500001;
	assert_false(degraded(&source));
}

static void a_refused_key_is_no_matter_of_time(void **state)
{
	struct pulse_source source = good;

	(void)state;
	source.refused = true;
	assert_true(degraded(&source));
}

static void a_long_interval_is_no_fault(void **state)
{
	struct pulse_source source = good;

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
	assert_false(vitals_sink_degraded(&sink)); /* long ago */
	sink.failed_day = 1;
	assert_true(vitals_sink_degraded(&sink));
	sink.failed_day = 0;
	sink.last_failed = true;
	assert_true(vitals_sink_degraded(&sink));
}

static void one_fault_is_enough(void **state)
{
	struct vitals_source sources[2] = { { 0 } };
	struct store_sink sinks[2] = { { 0 } };
	struct vitals vitals = {
		.running = true,
		.sources = sources,
		.source_count = 2,
		.sinks = sinks,
		.sink_count = 2,
		.sinks_used = 2,
	};

	(void)state;
	assert_true(vitals_healthy(&vitals));
	sources[1].degraded = true;
	assert_false(vitals_healthy(&vitals));
	sources[1].degraded = false;
	sinks[1].last_failed = true;
	assert_false(vitals_healthy(&vitals));
	vitals.sinks_used = 1;
	assert_true(vitals_healthy(&vitals));
	sinks[1].last_failed = false;
	vitals.running = false;
	assert_false(vitals_healthy(&vitals));
}

static void source_named(struct vitals_source *source, const char *name)
{
	*source = (struct vitals_source){ .name = mem_strdup(name), .error = mem_strdup("why") };
}

static void only_one_source(void **state)
{
	struct vitals vitals = { .source_count = 3 };

	(void)state;
	vitals.sources = mem_alloc(3 * sizeof(*vitals.sources));
	source_named(&vitals.sources[0], "a");
	source_named(&vitals.sources[1], "b");
	source_named(&vitals.sources[2], "c");
	assert_ptr_equal(vitals_find(&vitals, "b"), &vitals.sources[1]);
	assert_null(vitals_find(&vitals, "x"));
	vitals_only(&vitals, "b");
	assert_int_equal(vitals.source_count, 1);
	assert_string_equal(vitals.sources[0].name, "b");
	vitals_only(&vitals, "x");
	assert_int_equal(vitals.source_count, 0);
	vitals_done(&vitals);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
