#include "deliver/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "deliver/queue.h"
#include "deliver/hook_env.h"
#include "io/process.h"
#include "base/log.h"
#include "base/mem.h"

enum {
	/* for a killed program to be gone; one that is not hangs in the kernel */
	STOP_SLACK_MS = 500,
	/* the two clocks drift no further apart by themselves: somebody set the one of the wall */
	CLOCK_SET_MS = 1000,
};

struct outbox {
	struct queue_shared shared;
	struct queue **queues; /* own, each own */
	size_t count;
	size_t cap;
	int64_t stop_ms; /* mono; a stop takes no longer; 0: none is under way */
	struct instant now; /* of the last step */
	int64_t apart_ms; /* of the two clocks, as the times in the store mean it */
	bool started; /* the store knows what the clock shows */
};

static struct queue *outbox_add(
	struct outbox *outbox, const struct sink_config *config, struct err *err)
{
	struct queue *queue = queue_new(&outbox->shared, config, err);

	outbox->queues =
		mem_grow(outbox->queues, &outbox->cap, outbox->count + 1, sizeof(*outbox->queues));
	outbox->queues[outbox->count++] = queue;
	return queue;
}

bool outbox_new(struct outbox **ret, const struct outbox_setup *setup, struct err *err)
{
	struct outbox *outbox = mem_alloc(sizeof(*outbox));
	const struct config *config = setup->config;

	outbox->shared = (struct queue_shared){
		.store = setup->store,
		.state_dir = setup->state_dir,
		.alarm = setup->alarm,
		.once = setup->once,
	};
	hook_secrets(config, &outbox->shared.secrets);
	outbox->shared.notifier = notifier_new(&outbox->shared.secrets);
	for (size_t i = 0; i < config->sink_count; i++) {
		struct err fault = { 0 };

		(void)outbox_add(outbox, &config->sinks[i], &fault);
		if (fault.kind == ERR_NONE)
			continue;
		*err = fault;
		(void)err_prefix(err, "sink %s: ", config->sinks[i].name);
		outbox_free(outbox);
		return false;
	}
	*ret = outbox;
	return true;
}

void outbox_free(struct outbox *outbox)
{
	if (outbox == NULL)
		return;
	for (size_t i = 0; i < outbox->count; i++)
		queue_free(outbox->queues[i]);
	free(outbox->queues);
	notifier_free(outbox->shared.notifier);
	strings_done(&outbox->shared.secrets);
	free(outbox);
}

static struct queue *outbox_find(const struct outbox *outbox, const struct sink_config *config)
{
	for (size_t i = 0; i < outbox->count; i++) {
		const struct sink_config *has = queue_config(outbox->queues[i]);

		if (has->type == config->type && strcmp(has->name, config->name) == 0)
			return outbox->queues[i];
	}
	return NULL;
}

void outbox_reload(struct outbox *outbox, const struct config *config)
{
	hook_secrets(config, &outbox->shared.secrets);
	for (size_t i = 0; i < outbox->count; i++)
		queue_retire(outbox->queues[i]);
	for (size_t i = 0; i < config->sink_count; i++) {
		const struct sink_config *sink = &config->sinks[i];
		struct queue *queue = outbox_find(outbox, sink);
		struct err err = { 0 };

		if (queue == NULL)
			(void)outbox_add(outbox, sink, &err);
		else if (queue_configure(queue, sink, &err))
			continue;
		if (err.kind != ERR_NONE)
			log_line(LOG_ERROR, "sink %s: %s", sink->name, err.text);
	}
}

void outbox_wake(struct outbox *outbox)
{
	for (size_t i = 0; i < outbox->count; i++)
		queue_wake(outbox->queues[i], false);
}

void outbox_rewind(struct outbox *outbox)
{
	for (size_t i = 0; i < outbox->count; i++)
		queue_wake(outbox->queues[i], true);
}

/*
 * Times of deliveries are by the wall clock, so that they mean something after a restart. When it
 * is set they go along: nothing waits for a year, and nothing is given up for an age that it never
 * had.
 */
static void outbox_clock(struct outbox *outbox, struct instant now)
{
	int64_t apart_ms = now.wall_ms - now.mono_ms;
	int64_t by_ms = outbox->started ? apart_ms - outbox->apart_ms : 0;
	struct err err = { 0 };

	if ((outbox->started && by_ms < CLOCK_SET_MS && by_ms > -CLOCK_SET_MS) ||
		now.mono_ms < outbox->shared.store_retry_ms ||
		!store_clock_set(outbox->shared.store, by_ms, now.wall_ms, &err))
		return;
	if (by_ms != 0)
		log_line(LOG_NOTICE, "the clock was set: deliveries keep the waits they had");
	for (size_t i = 0; i < outbox->count; i++)
		queue_clock_set(outbox->queues[i], by_ms);
	outbox->apart_ms = apart_ms;
	outbox->started = true;
}

void outbox_step(struct outbox *outbox, struct instant now)
{
	size_t kept = 0;

	outbox->now = now;
	outbox_clock(outbox, now);
	for (size_t i = 0; i < outbox->count; i++)
		queue_step(outbox->queues[i], now);
	/* sinks that are no longer configured go once nothing of them runs */
	for (size_t i = 0; i < outbox->count; i++) {
		if (queue_finished(outbox->queues[i]))
			queue_free(outbox->queues[i]);
		else
			outbox->queues[kept++] = outbox->queues[i];
	}
	outbox->count = kept;
	if (outbox_settled(outbox, now))
		store_trim(outbox->shared.store);
}

bool outbox_failure(const struct outbox *outbox, struct event *ret)
{
	for (size_t i = 0; i < outbox->count; i++)
		if (queue_failure(outbox->queues[i], outbox->now, ret))
			return true;
	return false;
}

void outbox_failure_reported(struct outbox *outbox, bool stored)
{
	struct event event;

	for (size_t i = 0; i < outbox->count; i++)
		if (queue_failure(outbox->queues[i], outbox->now, &event)) {
			queue_failure_reported(outbox->queues[i], stored, outbox->now);
			return;
		}
}

int64_t outbox_next(const struct outbox *outbox, struct instant now)
{
	int64_t next = outbox->stop_ms != 0 ? outbox->stop_ms : INSTANT_NEVER;

	for (size_t i = 0; i < outbox->count; i++)
		next = instant_earlier(next, queue_next(outbox->queues[i], now));
	return next;
}

void outbox_status(const struct outbox *outbox, const struct config *config, struct instant now,
	struct monitor_status *ret)
{
	for (size_t i = 0; i < config->sink_count; i++) {
		const struct queue *queue = outbox_find(outbox, &config->sinks[i]);
		const char *why = queue != NULL ? queue_waits(queue, now) : NULL;
		struct sink_status *sink = status_add_sink(ret, config->sinks[i].name);

		sink->waits = why != NULL ? mem_strdup(why) : NULL;
	}
}

bool outbox_waits_changed(struct outbox *outbox)
{
	bool changed = outbox->shared.waits_changed;

	outbox->shared.waits_changed = false;
	return changed;
}

size_t outbox_fds(const struct outbox *outbox, struct poll_fd *fds, size_t cap)
{
	size_t count = 0;

	for (size_t i = 0; i < outbox->count; i++)
		count += queue_fds(outbox->queues[i], fds + count, cap - count);
	return count;
}

bool outbox_settled(const struct outbox *outbox, struct instant now)
{
	for (size_t i = 0; i < outbox->count; i++)
		if (!queue_settled(outbox->queues[i], now))
			return false;
	return true;
}

void outbox_stop(struct outbox *outbox, struct instant now, int64_t grace_ms)
{
	outbox->now = now;
	outbox->stop_ms = now.mono_ms + grace_ms + TIMED_PROCESS_STOP_KILL_MS + STOP_SLACK_MS;
	for (size_t i = 0; i < outbox->count; i++)
		queue_stop(outbox->queues[i], now, grace_ms);
}

bool outbox_stopped(const struct outbox *outbox)
{
	return (outbox->stop_ms != 0 && outbox->now.mono_ms >= outbox->stop_ms) ||
	       outbox_settled(outbox, outbox->now);
}
