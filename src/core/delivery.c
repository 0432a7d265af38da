#include "core/delivery.h"

#include <stdlib.h>

#include "base/backoff.h"

void delivery_drop_event(struct delivery *delivery)
{
	free(delivery->event);
	delivery->event = NULL;
}

void delivery_free(struct delivery *delivery)
{
	if (delivery == NULL)
		return;
	free(delivery->event);
	free(delivery->error);
	free(delivery);
}

void deliveries_free(struct delivery **deliveries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		delivery_free(deliveries[i]);
	free(deliveries);
}

/* plans the next attempt */
static void plan_retry(
	struct delivery *delivery, const struct delivery_limits *limits, int64_t wall_ms)
{
	bool counted = delivery->result == DELIVERY_RETRY;
	int64_t age;
	int64_t delay;

	/* a clock that was set back since: or it would stay young for as long */
	if (delivery->first_failed_ms == 0 || delivery->first_failed_ms > wall_ms)
		delivery->first_failed_ms = wall_ms;
	age = wall_ms - delivery->first_failed_ms;
	if (counted)
		delivery->attempts++;
	if (counted)
		delay = backoff_ms(
			delivery->attempts, DELIVERY_DELAY_MIN_MS, DELIVERY_DELAY_MAX_MS);
	else
		/* without a counter the age tells the delay: with delays of 1, 2, 4, … seconds the
		 * time elapsed plus 1 s equals the next one */
		delay = age < DELIVERY_DELAY_MAX_MS - DELIVERY_DELAY_MIN_MS
				? age + DELIVERY_DELAY_MIN_MS
				: DELIVERY_DELAY_MAX_MS;
	delivery->due_ms = wall_ms + delay;
	delivery->given_up = (limits->attempts > 0 && delivery->attempts >= limits->attempts) ||
			     (limits->max_age_ms != 0 && age >= limits->max_age_ms);
}

void delivery_judge(
	struct delivery *delivery, const struct delivery_limits *limits, int64_t wall_ms)
{
	delivery->due_ms = wall_ms;
	delivery->given_up = delivery->result == DELIVERY_REJECTED;
	if (delivery->given_up)
		delivery->attempts++;
	else if (delivery->result != DELIVERY_DELIVERED)
		plan_retry(delivery, limits, wall_ms);
}
