/* Tables: aligned by what a terminal shows, no wider than it, and whole where a program reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/grid.h"
#include "cli/out.h"

#define UUID "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define LONG "a name that is much too long for any terminal there is"

static const struct grid_column columns[] = {
	{ "ID", GRID_WHOLE, 0 },
	{ "STATUS", GRID_LINE, 0 },
	{ "NAME", GRID_LINE, 8 },
	{ "WHY", GRID_TEXT, 0 },
	{ NULL, GRID_LINE, 0 },
};

/* what goes to stdout; owned */
static char *printed(const struct grid *grid, bool color, size_t width)
{
	FILE *file = tmpfile();
	int stdout_fd = dup(STDOUT_FILENO);
	struct err err = { 0 };
	char *text;
	long size;

	assert_non_null(file);
	assert_true(stdout_fd >= 0 && dup2(fileno(file), STDOUT_FILENO) >= 0);
	grid_print(grid, color, width);
	assert_true(out_flush(&err));
	assert_true(dup2(stdout_fd, STDOUT_FILENO) >= 0);
	(void)close(stdout_fd);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	assert_true(size >= 0);
	rewind(file);
	text = mem_alloc((size_t)size + 1);
	assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
	(void)fclose(file);
	return text;
}

static void add_row(
	struct grid *grid, const char *id, const char *status, const char *name, const char *why)
{
	grid_cell(grid, id);
	grid_colored(grid, status, "31");
	grid_cell(grid, name);
	grid_cell(grid, why);
}

static size_t widest(const char *text)
{
	size_t most = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		cleanup_free char *line = mem_strndup(text, len);
		size_t width = text_width(line);

		most = width > most ? width : most;
		text += len + 1;
	}
	return most;
}

static void no_rows_no_table(void **state)
{
	cleanup_with(grid_cleanup) struct grid *grid = grid_new(columns);
	cleanup_free char *text = printed(grid, false, 0);

	(void)state;
	assert_string_equal(text, "");
}

static void a_program_gets_all_of_it_on_one_line(void **state)
{
	cleanup_with(grid_cleanup) struct grid *grid = grid_new(columns);
	cleanup_free char *text = NULL;

	(void)state;
	add_row(grid, "id-1", "failure", LONG, NULL);
	add_row(grid, "id-22", "success", NULL, NULL);
	text = printed(grid, false, 0);
	assert_string_equal(text,
		"ID     STATUS   NAME                                                    WHY\n"
		"id-1   failure  " LONG "  -\n"
		"id-22  success  -                                                       -\n");
}

static void a_terminal_gets_what_there_is(void **state)
{
	cleanup_with(grid_cleanup) struct grid *grid = grid_new(columns);
	cleanup_free char *text = NULL;

	(void)state;
	add_row(grid, "id-1", "failure", NULL, "no text");
	add_row(grid, "id-2", "success", NULL, NULL);
	text = printed(grid, false, 80);
	assert_string_equal(text, "ID    STATUS   WHY\n"
				  "id-1  failure  no text\n"
				  "id-2  success  -\n");
}

static void names_are_cut_and_ids_never(void **state)
{
	cleanup_with(grid_cleanup) struct grid *grid = grid_new(columns);
	cleanup_free char *text = NULL;

	(void)state;
	add_row(grid, UUID, "failure", LONG, NULL);
	text = printed(grid, false, 60);
	assert_string_equal(text, "ID                                    STATUS   NAME\n" UUID
				  "  failure  a name that \xe2\x80\xa6\n");
	free(text);
	/* where the least of a name has no room, the id leaves the line */
	text = printed(grid, false, 54);
	assert_string_equal(text,
		"STATUS   NAME\n"
		"  ID\n"
		"failure  a name that is much too long for any termina\xe2\x80\xa6\n"
		"  " UUID "\n");
}

static void a_long_reason_has_lines_of_its_own(void **state)
{
	cleanup_with(grid_cleanup) struct grid *grid = grid_new(columns);
	cleanup_free char *text = NULL;

	(void)state;
	add_row(grid, "id-1", "failure", "n", "connection to 127.0.0.1 port 1: connection refused");
	add_row(grid, "id-2", "success", "n", NULL);
	text = printed(grid, false, 40);
	assert_string_equal(text, "STATUS   NAME\n"
				  "  ID\n"
				  "  WHY\n"
				  "failure  n\n"
				  "  id-1\n"
				  "  connection to 127.0.0.1 port 1:\n"
				  "  connection refused\n"
				  "success  n\n"
				  "  id-2\n");
}

/* all kinds of columns at all widths, with texts of every kind of character */
static void no_line_is_wider_than_the_terminal(void **state)
{
	static const struct grid_column many[] = {
		{ "SOURCE", GRID_LINE, 8 },
		{ "TASK ID", GRID_WHOLE, 0 },
		{ "STATUS", GRID_LINE, 15 },
		{ "NAME", GRID_LINE, 12 },
		{ "BUCKET", GRID_LINE, 8 },
		{ "CREATED", GRID_LINE, 0 },
		{ "FINISHED", GRID_LINE, 0 },
		{ "WHY", GRID_TEXT, 0 },
		{ NULL, GRID_LINE, 0 },
	};
	static const char *const names[] = { "plain", LONG, LONG LONG LONG, NULL,
		"\033[2J\nhostile",
		"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae\xe9\x95\xb7\xe3\x81\x84\xe5\x90"
		"\x8d\xe5\x89\x8d",
		"e\xcc\x81t\xc3\xa9 "
		"\xf0\x9f\x9a\x80\xf0\x9f\x9a\x80\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		cleanup_with(grid_cleanup) struct grid *grid = grid_new(many);

		for (size_t row = 0; row < 2; row++) {
			const char *name = row == 0 ? names[i] : "x";

			grid_cell(grid, name);
			grid_cell(grid, UUID);
			grid_cell(grid, name);
			grid_cell(grid, name);
			grid_cell(grid, name);
			grid_cell(grid, "Nov 30 14:32");
			grid_cell(grid, row == 0 ? "Nov 30 14:32" : NULL);
			grid_cell(grid, name);
		}
		for (size_t width = 40; width <= 200; width++) {
			cleanup_free char *text = printed(grid, false, width);
			const char *id = strstr(text, UUID);

			assert_true(widest(text) <= width);
			assert_non_null(id);
			assert_non_null(strstr(id + 1, UUID));
		}
	}
}

static void an_id_wider_than_the_terminal_is_alone(void **state)
{
	cleanup_with(grid_cleanup) struct grid *grid = grid_new(columns);
	cleanup_free char *text = NULL;

	(void)state;
	add_row(grid, UUID UUID, "failure", "n", NULL);
	text = printed(grid, false, 40);
	assert_non_null(strstr(text, "\n" UUID UUID "\n"));
}

static void columns_are_aligned_by_width(void **state)
{
	static const char *const names[] = { "plain", "\xe6\x96\x87\xe6\x9b\xb8",
		"e\xcc\x81t\xc3\xa9", "\xf0\x9f\x9a\x80 launch", NULL };
	cleanup_with(grid_cleanup) struct grid *grid = grid_new(columns);
	cleanup_free char *text = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		add_row(grid, "id", "queued", names[i], "@");
	text = printed(grid, false, 0);
	for (const char *line = strchr(text, '\n') + 1; *line != '\0';) {
		size_t len = strcspn(line, "@");
		cleanup_free char *before = mem_strndup(line, len);

		assert_int_equal(text_width(before), 2 + 2 + 6 + 2 + 9 + 2);
		line += len + 2;
	}
}

static void text_from_the_network_cannot_steer_a_terminal(void **state)
{
	cleanup_with(grid_cleanup) struct grid *grid = grid_new(columns);
	cleanup_free char *text = NULL;

	(void)state;
	add_row(grid, "id\x1b[2J", "\x1b]0;x\x07", "na\nme\xe2\x80\xae", NULL);
	text = printed(grid, true, 0);
	assert_non_null(strstr(text, "id\\x1b[2J"));
	assert_non_null(strstr(text, "na\\nme\\u{202e}"));
	assert_non_null(strstr(text, "\\x1b]0;x\\x07"));
}

static void colour_takes_no_width(void **state)
{
	cleanup_with(grid_cleanup) struct grid *grid = grid_new(columns);
	cleanup_free char *text = NULL;

	(void)state;
	add_row(grid, "id-1", "failure", "n", "why");
	add_row(grid, "id-2", "partial_success", "n", "why");
	text = printed(grid, true, 0);
	assert_non_null(strstr(text, "id-1  \033[31mfailure\033[0m          n"));
	assert_non_null(strstr(text, "id-2  \033[31mpartial_success\033[0m  n"));
	assert_non_null(strstr(text, "\033[1mSTATUS\033[0m"));
	free(text);
	text = printed(grid, false, 0);
	assert_null(strchr(text, '\033'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_rows_no_table),
		cmocka_unit_test(a_program_gets_all_of_it_on_one_line),
		cmocka_unit_test(a_terminal_gets_what_there_is),
		cmocka_unit_test(names_are_cut_and_ids_never),
		cmocka_unit_test(a_long_reason_has_lines_of_its_own),
		cmocka_unit_test(no_line_is_wider_than_the_terminal),
		cmocka_unit_test(an_id_wider_than_the_terminal_is_alone),
		cmocka_unit_test(columns_are_aligned_by_width),
		cmocka_unit_test(text_from_the_network_cannot_steer_a_terminal),
		cmocka_unit_test(colour_takes_no_width),
	};

	if (setenv("LC_ALL", "C.UTF-8", 1) != 0)
		return 1;
	return cmocka_run_group_tests_name("grid", tests, NULL, NULL);
}
