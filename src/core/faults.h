/* What is wrong with a configuration: every fault on a line of its own, and the first as an error.
 */
#ifndef CORE_FAULTS_H
#define CORE_FAULTS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct faults {
	struct buf *out; /* borrowed; "file:line: message" lines */
	struct err *first; /* borrowed; set by the first fault, ERR_CONFIG */
	size_t count;
};

/* `line` 0: the fault is of the file as a whole, and no line is named. Text is escaped */
void faults_add(struct faults *faults, const char *file, unsigned int line, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

#endif
