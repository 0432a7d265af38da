#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/event.h"

static const struct event full = {
	.id = 17,
	.wall_ms = 1795473659123,
	.type = EVENT_SUCCESS,
	.source = "telnyx",
	.task_id = "3c90c3cc",
	.task_name = "embed \"docs\"",
	.bucket = "docs",
	.user_id = "u1",
	.from = "processing",
	.to = "success",
	.message = NULL,
	.created_us = 1795473535723000,
	.finished_us = 1795473659123000,
};

static const struct event bare = {
	.id = 1,
	.type = EVENT_SINK_FAILED,
	.sink = "hook",
	.message = "exit 1",
	.created_us = STAMP_NONE,
	.finished_us = STAMP_NONE,
};

static const char *json(const struct event *event)
{
	static struct buf out;

	buf_done(&out);
	event_json(event, &out);
	return buf_text(&out);
}

static const char *line(const struct event *event)
{
	static struct buf out;

	buf_done(&out);
	event_line(event, &out);
	return buf_text(&out);
}

static const char *field(const struct event *event, const char *name)
{
	static char scratch[EVENT_FIELD_TEXT_MAX];
	enum event_field found;
	size_t len;

	assert_true(event_field_find(name, strlen(name), &found));
	return event_field(event, found, scratch, &len);
}

static void json_has_every_field_of_the_manual(void **state)
{
	(void)state;
	assert_string_equal(json(&full),
		"{\"schema\":1,\"event_id\":17,\"time\":\"2026-11-23T22:40:59.123Z\",\"event\":"
		"\"success\","
		"\"source\":\"telnyx\",\"task_id\":\"3c90c3cc\",\"task_name\":\"embed "
		"\\\"docs\\\"\",\"bucket\":\"docs\","
		"\"user_id\":\"u1\",\"from\":\"processing\",\"to\":\"success\","
		"\"created_at\":\"2026-11-23T22:38:55.723Z\",\"finished_at\":\"2026-11-23T22:40:59."
		"123Z\","
		"\"duration_seconds\":123.4,\"message\":null}");
}

static void json_of_what_is_not_known_is_null(void **state)
{
	(void)state;
	assert_string_equal(json(&bare), "{\"schema\":1,\"event_id\":1,\"time\":\"1970-01-01T00:00:"
					 "00.000Z\",\"event\":\"sink_failed\","
					 "\"source\":null,\"task_id\":null,\"task_name\":null,"
					 "\"bucket\":null,\"user_id\":null,\"from\":null,"
					 "\"to\":null,\"created_at\":null,\"finished_at\":null,"
					 "\"duration_seconds\":null,\"message\":\"exit 1\","
					 "\"sink\":\"hook\"}");
}

static void dedup_are_for_people(void **state)
{
	struct event odd = full;

	(void)state;
	assert_string_equal(line(&full),
		"2026-11-23T22:40:59.123Z success telnyx 3c90c3cc embed \"docs\" "
		"(bucket docs, 2m 3s)");
	assert_string_equal(line(&bare), "1970-01-01T00:00:00.000Z sink_failed hook: exit 1");
	odd.task_name = "a\nb\033[31m";
	odd.bucket = NULL;
	odd.finished_us = STAMP_NONE;
	odd.type = EVENT_UNKNOWN;
	odd.to = "paused";
	assert_string_equal(line(&odd),
		"2026-11-23T22:40:59.123Z unknown telnyx 3c90c3cc a\\nb\\x1b[31m says paused");
}

static void fields_are_raw_values(void **state)
{
	enum event_field found;

	(void)state;
	assert_string_equal(field(&full, "event_id"), "17");
	assert_string_equal(field(&full, "time"), "2026-11-23T22:40:59.123Z");
	assert_string_equal(field(&full, "event"), "success");
	assert_string_equal(field(&full, "task_name"), "embed \"docs\"");
	assert_string_equal(field(&full, "duration_seconds"), "123.4");
	assert_string_equal(field(&full, "created_at"), "2026-11-23T22:38:55.723Z");
	assert_string_equal(field(&full, "message"), "");
	assert_string_equal(field(&bare, "sink"), "hook");
	assert_string_equal(field(&bare, "duration_seconds"), "");
	assert_false(event_field_find("nonsense", 8, &found));
	assert_false(event_field_find("", 0, &found));
}

static void durations_have_the_digits_they_need(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = { { 0, "0" }, { 5, "0.005" }, { 120000, "120" }, { 1010, "1.01" },
		{ 999, "0.999" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event event = { .created_us = 0, .finished_us = rows[i].ms * 1000 };

		assert_string_equal(field(&event, "duration_seconds"), rows[i].text);
	}
}

static void every_field_has_a_value(void **state)
{
	size_t count = 0;

	(void)state;
	for (const char *name; (name = event_field_name(count)) != NULL; count++)
		(void)field(&full, name);
	assert_int_equal(count, 16);
	assert_string_equal(field(&full, "schema"), "1");
}

static void a_copy_owns_its_texts(void **state)
{
	char name[] = "embed";
	struct event event = full;
	cleanup_free struct event *copy = NULL;

	(void)state;
	event.task_name = name;
	copy = event_copy(&event);
	name[0] = 'X';
	assert_string_equal(copy->task_name, "embed");
	assert_string_equal(copy->to, "success");
	assert_null(copy->message);
	assert_int_equal(copy->created_us, event.created_us);
	assert_ptr_not_equal(copy->source, event.source);
}

static void words_and_types_go_both_ways(void **state)
{
	enum event_type type;

	(void)state;
	for (int i = 0; i < EVENT_COUNT; i++) {
		assert_true(event_from_word(event_types[i].word, &type));
		assert_int_equal(type, i);
	}
	assert_true(event_from_word("failed", &type));
	assert_int_equal(type, EVENT_FAILURE);
	assert_false(event_from_word("", &type));
	assert_int_equal(event_of_status(STATUS_QUEUED), EVENT_QUEUED);
	assert_int_equal(event_of_status(STATUS_PARTIAL_SUCCESS), EVENT_PARTIAL_SUCCESS);
	assert_int_equal(event_of_status(STATUS_UNKNOWN), EVENT_UNKNOWN);
	assert_false(event_types[EVENT_QUEUED].told);
	assert_true(event_types[EVENT_FAILURE].told && event_types[EVENT_FAILURE].bad);
}

/* the colour of a status is that of its event: there is one table */
static void every_event_has_a_mark_of_one_column(void **state)
{
	(void)state;
	for (int i = 0; i < EVENT_COUNT; i++)
		assert_int_equal(text_width(event_types[i].mark), 1);
	assert_string_equal(event_types[EVENT_SUCCESS].sgr, "32");
	assert_string_equal(event_types[EVENT_FAILURE].sgr, "31");
	assert_string_equal(event_types[EVENT_PARTIAL_SUCCESS].sgr, "33");
}

static void spans(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = { { 0, "0.0s" }, { 850, "0.8s" }, { 9999, "9.9s" }, { 10000, "10s" },
		{ 59999, "59s" }, { 60000, "1m 0s" }, { 192000, "3m 12s" }, { 3600000, "1h 0m" },
		{ 7500000, "2h 5m" }, { 86400000, "1d 0h" }, { 200000000, "2d 7h" } };
	char text[EVENT_SPAN_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(event_span(rows[i].ms, text), rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_has_every_field_of_the_manual),
		cmocka_unit_test(json_of_what_is_not_known_is_null),
		cmocka_unit_test(dedup_are_for_people),
		cmocka_unit_test(fields_are_raw_values),
		cmocka_unit_test(durations_have_the_digits_they_need),
		cmocka_unit_test(every_field_has_a_value),
		cmocka_unit_test(a_copy_owns_its_texts),
		cmocka_unit_test(words_and_types_go_both_ways),
		cmocka_unit_test(every_event_has_a_mark_of_one_column),
		cmocka_unit_test(spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
