#include "json/lex.h"

#include "base/parse.h"

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

/* the code of the escape whose backslash is at `p`, which is moved past it */
static uint32_t escape_take(const char **p, const char *end)
{
	struct escape escape = { 0 };

	for ((*p)++; *p < end;)
		if (escape_next(&escape, *(*p)++) != ESCAPE_OPEN)
			break;
	return escape.code;
}

/* as UTF-8; returns how many bytes that is */
static size_t code_put(uint32_t code, char *to)
{
	static const unsigned char heads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = len; i-- > 1; code >>= 6)
		to[i] = (char)(0x80 | (code & 0x3f));
	to[0] = (char)(heads[len] | code);
	return len;
}

static bool is_half(uint32_t code, uint32_t first)
{
	return (code & 0xfffffc00U) == first;
}

size_t json_unescape(const char *bytes, size_t len, char *to, bool *broken)
{
	const char *p = bytes;
	const char *end = bytes + len;
	char *at = to;

	while (p < end) {
		const char *next;
		uint32_t code;

		if (*p != '\\') {
			*at++ = *p++;
			continue;
		}
		code = escape_take(&p, end);
		next = p;
		if (is_half(code, 0xd800) && next < end && *next == '\\') {
			uint32_t second = escape_take(&next, end);

			if (is_half(second, 0xdc00)) {
				code = 0x10000 + ((code & 0x3ff) << 10) + (second & 0x3ff);
				p = next;
			}
		}
		if (code == 0 || (code & 0xfffff800U) == 0xd800) {
			code = 0xfffd;
			if (broken != NULL)
				*broken = true;
		}
		at += code_put(code, at);
	}
	return (size_t)(at - to);
}
