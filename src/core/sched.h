/* When a list of a source is asked for next. State plus a minimum instead of timers. */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define SCHED_BACKOFF_MIN_MS 500
#define SCHED_BACKOFF_MAX_MS 60000
#define SCHED_ONCE_TRIES 3 /* of a request of a one-shot command … */
#define SCHED_ONCE_SLEEP_MS 10000 /* … and the sum of its waits between tries */
#define SCHED_REFUSED_MS 300000 /* a refused or missing key is tried again so often */

struct sched {
	int64_t due_ms; /* mono; when it is to be asked for next */
	int64_t started_ms; /* mono; when it was asked last */
	unsigned int failures; /* in a row */
	uint64_t random; /* state of the jitter, seeded by the caller; never 0 */
};

/* how a failed request may be repeated */
struct sched_advice {
	bool retry; /* the failure may pass by itself */
	int64_t after_ms; /* the server's wish; -1: none */
};

void sched_start(struct sched *sched, int64_t now_ms);
/* it went well: next at its beat (start + interval), at once when that has passed, never a burst to
 * catch up */
void sched_good(struct sched *sched, int64_t interval_ms, int64_t now_ms);
/*
 * It failed: the server's wish; else 0.5 s doubling to 60 s with up to a quarter of jitter
 * downward, and not before the interval when the failure will not pass by itself; 5 min for
 * ERR_AUTH.
 */
void sched_bad(struct sched *sched, enum err_kind kind, const struct sched_advice *advice,
	int64_t interval_ms, int64_t now_ms);

/* the waits of a one-shot command so far; those at the same time count once */
struct sched_once {
	int64_t slept_ms;
	int64_t until_ms; /* mono; the end of the last one */
};

/* after sched_bad(): may a one-shot command wait for the next try? */
bool sched_once_again(struct sched_once *once, const struct sched *sched, int64_t now_ms);
/* one wait of the common backoff; `n` counts failures from 1 */
int64_t sched_backoff(struct sched *sched, unsigned int n);

#endif
