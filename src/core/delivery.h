/* A delivery: an event on its way to a sink, and what becomes of one whose attempt failed. */
#ifndef CORE_DELIVERY_H
#define CORE_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"

#define DELIVERY_DELAY_MIN_MS 1000 /* between two attempts */
#define DELIVERY_DELAY_MAX_MS 300000

enum delivery_state {
	DELIVERY_PENDING, /* due, not handed over */
	DELIVERY_IN_FLIGHT, /* the sink has it */
	DELIVERY_ENDED, /* the sink has given its result */
	DELIVERY_UNSTORED, /* the queue has judged the result, the store does not have it yet */
};

enum delivery_result {
	DELIVERY_DELIVERED,
	DELIVERY_RETRY, /* failed, worth another try: an attempt */
	DELIVERY_UNAVAILABLE, /* could not even begin (no such hook): worth another try, no attempt,
				 but its age runs */
	DELIVERY_REJECTED, /* failed for good */
	DELIVERY_RETURNED, /* not tried (the sink stops, or waits): stays pending, neither attempts
			      nor age advance */
};

struct delivery {
	int64_t event_id;
	struct event *event; /* own; NULL: the sink needs it no more */
	int64_t attempts; /* that ended so far */
	int64_t due_ms; /* wall; not before */
	int64_t first_failed_ms; /* wall; of the first failed attempt since it was queued or
				    revived; 0: none */
	char *error; /* own; of the result; NULL for DELIVERED; for RETURNED what the sink waits
			for, NULL: nothing to say */
	enum event_type type;
	enum delivery_state state;
	enum delivery_result result;
	bool given_up; /* failed for good, or for too long */
};

void delivery_free(struct delivery *delivery); /* NULL is fine */
void deliveries_free(struct delivery **deliveries, size_t count); /* and the array */
/* for sinks: the event is needed no more */
void delivery_drop_event(struct delivery *delivery);

struct delivery_limits {
	int64_t attempts; /* that count, after which it is given up; 0: no limit */
	int64_t max_age_ms; /* since the first failed attempt; 0: for ever */
};

/* what follows from the result of an attempt that ended at `wall_ms`: delivered, a retry (after 1
 * s, doubled up to 5 min), or given up */
void delivery_judge(
	struct delivery *delivery, const struct delivery_limits *limits, int64_t wall_ms);

#endif
