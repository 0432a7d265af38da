/*
 * Cells in aligned columns. Where a program reads, each row is one line and nothing is left out. On
 * a terminal no line is wider than it: empty columns are left out, some are cut, and what still
 * does not fit gets lines of its own below.
 */
#ifndef CLI_GRID_H
#define CLI_GRID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

#define GRID_COLUMNS_MAX 8

enum grid_fit {
	GRID_LINE, /* stands in line with the others */
	GRID_WHOLE, /* never cut: has a line of its own where there is no room for it */
	GRID_TEXT, /* the same, put on as many lines as it takes */
};

struct grid_column {
	const char *head; /* borrowed */
	enum grid_fit fit;
	size_t least; /* columns that are left of it when it is cut; 0: it is not */
};

struct grid;

/* `columns` end with a NULL head; at most GRID_COLUMNS_MAX */
struct grid *grid_new(const struct grid_column *columns);
void grid_free(struct grid *grid); /* NULL is fine */
CLEANUP_DEFINE(grid_cleanup, struct grid *, grid_free)
/* the next cell of the current row, which is full after one for each head; escapes the text; NULL
 * or "" shows "-" */
void grid_cell(struct grid *grid, const char *text);
/* as grid_cell, coloured: `sgr` is "31" for red and so on, borrowed; NULL: as it is */
void grid_colored(struct grid *grid, const char *text, const char *sgr);
/* prints heads and rows to stdout, nothing when there are no rows; `columns` of the terminal, 0:
 * there is none */
void grid_print(const struct grid *grid, bool color, size_t columns);

#endif
