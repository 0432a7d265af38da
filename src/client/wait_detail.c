#include "client/wait_detail.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/api.h"

#define FILL_MAX ((size_t)4 * 1024 * 1024) /* bytes of a list that are read for a reason's sake */
#define FILL_WAIT_MS 30000 /* for fields that are wanted whenever a task ended */

static bool failed(const struct wait_item *item)
{
	return item->task->status == STATUS_FAILURE || item->task->status == STATUS_PARTIAL_SUCCESS;
}

/* is something not known that the list of ended tasks may say? */
static bool has_gaps(const struct waiter *waiter, const struct wait_item *item)
{
	const struct task *task = item->task;

	if (task->status != STATUS_SUCCESS && !failed(item))
		return false;
	if (waiter->setup.fields && (task->bucket == NULL || task->user_id == NULL))
		return true;
	return waiter->setup.reasons && failed(item) && task->bucket == NULL;
}

/* false: all that was wanted has been seen */
static bool fill_task(struct wait_source *source, const struct task *view)
{
	struct wait_item *item = wait_item_find(&source->waiter->set, source->index, view->id);

	if (item == NULL || item->fields != LEARN_ASKED || item->source != source->index)
		return true;
	wait_item_fill(item, view);
	item->fields = LEARN_DONE;
	return --source->fill.wanted != 0;
}

static bool fill_body(void *arg, const char *bytes, size_t len)
{
	struct wait_source *source = arg;
	struct task_element element;
	struct err err;
	bool more = true;

	source->fill.bytes += len;
	if (!source->waiter->setup.fields && source->fill.bytes > FILL_MAX)
		return false;
	task_reader_feed(source->fill.tasks, bytes, len);
	while (more && task_reader_next(source->fill.tasks, &element))
		more = fill_task(source, task_reader_view(source->fill.tasks, &element));
	return more && task_reader_good(source->fill.tasks, &err);
}

static void fill_end(struct wait_source *source)
{
	struct wait_items *set = &source->waiter->set;

	if (source->fill.call != NULL)
		http_release(source->waiter->http, source->fill.call);
	task_reader_free(source->fill.tasks);
	source->fill = (struct wait_fill){ 0 };
	for (size_t i = 0; i < set->count; i++)
		if (set->items[i]->source == source->index && set->items[i]->fields == LEARN_ASKED)
			set->items[i]->fields = LEARN_DONE;
}

/* one list for all that want it; those that come later have the next */
static void fill_step(struct wait_source *source)
{
	struct waiter *waiter = source->waiter;
	bool statuses[STATUS_COUNT] = { false };

	/* whatever came of it: what is not known now stays so */
	if (source->fill.call != NULL && http_ended(source->fill.call) != NULL)
		fill_end(source);
	if (source->fill.call != NULL)
		return;
	for (size_t i = 0; i < waiter->ending_count; i++) {
		struct wait_item *item = waiter->ending[i];

		if (item->source != source->index || item->fields != LEARN_OPEN)
			continue;
		item->fields = has_gaps(waiter, item) ? LEARN_ASKED : LEARN_DONE;
		if (item->fields == LEARN_DONE)
			continue;
		statuses[item->task->status] = true;
		source->fill.wanted++;
	}
	if (source->fill.wanted != 0) {
		const struct source_type *type = source_type_find(source->config.type);
		cleanup_free char *url = api_statuses_url(type, source->config.base_url, statuses);
		struct http_request request = fetch_request(source->source, url);

		request.bulky = true;
		request.body = fill_body;
		request.arg = source;
		source->fill.tasks = task_reader_new(type);
		source->fill.call = http_start(source->waiter->http, &request, source->waiter->now);
	}
}

static void reason_ask(struct wait_source *source, struct wait_item *item)
{
	struct waiter *waiter = source->waiter;
	const struct task *task = item->task;
	struct event event = {
		.wall_ms = waiter->now.wall_ms,
		.type = event_of_status(task->status),
		.source = source->config.name,
		.task_id = task->id,
		.bucket = task->bucket,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};

	item->why = LEARN_DONE;
	if (!waiter->setup.reasons || !failed(item) ||
		!explain_wants(waiter->explain, source->source, &event))
		return;
	item->why = LEARN_ASKED;
	explain_add(waiter->explain, source->source, &event, waiter->now);
}

void wait_detail_reasons(struct waiter *waiter)
{
	const char *message;
	struct event *event;

	while ((event = explain_take(waiter->explain, waiter->now, &message)) != NULL) {
		for (size_t i = 0; i < waiter->source_count; i++) {
			struct wait_item *item = wait_item_find(&waiter->set, i, event->task_id);

			if (strcmp(waiter->sources[i].config.name, event->source) != 0 ||
				item == NULL || item->why != LEARN_ASKED)
				continue;
			item->why = LEARN_DONE;
			if (message != NULL)
				item->reason = mem_strdup(message);
		}
		free(event);
	}
}

void wait_detail_step(struct wait_source *source)
{
	struct waiter *waiter = source->waiter;

	if (source->source == NULL)
		return;
	fill_step(source);
	for (size_t i = 0; i < waiter->ending_count; i++) {
		struct wait_item *item = waiter->ending[i];

		if (item->source == source->index && item->fields == LEARN_DONE &&
			item->why == LEARN_OPEN)
			reason_ask(source, item);
	}
}

void wait_detail_drop(struct wait_source *source)
{
	fill_end(source);
	explain_drop(source->waiter->explain, source->source);
}

int64_t wait_detail_time_ms(const struct waiter *waiter)
{
	return waiter->setup.fields ? FILL_WAIT_MS : EXPLAIN_WAIT_MS;
}

bool wait_detail_done(const struct waiter *waiter, const struct wait_item *item)
{
	if (item->source == WAIT_NOWHERE || waiter->sources[item->source].source == NULL)
		return true;
	return (item->fields == LEARN_DONE && item->why == LEARN_DONE) ||
	       waiter->now.mono_ms >= item->ended_ms + wait_detail_time_ms(waiter);
}
