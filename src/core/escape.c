#include "core/escape.h"

#include <string.h>

static enum escape_state read_letter(struct escape *escape, char c)
{
	static const char meanings[] = "\"\"\\\\//b\bf\fn\nr\rt\t";

	if (c == 'u') {
		escape->digits = 4;
		return ESCAPE_OPEN;
	}
	for (const char *letter = meanings; *letter != '\0'; letter += 2)
		if (*letter == c) {
			escape->code = (uint32_t)letter[1];
			return ESCAPE_WHOLE;
		}
	return ESCAPE_BAD;
}

enum escape_state escape_next(struct escape *escape, char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *digit;
	uint32_t value;

	if (escape->digits == 0)
		return read_letter(escape, c);
	digit = c != '\0' ? strchr(digits, c) : NULL;
	if (digit == NULL)
		return ESCAPE_BAD;
	value = (uint32_t)(digit - digits);
	escape->code = escape->code << 4 | (value < 16 ? value : value - 6);
	return --escape->digits == 0 ? ESCAPE_WHOLE : ESCAPE_OPEN;
}
