#include "cli/grid.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/out.h"

enum {
	GAP = 2, /* between columns */
	INDENT = 2, /* of a row's lines after the first */
};

struct grid {
	const struct grid_column *columns; /* borrowed */
	size_t count; /* of columns */
	size_t widths[GRID_COLUMNS_MAX]; /* of the widest cells */
	bool filled[GRID_COLUMNS_MAX]; /* there is more in it than "-" */
	struct buf cells; /* row by row, first the heads; of each its colour and its text, safe */
	size_t cell_count;
};

struct cell {
	const char *sgr; /* "": no colour */
	const char *text;
};

/* where the columns stand, and how wide they are there */
struct layout {
	size_t columns; /* of the terminal; 0: there is none */
	size_t lines; /* that the columns in line take */
	size_t line[GRID_COLUMNS_MAX]; /* on which of them a column stands */
	size_t width[GRID_COLUMNS_MAX];
	bool own[GRID_COLUMNS_MAX]; /* it has lines of its own instead, or none: it is empty */
};

struct grid *grid_new(const struct grid_column *columns)
{
	struct grid *grid = mem_alloc(sizeof(*grid));

	grid->columns = columns;
	while (columns[grid->count].head != NULL)
		grid->count++;
	for (size_t i = 0; i < grid->count; i++)
		grid_colored(grid, columns[i].head, "1");
	memset(grid->filled, 0, sizeof(grid->filled));
	return grid;
}

void grid_free(struct grid *grid)
{
	if (grid == NULL)
		return;
	buf_done(&grid->cells);
	free(grid);
}

void grid_colored(struct grid *grid, const char *text, const char *sgr)
{
	size_t column = grid->cell_count++ % grid->count;
	size_t begin;
	size_t width;

	grid->filled[column] = grid->filled[column] || (text != NULL && *text != '\0');
	(void)buf_add_text(&grid->cells, sgr != NULL ? sgr : "");
	(void)buf_add_char(&grid->cells, '\0');
	begin = grid->cells.len;
	text_add_safe(&grid->cells, text != NULL && *text != '\0' ? text : "-");
	width = text_width(buf_text(&grid->cells) + begin);
	(void)buf_add_char(&grid->cells, '\0');
	if (width > grid->widths[column])
		grid->widths[column] = width;
}

void grid_cell(struct grid *grid, const char *text)
{
	grid_colored(grid, text, NULL);
}

/* what a column in line needs, of `room` */
static size_t least_width(const struct grid *grid, size_t column, size_t room)
{
	size_t least = grid->columns[column].least;
	size_t width = grid->widths[column];

	if (least != 0 && least < width)
		width = least;
	return width < room ? width : room;
}

/* puts the columns that have no line of their own on as few lines as hold the least of them */
static void pack(const struct grid *grid, struct layout *layout)
{
	size_t used = 0;

	layout->lines = 1;
	for (size_t i = 0; i < grid->count; i++) {
		size_t gap = used > 0 ? GAP : 0;
		size_t width;

		if (layout->own[i])
			continue;
		width = least_width(grid, i, layout->columns - INDENT);
		if (used > 0 && used + gap + width > layout->columns) {
			layout->lines++;
			used = INDENT;
			gap = 0;
		}
		used += gap + width;
		layout->line[i] = layout->lines - 1;
		layout->width[i] = width;
	}
}

static size_t line_width(const struct grid *grid, const struct layout *layout, size_t line)
{
	size_t used = line > 0 ? INDENT : 0;
	size_t gap = 0;

	for (size_t i = 0; i < grid->count; i++)
		if (!layout->own[i] && layout->line[i] == line) {
			used += gap + layout->width[i];
			gap = GAP;
		}
	return used;
}

/* gives what is left of a line to the columns that are cut, the narrowest first */
static void spread(const struct grid *grid, struct layout *layout, size_t line)
{
	for (size_t used = line_width(grid, layout, line); used < layout->columns; used++) {
		size_t *narrowest = NULL;

		for (size_t i = 0; i < grid->count; i++)
			if (!layout->own[i] && layout->line[i] == line &&
				layout->width[i] < grid->widths[i] &&
				(narrowest == NULL || layout->width[i] < *narrowest))
				narrowest = &layout->width[i];
		if (narrowest == NULL)
			return;
		(*narrowest)++;
	}
}

/* all on one line if that can be, else first what is not cut leaves it, then texts too */
static struct layout lay_out(const struct grid *grid, size_t columns)
{
	struct layout layout = { .columns = columns, .lines = 1 };

	if (columns == 0) {
		memcpy(layout.width, grid->widths, sizeof(layout.width));
		return layout;
	}
	for (size_t i = 0; i < grid->count; i++)
		layout.own[i] = !grid->filled[i];
	pack(grid, &layout);
	for (int fit = GRID_WHOLE; fit <= GRID_TEXT && layout.lines > 1; fit++) {
		for (size_t i = 0; i < grid->count; i++)
			layout.own[i] = layout.own[i] || grid->columns[i].fit == (enum grid_fit)fit;
		pack(grid, &layout);
	}
	for (size_t i = 0; i < layout.lines; i++)
		spread(grid, &layout, i);
	return layout;
}

static void add_cell(struct buf *line, const struct cell *cell, bool color, size_t columns)
{
	cleanup_buf struct buf text = { 0 };

	terminal_add_cut(&text, cell->text, columns);
	terminal_add_colored(line, buf_text(&text), color && *cell->sgr != '\0' ? cell->sgr : NULL);
}

/* the last column of a line is not padded: its texts may be long, and nothing follows them */
static void print_line(const struct grid *grid, const struct layout *layout,
	const struct cell *cells, size_t number, bool color)
{
	cleanup_buf struct buf line = { 0 };
	size_t blanks = number > 0 ? INDENT : 0;

	for (size_t i = 0; i < grid->count; i++) {
		size_t width = layout->width[i];
		size_t used = text_width(cells[i].text);

		if (layout->own[i] || layout->line[i] != number)
			continue;
		(void)buf_addf(&line, "%*s", (int)blanks, "");
		add_cell(&line, &cells[i], color, layout->columns != 0 ? width : 0);
		blanks = GAP + (used < width ? width - used : 0);
	}
	out_line(&line);
}

static void print_own(const struct cell *cell, enum grid_fit fit, bool color, size_t columns)
{
	cleanup_buf struct buf line = { 0 };
	bool fits = INDENT + text_width(cell->text) <= columns;

	(void)buf_addf(&line, "%*s", fits || fit == GRID_TEXT ? INDENT : 0, "");
	if (fit == GRID_TEXT)
		text_add_wrapped(&line, cell->text, INDENT, INDENT, columns);
	else
		add_cell(&line, cell, color, 0);
	out_line(&line);
}

static void print_row(
	const struct grid *grid, const struct layout *layout, const struct cell *cells, bool color)
{
	for (size_t i = 0; i < layout->lines; i++)
		print_line(grid, layout, cells, i, color);
	for (size_t i = 0; i < grid->count; i++)
		if (layout->own[i] && grid->filled[i] && strcmp(cells[i].text, "-") != 0)
			print_own(&cells[i], grid->columns[i].fit, color, layout->columns);
}

void grid_print(const struct grid *grid, bool color, size_t columns)
{
	struct layout layout = lay_out(grid, columns);
	struct cell cells[GRID_COLUMNS_MAX];
	const char *at = buf_text(&grid->cells);

	if (grid->cell_count <= grid->count)
		return;
	for (size_t i = 0; i < grid->cell_count; i++) {
		struct cell *cell = &cells[i % grid->count];

		cell->sgr = at;
		cell->text = at + strlen(at) + 1;
		at = cell->text + strlen(cell->text) + 1;
		if (i % grid->count + 1 == grid->count)
			print_row(grid, &layout, cells, color);
	}
}
