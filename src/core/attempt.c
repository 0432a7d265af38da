#include "core/attempt.h"

static int64_t clamp_delay(int64_t ms)
{
	if (ms < ATTEMPT_DELAY_MIN_MS)
		return ATTEMPT_DELAY_MIN_MS;
	return ms < ATTEMPT_DELAY_MAX_MS ? ms : ATTEMPT_DELAY_MAX_MS;
}

static int64_t delay_after(int64_t attempts)
{
	int64_t delay = ATTEMPT_DELAY_MIN_MS;

	while (attempts-- > 1 && delay < ATTEMPT_DELAY_MAX_MS)
		delay *= 2;
	return clamp_delay(delay);
}

bool attempt_failed(
	struct attempt *attempt, const struct attempt_rules *rules, bool counted, int64_t wall_ms)
{
	int64_t age;

	/* a clock that was set back since: or it would stay young for as long */
	if (attempt->first_failed_ms == 0 || attempt->first_failed_ms > wall_ms)
		attempt->first_failed_ms = wall_ms;
	age = wall_ms - attempt->first_failed_ms;
	if (counted)
		attempt->attempts++;
	/* waits that double add up to one less than the next, so without a counter the age tells
	 * the wait */
	attempt->due_ms = wall_ms + (counted ? delay_after(attempt->attempts)
					     : clamp_delay(age + ATTEMPT_DELAY_MIN_MS));
	if (rules->attempts > 0 && attempt->attempts >= rules->attempts)
		return false;
	return rules->max_age_ms == 0 || age < rules->max_age_ms;
}
