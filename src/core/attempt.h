/* What becomes of a delivery whose attempt failed: again later, or given up (contract 5, 9). */
#ifndef CORE_ATTEMPT_H
#define CORE_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#define ATTEMPT_DELAY_MIN_MS 1000
#define ATTEMPT_DELAY_MAX_MS 300000

struct attempt_rules {
	int64_t attempts; /* counted attempts after which it is given up; 0: no limit */
	int64_t max_age_ms; /* since the first failed attempt; 0: for ever */
};

/* of one delivery, as it is stored */
struct attempt {
	int64_t attempts; /* counted so far */
	int64_t first_failed_ms; /* wall; 0: none */
	int64_t due_ms; /* wall */
};

/*
 * Takes in a failed attempt that ended at `wall_ms`; `counted` when it ran (a hook that cannot be
 * started does not). Plans the next one, 1 s doubling to 5 min; false when the delivery is to be
 * given up.
 */
bool attempt_failed(
	struct attempt *attempt, const struct attempt_rules *rules, bool counted, int64_t wall_ms);

#endif
