/* Quiet hours: a stretch of every local day in which no notification is shown. */
#ifndef CORE_QUIET_H
#define CORE_QUIET_H

#include <stdbool.h>
#include <stdint.h>

/* minutes of the local day; equal: no quiet hours. `to` may be before `from`: then it spans
 * midnight */
struct quiet {
	int from;
	int to;
};

/* the minute of the local day (0..1439) at a moment in ms since 1970: io/clock's, or a test's */
typedef int (*quiet_minute_fn)(int64_t wall_ms);

/* reads "22:00-07:00"; "" is no quiet hours. False when it is neither */
bool quiet_parse(const char *text, struct quiet *ret);
/* is it quiet in that minute? */
bool quiet_holds(const struct quiet *quiet, int minute);
/*
 * The moment at which the quiet hours that hold at `wall_ms` end, `wall_ms` itself when none hold.
 * Looks at the local clock on the way, so that a change to or from summer time in between does not
 * matter.
 */
int64_t quiet_end(const struct quiet *quiet, int64_t wall_ms, quiet_minute_fn minute);

#endif
