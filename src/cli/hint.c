#include "cli/hint.h"

#include <stdint.h>
#include <string.h>

#include "base/parse.h"

static size_t hint_distance(const char *word, const char *name)
{
	size_t len = strlen(word);
	size_t max = strlen(name) > 4 ? 2 : 1;
	size_t distance = parse_distance(word, name, max);

	if (len >= 2 && strncmp(word, name, len) == 0)
		return 0;
	return distance <= max ? distance : SIZE_MAX;
}

void hint_offer(struct hint *hint, const char *name)
{
	size_t distance = hint_distance(hint->word, name);

	if (distance == SIZE_MAX || (hint->best != NULL && hint->distance <= distance))
		return;
	hint->best = name;
	hint->distance = distance;
}

void hint_offer_all(struct hint *hint, const char *const *names)
{
	for (; *names != NULL; names++)
		hint_offer(hint, *names);
}
