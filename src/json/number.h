/* The grammar of JSON's numbers, one byte at a time (RFC 8259, section 6). */
#ifndef JSON_NUMBER_H
#define JSON_NUMBER_H

#include <stdbool.h>

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

#endif
