/*
 * stdout and stderr of a program that runs for long: written when they take it, in one order where
 * both are one terminal. There a line that moves may stand below all others.
 */
#ifndef WATCH_STREAMS_H
#define WATCH_STREAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/log.h"
#include "io/nb_writer.h"

struct streams {
	struct nb_writer *out; /* own */
	struct nb_writer *talk; /* own, or `out` where both are one terminal */
	bool hangup_stops; /* started on a terminal, whose end is ours */
	struct buf moving; /* the line that moves, as it stands there; empty: none does */
};

/* log_line() goes to stderr from now on, in this form. At most `max` bytes wait for a reader of
 * each stream; 0: no end of them. There is one of its kind at a time */
void streams_open(struct streams *streams, enum log_form form, size_t max);
/* a line for stdout, with its newline */
void streams_print(struct streams *streams, const struct buf *line);
/* writes what is taken, and says what was dropped */
void streams_step(struct streams *streams);
/* the descriptors, for http_wait; returns how many were put in, at most 2 */
size_t streams_fds(const struct streams *streams, struct poll_fd *fds, size_t cap);
/*
 * Draws the moving line when it says something else than the one that is there, or takes that away
 * ("") and leaves the terminal to others. `text` is narrower than the terminal; one that takes
 * nothing now is not bothered with it. False, with nothing drawn, where it may not be drawn now.
 */
bool streams_draw(struct streams *streams, const char *text);
/* for the end, and with log_line() back on stderr: what is not taken now is dropped */
void streams_close(struct streams *streams);

#endif
