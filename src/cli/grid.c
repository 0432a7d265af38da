#include "cli/grid.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/out.h"

struct cell {
	char *text; /* own; fit for a terminal */
	size_t width; /* columns of a terminal */
	const char *sgr; /* borrowed; NULL: no colour */
};

struct grid {
	const char *const *heads; /* borrowed */
	size_t columns;
	size_t widths[GRID_COLUMNS_MAX];
	struct cell *cells; /* own; row by row */
	size_t count;
	size_t cap;
};

struct grid *grid_new(const char *const *heads)
{
	struct grid *grid = mem_alloc(sizeof(*grid));

	grid->heads = heads;
	for (; heads[grid->columns] != NULL; grid->columns++)
		grid->widths[grid->columns] = text_width(heads[grid->columns]);
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

/* the last column is not padded: its texts may be long, and nothing follows them */
static void print_cell(const struct grid *grid, size_t column, const struct cell *cell, bool color)
{
	bool last = column + 1 == grid->columns;
	cleanup_buf struct buf out = { 0 };

	if (color && cell->sgr != NULL)
		(void)buf_addf(&out, "\033[%sm%s\033[0m", cell->sgr, cell->text);
	else
		(void)buf_add_text(&out, cell->text);
	if (!last)
		(void)buf_addf(&out, "%*s", (int)(grid->widths[column] - cell->width + 2), "");
	if (last)
		out_line(&out);
	else
		out_bytes(buf_text(&out), out.len);
}

void grid_print(const struct grid *grid, bool color)
{
	if (grid->count == 0)
		return;
	for (size_t i = 0; i < grid->columns; i++) {
		cleanup_free char *text = mem_strdup(grid->heads[i]);
		struct cell head = { .text = text, .width = text_width(text), .sgr = "1" };

		print_cell(grid, i, &head, color);
	}
	for (size_t i = 0; i < grid->count; i++)
		print_cell(grid, i % grid->columns, &grid->cells[i], color);
}
