#include "cli/grid.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/out.h"

enum {
	GAP = 2, /* between columns */
	LAST_MIN = 8, /* less of the last column is of no use: then it is not cut */
};

struct cell {
	char *text; /* own; fit for a terminal */
	size_t width; /* columns of a terminal */
	const char *sgr; /* borrowed; NULL: no colour */
};

struct grid {
	size_t columns;
	size_t widths[GRID_COLUMNS_MAX];
	struct cell *cells; /* own; row by row, first the heads */
	size_t count;
	size_t cap;
};

struct grid *grid_new(const char *const *heads)
{
	struct grid *grid = mem_alloc(sizeof(*grid));

	while (heads[grid->columns] != NULL)
		grid->columns++;
	for (size_t i = 0; i < grid->columns; i++)
		grid_colored(grid, heads[i], "1");
	return grid;
}

void grid_free(struct grid *grid)
{
	if (grid == NULL)
		return;
	for (size_t i = 0; i < grid->count; i++)
		free(grid->cells[i].text);
	free(grid->cells);
	free(grid);
}

void grid_colored(struct grid *grid, const char *text, const char *sgr)
{
	size_t column = grid->count % grid->columns;
	struct buf safe = { 0 };
	struct cell cell = { .sgr = sgr };

	text_add_safe(&safe, text != NULL && *text != '\0' ? text : "-");
	cell.text = buf_steal(&safe);
	cell.width = text_width(cell.text);
	if (cell.width > grid->widths[column])
		grid->widths[column] = cell.width;
	grid->cells = mem_grow(grid->cells, &grid->cap, grid->count + 1, sizeof(*grid->cells));
	grid->cells[grid->count++] = cell;
}

void grid_cell(struct grid *grid, const char *text)
{
	grid_colored(grid, text, NULL);
}

/* what a terminal leaves for the last column; 0: it is not cut */
static size_t last_room(const struct grid *grid, size_t columns)
{
	size_t used = 0;

	for (size_t i = 0; i + 1 < grid->columns; i++)
		used += grid->widths[i] + GAP;
	return columns >= used + LAST_MIN ? columns - used : 0;
}

static void add_cell(struct buf *line, const struct cell *cell, bool color, size_t room)
{
	cleanup_buf struct buf text = { 0 };

	text_add_cut(&text, cell->text, room);
	terminal_add_colored(line, buf_text(&text), color ? cell->sgr : NULL);
}

/* the last column is not padded: its texts may be long, and nothing follows them */
static void print_row(const struct grid *grid, const struct cell *cells, bool color, size_t room)
{
	size_t last = grid->columns - 1;
	cleanup_buf struct buf line = { 0 };

	for (size_t i = 0; i < last; i++) {
		add_cell(&line, &cells[i], color, 0);
		(void)buf_addf(&line, "%*s", (int)(grid->widths[i] - cells[i].width + GAP), "");
	}
	add_cell(&line, &cells[last], color, room);
	out_line(&line);
}

void grid_print(const struct grid *grid, bool color, size_t columns)
{
	size_t room = last_room(grid, columns);

	for (size_t i = 0; i < grid->count && grid->count > grid->columns; i += grid->columns)
		print_row(grid, &grid->cells[i], color, room);
}
