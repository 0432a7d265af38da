#include "core/sched.h"

#include "base/backoff.h"

/* xorshift64 (Marsaglia): jitter needs no better, and a seed repeats a test */
static uint64_t sched_random(struct sched *sched)
{
	sched->random ^= sched->random << 13;
	sched->random ^= sched->random >> 7;
	sched->random ^= sched->random << 17;
	return sched->random;
}

void sched_start(struct sched *sched, int64_t now_ms)
{
	sched->started_ms = now_ms;
	sched->due_ms = INT64_MAX;
}

void sched_good(struct sched *sched, int64_t interval_ms, int64_t now_ms)
{
	int64_t beat = sched->started_ms + interval_ms;

	sched->failures = 0;
	sched->due_ms = beat > now_ms ? beat : now_ms;
}

int64_t sched_backoff(struct sched *sched, unsigned int n)
{
	int64_t wait = backoff_ms(n, SCHED_BACKOFF_MIN_MS, SCHED_BACKOFF_MAX_MS);

	return wait - (int64_t)(sched_random(sched) % (uint64_t)(wait / 4 + 1));
}

void sched_bad(struct sched *sched, enum err_kind kind, const struct sched_advice *advice,
	int64_t interval_ms, int64_t now_ms)
{
	int64_t wait = sched_backoff(sched, ++sched->failures);

	if (advice->after_ms >= 0)
		wait = advice->after_ms;
	else if (kind == ERR_AUTH)
		wait = SCHED_REFUSED_MS;
	else if (!advice->retry && wait < interval_ms)
		wait = interval_ms;
	sched->due_ms = now_ms + wait;
}

bool sched_once_again(struct sched_once *once, const struct sched *sched, int64_t now_ms)
{
	int64_t from = once->until_ms > now_ms ? once->until_ms : now_ms;
	int64_t more = sched->due_ms > from ? sched->due_ms - from : 0;

	if (sched->failures >= SCHED_ONCE_TRIES || once->slept_ms + more > SCHED_ONCE_SLEEP_MS)
		return false;
	once->slept_ms += more;
	once->until_ms = from + more;
	return true;
}
