#include "core/flat.h"

#include <string.h>

#include "core/number.h"
#include "core/scan.h"

static const char *number_end(const char *p, const char *end)
{
	enum number_state state = NUMBER_BEGIN;

	while (p < end) {
		enum number_state next = number_next(state, *p);

		if (next == NUMBER_NONE)
			break;
		state = next;
		p++;
	}
	return number_whole(state) ? p : NULL;
}

static const char *literal_end(const char *p, const char *end)
{
	const char *word = *p == 't' ? "true" : *p == 'f' ? "false" : "null";
	size_t len = strlen(word);

	return (size_t)(end - p) >= len && memcmp(p, word, len) == 0 ? p + len : NULL;
}

/* a string without escapes; returns what follows its closing quote, NULL: no such string */
static inline const char *string_read(
	const char *p, const char *end, const char **text, size_t *len)
{
	const char *stop;

	if (p == end || *p != '"')
		return NULL;
	p++;
	stop = scan_string(p, end);
	if (stop == end || *stop != '"')
		return NULL;
	*text = p;
	*len = (size_t)(stop - p);
	return stop + 1;
}

static inline const char *value_read(const char *p, const char *end, struct flat_member *member)
{
	if (p == end)
		return NULL;
	if (*p == '"')
		return string_read(p, end, &member->text, &member->text_len);
	member->text = NULL;
	member->text_len = 0;
	if (*p == 't' || *p == 'f' || *p == 'n')
		return literal_end(p, end);
	return number_end(p, end);
}

const char *flat_read(struct flat *flat, const char *p, const char *end)
{
	flat->count = 0;
	p = scan_blanks(p + 1, end);
	if (p < end && *p == '}')
		return p + 1;
	while (flat->count < FLAT_MEMBERS_MAX) {
		struct flat_member *member = &flat->members[flat->count++];

		p = string_read(p, end, &member->name, &member->name_len);
		if (p == NULL)
			return NULL;
		p = scan_blanks(p, end);
		if (p == end || *p != ':')
			return NULL;
		p = value_read(scan_blanks(p + 1, end), end, member);
		if (p == NULL)
			return NULL;
		p = scan_blanks(p, end);
		if (p == end || (*p != ',' && *p != '}'))
			return NULL;
		if (*p == '}')
			return p + 1;
		p = scan_blanks(p + 1, end);
	}
	return NULL;
}
