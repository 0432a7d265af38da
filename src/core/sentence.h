/* What happened, as people say it: "embed-bucket failed". */
#ifndef CORE_SENTENCE_H
#define CORE_SENTENCE_H

#include <stddef.h>

#include "base/buf.h"
#include "core/event.h"

#define SENTENCE_NAME_COLUMNS 80
#define SENTENCE_LINE_COLUMNS 40 /* as a line among others */

/* adds it in one line, with names and words of at most so many columns */
void sentence_add(const struct event *event, size_t columns, struct buf *out);

#endif
