/* What is wrong with a configuration: every fault on a line of its own, in the order of the text,
 * and the first as an error. */
#ifndef CORE_DIAGNOSTICS_H
#define CORE_DIAGNOSTICS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct diagnostics_item;

struct diagnostics {
	struct diagnostics_item *items; /* own; by order */
	size_t count;
	size_t cap;
};

/*
 * `line` 0: the fault is of the file as a whole, and no line is named. Text is escaped. `order`:
 * where in the whole text, included files and all, the fault is; those of one place stay as they
 * came.
 */
void diagnostics_add(struct diagnostics *faults, unsigned int order, const char *file,
	unsigned int line, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* adds "file:line: message" lines to `out`; the first one is err as well, ERR_CONFIG */
void diagnostics_tell(const struct diagnostics *faults, struct buf *out, struct err *err);
void diagnostics_done(struct diagnostics *faults);

#endif
