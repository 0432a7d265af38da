#include "deliver/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/mem.h"
#include "deliver/outbox.h"
#include "deliver/sink_report.h"
#include "io/clock.h"

enum {
	STEP_MS = 100, /* of handing over in one step: a program may be long in starting */
	WAIT_NOTE_MS = 600000, /* a long wait is stored so often: a crash loses no more of it */
	ROUNDS_MAX = 4, /* of handing over and storing in one step; other sinks wait */
	STORE_WAIT_MIN_MS = 1000,
	STORE_WAIT_MAX_MS = 60000,
};

struct queue {
	struct queue_shared *shared; /* borrowed */
	struct sink_config *config; /* own */
	struct sink *sink; /* own */
	bool retired;
	bool stale; /* the store may have deliveries that are due and not in memory */
	int64_t next_due_ms; /* wall; the next one that is not due yet; INT64_MAX: none */
	int64_t after_id; /* batches: the last one that was handed over */
	struct delivery **items; /* own, each own; the first `handed` were handed over, in order */
	size_t count;
	size_t cap;
	size_t handed;
	size_t in_flight;
	size_t unstored;
	int64_t waits_from_ms; /* mono; since then the sink waits, which is not taken off the ages
				  yet; 0: it does not */
	char *waits_for; /* own; the reason as it was last seen; NULL: it does not wait */
	struct sink_report report;
};

struct queue *queue_new(
	struct queue_shared *shared, const struct sink_config *config, struct err *err)
{
	struct queue *queue = mem_alloc(sizeof(*queue));
	struct sink_setup setup = {
		.secrets = &shared->secrets,
		.state_dir = shared->state_dir,
		.notifier = shared->notifier,
		.once = shared->once,
	};
	bool good;

	queue->shared = shared;
	queue->config = sink_config_copy(config);
	setup.config = queue->config;
	queue->sink = sink_new(&setup, &good, err);
	if (good)
		err->kind = ERR_NONE;
	queue->stale = true;
	queue->next_due_ms = INT64_MAX;
	return queue;
}

/* forgets what was not handed over: the store has it */
static void drop_pending(struct queue *queue)
{
	while (queue->count > queue->handed)
		delivery_free(queue->items[--queue->count]);
}

void queue_free(struct queue *queue)
{
	if (queue == NULL)
		return;
	sink_free(queue->sink);
	queue->handed = 0;
	drop_pending(queue);
	free(queue->items);
	sink_report_done(&queue->report);
	free(queue->waits_for);
	sink_config_free(queue->config);
	free(queue);
}

bool queue_configure(struct queue *queue, const struct sink_config *config, struct err *err)
{
	struct sink_config *old = queue->config;
	bool good;

	queue->config = sink_config_copy(config);
	good = sink_configure(queue->sink, queue->config, err);
	sink_config_free(old);
	queue->retired = false;
	queue->stale = true;
	alarm_rearm(&queue->report.alarm);
	return good;
}

const struct sink_config *queue_config(const struct queue *queue)
{
	return queue->config;
}

void queue_retire(struct queue *queue)
{
	drop_pending(queue);
	queue->retired = true;
}

void queue_wake(struct queue *queue, bool rewind)
{
	queue->stale = true;
	if (rewind)
		queue->after_id = 0;
}

static bool sink_busy(const struct queue *queue)
{
	return queue->in_flight > 0 || queue->sink->lingers;
}

static size_t capacity(const struct queue *queue, struct instant now)
{
	return queue->sink->stopping ? 0 : queue->sink->ops->capacity(queue->sink, now);
}

/* has the state something to learn of the sink? Not before its failure is reported */
static bool report_unsaved(const struct queue *queue)
{
	const struct sink_report *report = &queue->report;

	return report->failure == NULL && report->reported != report->reported_stored;
}

/* is something to be written to the store, or is a failure to be reported? */
static bool has_unstored(const struct queue *queue)
{
	return queue->unstored > 0 || queue->report.failure != NULL || report_unsaved(queue);
}

static bool is_idle(const struct queue *queue)
{
	return !sink_busy(queue) && !has_unstored(queue) && queue->sink->ended == 0;
}

bool queue_finished(const struct queue *queue)
{
	return queue->retired && is_idle(queue);
}

/* is the store backing off after a failure? */
static bool store_backs_off(const struct queue *queue, struct instant now)
{
	return now.mono_ms < queue->shared->store_retry_ms;
}

/* `who`: STATE_PULL, STATE_SETTLE or STATE_NOTE_WAIT */
static void store_failed(
	struct queue *queue, unsigned int who, const struct err *err, struct instant now)
{
	struct queue_shared *shared = queue->shared;

	if (alarm_raise(shared->alarm, who, err->text, now.mono_ms))
		log_line(LOG_ERROR, "deliveries wait, the state does not work: %s", err->text);
	shared->store_retry_ms = now.mono_ms + backoff_ms(++shared->store_failures,
						       STORE_WAIT_MIN_MS, STORE_WAIT_MAX_MS);
}

static void store_works(struct queue *queue, unsigned int who)
{
	struct queue_shared *shared = queue->shared;

	if ((shared->alarm->raised_by & who) != 0 && alarm_clear(shared->alarm, who))
		log_line(LOG_NOTICE, "the state works again");
	/* reading may work where writing fails */
	if ((shared->alarm->raised_by & (STATE_PULL | STATE_SETTLE | STATE_NOTE_WAIT)) != 0)
		return;
	shared->store_failures = 0;
	shared->store_retry_ms = 0;
}

static void shift(int64_t *wall_ms, int64_t by_ms)
{
	if (*wall_ms != 0)
		*wall_ms += by_ms;
}

void queue_clock_set(struct queue *queue, int64_t by_ms)
{
	for (size_t i = 0; i < queue->count; i++) {
		shift(&queue->items[i]->first_failed_ms, by_ms);
		shift(&queue->items[i]->due_ms, by_ms);
	}
	queue->next_due_ms = INT64_MAX;
	queue->stale = true;
}

/* reads what is due and not in memory when there may be more and little is left */
static void pull(struct queue *queue, size_t capacity_now, struct instant now)
{
	const struct sink_ops *ops = queue->sink->ops;
	size_t left = queue->count - queue->handed;
	cleanup_free int64_t *busy = NULL;
	struct store_pull pull = {
		.sink = queue->config->name,
		.wall_ms = now.wall_ms,
		.limit = ops->batch && capacity_now < ops->pull ? capacity_now : ops->pull - left,
		.batch = ops->batch,
		.busy_count = queue->count,
		.after_id = queue->in_flight > 0 ? queue->after_id : 0,
		.next_ms = &queue->next_due_ms,
	};
	cleanup_free struct delivery **more = NULL;
	struct err err = { 0 };
	size_t count = 0;

	if (queue->next_due_ms <= now.wall_ms)
		queue->stale = true;
	if (!queue->stale || left >= capacity_now)
		return;
	pull.busy = busy = mem_array(queue->count, sizeof(*busy));
	for (size_t i = 0; i < queue->count; i++)
		busy[i] = queue->items[i]->event_id;
	if (!store_due(queue->shared->store, &pull, &more, &count, &err)) {
		store_failed(queue, STATE_PULL, &err, now);
		return;
	}
	store_works(queue, STATE_PULL);
	queue->items = mem_grow(
		queue->items, &queue->cap, queue->count + count, sizeof(struct delivery *));
	for (size_t i = 0; i < count; i++)
		queue->items[queue->count++] = more[i];
	queue->stale = count == pull.limit;
}

/* gives the sink what it takes for at most STEP_MS; true when it got something */
static bool fill(struct queue *queue, int64_t began_ms, struct instant now)
{
	struct sink *sink = queue->sink;
	size_t most = queue->retired || store_backs_off(queue, now) ? 0 : capacity(queue, now);
	size_t count = 0;

	/* a sink that takes nothing now must not wait for more */
	if (most == 0) {
		sink->has_more = false;
		return false;
	}
	pull(queue, most, now);
	while (count < most && queue->handed < queue->count) {
		struct delivery *delivery = queue->items[queue->handed++];

		queue->after_id = delivery->event_id;
		queue->in_flight++;
		delivery->state = DELIVERY_IN_FLIGHT;
		sink->ops->deliver(sink, delivery, now);
		count++;
		if (clock_now().mono_ms - began_ms > STEP_MS)
			break;
	}
	sink->has_more = queue->stale || queue->handed < queue->count;
	return count > 0;
}

/* takes in what the sink has ended; true when there was something */
static bool collect(struct queue *queue, struct instant now)
{
	const struct delivery_limits limits = {
		.attempts = queue->config->type == SINK_EXEC ? queue->config->attempts : 0,
		.max_age_ms = queue->config->max_age_ms,
	};
	const struct delivery *alike = NULL;
	size_t alike_count = 0;
	size_t kept = 0;

	if (queue->sink->ended == 0)
		return false;
	for (size_t i = 0; i < queue->count; i++) {
		struct delivery *delivery = queue->items[i];

		if (delivery->state != DELIVERY_ENDED) {
			queue->items[kept++] = delivery;
			continue;
		}
		queue->in_flight--;
		if (delivery->result == DELIVERY_RETURNED) {
			/* not tried: the store has it still */
			sink_report_wait(&queue->report, queue->sink, delivery, now);
			delivery_free(delivery);
			queue->stale = true;
			continue;
		}
		delivery_judge(delivery, &limits, now.wall_ms);
		delivery->state = DELIVERY_UNSTORED;
		queue->unstored++;
		queue->items[kept++] = delivery;
		if (alike != NULL && !sink_report_alike(queue->sink, alike, delivery)) {
			sink_report_log(&queue->report, queue->sink, alike, alike_count, now);
			alike_count = 0;
		}
		alike = alike_count == 0 ? delivery : alike;
		alike_count++;
	}
	if (alike != NULL)
		sink_report_log(&queue->report, queue->sink, alike, alike_count, now);
	queue->handed -= queue->count - kept;
	queue->count = kept;
	queue->sink->ended = 0;
	return true;
}

/* stores what became of deliveries; on failure they are kept and stored later */
static bool settle(struct queue *queue, struct instant now)
{
	struct store *store = queue->shared->store;
	const char *name = queue->config->name;
	cleanup_free const struct delivery **ended = NULL;
	struct err err = { 0 };
	size_t count = 0;
	size_t kept = 0;

	if (queue->unstored == 0 && !report_unsaved(queue))
		return true;
	if (store_backs_off(queue, now))
		return false;
	ended = mem_array(queue->unstored, sizeof(struct delivery *));
	for (size_t i = 0; i < queue->handed; i++)
		if (queue->items[i]->state == DELIVERY_UNSTORED)
			ended[count++] = queue->items[i];
	if (!sink_report_load(&queue->report, store, name, &err) ||
		!store_settle(store, name, ended, count, now.wall_ms, &err)) {
		store_failed(queue, STATE_SETTLE, &err, now);
		return false;
	}
	for (size_t i = 0; i < count; i++)
		sink_report_add(&queue->report, ended[i]);
	for (size_t i = 0; i < queue->count; i++)
		if (queue->items[i]->state == DELIVERY_UNSTORED)
			delivery_free(queue->items[i]);
		else
			queue->items[kept++] = queue->items[i];
	queue->handed -= count;
	queue->count = kept;
	queue->unstored = 0;
	queue->stale = true;
	if (!sink_report_save(&queue->report, store, name, &err)) {
		store_failed(queue, STATE_SETTLE, &err, now);
		return false;
	}
	store_works(queue, STATE_SETTLE);
	return true;
}

bool queue_failure(const struct queue *queue, struct instant now, struct event *ret)
{
	if (queue->report.failure == NULL || store_backs_off(queue, now))
		return false;
	*ret = (struct event){
		.wall_ms = now.wall_ms,
		.type = EVENT_SINK_FAILED,
		.sink = queue->config->name,
		.message = queue->report.failure,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};
	return true;
}

void queue_failure_reported(struct queue *queue, bool stored, struct instant now)
{
	struct err err = { .text = "event sink_failed is not stored" };

	if (!stored) {
		store_failed(queue, STATE_SETTLE, &err, now);
		return;
	}
	free(queue->report.failure);
	queue->report.failure = NULL;
	(void)settle(queue, now);
}

const char *queue_waits(const struct queue *queue, struct instant now)
{
	const struct sink_ops *ops = queue->sink->ops;

	return ops->waits != NULL ? ops->waits(queue->sink, now) : NULL;
}

/* While a sink waits its deliveries grow no older. The store is told at the end of a wait and, for
 * the case of a crash, from time to time; a wait through which the machine slept counts as age. */
static void note_wait(struct queue *queue, int64_t least_ms, struct instant now)
{
	bool waits = queue_waits(queue, now) != NULL;
	int64_t for_ms = now.mono_ms - queue->waits_from_ms;
	struct err err = { 0 };

	if (queue->waits_from_ms == 0 && waits)
		queue->waits_from_ms = now.mono_ms;
	else if (queue->waits_from_ms == 0 || (waits && for_ms < least_ms) ||
		 store_backs_off(queue, now))
		return;
	else if (!store_sink_waited(queue->shared->store, queue->config->name, for_ms, &err))
		store_failed(queue, STATE_NOTE_WAIT, &err, now);
	else {
		store_works(queue, STATE_NOTE_WAIT);
		for (size_t i = 0; i < queue->count; i++)
			shift(&queue->items[i]->first_failed_ms, for_ms);
		queue->waits_from_ms = waits ? now.mono_ms : 0;
	}
}

/* notes for the status file that the sink began or ended to wait */
static void notice_wait(struct queue *queue, struct instant now)
{
	const char *why = queue_waits(queue, now);

	if (why == queue->waits_for ||
		(why != NULL && queue->waits_for != NULL && strcmp(why, queue->waits_for) == 0))
		return;
	free(queue->waits_for);
	queue->waits_for = mem_strdup(why);
	queue->shared->waits_changed = true;
}

void queue_step(struct queue *queue, struct instant now)
{
	/* STEP_MS counts from here: what other sinks took of this turn is not ours */
	int64_t began_ms = clock_now().mono_ms;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		bool some;

		queue->sink->ops->step(queue->sink, now);
		note_wait(queue, WAIT_NOTE_MS, now);
		notice_wait(queue, now);
		some = collect(queue, now);
		if (!settle(queue, now))
			return;
		if (!fill(queue, began_ms, now) && !some)
			return;
	}
}

/* is there something that the sink could have? */
static bool has_more(const struct queue *queue, struct instant now)
{
	return !queue->retired && !queue->sink->stopping &&
	       (queue->stale || queue->handed < queue->count || queue->next_due_ms <= now.wall_ms);
}

int64_t queue_next(const struct queue *queue, struct instant now)
{
	bool waits = has_more(queue, now);
	bool rests = store_backs_off(queue, now);
	int64_t next = INSTANT_NEVER;

	/* nothing is pulled while the store is backing off */
	if (sink_busy(queue) || (waits && !rests))
		next = queue->sink->ops->next(queue->sink, now);
	if (queue->sink->ended > 0 || (has_unstored(queue) && !rests))
		return now.mono_ms;
	if (waits && !rests && capacity(queue, now) > 0)
		return now.mono_ms;
	if ((waits || has_unstored(queue)) && rests)
		next = instant_earlier(next, queue->shared->store_retry_ms);
	if (!queue->retired && !queue->sink->stopping && queue->next_due_ms != INT64_MAX &&
		queue->next_due_ms > now.wall_ms)
		next = instant_earlier(next, now.mono_ms + queue->next_due_ms - now.wall_ms);
	return next;
}

size_t queue_fds(const struct queue *queue, struct poll_fd *fds, size_t cap)
{
	const struct sink_ops *ops = queue->sink->ops;

	return ops->fds != NULL ? ops->fds(queue->sink, fds, cap) : 0;
}

bool queue_settled(const struct queue *queue, struct instant now)
{
	if (store_backs_off(queue, now))
		return !sink_busy(queue);
	return is_idle(queue) && !(has_more(queue, now) && capacity(queue, now) > 0);
}

void queue_stop(struct queue *queue, struct instant now, int64_t grace_ms)
{
	note_wait(queue, 1, now);
	drop_pending(queue);
	queue->sink->stopping = true;
	queue->sink->ops->stop(queue->sink, now, grace_ms);
}
