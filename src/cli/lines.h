/*
 * JSON lines of tasks on their way to stdout. An id that stands twice counts once, as it stands
 * last: that is kept among the lines still held here, a thousand or so. It cannot be kept for an
 * answer of any length without remembering every id, and memory is the same for ten thousand tasks
 * and for a million.
 */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/hash.h"

struct lines;

struct lines *lines_new(const struct hash_key *key);
void lines_free(struct lines *lines); /* what is held is lost; NULL is fine */
/* where the next line, without its newline, is to be added to */
struct buf *lines_begin(struct lines *lines);
/* the line is complete; one of the same source and id that is still held is dropped */
void lines_end(struct lines *lines, size_t source, const char *id);
/* drops what is held of a source; false, with nothing dropped, when some of it was written already
 */
bool lines_forget(struct lines *lines, size_t source);
/* hands everything to cli/out */
void lines_write(struct lines *lines);

#endif
