/*
 * The live view of `wait`: a block of lines at the bottom of a terminal that is drawn over and
 * over. Pure: it makes bytes, and somebody else writes them. A line is never as wide as the
 * terminal and the block never as high, so that nothing wraps and nothing scrolls away.
 */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "cli/screen.h"
#include "core/task.h"

struct live_row {
	const struct task *task; /* borrowed */
	const char *source; /* borrowed; NULL: not worth a word */
	int64_t elapsed_ms; /* since it began, or how long it took; -1: not known */
	bool ended;
};

/* what stands on the screen; all zero: nothing. live_done() releases it */
struct live {
	size_t *widths; /* own; columns of each line, to know where they went when the terminal is
			   resized */
	size_t count;
	size_t cap;
	bool hidden; /* the cursor is */
	unsigned int frame;
};

/* adds what draws the rows over what stood there before: those that have not ended first, the rest
 * counted */
void live_draw(struct live *live, const struct live_row *rows, size_t count, struct screen screen,
	bool color, struct buf *out);
/* adds what takes the block away and shows the cursor: for other lines, or for the end */
void live_erase(struct live *live, struct screen screen, struct buf *out);
/* adds what leaves the block as it stands and shows the cursor */
void live_leave(struct live *live, struct buf *out);
void live_done(struct live *live);

#endif
