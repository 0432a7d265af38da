#include "core/nearest.h"

#include <string.h>

#include "base/parse.h"

#define EDITS_MAX 2

struct nearest nearest_to(const char *word)
{
	return (struct nearest){ .word = word, .distance = EDITS_MAX + 1 };
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
	size_t distance = parse_distance(nearest->word, candidate, EDITS_MAX);

	/* two edits make any short word of any other */
	if (distance >= nearest->distance || strlen(candidate) <= distance)
		return;
	nearest->best = candidate;
	nearest->distance = distance;
}
