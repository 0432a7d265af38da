/* The live view, drawn on a small terminal of our own: it never wraps, never scrolls, and leaves
 * nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/live.h"

#define LINES_MAX 40
#define BYTES_MAX 1024

/* What a terminal makes of it: lines of bytes, a cursor that moves by whole lines. */
struct terminal {
	struct screen size;
	char lines[LINES_MAX][BYTES_MAX];
	size_t line;
	bool cursor;
	bool wrapped;
	bool scrolled;
};

static void terminal_open(struct terminal *terminal, size_t columns, size_t lines)
{
	memset(terminal, 0, sizeof(*terminal));
	terminal->size = (struct screen){ columns, lines };
	terminal->cursor = true;
}

static void terminal_clear_from(struct terminal *terminal, size_t line)
{
	for (; line < LINES_MAX; line++)
		terminal->lines[line][0] = '\0';
}

/* one control sequence after ESC [; returns where it ends */
static const char *terminal_control(struct terminal *terminal, const char *at)
{
	size_t number = 0;
	bool private = *at == '?';

	for (at += private; *at >= '0' && *at <= '9'; at++)
		number = number * 10 + (size_t)(*at - '0');
	switch (*at) {
	case 'A':
		assert_false(private);
		terminal->line -= number < terminal->line ? number : terminal->line;
		break;
	case 'K': /* what follows the text of a line: lines are written whole here */
	case 'm':
		break;
	case 'J':
		terminal_clear_from(terminal, terminal->line);
		break;
	case 'h':
	case 'l':
		assert_true(private && number == 25);
		terminal->cursor = *at == 'h';
		break;
	default:
		fail_msg("the view uses an unexpected control sequence: %c", *at);
	}
	return at + 1;
}

static bool is_valid(const char *text, size_t len)
{
	while (len > 0) {
		uint32_t code;
		size_t took = text_decode(text, len, &code);

		if (took == 0)
			return false;
		text += took;
		len -= took;
	}
	return true;
}

static void terminal_write(struct terminal *terminal, const char *bytes)
{
	char text[BYTES_MAX] = "";
	size_t len = 0;

	while (*bytes != '\0') {
		if (bytes[0] == '\033' && bytes[1] == '[') {
			bytes = terminal_control(terminal, bytes + 2);
			continue;
		}
		if (*bytes == '\n') {
			text[len] = '\0';
			assert_true(is_valid(text, len));
			terminal->wrapped =
				terminal->wrapped || text_width(text) >= terminal->size.columns;
			memcpy(terminal->lines[terminal->line++], text, len + 1);
			terminal->scrolled =
				terminal->scrolled || terminal->line >= terminal->size.lines;
			len = 0;
		} else if (*bytes != '\r') {
			assert_true((unsigned char)*bytes >= 0x20);
			text[len++] = *bytes;
		}
		bytes++;
	}
	assert_int_equal(len, 0);
}

static size_t terminal_used(const struct terminal *terminal)
{
	size_t used = 0;

	for (size_t i = 0; i < LINES_MAX; i++)
		used += terminal->lines[i][0] != '\0';
	return used;
}

static void draw(struct terminal *terminal, struct live *live, const struct live_row *rows,
	size_t count, bool color)
{
	cleanup_buf struct buf out = { 0 };

	live_draw(live, rows, count, terminal->size, color, &out);
	terminal_write(terminal, buf_text(&out));
}

#define ID "3c90c3cc-0d44-4b50-8888-8dd25736052a"

static const struct task running = { .id = ID, .name = "embed", .status = STATUS_PROCESSING };
static const struct task failed = { .id = "f", .status = STATUS_FAILURE };
static const struct task foreign = { .id = "x\x1b[2J",
	.name = "\xe6\x96\x87\xe6\x9b\xb8\xe6\x96\x87\xe6\x9b\xb8",
	.status = STATUS_UNKNOWN,
	.word = "\nodd" };

static const struct task wordy = {
	.id = "w", .status = STATUS_UNKNOWN, .word = "waiting_for_a_worker_\xe6\x96\x87"
};

static void a_row_says_what_it_is(void **state)
{
	struct live_row row = { .task = &running, .elapsed_ms = 125000 };
	struct terminal terminal;
	struct live live = { 0 };

	(void)state;
	terminal_open(&terminal, 100, 24);
	draw(&terminal, &live, &row, 1, false);
	assert_string_equal(terminal.lines[0], "| processing        2m 5s  " ID "  embed");
	assert_false(terminal.cursor);
	assert_int_equal(terminal_used(&terminal), 1);
	row.elapsed_ms = 3900;
	draw(&terminal, &live, &row, 1, true);
	assert_string_equal(terminal.lines[0], "/ processing           3s  " ID "  embed");
	row.ended = true;
	row.elapsed_ms = 3900;
	draw(&terminal, &live, &row, 1, false);
	assert_string_equal(terminal.lines[0], "  processing         3.9s  " ID "  embed");
	live_done(&live);
}

static void nothing_wraps_at_any_width(void **state)
{
	const struct live_row rows[] = {
		{ .task = &running, .elapsed_ms = 86400000, .source = "telnyx" },
		{ .task = &failed, .elapsed_ms = -1, .ended = true },
		{ .task = &foreign, .elapsed_ms = 0, .source = "\xe6\x96\x87" },
		{ .task = &wordy, .elapsed_ms = 5 },
	};

	(void)state;
	for (size_t columns = 2; columns < 130; columns++) {
		struct terminal terminal;
		struct live live = { 0 };

		terminal_open(&terminal, columns, 24);
		draw(&terminal, &live, rows, ARRAY_LEN(rows), true);
		assert_false(terminal.wrapped);
		draw(&terminal, &live, rows, ARRAY_LEN(rows), false);
		assert_false(terminal.wrapped);
		assert_int_equal(terminal.line, 5);
		live_done(&live);
	}
}

static void nothing_scrolls_at_any_height(void **state)
{
	struct live_row rows[30];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		rows[i] = (struct live_row){ .task = &running, .elapsed_ms = 0 };
	for (size_t lines = 2; lines < 36; lines++) {
		struct terminal terminal;
		struct live live = { 0 };

		terminal_open(&terminal, 80, lines);
		draw(&terminal, &live, rows, ARRAY_LEN(rows), false);
		draw(&terminal, &live, rows, ARRAY_LEN(rows), false);
		assert_false(terminal.scrolled);
		assert_true(terminal_used(&terminal) <= lines - 1);
		live_done(&live);
	}
}

static void what_does_not_fit_is_counted(void **state)
{
	struct live_row rows[10];
	struct terminal terminal;
	struct live live = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		rows[i] = (struct live_row){
			.task = i < 4 ? &failed : &running, .elapsed_ms = 0, .ended = i < 4
		};
	terminal_open(&terminal, 80, 6);
	draw(&terminal, &live, rows, ARRAY_LEN(rows), false);
	/* those that still run are the ones to see */
	for (size_t i = 0; i < 4; i++)
		assert_non_null(strstr(terminal.lines[i], ID));
	assert_string_equal(terminal.lines[4], "  4 of 10 ended (4 failure), 6 more not shown");
	live_done(&live);
}

static void a_shorter_picture_leaves_nothing_of_the_longer(void **state)
{
	const struct live_row rows[] = {
		{ .task = &running, .elapsed_ms = 0 },
		{ .task = &running, .elapsed_ms = 0 },
		{ .task = &failed, .elapsed_ms = 0 },
	};
	struct terminal terminal;
	struct live live = { 0 };

	(void)state;
	terminal_open(&terminal, 80, 24);
	draw(&terminal, &live, rows, 3, true);
	assert_int_equal(terminal_used(&terminal), 4);
	draw(&terminal, &live, rows, 1, true);
	assert_int_equal(terminal_used(&terminal), 1);
	live_done(&live);
}

static void it_goes_away_without_a_trace(void **state)
{
	const struct live_row rows[] = { { .task = &running }, { .task = &failed, .ended = true } };
	cleanup_buf struct buf out = { 0 };
	struct terminal terminal;
	struct live live = { 0 };

	(void)state;
	terminal_open(&terminal, 80, 24);
	draw(&terminal, &live, rows, 2, true);
	live_erase(&live, terminal.size, &out);
	terminal_write(&terminal, buf_text(&out));
	assert_true(terminal.cursor);
	assert_int_equal(terminal_used(&terminal), 0);
	assert_int_equal(terminal.line, 0);
	/* nothing stands there: nothing more is taken away */
	buf_clear(&out);
	live_erase(&live, terminal.size, &out);
	assert_string_equal(buf_text(&out), "");
	live_done(&live);
}

static void it_can_stay(void **state)
{
	const struct live_row row = { .task = &running };
	cleanup_buf struct buf out = { 0 };
	struct terminal terminal;
	struct live live = { 0 };

	(void)state;
	terminal_open(&terminal, 80, 24);
	draw(&terminal, &live, &row, 1, false);
	live_leave(&live, &out);
	terminal_write(&terminal, buf_text(&out));
	assert_true(terminal.cursor);
	assert_int_equal(terminal_used(&terminal), 1);
	live_done(&live);
}

/* a terminal that folds lines when it becomes narrower has the block on more lines than were drawn
 */
static void a_narrower_terminal_has_folded_it(void **state)
{
	const struct live_row row = { .task = &running, .elapsed_ms = 0 };
	cleanup_buf struct buf out = { 0 };
	struct terminal terminal;
	struct live live = { 0 };

	(void)state;
	terminal_open(&terminal, 100, 24);
	draw(&terminal, &live, &row, 1, false);
	live_draw(&live, &row, 1, (struct screen){ 30, 24 }, false, &out);
	/* 70 columns are three lines of 30 */
	assert_int_equal(text_width(terminal.lines[0]), 70);
	assert_non_null(strstr(buf_text(&out), "\r\033[3A"));
	live_done(&live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_says_what_it_is),
		cmocka_unit_test(nothing_wraps_at_any_width),
		cmocka_unit_test(nothing_scrolls_at_any_height),
		cmocka_unit_test(what_does_not_fit_is_counted),
		cmocka_unit_test(a_shorter_picture_leaves_nothing_of_the_longer),
		cmocka_unit_test(it_goes_away_without_a_trace),
		cmocka_unit_test(it_can_stay),
		cmocka_unit_test(a_narrower_terminal_has_folded_it),
	};

	return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
