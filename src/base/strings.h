/* A list of texts. */
#ifndef BASE_STRINGS_H
#define BASE_STRINGS_H

#include <stdbool.h>
#include <stddef.h>

/* NULL items when empty */
struct strings {
	char **items; /* own, each own */
	size_t count;
};

void strings_add(struct strings *list, const char *text); /* copies it */
bool strings_has(const struct strings *list, const char *text);
void strings_done(struct strings *list); /* releases all; the list is empty then */

#endif
