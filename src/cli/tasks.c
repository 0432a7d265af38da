#include "cli/tasks.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool tasks_take(void *arg, size_t source, const struct task *view)
{
	struct tasks *tasks = arg;

	tasks->items = mem_grow(tasks->items, &tasks->cap, tasks->count + 1, sizeof(*tasks->items));
	tasks->items[tasks->count] = (struct tasks_item){ task_copy(view), source, tasks->count };
	tasks->count++;
	return true;
}

static bool tasks_again(void *arg, size_t source)
{
	struct tasks *tasks = arg;
	size_t kept = 0;

	for (size_t i = 0; i < tasks->count; i++) {
		if (tasks->items[i].source == source)
			free(tasks->items[i].task);
		else
			tasks->items[kept++] = tasks->items[i];
	}
	tasks->count = kept;
	return true;
}

static int item_by_id(const void *a, const void *b)
{
	const struct tasks_item *x = a;
	const struct tasks_item *y = b;
	int order = x->source != y->source ? (x->source < y->source ? -1 : 1)
					   : strcmp(x->task->id, y->task->id);

	return order != 0 ? order : x->place < y->place ? -1 : 1;
}

static int item_by_place(const void *a, const void *b)
{
	const struct tasks_item *x = a;
	const struct tasks_item *y = b;

	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

void tasks_list(struct tasks *tasks, struct client *client, const bool wanted[STATUS_COUNT])
{
	struct client_taker taker = { tasks_take, tasks_again, tasks };
	size_t kept = 0;

	client_list(client, wanted, &taker);
	/* an answer that is not valid as a whole does not count */
	for (size_t i = 0; i < client->count; i++)
		if (client->sources[i].err.kind != ERR_NONE)
			(void)tasks_again(tasks, i);
	/* an id that stands twice counts once, as it stands last */
	if (tasks->count == 0)
		return;
	qsort(tasks->items, tasks->count, sizeof(*tasks->items), item_by_id);
	for (size_t i = 0; i < tasks->count; i++) {
		const struct tasks_item *next = i + 1 < tasks->count ? &tasks->items[i + 1] : NULL;

		if (next != NULL && next->source == tasks->items[i].source &&
			strcmp(next->task->id, tasks->items[i].task->id) == 0)
			free(tasks->items[i].task);
		else
			tasks->items[kept++] = tasks->items[i];
	}
	tasks->count = kept;
	qsort(tasks->items, kept, sizeof(*tasks->items), item_by_place);
}

void tasks_done(struct tasks *tasks)
{
	for (size_t i = 0; i < tasks->count; i++)
		free(tasks->items[i].task);
	free(tasks->items);
	*tasks = (struct tasks){ 0 };
}
