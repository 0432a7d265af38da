/* The grammar of escapes in JSON's strings, one byte at a time (RFC 8259, section 7). */
#ifndef JSON_ESCAPE_H
#define JSON_ESCAPE_H

#include <stdbool.h>
#include <stdint.h>

/* zeroed: a backslash has been read */
struct escape {
	unsigned int digits; /* hexadecimal digits that are still to come */
	uint32_t code; /* once it is whole: what it stands for, maybe half a surrogate pair */
};

enum escape_state { ESCAPE_BAD, ESCAPE_OPEN, ESCAPE_WHOLE };

/* reads one more byte after the backslash */
enum escape_state escape_next(struct escape *escape, char c);

#endif
