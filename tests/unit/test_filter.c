#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/filter.h"

static char *words[4];

/* a list of one text */
static struct strings one(const char *text)
{
	static char room[4][32];
	static int next;
	int at = next++ % 4;

	(void)memcpy(room[at], text, strlen(text) + 1);
	words[at] = room[at];
	return (struct strings){ &words[at], 1 };
}

static const struct event task_event = {
	.type = EVENT_FAILURE,
	.source = "telnyx",
	.task_id = "a",
	.task_name = "embed-docs",
	.bucket = "docs",
};

static bool wants(const struct sink_config *sink, enum event_type type)
{
	struct event event = task_event;

	event.type = type;
	return filter_wants(sink, &event);
}

static void without_on_all_but_queued_and_processing(void **state)
{
	static char name[] = "desk";
	const struct sink_config sink = { .name = name, .type = SINK_DESKTOP };

	(void)state;
	for (int i = 0; i < EVENT_COUNT; i++)
		assert_int_equal(wants(&sink, (enum event_type)i),
			i != EVENT_QUEUED && i != EVENT_PROCESSING);
}

static void failed_is_another_word_for_failure(void **state)
{
	static char name[] = "desk";
	const struct sink_config sink = { .name = name, .type = SINK_DESKTOP, .on = one("failed") };

	(void)state;
	for (int i = 0; i < EVENT_COUNT; i++)
		assert_int_equal(wants(&sink, (enum event_type)i),
			i == EVENT_FAILURE || i == EVENT_STATE_LOST);
}

static void hooks_get_events_of_tasks_only(void **state)
{
	static char name[] = "hook";
	struct sink_config sink = { .name = name, .type = SINK_EXEC };

	(void)state;
	assert_true(wants(&sink, EVENT_SUCCESS));
	assert_true(wants(&sink, EVENT_GONE));
	assert_true(wants(&sink, EVENT_STUCK));
	assert_false(wants(&sink, EVENT_QUEUED));
	assert_false(wants(&sink, EVENT_SOURCE_DOWN));
	assert_false(wants(&sink, EVENT_SUMMARY));
	assert_true(wants(&sink, EVENT_STATE_LOST));
	sink.on = one("source_down");
	assert_true(wants(&sink, EVENT_SOURCE_DOWN));
	assert_false(wants(&sink, EVENT_SUCCESS));
	assert_true(wants(&sink, EVENT_STATE_LOST));
}

static void globs_filter_events_of_tasks(void **state)
{
	static char name[] = "log";
	struct sink_config sink = { .name = name, .type = SINK_LOG };
	struct event event = task_event;
	struct event down = { .type = EVENT_SOURCE_DOWN, .source = "telnyx" };

	(void)state;
	sink.names = one("embed-*");
	sink.buckets = one("docs");
	assert_true(filter_wants(&sink, &event));
	assert_true(filter_wants(&sink, &down));
	event.bucket = "docs2";
	assert_false(filter_wants(&sink, &event));
	event.bucket = NULL;
	assert_false(filter_wants(&sink, &event));
	sink.buckets = one("*");
	assert_true(filter_wants(&sink, &event));
	sink.users = one("u?");
	assert_false(filter_wants(&sink, &event));
	event.user_id = "u1";
	assert_true(filter_wants(&sink, &event));
}

static void sources_filter_everything_that_has_one(void **state)
{
	static char name[] = "log";
	struct sink_config sink = { .name = name, .type = SINK_LOG };
	struct event down = { .type = EVENT_SOURCE_DOWN, .source = "telnyx" };
	struct event failed = { .type = EVENT_SINK_FAILED, .sink = "hook" };

	(void)state;
	sink.sources = one("other");
	assert_false(filter_wants(&sink, &task_event));
	assert_false(filter_wants(&sink, &down));
	assert_true(filter_wants(&sink, &failed));
	sink.sources = one("tel*");
	assert_true(filter_wants(&sink, &task_event));
	assert_true(filter_wants(&sink, &down));
}

static void a_failing_sink_is_not_told_of_itself(void **state)
{
	static char name[] = "log", other[] = "desk";
	struct sink_config sink = { .name = name, .type = SINK_LOG };
	struct event failed = { .type = EVENT_SINK_FAILED, .sink = "log" };

	(void)state;
	assert_false(filter_wants(&sink, &failed));
	sink.name = other;
	assert_true(filter_wants(&sink, &failed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_on_all_but_queued_and_processing),
		cmocka_unit_test(failed_is_another_word_for_failure),
		cmocka_unit_test(hooks_get_events_of_tasks_only),
		cmocka_unit_test(globs_filter_events_of_tasks),
		cmocka_unit_test(sources_filter_everything_that_has_one),
		cmocka_unit_test(a_failing_sink_is_not_told_of_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
