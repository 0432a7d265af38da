#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* milliseconds; far enough from the end of the type that a point in time may be added */
#define DURATION_MAX (INT64_MAX / 100)

static const struct unit {
	const char *suffix;
	int64_t ms;
} units[] = {
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
	{ "", 1000 },
};

bool parse_int(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	char *end;
	long long value;

	if (!isdigit((unsigned char)text[text[0] == '-']))
		return false;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0' || value < min || value > max)
		return false;
	*ret = value;
	return true;
}

int parse_hex(char digit)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *found = memchr(digits, digit, sizeof(digits) - 1);

	return found != NULL ? (int)(found - digits) % 16 : -1;
}

static const struct unit *unit_find(const char *suffix)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i].suffix, suffix) == 0)
			return &units[i];
	return NULL;
}

bool parse_duration(const char *text, int64_t *ret_ms)
{
	const struct unit *unit;
	int64_t whole = 0;
	int64_t part = 0;
	int64_t scale = 1;
	const char *p = text;

	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++) {
		whole = whole * 10 + (*p - '0');
		if (whole > DURATION_MAX)
			return false;
	}
	if (*p == '.') {
		if (!isdigit((unsigned char)*++p))
			return false;
		for (; isdigit((unsigned char)*p); p++)
			if (scale < 1000000) {
				part = part * 10 + (*p - '0');
				scale *= 10;
			}
	}
	unit = unit_find(p);
	if (unit == NULL || whole >= DURATION_MAX / unit->ms)
		return false;
	*ret_ms = whole * unit->ms + part * unit->ms / scale;
	return true;
}

const char *duration_text(int64_t ms, char buf[PARSE_DURATION_MAX])
{
	if (ms == 0) {
		(void)snprintf(buf, PARSE_DURATION_MAX, "0");
		return buf;
	}
	for (size_t i = 0; i < 5; i++)
		if (ms % units[i].ms == 0) {
			(void)snprintf(buf, PARSE_DURATION_MAX, "%lld%s",
				(long long)(ms / units[i].ms), units[i].suffix);
			return buf;
		}
	return buf;
}

/* two digits and a colon or the end; -1 when it is anything else */
static int day_minute(const char *text)
{
	int hour;
	int minute;

	for (int i = 0; i < 5; i++)
		if (i == 2 ? text[i] != ':' : !isdigit((unsigned char)text[i]))
			return -1;
	hour = (text[0] - '0') * 10 + text[1] - '0';
	minute = (text[3] - '0') * 10 + text[4] - '0';
	return hour < 24 && minute < 60 ? hour * 60 + minute : -1;
}

bool parse_day_span(const char *text, int *ret_from, int *ret_to)
{
	int from;
	int to;

	if (strlen(text) != 11 || text[5] != '-')
		return false;
	from = day_minute(text);
	to = day_minute(text + 6);
	if (from < 0 || to < 0 || from == to)
		return false;
	*ret_from = from;
	*ret_to = to;
	return true;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

size_t parse_distance(const char *a, const char *b, size_t max)
{
	enum { LONGEST = 64 };
	size_t rows[3][LONGEST + 1];
	size_t len_a = strlen(a);
	size_t len_b = strlen(b);

	if (len_a > LONGEST || len_b > LONGEST)
		return max + 1;
	for (size_t j = 0; j <= len_b; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= len_a; i++) {
		size_t *row = rows[i % 3];
		const size_t *prev = rows[(i + 2) % 3];
		const size_t *older = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= len_b; j++) {
			row[j] = min3(
				prev[j] + 1, row[j - 1] + 1, prev[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				older[j - 2] + 1 < row[j])
				row[j] = older[j - 2] + 1;
		}
	}
	return rows[len_a % 3][len_b] <= max ? rows[len_a % 3][len_b] : max + 1;
}

bool glob_match(const char *pattern, const char *text)
{
	return fnmatch(pattern, text, 0) == 0;
}
