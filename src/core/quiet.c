#include "core/quiet.h"

#include "base/parse.h"

enum { MINUTE_MS = 60 * 1000, LONGEST_MINUTES = 2 * 24 * 60 };

bool quiet_parse(const char *text, struct quiet *ret)
{
	*ret = (struct quiet){ 0 };
	return *text == '\0' || parse_day_span(text, &ret->from, &ret->to);
}

bool quiet_holds(const struct quiet *quiet, int minute)
{
	if (quiet->from <= quiet->to)
		return minute >= quiet->from && minute < quiet->to;
	return minute >= quiet->from || minute < quiet->to;
}

int64_t quiet_end(const struct quiet *quiet, int64_t wall_ms, quiet_minute_fn minute)
{
	int64_t last = wall_ms; /* quiet */
	int64_t end = wall_ms; /* not quiet */

	/* minute by minute, since a loud stretch may be as short as one; bounded in case the clock
	 * is none */
	for (int i = 0; i < LONGEST_MINUTES && quiet_holds(quiet, minute(end)); i++) {
		last = end;
		end += MINUTE_MS;
	}
	while (end - last > 1) {
		int64_t middle = last + (end - last) / 2;

		if (quiet_holds(quiet, minute(middle)))
			last = middle;
		else
			end = middle;
	}
	return end;
}
