/* The tasks that a list has, kept until all of it was read. */
#ifndef CLI_TASKS_H
#define CLI_TASKS_H

#include <stddef.h>

#include "client/client.h"

struct tasks_item {
	struct task *task; /* own */
	size_t source; /* index into client->sources */
	size_t place; /* in the order of arrival */
};

struct tasks {
	struct tasks_item *items; /* own; by source, as the API has them, each id once */
	size_t count;
	size_t cap;
};

/* lists the tasks of the wanted statuses into what began zeroed; err of each source says how it
 * went, and of one that failed there is none */
void tasks_list(struct tasks *tasks, struct client *client, const bool wanted[STATUS_COUNT]);
void tasks_done(struct tasks *tasks);

#endif
