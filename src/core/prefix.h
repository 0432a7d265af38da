/* The id that a user means who types its first characters. */
#ifndef CORE_PREFIX_H
#define CORE_PREFIX_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/strings.h"

#define PREFIX_LEAST 6 /* characters; fewer are no beginning of an id */
#define PREFIX_NAMED 4 /* ids that are named when there are several */

struct prefix {
	const char *text; /* borrowed; what was typed */
	struct strings ids; /* own; different ones that begin so, PREFIX_NAMED + 1 at most */
	bool exact; /* ids has only the text itself: it is an id */
};

/* may this be the beginning of an id? */
bool prefix_usable(const char *text);
/* an id that there is; it counts when it begins with the text */
void prefix_offer(struct prefix *prefix, const char *id);
/* adds "is ambiguous: it could be a, b or c" */
void prefix_add_choice(const struct prefix *prefix, struct buf *out);
void prefix_done(struct prefix *prefix);

#endif
