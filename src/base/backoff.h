/* Waits between tries that double. */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include <stdint.h>

/* the wait after so many failures in a row, from 1: `min_ms`, doubled at each, at most `max_ms` */
static inline int64_t backoff_ms(int64_t failures, int64_t min_ms, int64_t max_ms)
{
	int64_t wait_ms = min_ms;

	while (failures-- > 1 && wait_ms < max_ms)
		wait_ms *= 2;
	return wait_ms < max_ms ? wait_ms : max_ms;
}

#endif
