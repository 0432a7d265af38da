/* JSON's numbers and escapes, one byte at a time (RFC 8259, sections 6 and 7). */
#ifndef JSON_LEX_H
#define JSON_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* what the bytes so far are */
enum number_state {
	NUMBER_NONE, /* no number */
	NUMBER_BEGIN,
	NUMBER_MINUS,
	NUMBER_ZERO,
	NUMBER_WHOLE,
	NUMBER_POINT,
	NUMBER_FRACTION,
	NUMBER_EXPONENT,
	NUMBER_EXPONENT_SIGN,
	NUMBER_EXPONENT_DIGITS,
};

/* the state after one more byte; NUMBER_NONE: it does not belong to the number */
enum number_state number_next(enum number_state state, char c);
/* may the number end here? */
bool number_whole(enum number_state state);

/* zeroed: a backslash has been read */
struct escape {
	unsigned int digits; /* hexadecimal digits that are still to come */
	uint32_t code; /* once it is whole: what it stands for, maybe half a surrogate pair */
};

enum escape_state { ESCAPE_BAD, ESCAPE_OPEN, ESCAPE_WHOLE };

/* reads one more byte after the backslash */
enum escape_state escape_next(struct escape *escape, char c);

/*
 * Writes the text of a valid string, given without its quotes, to `to`, which has room for `len`
 * bytes, and returns its length. Escapes that stand for no text (NUL, half a surrogate pair) become
 * U+FFFD; `broken` (may be NULL) is set when there was one.
 */
size_t json_unescape(const char *bytes, size_t len, char *to, bool *broken);

#endif
