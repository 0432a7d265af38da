/* The nearest of the names one could have meant, for "did you mean". */
#ifndef CLI_HINT_H
#define CLI_HINT_H

#include <stddef.h>

struct hint {
	const char *word; /* borrowed; what was written */
	const char *best; /* borrowed; NULL: nothing is near */
	size_t distance;
};

#define HINT_INIT(text)                                                                            \
	{                                                                                          \
		.word = (text)                                                                     \
	}

/* one name that is possible; near is: it begins with the word, or is two edits away (one for short
 * names)
 */
void hint_offer(struct hint *hint, const char *name);
void hint_offer_all(struct hint *hint, const char *const *names); /* NULL-terminated */

#endif
