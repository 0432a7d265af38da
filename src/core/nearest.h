/* The word a user may have meant: the nearest of those that are known, within two edits. */
#ifndef CORE_NEAREST_H
#define CORE_NEAREST_H

#include <stddef.h>

struct nearest {
	const char *word; /* borrowed; what was written */
	const char *best; /* borrowed; NULL while nothing is near */
	size_t distance; /* of the best; words at this distance and further no longer count */
};

struct nearest nearest_to(const char *word);
void nearest_offer(struct nearest *nearest, const char *candidate);

#endif
