/* The name a user may have meant, for "did you mean": it begins with the word, or is two edits
 * away, one for short names. */
#ifndef CORE_NEAREST_H
#define CORE_NEAREST_H

#include <stddef.h>

struct nearest {
	const char *word; /* borrowed; what was written */
	const char *best; /* borrowed; NULL while nothing is near */
	size_t distance; /* of the best; names at this distance and further no longer count */
};

struct nearest nearest_to(const char *word);
void nearest_offer(struct nearest *nearest, const char *name); /* one name that is possible */

#endif
