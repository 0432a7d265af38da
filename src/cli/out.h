/*
 * Data on stdout for one-shot commands, buffered. A reader that has gone away ends the program by
 * SIGPIPE, as it ends any filter; a full disk is 74. Never used by `watch`, which must not block.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

void out_bytes(const char *bytes, size_t len);
void out_text(const char *text);
void out_line(const struct buf *line); /* adds the newline */
/* a line of text that was made fit for a terminal; on one that is narrower it goes on below */
void out_wrapped(const struct buf *line);
/* writes what is buffered; false when stdout could not be written at some time (ERR_IO) */
bool out_flush(struct err *err);
/* for the end of a command: flushes; `code`, or 74 when stdout could not be written, having said so
 */
int out_end(int code);

#endif
