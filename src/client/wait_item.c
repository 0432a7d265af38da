#include "client/wait_item.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void wait_item_done(struct wait_items *set)
{
	for (size_t i = 0; i < set->count; i++) {
		free(set->items[i]->task);
		free(set->items[i]->reason);
		free(set->items[i]);
	}
	free(set->items);
	free(set->by_id);
	*set = (struct wait_items){ .sources = set->sources };
}

static struct wait_item *wait_item_add(struct wait_items *set, const struct task *task)
{
	struct wait_item *item =
		mem_alloc(sizeof(*item) + set->sources * sizeof(item->absent_in[0]));

	item->task = task_copy(task);
	item->source = WAIT_NOWHERE;
	item->home = WAIT_NOWHERE;
	item->place = set->count;
	set->items = mem_grow(set->items, &set->cap, set->count + 1, sizeof(struct wait_item *));
	set->items[set->count++] = item;
	return item;
}

/* by id, those of one id as they were named */
static int named_order(const void *a, const void *b)
{
	char *const *x = *(char *const *const *)a;
	char *const *y = *(char *const *const *)b;
	int order = strcmp(*x, *y);

	return order != 0 ? order : x < y ? -1 : x > y;
}

void wait_item_add_named(struct wait_items *set, char *const *ids, size_t count)
{
	struct task task = {
		.status = STATUS_EXPECTED,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};
	cleanup_free char *const **sorted = mem_array(count, sizeof(*sorted));
	cleanup_free bool *again = mem_array(count, sizeof(*again));

	for (size_t i = 0; i < count; i++)
		sorted[i] = &ids[i];
	if (count > 1)
		qsort(sorted, count, sizeof(*sorted), named_order);
	for (size_t i = 1; i < count; i++)
		again[sorted[i] - ids] = strcmp(*sorted[i], *sorted[i - 1]) == 0;
	for (size_t i = 0; i < count; i++) {
		task.id = ids[i];
		if (!again[i])
			(void)wait_item_add(set, &task);
	}
}

void wait_item_add_active(struct wait_items *set, size_t source, const struct task *task)
{
	struct wait_item *item = wait_item_add(set, task);

	item->source = source;
	item->home = source;
}

static int wait_item_order(const struct wait_item *item, const char *id, size_t home)
{
	int order = strcmp(item->task->id, id);

	if (order != 0 || item->home == home)
		return order;
	return item->home < home ? -1 : 1;
}

static int index_order(const void *a, const void *b)
{
	const struct wait_item *const *x = a;
	const struct wait_item *const *y = b;

	return wait_item_order(*x, (*y)->task->id, (*y)->home);
}

static struct wait_item *index_find(const struct wait_items *set, const char *id, size_t home)
{
	size_t low = 0;
	size_t high = set->indexed;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = wait_item_order(set->by_id[mid], id, home);

		if (order == 0)
			return set->by_id[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

struct wait_item *wait_item_find(struct wait_items *set, size_t source, const char *id)
{
	struct wait_item *named;

	if (set->indexed != set->count) {
		set->by_id = mem_resize(set->by_id, set->count, sizeof(struct wait_item *));
		memcpy(set->by_id, set->items, set->count * sizeof(struct wait_item *));
		qsort(set->by_id, set->count, sizeof(struct wait_item *), index_order);
		set->indexed = set->count;
	}
	named = index_find(set, id, WAIT_NOWHERE);
	return named != NULL ? named : index_find(set, id, source);
}

static void task_replace(struct wait_item *item, const struct task *task)
{
	struct task *copy = task_copy(task);

	free(item->task);
	item->task = copy;
}

static const char *either(const char *said, const char *known)
{
	return said != NULL ? said : known;
}

void wait_item_take(struct wait_item *item, size_t source, const struct event *event)
{
	struct task task = *item->task;

	task.name = either(event->task_name, task.name);
	task.bucket = either(event->bucket, task.bucket);
	task.user_id = either(event->user_id, task.user_id);
	if (event->created_us != STAMP_NONE)
		task.created_us = event->created_us;
	if (event->finished_us != STAMP_NONE)
		task.finished_us = event->finished_us;
	task.word = event->to;
	if (event->to == NULL || !status_from_word(event->to, &task.status))
		task.status = STATUS_UNKNOWN;
	task_replace(item, &task);
	item->source = source;
	item->ended = status_class(task.status) == CLASS_ENDED;
}

void wait_item_fill(struct wait_item *item, const struct task *view)
{
	struct task *filled = task_filled(item->task, view);

	free(item->task);
	item->task = filled;
}

int wait_item_by_place(const void *a, const void *b)
{
	const struct wait_item *x = *(struct wait_item *const *)a;
	const struct wait_item *y = *(struct wait_item *const *)b;

	/* sources may have answered in any order */
	if (x->home != y->home)
		return x->home < y->home ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

void wait_item_lose(struct wait_item *item)
{
	struct task task = *item->task;

	task.word = item->source == WAIT_NOWHERE ? "missing" : NULL;
	task.status = item->source == WAIT_NOWHERE ? STATUS_UNKNOWN : STATUS_GONE;
	task_replace(item, &task);
	item->ended = true;
}

int wait_item_exit_code(const struct wait_item *item)
{
	switch (item->task->status) {
	case STATUS_SUCCESS:
		return 0;
	case STATUS_FAILURE:
		return 1;
	case STATUS_PARTIAL_SUCCESS:
		return 2;
	default:
		return 3; /* gone or missing */
	}
}

int wait_item_worst(const struct wait_items *set)
{
	static const int ranks[] = { [0] = 0, [2] = 1, [3] = 2, [1] = 3 };
	int worst = 0;

	for (size_t i = 0; i < set->count; i++) {
		int code = set->items[i]->told ? wait_item_exit_code(set->items[i]) : 0;

		if (ranks[code] > ranks[worst])
			worst = code;
	}
	return worst;
}
