/* Points in time. A stamp is microseconds since 1970 UTC; an instant holds both clocks of one
 * moment. */
#ifndef BASE_STAMP_H
#define BASE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#define STAMP_NONE INT64_MIN
#define STAMP_TEXT_MAX 40

/*
 * One moment as all clocks see it, read together by io/clock. `mono_ms` counts on through a
 * suspend and never jumps: schedules use it. `wall_ms` (since 1970 UTC) is for people, history and
 * ages that must survive a restart; it may jump. `asleep_ms` is the part of mono_ms in which the
 * machine was suspended: a limit of something that did not run meanwhile waits as long.
 */
struct instant {
	int64_t mono_ms;
	int64_t wall_ms;
	int64_t asleep_ms;
};

/* never: later than any deadline */
#define INSTANT_NEVER INT64_MAX
static inline int64_t instant_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/*
 * Reads an RFC 3339 date-time as APIs write it: `Z`, an offset, or no zone (taken as UTC, as
 * pydantic prints naive times), `T` or blank, an offset of hours only, any number of fraction
 * digits. Microseconds; digits past them are cut.
 */
bool stamp_parse(const char *text, int64_t *ret_us);
/*
 * Reads Unix time as digits, also with a fraction: seconds, milliseconds, microseconds or
 * nanoseconds, which their number tells apart from 1973 to 5138. Microseconds.
 */
bool stamp_parse_unix(const char *text, int64_t *ret_us);
/* RFC 3339 UTC with 0, 3 or 6 fraction digits, as few as show it exactly; returns buf */
const char *stamp_text(int64_t us, char buf[STAMP_TEXT_MAX]);
/* RFC 3339 UTC with exactly three fraction digits; returns buf */
const char *stamp_text_ms(int64_t wall_ms, char buf[STAMP_TEXT_MAX]);
/*
 * Local time as people read it beside their own clock: "14:32:05", or "Nov 30 14:32" when that is
 * another day than `now_ms`, or "2025-11-30 14:32" when it is another year; returns buf. Only for
 * terminals: everything else gets RFC 3339.
 */
const char *stamp_text_local(int64_t wall_ms, int64_t now_ms, char buf[STAMP_TEXT_MAX]);
/* the one or the other */
static inline const char *stamp_text_for(
	bool terminal, int64_t wall_ms, int64_t now_ms, char buf[STAMP_TEXT_MAX])
{
	return terminal ? stamp_text_local(wall_ms, now_ms, buf) : stamp_text_ms(wall_ms, buf);
}

#endif
