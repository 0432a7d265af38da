#include "json/number.h"

bool number_whole(enum number_state state)
{
	return state == NUMBER_ZERO || state == NUMBER_WHOLE || state == NUMBER_FRACTION ||
	       state == NUMBER_EXPONENT_DIGITS;
}

/* what may follow the digits before a point */
static enum number_state after_whole(char c)
{
	return c == '.' ? NUMBER_POINT : c == 'e' || c == 'E' ? NUMBER_EXPONENT : NUMBER_NONE;
}

static enum number_state after_minus(char c)
{
	return c == '0' ? NUMBER_ZERO : c > '0' && c <= '9' ? NUMBER_WHOLE : NUMBER_NONE;
}

static enum number_state after_exponent(char c)
{
	return c >= '0' && c <= '9' ? NUMBER_EXPONENT_DIGITS : NUMBER_NONE;
}

enum number_state number_next(enum number_state state, char c)
{
	bool digit = c >= '0' && c <= '9';

	switch (state) {
	case NUMBER_BEGIN:
		return c == '-' ? NUMBER_MINUS : after_minus(c);
	case NUMBER_MINUS:
		return after_minus(c);
	case NUMBER_ZERO:
		return after_whole(c);
	case NUMBER_WHOLE:
		return digit ? NUMBER_WHOLE : after_whole(c);
	case NUMBER_POINT:
		return digit ? NUMBER_FRACTION : NUMBER_NONE;
	case NUMBER_FRACTION:
		if (c == 'e' || c == 'E')
			return NUMBER_EXPONENT;
		return digit ? NUMBER_FRACTION : NUMBER_NONE;
	case NUMBER_EXPONENT:
		return c == '+' || c == '-' ? NUMBER_EXPONENT_SIGN : after_exponent(c);
	case NUMBER_EXPONENT_SIGN:
	case NUMBER_EXPONENT_DIGITS:
		return after_exponent(c);
	case NUMBER_NONE:
		break;
	}
	return NUMBER_NONE;
}
