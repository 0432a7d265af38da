#include "json/escape.h"

#include "base/parse.h"

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
	int value;

	if (escape->digits == 0)
		return read_letter(escape, c);
	value = parse_hex(c);
	if (value < 0)
		return ESCAPE_BAD;
	escape->code = escape->code << 4 | (uint32_t)value;
	return --escape->digits == 0 ? ESCAPE_WHOLE : ESCAPE_OPEN;
}
