/*
 * When and whether a server wants to be asked again (taskbell(7), REQUESTS): what its headers say.
 * Pure: the wall clock is an argument, and counts only where the server does not say what its own
 * shows.
 */
#ifndef CORE_RETRY_AFTER_H
#define CORE_RETRY_AFTER_H

#include <stdbool.h>
#include <stdint.h>

#define RETRY_WAIT_MIN_MS 100
#define RETRY_WAIT_MAX_MS 300000

enum retry_hint { RETRY_UNSAID, RETRY_YES, RETRY_NO };

/* when, as a header says it, not clamped yet */
struct retry_moment {
	int64_t ms; /* from now, or since 1970 when `dated`; -1: not said, or not readable */
	bool dated;
};

struct retry_after {
	int64_t after_ms; /* retry-after-ms; -1 as in retry_moment */
	struct retry_moment after; /* retry-after */
	struct retry_moment reset; /* x-ratelimit-reset */
	struct retry_moment draft; /* RateLimit-Reset, or the reset in RateLimit (IETF draft) */
	int64_t now_ms; /* since 1970: the Date of the answer, else our own clock */
	bool now_said;
	bool spent; /* x-ratelimit-remaining, or the draft's: 0 */
	enum retry_hint word; /* x-should-retry */
};

#define RETRY_INIT                                                                                 \
	{                                                                                          \
		.after_ms = -1, .after.ms = -1, .reset.ms = -1, .draft.ms = -1                     \
	}

/* takes one header in; any case of the name, other names are ignored */
void retry_after_header(
	struct retry_after *retry, const char *name, const char *value, int64_t wall_ms);
/* is it the status of a failure that may pass by itself? */
bool http_status_passes(long status);
/* is an answer of this status worth another try? 408, 409, 429, 5xx, unless x-should-retry says
 * otherwise */
bool retry_after_worth(const struct retry_after *retry, long status);
/* is a 403 with these headers a 429? GitHub answers so when no requests are left */
bool retry_after_limited(const struct retry_after *retry);
/*
 * How long the server wants us to wait, clamped to 100 ms .. 5 min; -1: it did not say, or the
 * status is neither 429 nor 503, where such headers mean something else.
 */
int64_t retry_after_wait(const struct retry_after *retry, long status);
/* an HTTP-date in any of the three forms of RFC 9110 5.6.7; microseconds since 1970 */
bool http_date_parse(const char *text, int64_t *ret_us);

#endif
