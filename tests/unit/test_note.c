/* What taskbell-notify makes of its stdin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/wording.h"
#include "notify/note.h"

static void parse(struct note *note, const char *text)
{
	struct err err = { 0 };

	cleanup_free char *request = mem_printf("show: 7\n%s", text);

	memset(note, 0, sizeof(*note));
	if (!note_parse(note, request, strlen(request), &err))
		fail_msg("%s", err.text);
	assert_int_equal(note->number, 7);
}

static void test_fields(void **state)
{
	struct note note;

	(void)state;
	parse(&note,
		"summary: hello\nbody: one\\ntwo\nurgency: critical\ncategory: transfer.error\n"
		"icon: dialog-error\ndesktop-entry: taskbell\napp-name: taskbell\ntimeout: 5000\n");
	assert_string_equal(note_text(&note, NOTE_SUMMARY), "hello");
	assert_string_equal(note_text(&note, NOTE_BODY), "one\ntwo");
	assert_string_equal(note_text(&note, NOTE_CATEGORY), "transfer.error");
	assert_string_equal(note_text(&note, NOTE_ICON), "dialog-error");
	assert_string_equal(note_text(&note, NOTE_DESKTOP_ENTRY), "taskbell");
	assert_string_equal(note_text(&note, NOTE_APP_NAME), "taskbell");
	assert_int_equal(note.urgency, 2);
	assert_int_equal(note.timeout_ms, 5000);
	note_done(&note);
}

static void test_little(void **state)
{
	struct note note;

	(void)state;
	/* no last newline, no blank after the colon, an unknown key, empty lines, one twice */
	parse(&note, "\nfuture: x\n\nsummary: first\nsummary:second: colon");
	assert_string_equal(note_text(&note, NOTE_SUMMARY), "second: colon");
	assert_string_equal(note_text(&note, NOTE_BODY), "");
	assert_int_equal(note.urgency, 1);
	assert_int_equal(note.timeout_ms, -1);
	note_done(&note);
}

static void test_close(void **state)
{
	static const char text[] = "close: 12\n";
	struct note note = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_true(note_parse(&note, text, sizeof(text) - 1, &err));
	assert_true(note.close);
	assert_int_equal(note.number, 12);
	note_done(&note);
}

static void test_escapes(void **state)
{
	struct note note;

	(void)state;
	parse(&note,
		"summary: a\\\\n\\x41\\x7e\nbody: t\\tab \\x00 \\xff \\x1b[31m \xe2\x80\xae\n");
	assert_string_equal(note_text(&note, NOTE_SUMMARY), "a\\nA~");
	/* what could deceive is shown, a NUL does not end it */
	assert_string_equal(
		note_text(&note, NOTE_BODY), "t\\tab \xef\xbf\xbd \\xff \\x1b[31m \\u{202e}");
	note_done(&note);
	/* a newline in a summary is none */
	parse(&note, "summary: a\\nb\n");
	assert_string_equal(note_text(&note, NOTE_SUMMARY), "a\\nb");
	note_done(&note);
}

static void test_faults(void **state)
{
	static const struct {
		const char *text;
		const char *words;
	} cases[] = {
		{ "", "no number" },
		{ "summary: x\n", "no number" },
		{ "show: 0\nsummary: x\n", "no number" },
		{ "close: x\n", "no number" },
		{ "show: 1\n", "no summary" },
		{ "show: 1\nbody: x\n", "no summary" },
		{ "show: 1\nsummary:\n", "no summary" },
		{ "show: 1\nsummary: x\nnonsense\n", "without a colon" },
		{ "show: 1\nsummary: x\\\n", "backslash" },
		{ "show: 1\nsummary: \\q\n", "backslash" },
		{ "show: 1\nsummary: \\x4\n", "backslash" },
		{ "show: 1\nsummary: \\xg0\n", "backslash" },
		{ "show: 1\nsummary: x\nurgency: high\n", "urgency" },
		{ "show: 1\nsummary: x\ntimeout: soon\n", "timeout" },
		{ "show: 1\nsummary: x\ntimeout: -2\n", "timeout" },
		{ "show: 1\nsummary: x\ntimeout: 99999999999\n", "timeout" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct note note = { 0 };
		struct err err = { 0 };

		assert_false(note_parse(&note, cases[i].text, strlen(cases[i].text), &err));
		assert_int_equal(err.kind, ERR_USAGE);
		if (strstr(err.text, cases[i].words) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].words);
		note_done(&note);
	}
}

static void test_long_texts_are_cut(void **state)
{
	struct buf text = { 0 };
	struct note note;

	(void)state;
	/* NOTE_SUMMARY_MAX code points of three bytes, and one more */
	(void)buf_add_text(&text, "summary: ");
	for (int i = 0; i < NOTE_SUMMARY_MAX + 1; i++)
		(void)buf_add_text(&text, "\xe2\x82\xac");
	parse(&note, buf_text(&text));
	assert_int_equal(note.fields[NOTE_SUMMARY].len, NOTE_SUMMARY_MAX * 3);
	assert_string_equal(
		note_text(&note, NOTE_SUMMARY) + (NOTE_SUMMARY_MAX - 1) * 3, "\xe2\x80\xa6");
	note_done(&note);
	text.data[text.len - 3] = '\0';
	parse(&note, buf_text(&text));
	assert_string_equal(
		note_text(&note, NOTE_SUMMARY) + (NOTE_SUMMARY_MAX - 1) * 3, "\xe2\x82\xac");
	note_done(&note);
	buf_done(&text);
}

/* what core/wording writes is read back as it was meant */
static void test_reads_what_wording_writes(void **state)
{
	struct event event = {
		.type = EVENT_FAILURE,
		.task_name = "a\\b\nsummary: c\x01",
		.bucket = "docs",
		.message = "x: \xff",
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};
	const struct wording how = { .sound = true, .one_shot = true };
	struct digest digest = { 0 };
	struct buf text = { 0 };
	struct note note;

	(void)state;
	wording_single(&event, &how, &text);
	parse(&note, buf_text(&text));
	assert_string_equal(note_text(&note, NOTE_SUMMARY), "a\\b\\nsummary: c\\x01 failed");
	assert_string_equal(note_text(&note, NOTE_BODY), "bucket docs\nx: \\xff");
	assert_int_equal(note.urgency, 2);
	assert_string_equal(note_text(&note, NOTE_SOUND), "dialog-error");
	assert_true(note.one_shot);
	assert_false(note.close);
	note_done(&note);
	buf_clear(&text);
	digest_add(&digest, &event);
	digest_add(&digest, &event);
	wording_digest(&digest, &how, &text);
	parse(&note, buf_text(&text));
	assert_string_equal(note_text(&note, NOTE_SUMMARY), "2 tasks failed");
	assert_string_equal(note_text(&note, NOTE_BODY),
		"a\\b\\nsummary: c\\x01 failed: x: \\xff\na\\b\\nsummary: c\\x01 failed: x: \\xff");
	note_done(&note);
	digest_done(&digest);
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_little),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_long_texts_are_cut),
		cmocka_unit_test(test_reads_what_wording_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
