#include "cli/time_text.h"

#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/stamp.h"

#define DATE_LEN 10 /* 2026-11-23 */

/* what was read as UTC was meant as local time */
static bool as_local(int64_t *us)
{
	time_t seconds = (time_t)(*us / 1000000);
	int64_t part = *us % 1000000;
	struct tm parts;

	if (gmtime_r(&seconds, &parts) == NULL)
		return false;
	parts.tm_isdst = -1;
	seconds = mktime(&parts);
	*us = (int64_t)seconds * 1000000 + part;
	return seconds != (time_t)-1;
}

static bool has_zone(const char *text)
{
	return strpbrk(text + DATE_LEN, "Zz+-") != NULL;
}

/* "2h", or "2h ago" as date(1) and journalctl(1) take it */
static bool parse_back(const char *text, int64_t *ret_ms)
{
	size_t len = strcspn(text, " ");
	cleanup_free char *duration = mem_strndup(text, len);
	const char *rest = text + len + strspn(text + len, " ");

	return (*rest == '\0' ? text[len] == '\0' : strcmp(rest, "ago") == 0) &&
	       parse_duration(duration, ret_ms);
}

bool time_text_parse(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	cleanup_free char *whole = NULL;
	int64_t ms;
	int64_t us;

	if (parse_back(text, &ms)) {
		*ret_ms = ms < now_ms ? now_ms - ms : 1;
		return true;
	}
	whole = mem_printf("%s%s", text, strlen(text) == DATE_LEN ? "T00:00:00" : "");
	if (!stamp_parse(whole, &us) || (!has_zone(whole) && !as_local(&us)))
		return false;
	*ret_ms = us >= 1000 ? us / 1000 : 1;
	return true;
}

void time_text_add(struct buf *out, int64_t wall_ms, int64_t now_ms, bool terminal)
{
	char text[STAMP_TEXT_MAX];

	(void)buf_add_text(
		out, wall_ms != 0 ? stamp_text_for(terminal, wall_ms, now_ms, text) : "-");
}
