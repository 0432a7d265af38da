#include "client/waited.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void waited_free(struct waited *waited)
{
	free(waited->task);
	free(waited->reason);
	free(waited);
}

void waited_done(struct waited_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		waited_free(set->items[i]);
	free(set->items);
	free(set->by_id);
	*set = (struct waited_set){ .sources = set->sources };
}

static struct waited *waited_add(struct waited_set *set, const struct task *task)
{
	struct waited *waited =
		mem_alloc(sizeof(*waited) + set->sources * sizeof(waited->denied[0]));

	waited->task = task_copy(task);
	waited->source = WAITED_NOWHERE;
	waited->home = WAITED_NOWHERE;
	waited->place = set->count;
	set->items = mem_grow(set->items, &set->cap, set->count + 1, sizeof(struct waited *));
	set->items[set->count++] = waited;
	return waited;
}

/* by id, those of one id as they were named */
static int named_order(const void *a, const void *b)
{
	char *const *x = *(char *const *const *)a;
	char *const *y = *(char *const *const *)b;
	int order = strcmp(*x, *y);

	return order != 0 ? order : x < y ? -1 : x > y;
}

void waited_add_named(struct waited_set *set, char *const *ids, size_t count)
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
			(void)waited_add(set, &task);
	}
}

void waited_add_active(struct waited_set *set, size_t source, const struct task *task)
{
	struct waited *waited = waited_add(set, task);

	waited->source = source;
	waited->home = source;
}

static int waited_order(const struct waited *waited, const char *id, size_t home)
{
	int order = strcmp(waited->task->id, id);

	if (order != 0 || waited->home == home)
		return order;
	return waited->home < home ? -1 : 1;
}

static int index_order(const void *a, const void *b)
{
	const struct waited *const *x = a;
	const struct waited *const *y = b;

	return waited_order(*x, (*y)->task->id, (*y)->home);
}

static struct waited *index_find(const struct waited_set *set, const char *id, size_t home)
{
	size_t low = 0;
	size_t high = set->indexed;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = waited_order(set->by_id[mid], id, home);

		if (order == 0)
			return set->by_id[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

struct waited *waited_find(struct waited_set *set, size_t source, const char *id)
{
	struct waited *named;

	if (set->indexed != set->count) {
		set->by_id = mem_resize(set->by_id, set->count, sizeof(struct waited *));
		memcpy(set->by_id, set->items, set->count * sizeof(struct waited *));
		qsort(set->by_id, set->count, sizeof(struct waited *), index_order);
		set->indexed = set->count;
	}
	named = index_find(set, id, WAITED_NOWHERE);
	return named != NULL ? named : index_find(set, id, source);
}

static void task_replace(struct waited *waited, const struct task *task)
{
	struct task *copy = task_copy(task);

	free(waited->task);
	waited->task = copy;
}

static const char *either(const char *said, const char *known)
{
	return said != NULL ? said : known;
}

void waited_take(struct waited *waited, size_t source, const struct event *event)
{
	struct task task = *waited->task;

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
	task_replace(waited, &task);
	waited->source = source;
	waited->ended = status_class(task.status) == CLASS_ENDED;
}

void waited_fill(struct waited *waited, const struct task *view)
{
	struct task *filled = task_filled(waited->task, view);

	free(waited->task);
	waited->task = filled;
}

int waited_by_place(const void *a, const void *b)
{
	const struct waited *x = *(struct waited *const *)a;
	const struct waited *y = *(struct waited *const *)b;

	/* sources may have answered in any order */
	if (x->home != y->home)
		return x->home < y->home ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

void waited_lose(struct waited *waited)
{
	struct task task = *waited->task;

	task.word = waited->source == WAITED_NOWHERE ? "missing" : NULL;
	task.status = waited->source == WAITED_NOWHERE ? STATUS_UNKNOWN : STATUS_GONE;
	task_replace(waited, &task);
	waited->ended = true;
}

int waited_exit_code(const struct waited *waited)
{
	switch (waited->task->status) {
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

int waited_worst(const struct waited_set *set)
{
	static const int ranks[] = { [0] = 0, [2] = 1, [3] = 2, [1] = 3 };
	int worst = 0;

	for (size_t i = 0; i < set->count; i++) {
		int code = set->items[i]->told ? waited_exit_code(set->items[i]) : 0;

		if (ranks[code] > ranks[worst])
			worst = code;
	}
	return worst;
}
