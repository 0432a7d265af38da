/*
 * JSON lines of tasks on their way to stdout. An id that stands twice counts once, as it stands
 * last: that is kept among the lines still held here, a thousand or so. It cannot be kept for an
 * answer of any length without remembering every id, and memory is the same for ten thousand tasks
 * and for a million.
 */
#ifndef CLI_DEDUP_H
#define CLI_DEDUP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/hash.h"

struct dedup;

struct dedup *dedup_new(const struct hash_key *key);
void dedup_free(struct dedup *lines); /* what is held is lost; NULL is fine */
/* where the next line, without its newline, is to be added to */
struct buf *dedup_begin(struct dedup *lines);
/* the line is complete; one of the same source and id that is still held is dropped */
void dedup_end(struct dedup *lines, size_t source, const char *id);
/* drops what is held of a source; false, with nothing dropped, when some of it was written already
 */
bool dedup_forget(struct dedup *lines, size_t source);
/* hands everything to cli/out */
void dedup_write(struct dedup *lines);

#endif
