#include "json/flat.h"

#include <string.h>

#include "json/number.h"
#include "json/scan.h"

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
	const char *stop;

	if (p == end)
		return NULL;
	member->number = NULL;
	if (*p == '"')
		return string_read(p, end, &member->text, &member->text_len);
	member->text = NULL;
	member->text_len = 0;
	if (*p == 't' || *p == 'f' || *p == 'n')
		return literal_end(p, end);
	stop = number_end(p, end);
	member->number = p;
	member->number_len = stop != NULL ? (size_t)(stop - p) : 0;
	return stop;
}

static void lead_learn(struct flat_lead *lead, const char *bytes, const char *value,
	const struct flat_member *member)
{
	size_t len = (size_t)(value - bytes);

	lead->len = 0;
	if (len > FLAT_LEAD_MAX)
		return;
	memcpy(lead->bytes, bytes, len);
	lead->len = (uint8_t)len;
	lead->name = (uint8_t)(member->name - bytes);
	lead->name_len = (uint8_t)member->name_len;
}

/* reads from a brace or a comma to the value that follows the name */
static const char *lead_read(struct flat *flat, size_t i, const char *p, const char *end)
{
	struct flat_member *member = &flat->members[i];
	const char *bytes = p;

	p = string_read(scan_blanks(p + 1, end), end, &member->name, &member->name_len);
	if (p == NULL)
		return NULL;
	p = scan_blanks(p, end);
	if (p == end || *p != ':')
		return NULL;
	p = scan_blanks(p + 1, end);
	flat->shape++;
	lead_learn(&flat->leads[i], bytes, p, member);
	return p;
}

static inline const char *member_read(struct flat *flat, size_t i, const char *p, const char *end)
{
	struct flat_member *member = &flat->members[i];
	const struct flat_lead *lead = &flat->leads[i];

	if (lead->len != 0 && (size_t)(end - p) > lead->len &&
		scan_same(p, lead->bytes, lead->len)) {
		member->name = p + lead->name;
		member->name_len = lead->name_len;
		p = scan_blanks(p + lead->len, end);
	} else {
		p = lead_read(flat, i, p, end);
		if (p == NULL)
			return NULL;
	}
	p = value_read(p, end, member);
	return p != NULL ? scan_blanks(p, end) : NULL;
}

const char *flat_read(struct flat *flat, const char *p, const char *end)
{
	const char *first = scan_blanks(p + 1, end);

	flat->count = 0;
	if (first < end && *first == '}')
		return first + 1;
	while (flat->count < FLAT_MEMBERS_MAX) {
		p = member_read(flat, flat->count++, p, end);
		if (p == NULL || p == end || (*p != ',' && *p != '}'))
			return NULL;
		if (*p == '}')
			return p + 1;
	}
	return NULL;
}
