#include <stdlib.h>

#include "base/mem.h"
#include "core/detect.h"

void changes_add(struct changes *changes, const struct event *event)
{
	changes->events = mem_grow(changes->events, &changes->event_cap, changes->event_count + 1,
		sizeof(*changes->events));
	changes->events[changes->event_count++] = event_copy(event);
}

void changes_done(struct changes *changes)
{
	for (size_t i = 0; i < changes->event_count; i++)
		free(changes->events[i]);
	for (size_t i = 0; i < changes->removed_count; i++)
		free(changes->removed[i]);
	free(changes->events);
	free(changes->removed);
	*changes = (struct changes){ 0 };
}
