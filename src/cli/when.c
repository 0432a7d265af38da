#include "cli/when.h"

#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/stamp.h"

#define DAY_MS 86400000
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

bool when_parse(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	cleanup_free char *whole = NULL;
	int64_t ms;
	int64_t us;

	if (parse_duration(text, &ms)) {
		*ret_ms = ms < now_ms ? now_ms - ms : 1;
		return true;
	}
	whole = mem_printf("%s%s", text, strlen(text) == DATE_LEN ? "T00:00:00" : "");
	if (!stamp_parse(whole, &us) || (!has_zone(whole) && !as_local(&us)))
		return false;
	*ret_ms = us >= 1000 ? us / 1000 : 1;
	return true;
}

static void add_distance(struct buf *out, int64_t ms)
{
	char text[PARSE_DURATION_MAX];
	int64_t unit = ms < 60000 ? 1000 : ms < 3600000 ? 60000 : 3600000;

	(void)buf_add_text(out, ms < 1000 ? "0s" : duration_text(ms / unit * unit, text));
}

static void add_date(struct buf *out, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char text[32] = "";
	struct tm local;

	if (localtime_r(&seconds, &local) != NULL &&
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &local) > 0)
		(void)buf_add_text(out, text);
}

void when_add(struct buf *out, int64_t wall_ms, int64_t now_ms, bool people)
{
	char text[STAMP_TEXT_MAX];
	int64_t ago = now_ms - wall_ms;

	if (wall_ms == 0) {
		(void)buf_add_char(out, '-');
	} else if (!people) {
		(void)buf_add_text(out, stamp_text_ms(wall_ms, text));
	} else if (ago >= DAY_MS || ago <= -DAY_MS) {
		add_date(out, wall_ms);
	} else if (ago >= 0) {
		add_distance(out, ago);
		(void)buf_add_text(out, " ago");
	} else {
		(void)buf_add_text(out, "in ");
		add_distance(out, -ago);
	}
}
