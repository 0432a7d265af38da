/* The table of `list`: aligned by what a terminal shows, exact where a program reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/table.h"

#define NOW_US INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */

static struct task task(const char *id, const char *name, enum status status)
{
	return (struct task){
		.id = id,
		.name = name,
		.status = status,
		.created_us = NOW_US - 90 * INT64_C(1000000),
		.finished_us = STAMP_NONE,
	};
}

static char *render(struct task *tasks, size_t count, const struct table_view *view)
{
	struct table_row rows[8] = { { 0 } };
	struct buf out = { 0 };

	for (size_t i = 0; i < count; i++)
		rows[i] = (struct table_row){ .source = "telnyx", .task = &tasks[i] };
	table_render(rows, count, view, &out);
	return buf_steal(&out);
}

/* the n-th line, without its newline; owned */
static char *line_of(const char *text, size_t n)
{
	while (n-- > 0)
		text = strchr(text, '\n') + 1;
	return mem_strndup(text, strcspn(text, "\n"));
}

/* columns before `part` in a line */
static size_t column_of(const char *line, const char *part)
{
	const char *at = strstr(line, part);
	cleanup_free char *before = NULL;

	assert_non_null(at);
	before = mem_strndup(line, (size_t)(at - line));
	return text_width(before);
}

static void no_rows_no_table(void **state)
{
	struct table_view view = { 0 };
	cleanup_free char *text = render(NULL, 0, &view);

	(void)state;
	assert_string_equal(text, "");
}

static void a_pipe_gets_exact_times(void **state)
{
	struct task tasks[] = { task("id-1", "embed", STATUS_SUCCESS) };
	struct table_view view = { .now_us = NOW_US, .columns = 20 };
	cleanup_free char *text = NULL;

	(void)state;
	tasks[0].finished_us = NOW_US + 500000;
	tasks[0].bucket = "docs";
	text = render(tasks, 1, &view);
	assert_string_equal(text,
		"TASK ID  STATUS   NAME   BUCKET  CREATED               FINISHED\n"
		"id-1     success  embed  docs    2025-12-31T23:58:30Z  "
		"2026-01-01T00:00:00.500Z\n");
}

static void a_terminal_gets_ages(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = { { -5, "now" }, { 0, "now" }, { 1, "1s ago" }, { 59, "59s ago" },
		{ 60, "1m ago" }, { 7200, "2h ago" }, { 86400, "1d ago" }, { 864000, "10d ago" } };
	struct table_view view = { .terminal = true, .now_us = NOW_US };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_buf struct buf out = { 0 };

		table_add_time(&out, NOW_US - rows[i].seconds * 1000000, &view);
		assert_string_equal(buf_text(&out), rows[i].text);
	}
}

static void columns_are_aligned_by_width(void **state)
{
	static const char *const names[] = { "plain", "\xe6\x96\x87\xe6\x9b\xb8",
		"e\xcc\x81t\xc3\xa9", "\xf0\x9f\x9a\x80 launch", NULL };
	struct task tasks[] = { task("id-1", names[0], STATUS_QUEUED),
		task("id-2", names[1], STATUS_QUEUED), task("id-3", names[2], STATUS_QUEUED),
		task("id-4", names[3], STATUS_QUEUED), task("id-5", NULL, STATUS_QUEUED) };
	struct table_view view = { .now_us = NOW_US };
	cleanup_free char *text = render(tasks, 5, &view);
	cleanup_free char *head = line_of(text, 0);

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		cleanup_free char *line = line_of(text, i + 1);

		assert_int_equal(column_of(line, "2025-"), column_of(head, "CREATED"));
	}
}

static void names_are_shortened_on_a_terminal_and_ids_never(void **state)
{
	const char *id = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
	struct task tasks[] = { task(
		id, "a name that is much too long for any terminal there is", STATUS_QUEUED) };
	struct table_view view = { .terminal = true, .columns = 80, .now_us = NOW_US };
	cleanup_free char *narrow = render(tasks, 1, &view);
	cleanup_free char *line = line_of(narrow, 1);
	cleanup_free char *whole = NULL;

	(void)state;
	assert_non_null(strstr(line, id));
	assert_non_null(strstr(line, "\xe2\x80\xa6"));
	assert_true(text_width(line) <= 80);
	view.terminal = false;
	whole = render(tasks, 1, &view);
	assert_non_null(strstr(whole, "any terminal there is"));
	view.terminal = true;
	view.columns = 10;
	free(narrow);
	narrow = render(tasks, 1, &view);
	assert_non_null(strstr(narrow, id));
}

static void text_from_the_network_cannot_steer_a_terminal(void **state)
{
	struct task tasks[] = { task("id\x1b[2J", "na\nme\xe2\x80\xae", STATUS_UNKNOWN) };
	struct table_view view = { .color = true, .sources = true, .now_us = NOW_US };
	cleanup_free char *text = NULL;
	cleanup_free char *line = NULL;

	(void)state;
	tasks[0].word = "\x1b]0;x\x07";
	text = render(tasks, 1, &view);
	line = line_of(text, 1);
	assert_non_null(strstr(line, "id\\x1b[2J"));
	assert_non_null(strstr(line, "na\\nme\\u{202e}"));
	assert_non_null(strstr(line, "\\x1b]0;x\\x07"));
	assert_non_null(strstr(line, "telnyx"));
}

static void colour_is_for_the_status_and_takes_no_width(void **state)
{
	struct task tasks[] = { task("id-1", "n", STATUS_FAILURE),
		task("id-2", "n", STATUS_PARTIAL_SUCCESS) };
	struct table_view view = { .color = true, .now_us = NOW_US };
	cleanup_free char *text = render(tasks, 2, &view);

	(void)state;
	assert_non_null(strstr(text, "id-1     \033[31mfailure\033[0m          n"));
	assert_non_null(strstr(text, "id-2     \033[33mpartial_success\033[0m  n"));
	view.color = false;
	free(text);
	text = render(tasks, 2, &view);
	assert_null(strchr(text, '\033'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_rows_no_table),
		cmocka_unit_test(a_pipe_gets_exact_times),
		cmocka_unit_test(a_terminal_gets_ages),
		cmocka_unit_test(columns_are_aligned_by_width),
		cmocka_unit_test(names_are_shortened_on_a_terminal_and_ids_never),
		cmocka_unit_test(text_from_the_network_cannot_steer_a_terminal),
		cmocka_unit_test(colour_is_for_the_status_and_takes_no_width),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
