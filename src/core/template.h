/* Arguments of a hook: `{field}` stands for a value of the event, which stays data. */
#ifndef CORE_TEMPLATE_H
#define CORE_TEMPLATE_H

#include "base/buf.h"
#include "core/event.h"

#define TEMPLATE_TEXT_MAX (128 * 1024 - 1) /* what Linux takes as one argument (MAX_ARG_STRLEN) */

/*
 * Adds `text` with every `{field}` replaced, in one pass: what a value contains is not looked at
 * again. Braces around anything else stand. The whole is cut at TEMPLATE_TEXT_MAX, where no code
 * point is split.
 */
void template_expand(const char *text, const struct event *event, struct buf *out);

#endif
