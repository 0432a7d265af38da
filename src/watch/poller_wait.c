/* What only `wait` wants of a poller. */
#include "watch/lane.h"

bool poller_look(struct poller *poller, struct instant now, int64_t patience_ms)
{
	poller->now = now;
	if (poller_held(poller))
		return false;
	for (int i = 0; i < LANE_COUNT; i++) {
		struct lane_run *run = &poller->lanes[i];

		if (!lane_busy(run) || now.mono_ms - run->sched.started_ms <= patience_ms)
			continue;
		lane_cancel(run);
		run->sched.due_ms = now.mono_ms;
	}
	poller_hurry(poller, now);
	return true;
}

bool poller_follows(const struct poller *poller)
{
	for (int i = 0; i < LANE_COUNT; i++)
		if (poller->lanes[i].step == STEP_ENDED || poller->lanes[i].step == STEP_LOOKUPS)
			return true;
	return false;
}

bool poller_saw_active(const struct poller *poller)
{
	return poller->saw_active;
}

bool poller_resting(const struct poller *poller)
{
	for (int i = 0; i < LANE_COUNT; i++)
		if (lane_busy(&poller->lanes[i]))
			return false;
	return poller->key == NULL || poller_next_poll(poller) > poller->now.mono_ms;
}

long poller_failed_status(const struct poller *poller)
{
	return poller->failed_status;
}
