#include "deliver/sink.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const struct sink_kind *const kinds_by_type[] = {
	[SINK_DESKTOP] = &sink_kind_desktop,
	[SINK_LOG] = &sink_kind_log,
	[SINK_EXEC] = &sink_kind_exec,
};

struct sink *sink_new(const struct sink_setup *setup, bool *ret_good, struct err *err)
{
	static const struct strings none = { 0 };
	const struct sink_kind *kind = kinds_by_type[setup->config->type];
	struct sink *sink = kind->make();

	sink->kind = kind;
	sink->secrets = setup->secrets != NULL ? setup->secrets : &none;
	sink->state_dir = setup->state_dir;
	sink->notifier = setup->notifier;
	sink->once = setup->once;
	sink->direct = setup->direct;
	*ret_good = sink_configure(sink, setup->config, err);
	return sink;
}

void sink_free(struct sink *sink)
{
	struct sink_receipt receipt;

	if (sink == NULL)
		return;
	while (sink_receipt_take(sink, &receipt))
		free(receipt.error);
	free(sink->receipts.items);
	sink->kind->destroy(sink);
}

bool sink_configure(struct sink *sink, const struct sink_config *config, struct err *err)
{
	sink->config = config;
	return sink->kind->configure(sink, err);
}

size_t sink_room(const struct sink *sink, struct instant now)
{
	return sink->stopping ? 0 : sink->kind->room(sink, now);
}

void sink_take(struct sink *sink, struct event *event, int64_t attempt, struct instant now)
{
	sink->kind->take(sink, event, attempt, now);
}

void sink_step(struct sink *sink, struct instant now)
{
	sink->kind->step(sink, now);
}

void sink_receipt_add(struct sink *sink, int64_t event_id, enum sink_result result, char *error)
{
	struct sink_receipts *list = &sink->receipts;
	struct sink_receipt *receipt;

	list->items = mem_grow(list->items, &list->cap, list->count + 1, sizeof(*list->items));
	receipt = &list->items[list->count++];
	receipt->event_id = event_id;
	receipt->result = result;
	receipt->error = error;
}

bool sink_receipt_take(struct sink *sink, struct sink_receipt *ret)
{
	struct sink_receipts *list = &sink->receipts;

	if (list->first == list->count) {
		list->first = 0;
		list->count = 0;
		return false;
	}
	*ret = list->items[list->first++];
	return true;
}

int64_t sink_next(const struct sink *sink, struct instant now)
{
	return sink->kind->next(sink, now);
}

const char *sink_waits(const struct sink *sink, struct instant now)
{
	return sink->kind->waits != NULL ? sink->kind->waits(sink, now) : NULL;
}

size_t sink_fds(const struct sink *sink, struct poll_fd *fds, size_t cap)
{
	return sink->kind->fds(sink, fds, cap);
}

void sink_stop(struct sink *sink, struct instant now, int64_t grace_ms)
{
	sink->stopping = true;
	sink->kind->stop(sink, now, grace_ms);
}

bool sink_busy(const struct sink *sink)
{
	return sink->kind->busy(sink);
}
