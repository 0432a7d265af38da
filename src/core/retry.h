/*
 * When and whether a server wants to be asked again (taskbell(7), REQUESTS): what its headers say.
 * Pure: the wall clock is an argument, and counts only where the server does not say what its own
 * shows.
 */
#ifndef CORE_RETRY_H
#define CORE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#define RETRY_WAIT_MIN_MS 100
#define RETRY_WAIT_MAX_MS 300000

enum retry_word { RETRY_UNSAID, RETRY_YES, RETRY_NO };

/* when, as a header says it, not clamped yet */
struct retry_time {
	int64_t ms; /* from now, or since 1970 when `dated`; -1: not said, or not readable */
	bool dated;
};

struct retry {
	int64_t after_ms; /* retry-after-ms; -1 as in retry_time */
	struct retry_time after; /* retry-after */
	struct retry_time reset; /* x-ratelimit-reset */
	struct retry_time draft; /* RateLimit-Reset, or the reset in RateLimit (IETF draft) */
	int64_t now_ms; /* since 1970: the Date of the answer, else our own clock */
	bool now_said;
	bool spent; /* x-ratelimit-remaining, or the draft's: 0 */
	enum retry_word word; /* x-should-retry */
};

#define RETRY_INIT                                                                                 \
	{                                                                                          \
		.after_ms = -1, .after.ms = -1, .reset.ms = -1, .draft.ms = -1                     \
	}

/* takes one header in; any case of the name, other names are ignored */
void retry_header(struct retry *retry, const char *name, const char *value, int64_t wall_ms);
/* is an answer of this status worth another try? 408, 409, 429, 5xx, unless x-should-retry says
 * otherwise */
bool retry_worth(const struct retry *retry, long status);
/* is a 403 with these headers a 429? GitHub refuses so whoever has spent his requests */
bool retry_limited(const struct retry *retry);
/*
 * How long the server wants us to wait, clamped to 100 ms .. 5 min; -1: it did not say, or the
 * status is neither 429 nor 503, where such headers mean something else.
 */
int64_t retry_wait(const struct retry *retry, long status);
/* an HTTP-date in any of the three forms of RFC 9110 5.6.7; microseconds since 1970 */
bool retry_date(const char *text, int64_t *ret_us);

#endif
