#include "client/wait_source.h"

#include "client/wait_detail.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define WAITER_GARBLED_MAX 3 /* invalid answers in a row before there was a good one */
#define WAITER_REFUSED_MIN 3 /* refusals of the key after a good answer, … */
#define WAITER_REFUSED_APART_MS 30000 /* … no further apart than about this */
#define WAITER_FRESH_MS 1000 /* so old an answer may be at the deadline, … */
#define WAITER_HUNG_MS 3000 /* … and so old a request that is still waited for */

static struct snapshot *source_snapshot(const struct wait_source *source)
{
	return poller_snapshot(source->poller);
}

static void source_expect(struct wait_source *source, const char *id)
{
	struct task task = {
		.id = id,
		.status = STATUS_EXPECTED,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};

	if (snapshot_find(source_snapshot(source), id) == NULL)
		(void)snapshot_add(source_snapshot(source), &task, source->waiter->now.wall_ms);
}

/* three polls of this source could not find it */
static void source_lost(struct wait_source *source, struct waited *waited)
{
	struct waiter *waiter = source->waiter;

	if (waited->source != WAITED_NOWHERE && waited->source != source->index)
		return;
	waited->denied[source->index] = true;
	if (waited->source == WAITED_NOWHERE &&
		(!waiter->setup.fail_missing || !waiter_denied(waiter, waited))) {
		/* somebody waits for it: it may come yet */
		source_expect(source, waited->task->id);
		return;
	}
	waited_lose(waited);
	waiter_ending(waiter, waited);
}

static void source_event(struct wait_source *source, const struct event *event)
{
	struct waiter *waiter = source->waiter;
	struct waited *waited;

	if (event->task_id == NULL || event->type == EVENT_STUCK)
		return;
	waited = waited_find(&waiter->set, source->index, event->task_id);
	if (waited == NULL || waited->told)
		return;
	if (event->type == EVENT_GONE) {
		if (!waited->ended)
			source_lost(source, waited);
		return;
	}
	if (waited->source != WAITED_NOWHERE && waited->source != source->index) {
		struct err err;

		(void)err_set(&err, ERR_USAGE,
			"%s is in source %s and in source %s: --source says which is meant",
			waited->task->id, waiter_source(waiter, waited), source->config.name);
		waiter_fail(waiter, &err);
		return;
	}
	if (waited->ended)
		return;
	waited_take(waited, source->index, event);
	waited->seen_ms = waiter->now.mono_ms;
	if (waited->ended)
		waiter_ending(waiter, waited);
	else
		waiter_changed(waiter, waited);
}

static bool source_commit(void *arg, struct poller *poller, struct changes *changes, bool health)
{
	struct wait_source *source = arg;

	(void)poller;
	(void)health;
	for (size_t i = 0; i < changes->event_count; i++)
		source_event(source, changes->events[i]);
	return true;
}

/* commit never fails, so that nothing is ever asked for anew */
static struct snapshot *source_reload(void *arg, struct poller *poller)
{
	(void)arg;
	(void)poller;
	return NULL;
}

/* no ids were named: what the first list of active tasks shows is waited for, and nothing else */
static void source_settle(struct wait_source *source)
{
	struct waiter *waiter = source->waiter;
	struct snapshot *snapshot = source_snapshot(source);
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
		waited_add_active(&waiter->set, source->index, &active[i]);
	while (other_count > 0)
		snapshot_remove(snapshot, others[--other_count]);
	snapshot->closed = true;
	source->settled = true;
	if (count > 0)
		waiter->setup.begun(waiter->setup.arg,
			waiter->set.items + waiter->set.count - count, count, source->config.name);
}

/* a list has been taken in: what is not missing from it was seen */
static void source_heard(struct wait_source *source)
{
	struct waited_set *set = &source->waiter->set;
	struct snapshot *snapshot = source_snapshot(source);

	source->heard_ms = source->waiter->now.mono_ms;
	source->refused = 0;
	for (size_t i = 0; i < set->count; i++) {
		struct waited *waited = set->items[i];

		if (waited->source == source->index && !waited->ended &&
			!detect_nowhere(snapshot, waited->task->id))
			waited->seen_ms = source->heard_ms;
	}
}

static void source_polled(void *arg, struct poller *poller)
{
	struct wait_source *source = arg;
	uint64_t lists = poller_lists(poller);

	source->failed = lists == source->lists;
	source->lists = lists;
	if (!source->settled && poller_saw_active(poller))
		source_settle(source);
	if (!source->failed)
		source_heard(source);
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
	struct poller_setup setup = {
		.config = &source->config,
		.http = waiter->http,
		.snapshot = snapshot_new(&key),
		.mode = POLLER_WAIT,
		.seed = key.k0 ^ source->index,
		.owner = { source_commit, source_reload, source_polled, source },
	};

	source->poller = poller_new(&setup, waiter->now);
	source->settled = waiter_named(waiter);
	source_snapshot(source)->closed = source->settled;
	for (size_t i = 0; i < waiter->set.count; i++)
		source_expect(source, waiter->set.items[i]->task->id);
}

void wait_source_close(struct wait_source *source)
{
	if (source->poller != NULL)
		wait_detail_drop(source);
	key_lookup_free(source->search);
	poller_free(source->poller);
	source->search = NULL;
	source->poller = NULL;
}

static void source_trouble(struct wait_source *source, bool bad, const char *what)
{
	cleanup_free char *text = mem_printf("%s: %s", source->config.name, what);

	source->troubled = bad;
	source->waiter->setup.trouble(source->waiter->setup.arg, bad, text);
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
		waiter->setup.trouble(waiter->setup.arg, true, source->err.text);
}

void wait_source_key(struct wait_source *source)
{
	struct instant now = source->waiter->now;
	char key[KEY_MAX + 1];
	struct err err = { 0 };
	enum key_lookup_state state;

	if (source->search == NULL && !poller_wants_key(source->poller) &&
		(source->key_retry_ms == 0 || now.mono_ms < source->key_retry_ms))
		return;
	if (source->search == NULL)
		source->search = key_lookup_new(
			source->config.api_key, source_type_find(source->config.type), now);
	source->key_retry_ms = 0;
	state = key_lookup_step(source->search, now, key, &err);
	if (state == KEY_LOOKUP_BUSY)
		return;
	key_lookup_free(source->search);
	source->search = NULL;
	if (state == KEY_LOOKUP_FOUND)
		poller_set_key(source->poller, key, now);
	else if (source->lists == 0)
		source_give_up(source, &err);
	else
		poller_no_key(source->poller, &err, now);
	mem_wipe(key, sizeof(key));
}

/*
 * Does the failure that has just come end it? Once there was a good answer only a key that stays
 * refused does: whatever else comes, by whatever proxy, may pass.
 */
static bool source_hopeless(struct wait_source *source, const struct err *err)
{
	int64_t now_ms = source->waiter->now.mono_ms;

	if (err->kind == ERR_AUTH) {
		if (source->refused++ == 0)
			source->refused_ms = now_ms;
		return source->lists == 0 ||
		       (source->refused >= WAITER_REFUSED_MIN &&
			       now_ms - source->refused_ms >= source->config.down_after_ms);
	}
	source->garbled = err->kind == ERR_PROTOCOL ? source->garbled + 1 : 0;
	return source->lists == 0 && err->kind == ERR_PROTOCOL &&
	       (poller_failed_status(source->poller) != 200 ||
		       source->garbled >= WAITER_GARBLED_MAX);
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

/* of one poll nothing is tried again, and the failure of an only source is what ends it */
static void source_say_failure(struct wait_source *source, const struct err *err)
{
	bool once = source->waiter->setup.timeout_ms == 0;
	cleanup_free char *what = mem_printf("%s%s", err->text, once ? "" : "; trying again");

	if (once && source->waiter->source_count == 1)
		source->troubled = true;
	else
		source_trouble(source, true, what);
}

static void source_failed(struct wait_source *source)
{
	struct err err = poller_health(source->poller)->last_error;

	source->failed = false;
	source->polled = true;
	if (source_hopeless(source, &err)) {
		source_give_up(source, &err);
		return;
	}
	if (!source->troubled)
		source_say_failure(source, &err);
	if (err.kind == ERR_AUTH)
		source->key_retry_ms = refused_retry(source);
}

/* when a source that fails has failed for too long; INSTANT_NEVER: it does not, or may */
int64_t wait_source_patience(const struct wait_source *source)
{
	const struct health *health;

	if (source->poller == NULL || source->waiter->setup.unreachable_ms == 0)
		return INSTANT_NEVER;
	health = poller_health(source->poller);
	return health->failing ? health->failing_since_ms + source->waiter->setup.unreachable_ms
			       : INSTANT_NEVER;
}

void wait_source_look(struct wait_source *source)
{
	const struct health *health = poller_health(source->poller);

	if (source->failed) {
		source_failed(source);
		if (source->poller == NULL)
			return;
	}
	if (source->waiter->now.mono_ms >= wait_source_patience(source)) {
		source_give_up(source, &health->last_error);
		return;
	}
	if (source->lists == 0 || health->last_error.kind != ERR_NONE ||
		!poller_resting(source->poller))
		return;
	source->polled = true;
	source->garbled = 0;
	if (source->troubled)
		source_trouble(source, false, "reachable again");
}

bool wait_source_last_look(struct wait_source *source)
{
	struct instant now = source->waiter->now;
	bool fresh = source->heard_ms != 0 && now.mono_ms - source->heard_ms <= WAITER_FRESH_MS;

	if (source->poller == NULL)
		return false;
	if (fresh)
		return poller_follows(source->poller);
	return poller_look(source->poller, now, WAITER_HUNG_MS);
}

/* a source that says that a task is not there need not look for one that was found elsewhere */
void wait_source_denials(struct wait_source *source)
{
	struct waiter *waiter = source->waiter;
	struct snapshot *snapshot;

	if (source->poller == NULL || waiter->source_count < 2 || !waiter_named(waiter))
		return;
	snapshot = source_snapshot(source);
	for (size_t i = 0; i < waiter->set.count; i++) {
		struct waited *waited = waiter->set.items[i];

		if (waited->source == source->index || waited->told)
			continue;
		waited->denied[source->index] =
			waited->denied[source->index] || detect_nowhere(snapshot, waited->task->id);
		if (waited->denied[source->index] && waited->source != WAITED_NOWHERE &&
			snapshot_find(snapshot, waited->task->id) != NULL)
			snapshot_remove(snapshot, snapshot_find(snapshot, waited->task->id));
	}
}
