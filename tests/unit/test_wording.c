/* The sentences of notifications: exact, and safe with whatever the network says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/sentence.h"
#include "core/wording.h"

static struct wording how; /* now is the beginning of time, so that nothing is late */

static struct event task_event(enum event_type type, const char *name)
{
	return (struct event){
		.type = type,
		.source = "telnyx",
		.task_id = "0b3d",
		.task_name = name,
		.bucket = "docs",
		.created_us = 1000000,
		.finished_us = 124000000,
	};
}

static void expect_single(const struct event *event, const char *want)
{
	struct buf out = { 0 };

	wording_single(event, &how, &out);
	assert_string_equal(buf_text(&out), want);
	buf_done(&out);
}

static void test_single(void **state)
{
	struct event event = task_event(EVENT_PARTIAL_SUCCESS, "embed-bucket");

	(void)state;
	expect_single(&event, "app-name: taskbell\n"
			      "desktop-entry: taskbell\n"
			      "summary: embed-bucket finished: partial success\n"
			      "body: bucket docs \xc2\xb7 2m 3s\n"
			      "urgency: critical\n"
			      "category: transfer.error\n"
			      "icon: dialog-warning\n");
	event.type = EVENT_SUCCESS;
	event.message = "40 files";
	expect_single(&event, "app-name: taskbell\n"
			      "desktop-entry: taskbell\n"
			      "summary: embed-bucket finished\n"
			      "body: bucket docs \xc2\xb7 2m 3s\\n40 files\n"
			      "urgency: normal\n"
			      "category: transfer.complete\n"
			      "icon: dialog-information\n");
}

static void expect_sentence(const struct event *event, const char *want)
{
	struct buf out = { 0 };

	sentence_add(event, SENTENCE_NAME_COLUMNS, &out);
	assert_string_equal(buf_text(&out), want);
	buf_done(&out);
}

static void test_sentences(void **state)
{
	static const struct {
		enum event_type type;
		const char *want;
	} cases[] = {
		{ EVENT_QUEUED, "n is queued" },
		{ EVENT_PROCESSING, "n is being processed" },
		{ EVENT_SUCCESS, "n finished" },
		{ EVENT_FAILURE, "n failed" },
		{ EVENT_PARTIAL_SUCCESS, "n finished: partial success" },
		{ EVENT_GONE, "n is gone" },
		{ EVENT_STUCK, "n is stuck" },
	};
	struct event event;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		event = task_event(cases[i].type, "n");
		expect_sentence(&event, cases[i].want);
	}
	event = task_event(EVENT_UNKNOWN, "n");
	event.to = "paus\ned";
	expect_sentence(&event, "n has an unknown status: paus\\ned");
	/* a task without a name is called by its id */
	event = task_event(EVENT_FAILURE, NULL);
	expect_sentence(&event, "0b3d failed");
	event.task_name = "";
	expect_sentence(&event, "0b3d failed");
	event = (struct event){ .type = EVENT_SOURCE_DOWN, .source = "telnyx" };
	expect_sentence(&event, "telnyx cannot be reached");
	event.type = EVENT_SOURCE_UP;
	expect_sentence(&event, "telnyx is reached again");
	event = (struct event){ .type = EVENT_SINK_FAILED, .sink = "hook" };
	expect_sentence(&event, "hook does not deliver");
	event = (struct event){ .type = EVENT_STATE_LOST };
	expect_sentence(&event, "taskbell lost its state");
}

/* every line of the note is ours: nothing from the network can begin one */
static void test_hostile_text(void **state)
{
	struct event event =
		task_event(EVENT_FAILURE, "a\nurgency: low\\n\x1b[31m\xe2\x80\xae\xff");

	(void)state;
	event.bucket = "b\nsummary: x";
	event.message = "m\r\n\ticon: y";
	event.finished_us = STAMP_NONE;
	expect_single(&event,
		"app-name: taskbell\n"
		"desktop-entry: taskbell\n"
		"summary: a\\\\nurgency: low\\\\n\\\\x1b[31m\\\\u{202e}\\\\xff failed\n"
		"body: bucket b\\\\nsummary: x\\nm\\\\r\\\\n\\\\ticon: y\n"
		"urgency: critical\n"
		"category: transfer.error\n"
		"icon: dialog-error\n");
}

static void expect_digest(
	struct digest *digest, const char *summary, const char *body, const char *urgency)
{
	struct buf out = { 0 };
	cleanup_free char *want = mem_printf("summary: %s\n%s%s%surgency: %s\n", summary,
		*body != '\0' ? "body: " : "", body, *body != '\0' ? "\n" : "", urgency);

	wording_digest(digest, &how, &out);
	if (strstr(buf_text(&out), want) == NULL)
		fail_msg("%sis not in\n%s", want, buf_text(&out));
	buf_done(&out);
	digest_done(digest);
}

static void add(struct digest *digest, enum event_type type, const char *name, const char *message)
{
	struct event event = task_event(type, name);

	event.message = message;
	digest_add(digest, &event);
}

static void test_digest(void **state)
{
	struct digest digest = { 0 };

	(void)state;
	for (int i = 0; i < 17; i++)
		add(&digest, EVENT_SUCCESS, "good", NULL);
	expect_digest(&digest, "17 tasks finished", "", "normal");
	add(&digest, EVENT_SUCCESS, "good", NULL);
	add(&digest, EVENT_FAILURE, "bad", "no space");
	add(&digest, EVENT_GONE, "lost", NULL);
	add(&digest, EVENT_FAILURE, "worse", NULL);
	add(&digest, EVENT_SUCCESS, "good", NULL);
	expect_digest(&digest, "2 tasks failed, 1 gone, 2 finished",
		"worse failed\\nlost is gone\\nbad failed: no space", "critical");
	add(&digest, EVENT_FAILURE, "bad", NULL);
	add(&digest, EVENT_PARTIAL_SUCCESS, "half", NULL);
	expect_digest(&digest, "1 task failed, 1 finished with partial success",
		"half finished: partial success\\nbad failed", "critical");
}

static void test_digest_with_messages_of_the_monitor(void **state)
{
	struct digest digest = { 0 };
	struct event down = {
		.type = EVENT_SOURCE_DOWN, .source = "telnyx", .message = "timed out"
	};
	struct event up = { .type = EVENT_SOURCE_UP, .source = "telnyx" };

	(void)state;
	digest_add(&digest, &down);
	digest_add(&digest, &up);
	add(&digest, EVENT_SUCCESS, "good", NULL);
	/* it is over */
	expect_digest(&digest, "1 task finished, 1 message from taskbell",
		"telnyx is reached again", "normal");
	digest_add(&digest, &up);
	digest_add(&digest, &down);
	expect_digest(&digest, "2 messages from taskbell",
		"telnyx cannot be reached: timed out\\ntelnyx is reached again", "critical");
	digest_add(&digest, &up);
	expect_digest(&digest, "1 message from taskbell", "telnyx is reached again", "normal");
}

static void test_digest_is_bounded(void **state)
{
	struct digest digest = { 0 };

	(void)state;
	for (int i = 0; i < 8; i++) {
		cleanup_free char *name = mem_printf("task-%04d", i);

		add(&digest, EVENT_FAILURE, name, NULL);
	}
	expect_digest(&digest, "8 tasks failed",
		"task-0007 failed\\ntask-0006 failed\\ntask-0005 failed\\ntask-0004 failed\\n"
		"task-0003 failed\\ntask-0002 failed\\ntask-0001 failed\\ntask-0000 failed",
		"critical");
	for (int i = 0; i < 10000; i++) {
		cleanup_free char *name = mem_printf("task-%04d", i);

		add(&digest, EVENT_FAILURE, name, NULL);
	}
	/* the newest, in no more lines */
	expect_digest(&digest, "10000 tasks failed",
		"task-9999 failed\\ntask-9998 failed\\ntask-9997 failed\\ntask-9996 failed\\n"
		"task-9995 failed\\ntask-9994 failed\\ntask-9993 failed\\n"
		"\xe2\x80\xa6 and 9993 more",
		"critical");
	for (int i = 0; i < 60; i++) {
		struct event event = task_event(EVENT_FAILURE,
			"a name of a customer that is longer than all that fits on a screen");

		event.message = "a reason that goes on and on, as those of some servers do: "
				"could not open the file, since it was not there";
		digest_add(&digest, &event);
	}
	{
		cleanup_buf struct buf out = { 0 };

		wording_digest(&digest, &how, &out);
		assert_int_in_range(out.len, 500, 1200);
	}
	digest_done(&digest);
}

/* tasks t0, t1, … of the name n */
static void add_stuck(struct digest *digest, int count)
{
	struct event event = task_event(EVENT_STUCK, "n");

	for (int i = 0; i < count; i++) {
		cleanup_free char *id = mem_printf("t%d", i);

		event.task_id = id;
		digest_add(digest, &event);
	}
}

/* whatever was stuck or down and is no more is taken out, named or not */
static void test_digest_forgets_what_is_over(void **state)
{
	struct event event = task_event(EVENT_SUCCESS, "n");
	struct digest digest = { 0 };
	struct digest other = { 0 };

	(void)state;
	add_stuck(&digest, 20);
	digest_merge(&other, &digest, false);
	for (int i = 0; i < 18; i++) {
		cleanup_free char *topic = mem_printf("task\ntelnyx\nt%d", i);

		assert_true(digest_end_topic(&other, topic));
		assert_false(digest_end_topic(&other, topic));
	}
	expect_digest(&other, "2 tasks stuck", "n is stuck\\nn is stuck", "critical");
	event.task_id = "t3";
	digest_add(&digest, &event);
	assert_int_equal(digest_bad(&digest), 19);
	digest_merge(&other, &digest, false);
	assert_int_equal(other.count, 19);
	assert_int_equal(other.counts[EVENT_SUCCESS], 0);
	digest_done(&other);
	digest_done(&digest);
}

/* what is left is counted, whatever became of the lines */
static void test_digest_counts_what_has_no_line(void **state)
{
	struct event event = { .type = EVENT_SUMMARY, .source = "telnyx" };
	struct digest digest = { 0 };
	struct digest other = { 0 };

	(void)state;
	add_stuck(&digest, 20);
	for (int i = 12; i < 20; i++) {
		cleanup_free char *topic = mem_printf("task\ntelnyx\nt%d", i);

		assert_true(digest_end_topic(&digest, topic));
	}
	expect_digest(&digest, "12 tasks stuck", "\xe2\x80\xa6 and 12 more", "critical");
	for (int i = 0; i < 10; i++)
		digest_add(&digest, &event);
	add(&digest, EVENT_FAILURE, "bad", NULL);
	digest_merge(&other, &digest, false);
	digest_done(&digest);
	expect_digest(&other, "1 task failed", "bad failed", "critical");
}

/* what comes late says when it was, in local time */
static void test_late(void **state)
{
	struct event event = task_event(EVENT_SUCCESS, "n");
	struct digest digest = { 0 };

	(void)state;
	assert_int_equal(setenv("TZ", "UTC-1", 1), 0);
	event.wall_ms = 125000; /* it ended a second before we learned of it */
	how.now_ms = 184000;
	expect_single(&event, "app-name: taskbell\n"
			      "desktop-entry: taskbell\n"
			      "summary: n finished\n"
			      "body: bucket docs \xc2\xb7 2m 3s\n"
			      "urgency: normal\n"
			      "category: transfer.complete\n"
			      "icon: dialog-information\n");
	how.now_ms = 186000;
	expect_single(&event, "app-name: taskbell\n"
			      "desktop-entry: taskbell\n"
			      "summary: n finished\n"
			      "body: bucket docs \xc2\xb7 2m 3s \xc2\xb7 ended 01:02:04\n"
			      "urgency: normal\n"
			      "category: transfer.complete\n"
			      "icon: dialog-information\n");
	event = (struct event){ .type = EVENT_SOURCE_DOWN,
		.source = "telnyx",
		.wall_ms = 30000,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE };
	how.now_ms = 86400000;
	expect_single(&event, "app-name: taskbell\n"
			      "desktop-entry: taskbell\n"
			      "summary: telnyx cannot be reached\n"
			      "body: at Jan  1 01:00\n"
			      "urgency: critical\n"
			      "category: network.error\n"
			      "icon: dialog-error\n");
	add(&digest, EVENT_FAILURE, "n", NULL);
	digest.first_ms = 20000;
	digest.last_ms = 86399000;
	expect_digest(&digest, "1 task failed", "between Jan  1 01:00 and 00:59:59\\nn failed",
		"critical");
	how.now_ms = 0;
	assert_int_equal(setenv("TZ", "UTC0", 1), 0);
}

static void test_sound(void **state)
{
	static const struct {
		enum event_type type;
		const char *want;
	} cases[] = {
		{ EVENT_SUCCESS, "\nsound: complete\n" },
		{ EVENT_FAILURE, "\nsound: dialog-error\n" },
		{ EVENT_PARTIAL_SUCCESS, "\nsound: dialog-error\n" },
		{ EVENT_PROCESSING, NULL },
		{ EVENT_SOURCE_UP, NULL },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
		const char *want = cases[i / 2].want;
		struct event event = task_event(cases[i / 2].type, "n");
		struct digest digest = { 0 };
		struct buf out = { 0 };

		how.sound = i % 2 == 0;
		wording_single(&event, &how, &out);
		assert_int_equal(
			strstr(buf_text(&out), "sound: ") != NULL, how.sound && want != NULL);
		if (how.sound && want != NULL)
			assert_non_null(strstr(buf_text(&out), want));
		buf_clear(&out);
		digest_add(&digest, &event);
		wording_digest(&digest, &how, &out);
		if (how.sound && want != NULL)
			assert_non_null(strstr(buf_text(&out), want));
		buf_done(&out);
		digest_done(&digest);
	}
	how.sound = false;
}

static void test_long_texts_are_cut(void **state)
{
	cleanup_free char *text = mem_alloc(200001);
	struct event event = task_event(EVENT_FAILURE, text);
	struct buf out = { 0 };

	(void)state;
	memset(text, 'x', 200000);
	event.message = text;
	event.bucket = text;
	wording_single(&event, &how, &out);
	assert_true(out.len < 2000);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_digest_with_messages_of_the_monitor),
		cmocka_unit_test(test_digest_is_bounded),
		cmocka_unit_test(test_digest_forgets_what_is_over),
		cmocka_unit_test(test_digest_counts_what_has_no_line),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_long_texts_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
