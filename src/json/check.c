#include "json/check.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/scan.h"

/* state, and what is wanted there */
#define CHECK_STATES(X)                                                                            \
	X(START, "a value")                                                                        \
	X(BOM, "the rest of a byte order mark")                                                    \
	X(STRING, "the rest of a string")                                                          \
	X(ESCAPE, "the rest of an escape")                                                         \
	X(WORD, "true, false or null")                                                             \
	X(NUMBER, "a number")                                                                      \
	/* before these there may be blanks */                                                     \
	X(VALUE, "a value")                                                                        \
	X(FIRST_VALUE, "a value or \"]\"")                                                         \
	X(NAME, "a member name")                                                                   \
	X(FIRST_NAME, "a member name or \"}\"")                                                    \
	X(COLON, "\":\"")                                                                          \
	X(NEXT, "\",\" or a closing bracket")                                                      \
	X(END, "nothing more")

enum check_state {
#define STATE_ENUM(name, wanted) STATE_##name,
	CHECK_STATES(STATE_ENUM)
#undef STATE_ENUM
};

const char *json_check_fail(struct json_check *check, const char *at, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)err_set(&check->fault, ERR_PROTOCOL, "%s (at byte %llu)", text,
		(unsigned long long)check->before + (unsigned long long)(at - check->chunk));
	return NULL;
}

static const char *unwanted(struct json_check *check, const char *p)
{
	static const char *const wanted[] = {
#define STATE_WANTED(name, text) [STATE_##name] = (text),
		CHECK_STATES(STATE_WANTED)
#undef STATE_WANTED
	};
	unsigned char c = (unsigned char)*p;

	return json_check_fail(check, p,
		c > 0x20 && c < 0x7f ? "the answer is not valid JSON: %s expected, not '%c'"
				     : "the answer is not valid JSON: %s expected, not byte 0x%02x",
		wanted[check->state], c);
}

static const char *value_end(struct json_check *check, const char *p, enum json_event event)
{
	check->state = check->depth == 0 ? STATE_END : STATE_NEXT;
	check->event = event;
	return p;
}

static const char *level_close(struct json_check *check, const char *p)
{
	if (*p != ((check->objects & 1) != 0 ? '}' : ']'))
		return unwanted(check, p);
	check->depth--;
	check->objects >>= 1;
	return value_end(check, p + 1, JSON_CLOSE);
}

static const char *string_open(struct json_check *check, const char *p, bool name)
{
	check->name = name;
	if (name)
		check->event = JSON_NAME;
	check->state = STATE_STRING;
	return p + 1;
}

static bool begins_value(char c)
{
	switch (c) {
	case '"':
	case '{':
	case '[':
	case 't':
	case 'f':
	case 'n':
	case '-':
		return true;
	default:
		return c >= '0' && c <= '9';
	}
}

static const char *read_value(struct json_check *check, const char *p)
{
	if (!begins_value(*p))
		return unwanted(check, p);
	check->told = !check->told;
	if (check->told) {
		check->state = STATE_VALUE;
		check->event = JSON_VALUE;
		return p;
	}
	switch (*p) {
	case '"':
		return string_open(check, p, false);
	case '{':
	case '[':
		if (check->depth == JSON_DEPTH_MAX)
			return json_check_fail(check, p,
				"the answer is nested deeper than %d levels", JSON_DEPTH_MAX);
		check->depth++;
		check->objects = check->objects << 1 | (*p == '{');
		check->state = *p == '{' ? STATE_FIRST_NAME : STATE_FIRST_VALUE;
		return p + 1;
	case 't':
	case 'f':
	case 'n':
		check->word = *p == 't' ? "rue" : *p == 'f' ? "alse" : "ull";
		check->state = STATE_WORD;
		return p + 1;
	default:
		check->number = number_next(NUMBER_BEGIN, *p);
		check->state = STATE_NUMBER;
		return p + 1;
	}
}

/* HTML is a captive portal or a proxy that answers, which JSON's grammar does not explain */
static const char *read_start(struct json_check *check, const char *p)
{
	p = scan_blanks(p, check->end);
	if (p == check->end)
		return p;
	if (*p == '<')
		return json_check_fail(check, p,
			"the answer is a page, not JSON: check base_url, and the proxy between");
	if (*p == '\xef' && check->before + (uint64_t)(p - check->chunk) == 0) {
		check->word = "\xbb\xbf";
		check->state = STATE_BOM;
		return p + 1;
	}
	check->state = STATE_VALUE;
	return p;
}

static void name_bytes(struct json_check *check, const char *bytes, size_t len)
{
	if (!check->name || len == 0)
		return;
	check->event = JSON_NAME_BYTES;
	check->bytes = bytes;
	check->len = len;
}

static const char *read_string(struct json_check *check, const char *p)
{
	const char *stop = scan_string(p, check->end);

	if (stop > p || stop == check->end) {
		name_bytes(check, p, (size_t)(stop - p));
		return stop;
	}
	if (*stop == '\\') {
		check->escape = (struct escape){ 0 };
		check->state = STATE_ESCAPE;
		return stop + 1;
	}
	if (*stop != '"')
		return unwanted(check, stop);
	if (!check->name)
		return value_end(check, stop + 1, JSON_SCALAR);
	check->state = STATE_COLON;
	check->event = JSON_NAME_END;
	return stop + 1;
}

/* reports an escape in a name as one byte, NUL if it is not ASCII: no name we want has any */
static const char *read_escape(struct json_check *check, const char *p)
{
	enum escape_state state = escape_next(&check->escape, *p);

	if (state == ESCAPE_BAD)
		return unwanted(check, p);
	if (state == ESCAPE_WHOLE) {
		check->decoded = (char)(check->escape.code < 0x80 ? check->escape.code : 0);
		name_bytes(check, &check->decoded, 1);
		check->state = STATE_STRING;
	}
	return p + 1;
}

/* a literal, or the byte order mark */
static const char *read_word(struct json_check *check, const char *p)
{
	if (*p != *check->word)
		return unwanted(check, p);
	if (*++check->word != '\0')
		return p + 1;
	if (check->state != STATE_BOM)
		return value_end(check, p + 1, JSON_SCALAR);
	check->state = STATE_VALUE;
	return p + 1;
}

/* a number ends with the first byte that does not belong to it, which is left for the next state */
static const char *read_number(struct json_check *check, const char *p)
{
	enum number_state next = number_next(check->number, *p);

	if (next != NUMBER_NONE) {
		check->number = next;
		return p + 1;
	}
	return number_whole(check->number) ? value_end(check, p, JSON_SCALAR) : unwanted(check, p);
}

/* reads on at `p`, before the end; returns where the next step begins, NULL on a fault */
static const char *check_step(struct json_check *check, const char *p)
{
	if (check->state >= STATE_VALUE)
		p = scan_blanks(p, check->end);
	if (p == check->end)
		return p;
	switch ((enum check_state)check->state) {
	case STATE_START:
		return read_start(check, p);
	case STATE_FIRST_VALUE:
		return *p == ']' ? level_close(check, p) : read_value(check, p);
	case STATE_VALUE:
		return read_value(check, p);
	case STATE_FIRST_NAME:
		if (*p == '}')
			return level_close(check, p);
		return *p == '"' ? string_open(check, p, true) : unwanted(check, p);
	case STATE_NAME:
		return *p == '"' ? string_open(check, p, true) : unwanted(check, p);
	case STATE_COLON:
		if (*p != ':')
			return unwanted(check, p);
		check->state = STATE_VALUE;
		return p + 1;
	case STATE_NEXT:
		if (*p != ',')
			return level_close(check, p);
		check->state = (check->objects & 1) != 0 ? STATE_NAME : STATE_VALUE;
		return p + 1;
	case STATE_STRING:
		return read_string(check, p);
	case STATE_ESCAPE:
		return read_escape(check, p);
	case STATE_BOM:
	case STATE_WORD:
		return read_word(check, p);
	case STATE_NUMBER:
		return read_number(check, p);
	case STATE_END:
		break;
	}
	return unwanted(check, p);
}

void json_check_feed(struct json_check *check, const char *bytes, size_t len)
{
	if (check->fault.kind != ERR_NONE || len == 0)
		return;
	check->chunk = bytes;
	check->at = bytes;
	check->end = bytes + len;
	if (len > JSON_DOCUMENT_MAX - check->before)
		(void)json_check_fail(check, bytes, "the answer is longer than 1 GiB");
}

enum json_event json_check_next(struct json_check *check)
{
	const char *p = check->at;

	check->event = JSON_NOTHING;
	if (check->chunk == NULL || check->fault.kind != ERR_NONE)
		return JSON_NOTHING;
	while (p != NULL && p < check->end && check->event == JSON_NOTHING)
		p = check_step(check, p);
	check->at = p;
	if (p != NULL && check->event == JSON_NOTHING) {
		check->before += (uint64_t)(check->end - check->chunk);
		check->chunk = NULL;
	}
	return p != NULL ? check->event : JSON_NOTHING;
}

void json_check_skip(struct json_check *check, const char *to)
{
	check->told = false;
	check->at = value_end(check, to, JSON_NOTHING);
}

void json_check_read(struct json_check *check, const char *bytes, size_t len)
{
	json_check_feed(check, bytes, len);
	while (json_check_next(check) != JSON_NOTHING)
		;
}

bool json_check_good(const struct json_check *check, struct err *err)
{
	if (check->fault.kind != ERR_NONE)
		*err = check->fault;
	return check->fault.kind == ERR_NONE;
}

bool json_check_whole(const struct json_check *check)
{
	return check->fault.kind == ERR_NONE && check->state == STATE_END;
}

bool json_check_end(const struct json_check *check, struct err *err)
{
	bool number = check->state == STATE_NUMBER && number_whole(check->number);

	if (!json_check_good(check, err))
		return false;
	if (check->state == STATE_START)
		return err_set(err, ERR_PROTOCOL, "the answer is empty");
	if (check->state != STATE_END && (!number || check->depth != 0))
		return err_set(err, ERR_PROTOCOL, "the answer was cut off after %llu bytes",
			(unsigned long long)check->before);
	return true;
}

bool json_is_valid(const char *bytes, size_t len, struct err *err)
{
	struct json_check check = { 0 };

	json_check_read(&check, bytes, len);
	return json_check_end(&check, err);
}
