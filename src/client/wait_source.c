#include "client/wait_source.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/wait_detail.h"

#define WAITER_GARBLED_MAX 3 /* invalid answers in a row before there was a good one */
#define WAITER_REFUSED_MIN 3 /* refusals of the key after a good answer, … */
#define WAITER_REFUSED_APART_MS 30000 /* … no further apart than about this */
#define WAITER_FRESH_MS 1000 /* so old an answer may be at the deadline, … */
#define WAITER_HUNG_MS 3000 /* … and so old a request that is still waited for */

static void source_expect(struct wait_source *source, const char *id)
{
	struct snapshot *snapshot = source->source->snapshot;
	struct task task = {
		.id = id,
		.status = STATUS_EXPECTED,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};

	if (snapshot_find(snapshot, id) == NULL)
		(void)snapshot_add(snapshot, &task, source->waiter->now.wall_ms);
}

/* three polls of this source could not find it */
static void source_lost(struct wait_source *source, struct wait_item *item)
{
	struct waiter *waiter = source->waiter;

	if (item->source != WAIT_NOWHERE && item->source != source->index)
		return;
	item->absent_in[source->index] = true;
	if (item->source == WAIT_NOWHERE &&
		(!waiter->setup.fail_missing || !waiter_absent(waiter, item))) {
		/* somebody waits for it: it may come yet */
		source_expect(source, item->task->id);
		return;
	}
	wait_item_lose(item);
	waiter_ending(waiter, item);
}

static void source_event(struct wait_source *source, const struct event *event)
{
	struct waiter *waiter = source->waiter;
	struct wait_item *item;

	if (event->task_id == NULL || event->type == EVENT_STUCK)
		return;
	item = wait_item_find(&waiter->set, source->index, event->task_id);
	if (item == NULL || item->told)
		return;
	if (event->type == EVENT_GONE) {
		if (!item->ended)
			source_lost(source, item);
		return;
	}
	if (item->source != WAIT_NOWHERE && item->source != source->index) {
		struct err err;

		(void)err_set(&err, ERR_USAGE,
			"%s is in source %s and in source %s: --source says which is meant",
			item->task->id, waiter_source(waiter, item), source->config.name);
		waiter_fail(waiter, &err);
		return;
	}
	if (item->ended)
		return;
	wait_item_take(item, source->index, event);
	item->seen_ms = waiter->now.mono_ms;
	if (item->ended)
		waiter_ending(waiter, item);
	else
		waiter_say(waiter, &(struct wait_news){ .kind = WAIT_CHANGED,
					   .item = item,
					   .source = waiter_source(waiter, item) });
}

/* no ids were named: what the first list of active tasks shows is waited for, and nothing else */
static void source_take_active(struct wait_source *source)
{
	struct waiter *waiter = source->waiter;
	struct snapshot *snapshot = source->source->snapshot;
	cleanup_free struct record **others =
		mem_resize(NULL, snapshot->count, sizeof(struct record *));
	cleanup_free struct task *active = mem_array(snapshot->count, sizeof(*active));
	struct record *record;
	size_t other_count = 0;
	size_t count = 0;
	size_t pos = 0;

	while ((record = snapshot_next(snapshot, &pos)) != NULL) {
		active[count] = record_task(snapshot, record);
		if (status_class(active[count].status) == CLASS_ACTIVE)
			count++;
		else
			others[other_count++] = record;
	}
	if (count > 1)
		qsort(active, count, sizeof(*active), task_by_age);
	for (size_t i = 0; i < count; i++)
		wait_item_add_active(&waiter->set, source->index, &active[i]);
	while (other_count > 0)
		snapshot_remove(snapshot, others[--other_count]);
	snapshot->closed = true;
	source->taken_in = true;
	if (count > 0)
		waiter_say(waiter, &(struct wait_news){ .kind = WAIT_BEGUN,
					   .first = waiter->set.count - count,
					   .count = count,
					   .source = source->config.name });
}

/* a key for fingerprints that nobody outside can guess in the life of a wait */
static struct hash_key waiter_key(const void *place, struct instant now)
{
	return (struct hash_key){
		.k0 = (uint64_t)now.wall_ms * 1000003 ^ (uint64_t)getpid(),
		.k1 = (uint64_t)(uintptr_t)place ^ (uint64_t)now.mono_ms << 32,
	};
}

void wait_source_open(struct waiter *waiter, struct wait_source *source)
{
	struct hash_key key = waiter_key(waiter, waiter->now);
	struct source_setup setup = {
		.config = &source->config,
		.http = waiter->http,
		.snapshot = snapshot_new(&key),
		.mode = SOURCE_WAIT,
		.seed = key.k0 ^ source->index,
	};

	source->source = source_new(&setup, waiter->now);
	source->taken_in = waiter_named(waiter);
	source->source->snapshot->closed = source->taken_in;
	for (size_t i = 0; i < waiter->set.count; i++)
		source_expect(source, waiter->set.items[i]->task->id);
}

void wait_source_close(struct wait_source *source)
{
	if (source->source != NULL)
		wait_detail_drop(source);
	source_free(source->source);
	source->source = NULL;
}

static void source_report(struct wait_source *source, bool bad, const char *what)
{
	source->reported_failing = bad;
	waiter_say(source->waiter,
		&(struct wait_news){ .kind = bad ? WAIT_SOURCE_FAILS : WAIT_SOURCE_RECOVERED,
			.text = mem_printf("%s: %s", source->config.name, what) });
}

/* the source cannot be waited for: the end, unless every task is known to be in another one */
static void source_give_up(struct wait_source *source, const struct err *err)
{
	struct waiter *waiter = source->waiter;

	source->err = *err;
	(void)err_prefix(&source->err, "%s: ", source->config.name);
	wait_source_close(source);
	for (size_t i = 0; i < waiter->set.count; i++)
		if (!waiter->set.items[i]->ended && waiter->set.items[i]->source == source->index)
			waiter_fail(waiter, &source->err);
	if (!waiter_named(waiter))
		waiter_fail(waiter, &source->err);
	else if (!waiter->over && waiter->source_count > 1)
		waiter_say(waiter, &(struct wait_news){ .kind = WAIT_SOURCE_FAILS,
					   .text = mem_strdup(source->err.text) });
}

static void take_batches(struct wait_source *source)
{
	struct source_batch batch;

	while (source_step(source->source, source->waiter->now, &batch)) {
		for (size_t i = 0; i < batch.changes.event_count; i++)
			source_event(source, batch.changes.events[i]);
		source_stored(source->source, true);
		if (batch.polled) {
			/* a list was taken in, or a poll failed */
			source->failed = !batch.listed;
			if (!source->taken_in && source->source->saw_active)
				source_take_active(source);
			if (batch.listed) {
				/* a list has been taken in: what is not missing from it was seen */
				struct wait_items *set = &source->waiter->set;
				struct snapshot *snapshot = source->source->snapshot;

				source->heard_ms = source->waiter->now.mono_ms;
				source->refused = 0;
				for (size_t i = 0; i < set->count; i++) {
					struct wait_item *item = set->items[i];

					if (item->source == source->index && !item->ended &&
						!detect_is_missing(snapshot, item->task->id))
						item->seen_ms = source->heard_ms;
				}
			}
		}
		source_batch_done(&batch);
	}
}

void wait_source_step(struct wait_source *source)
{
	if (source->source == NULL)
		return;
	if (source->key_retry_ms != 0 && source->waiter->now.mono_ms >= source->key_retry_ms) {
		source->key_retry_ms = 0;
		source_renew_key(source->source);
	}
	take_batches(source);
	if (source->source->key_state == KEY_LOOKUP_MISSING ||
		source->source->key_state == KEY_LOOKUP_FAILED) {
		/* a source that has not been heard of is not waited for without a key */
		struct err err = source->source->key_err;

		if (source->source->lists == 0)
			source_give_up(source, &err);
		else
			source_no_key(source->source, source->waiter->now);
	}
	if (source->source != NULL)
		take_batches(source);
}

/*
 * Does the failure that has just come end it? Once there was a good answer only a key that stays
 * refused does: whatever else comes, by whatever proxy, may pass.
 */
static bool source_must_give_up(struct wait_source *source, const struct err *err)
{
	int64_t now_ms = source->waiter->now.mono_ms;

	if (err->kind == ERR_AUTH) {
		if (source->refused++ == 0)
			source->refused_ms = now_ms;
		return source->source->lists == 0 ||
		       (source->refused >= WAITER_REFUSED_MIN &&
			       now_ms - source->refused_ms >= source->config.down_after_ms);
	}
	source->garbled = err->kind == ERR_PROTOCOL ? source->garbled + 1 : 0;
	return source->source->lists == 0 && err->kind == ERR_PROTOCOL &&
	       (source->source->failed_status != 200 || source->garbled >= WAITER_GARBLED_MAX);
}

/* a refusal that was a slip is over soon; one that lasts is asked about ever less, and once more
 * when it is long enough to be believed */
static int64_t refused_retry(const struct wait_source *source)
{
	int64_t now_ms = source->waiter->now.mono_ms;
	int64_t end_ms = source->refused_ms + source->config.down_after_ms;
	int64_t wait_ms = source->config.interval_ms;

	for (unsigned int i = 1; i < source->refused && wait_ms < WAITER_REFUSED_APART_MS; i++)
		wait_ms *= 2;
	if (now_ms < end_ms && now_ms + wait_ms > end_ms &&
		source->refused + 1 >= WAITER_REFUSED_MIN)
		return end_ms;
	return now_ms + wait_ms;
}

static void source_failed(struct wait_source *source)
{
	struct err err = source->source->health.last_error;

	source->failed = false;
	source->polled = true;
	if (source_must_give_up(source, &err)) {
		source_give_up(source, &err);
		return;
	}
	if (!source->reported_failing) {
		/* of one poll nothing is tried again, and the failure of an only source is what
		 * ends it */
		bool once = source->waiter->setup.timeout_ms == 0;
		cleanup_free char *what =
			mem_printf("%s%s", err.text, once ? "" : "; trying again");

		if (once && source->waiter->source_count == 1)
			source->reported_failing = true;
		else
			source_report(source, true, what);
	}
	if (err.kind == ERR_AUTH)
		source->key_retry_ms = refused_retry(source);
}

int64_t wait_source_give_up_ms(const struct wait_source *source)
{
	const struct health *health;

	if (source->source == NULL || source->waiter->setup.unreachable_ms == 0)
		return INSTANT_NEVER;
	health = &source->source->health;
	return health->failing ? health->failing_since_ms + source->waiter->setup.unreachable_ms
			       : INSTANT_NEVER;
}

void wait_source_look(struct wait_source *source)
{
	const struct health *health;

	if (source->source == NULL)
		return;
	health = &source->source->health;
	if (source->failed) {
		source_failed(source);
		if (source->source == NULL)
			return;
	}
	if (source->waiter->now.mono_ms >= wait_source_give_up_ms(source)) {
		source_give_up(source, &health->last_error);
		return;
	}
	if (source->source->lists == 0 || health->last_error.kind != ERR_NONE ||
		!source_idle(source->source))
		return;
	source->polled = true;
	source->garbled = 0;
	if (source->reported_failing)
		source_report(source, false, "reachable again");
}

bool wait_source_last_look(struct wait_source *source)
{
	struct instant now = source->waiter->now;
	bool fresh = source->heard_ms != 0 && now.mono_ms - source->heard_ms <= WAITER_FRESH_MS;

	if (source->source == NULL)
		return false;
	if (fresh)
		return source_follows_up(source->source);
	return source_look(source->source, now, WAITER_HUNG_MS);
}

void wait_source_denials(struct wait_source *source)
{
	struct waiter *waiter = source->waiter;
	struct snapshot *snapshot;

	if (source->source == NULL || waiter->source_count < 2 || !waiter_named(waiter))
		return;
	snapshot = source->source->snapshot;
	for (size_t i = 0; i < waiter->set.count; i++) {
		struct wait_item *item = waiter->set.items[i];

		if (item->source == source->index || item->told)
			continue;
		item->absent_in[source->index] = item->absent_in[source->index] ||
						 detect_is_missing(snapshot, item->task->id);
		if (item->absent_in[source->index] && item->source != WAIT_NOWHERE &&
			snapshot_find(snapshot, item->task->id) != NULL)
			snapshot_remove(snapshot, snapshot_find(snapshot, item->task->id));
	}
}
