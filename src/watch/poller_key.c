/* The key of a poller: kept until there is another one, wiped when it is gone. */
#include <stdlib.h>
#include <string.h>

#include "watch/lane.h"
#include "base/mem.h"

void poller_key_drop(struct poller *poller)
{
	poller->key_old = false;
	if (poller->key != NULL) {
		mem_wipe(poller->key, strlen(poller->key));
		http_forget_keys(poller->http);
	}
	free(poller->key);
	poller->key = NULL;
}

bool poller_key_needed(const struct poller *poller)
{
	return poller->key == NULL || poller->key_old;
}

bool poller_wants_key(const struct poller *poller)
{
	return poller_key_needed(poller) && poller->now.mono_ms >= poller->key_due_ms;
}

void poller_set_key(struct poller *poller, const char *key, struct instant now)
{
	poller->now = now;
	poller_key_drop(poller);
	poller->key = mem_strdup(key);
	for (int i = 0; i < LANE_COUNT; i++) {
		struct lane_run *run = &poller->lanes[i];

		if (run->step == STEP_IDLE && (run->sched.failures != 0 || poller->probing))
			run->sched.due_ms = now.mono_ms;
	}
}

void poller_forget_key(struct poller *poller)
{
	poller->key_old = true;
	poller->key_due_ms = poller->now.mono_ms;
}
