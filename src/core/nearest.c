#include "core/nearest.h"

#include <stdint.h>
#include <string.h>

#include "base/parse.h"

struct nearest nearest_to(const char *word)
{
	return (struct nearest){ .word = word, .distance = SIZE_MAX };
}

void nearest_offer(struct nearest *nearest, const char *name)
{
	size_t len = strlen(nearest->word);
	/* two edits make any short name of any other */
	size_t max = strlen(name) > 4 ? 2 : 1;
	size_t distance = parse_distance(nearest->word, name, max);

	if (len >= 2 && strncmp(nearest->word, name, len) == 0)
		distance = 0;
	if (distance > max || distance >= nearest->distance)
		return;
	nearest->best = name;
	nearest->distance = distance;
}
