/* Cells in aligned columns, for whatever is not tasks (cli/table). */
#ifndef CLI_GRID_H
#define CLI_GRID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

#define GRID_COLUMNS_MAX 8

struct grid;

/* `heads` ends with NULL; at most GRID_COLUMNS_MAX */
struct grid *grid_new(const char *const *heads);
void grid_free(struct grid *grid); /* NULL is fine */
CLEANUP_DEFINE(grid_cleanup, struct grid *, grid_free)
/* the next cell of the current row, which is full after one for each head; escapes the text; NULL
 * or "" shows "-" */
void grid_cell(struct grid *grid, const char *text);
/* as grid_cell, coloured: `sgr` is "31" for red and so on, NULL: as it is */
void grid_colored(struct grid *grid, const char *text, const char *sgr);
/*
 * Prints heads and rows to stdout, nothing when there are no rows. On a terminal of `columns` the
 * last column is cut to fit; 0: it is not.
 */
void grid_print(const struct grid *grid, bool color, size_t columns);

#endif
