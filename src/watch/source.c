#include "watch/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SETTLE_MS 1000 /* after a resume the network needs a moment */
#define SWEEP_APART_MS 1000 /* sweeps that polls want are at least so far apart */
#define RELOAD_MS 1000 /* a snapshot that could not be read or stored is tried again */

static struct fetch *poll_of(struct source *source)
{
	return &source->fetches[LIST_POLL];
}

static struct fetch *sweep_of(struct source *source)
{
	return &source->fetches[LIST_SWEEP];
}

static void urls_drop(struct source *source)
{
	for (size_t i = 0; i < LIST_SCOPE_COUNT; i++) {
		free(source->list_urls[i]);
		source->list_urls[i] = NULL;
	}
}

static void configure(struct source *source, const struct source_config *config)
{
	urls_drop(source);
	source->config = config;
	source->type = source_type_find(config->type);
	source->rules = (struct detect_rules){
		.source = config->name,
		.first_run = config->first_run,
		.stuck_after_ms = config->stuck_after_ms,
	};
}

struct source *source_new(const struct source_setup *setup, struct instant now)
{
	struct source *source = mem_alloc(sizeof(*source));

	source->http = setup->http;
	source->snapshot = setup->snapshot;
	source->mode = setup->mode;
	source->now = now;
	source->key_due_ms = now.mono_ms;
	configure(source, setup->config);
	for (int i = 0; i < LIST_KINDS; i++) {
		struct fetch *fetch = &source->fetches[i];

		fetch->kind = (enum list_kind)i;
		fetch->sched.random = (setup->seed ^ (uint64_t)i << 1) | 1;
		fetch->sched.due_ms = now.mono_ms;
	}
	/* a sweep that the first poll wants need not wait */
	sweep_of(source)->sched.started_ms = now.mono_ms - SWEEP_APART_MS;
	poll_of(source)->sched.started_ms = now.mono_ms;
	if (source->mode != SOURCE_WATCH)
		sweep_of(source)->sched.due_ms = INSTANT_NEVER;
	return source;
}

void source_batch_done(struct source_batch *batch)
{
	changes_done(&batch->changes);
	*batch = (struct source_batch){ 0 };
}

/* the key is wiped and gone */
static void key_drop(struct source *source)
{
	source->key_old = false;
	if (source->key != NULL) {
		mem_wipe(source->key, strlen(source->key));
		http_forget_keys(source->http);
	}
	free(source->key);
	source->key = NULL;
}

void source_free(struct source *source)
{
	if (source == NULL)
		return;
	for (int i = 0; i < LIST_KINDS; i++)
		fetch_cancel(source, &source->fetches[i]);
	source_batch_done(&source->batch);
	key_lookup_free(source->key_lookup);
	key_drop(source);
	snapshot_free(source->snapshot);
	urls_drop(source);
	free(source);
}

static int64_t interval_of(const struct source *source, enum list_kind kind)
{
	const struct source_config *config = source->config;

	if (kind == LIST_SWEEP && source->mode == SOURCE_WATCH)
		return config->sweep_interval_ms;
	if (source->mode == SOURCE_WAIT || source->snapshot == NULL ||
		source->snapshot->active != 0)
		return config->interval_ms;
	return config->idle_interval_ms;
}

/* --- health */

static void tell_health(struct source *source, enum event_type type, const char *message)
{
	struct event event = {
		.wall_ms = source->now.wall_ms,
		.type = type,
		.source = source->config->name,
		.message = message,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};

	changes_add(&source->batch.changes, &event);
}

/*
 * A list was taken in. Polls decide on the health, and sweeps only as long as no poll fails. While
 * a key is refused nothing counts but that its own kind of list succeeds.
 */
static void health_listed(struct source *source, const struct fetch *fetch)
{
	const struct fetch *other = fetch->kind == LIST_POLL ? sweep_of(source) : poll_of(source);
	struct err error = source->health.last_error;
	int64_t down_ms = source->now.wall_ms - source->health.down_since_ms;

	source->refused &= ~(1U << fetch->kind);
	source->reauth = source->reauth && fetch->kind != LIST_POLL;
	if (source->refused != 0 ||
		(fetch->kind == LIST_SWEEP && poll_of(source)->sched.failures != 0))
		return;
	source->grace = false;
	if (health_good(&source->health, source->now)) {
		char span[EVENT_SPAN_MAX];
		cleanup_free char *message = mem_printf(
			"reachable again after %s", event_span(down_ms > 0 ? down_ms : 0, span));

		tell_health(source, EVENT_SOURCE_UP, message);
	}
	/* the last error stands until both kinds of lists do well */
	if (other->sched.failures != 0)
		source->health.last_error = error;
}

/*
 * Keeps the health of a failure and tells of it when it is time; `refused`: at once, it stays so. A
 * sweep that always fails while polls work must not tell of ups and downs: it counts only as long
 * as there was no list at all.
 */
static void health_failed(
	struct source *source, enum list_kind kind, const struct err *err, bool refused)
{
	int64_t down_after_ms = refused ? 0 : source->config->down_after_ms;

	source->batch.polled = true;
	source->ready = true;
	if (!refused && (source->grace || (kind == LIST_SWEEP && source->lists != 0))) {
		source->grace = source->grace && kind != LIST_POLL;
		source->health.last_error = *err;
		return;
	}
	if (health_bad(&source->health, err, down_after_ms, source->now)) {
		tell_health(source, EVENT_SOURCE_DOWN, err->text);
		source->batch.store = true;
	}
	source->before = source->health;
}

/* --- one-shots */

static void once_give_up(struct source *source, const struct err *err)
{
	if (source->failure.kind == ERR_NONE)
		source->failure = *err;
	for (int i = 0; i < LIST_KINDS; i++) {
		fetch_cancel(source, &source->fetches[i]);
		source->fetches[i].step = FETCH_DONE;
	}
}

bool source_finished(const struct source *source, struct err *err)
{
	*err = source->failure;
	return source->fetches[LIST_POLL].step == FETCH_DONE &&
	       source->fetches[LIST_SWEEP].step == FETCH_DONE && !source->ready;
}

/* --- the schedule */

static void fetch_now(struct source *source, struct fetch *fetch)
{
	if (source->key == NULL || source->key_old)
		source->key_due_ms = source->now.mono_ms;
	fetch->sched.failures = 0;
	if (fetch->sched.due_ms != INSTANT_NEVER)
		fetch->sched.due_ms = source->now.mono_ms;
}

/* an answer that was under way may be older than the wish for it */
static void fetch_again(struct source *source, struct fetch *fetch)
{
	if (fetch->again)
		fetch_now(source, fetch);
	fetch->again = false;
}

/* a sweep is wanted soon: some task is nowhere to be found. `floor_seq`: of the poll that
 * wants it */
static void want_sweep(struct source *source, uint32_t floor_seq)
{
	struct fetch *sweep = sweep_of(source);
	int64_t due = sweep->sched.started_ms + SWEEP_APART_MS;

	source->sweep_floor_seq = floor_seq;
	if (source->mode == SOURCE_ONCE || sweep->step != FETCH_IDLE)
		return;
	source->sweep_floor_seq = 0;
	sweep->lookup_floor_seq = floor_seq;
	/* a sweep that fails keeps its own pace */
	if (sweep->sched.failures == 0 && due < sweep->sched.due_ms)
		sweep->sched.due_ms = due > source->now.mono_ms ? due : source->now.mono_ms;
}

static void fetch_through(struct source *source, struct fetch *fetch)
{
	struct fetch *sweep = sweep_of(source);

	fetch->lookup_floor_seq = 0;
	if (source->mode == SOURCE_ONCE) {
		fetch->step = FETCH_DONE;
		fetch->sched.due_ms = INSTANT_NEVER;
		if (fetch->kind == LIST_POLL) {
			sweep->sched.due_ms = source->now.mono_ms;
			sweep->lookup_floor_seq = source->sweep_floor_seq;
		}
		return;
	}
	sched_good(&fetch->sched, interval_of(source, fetch->kind), source->now.mono_ms);
	if (fetch->kind == LIST_SWEEP && source->mode == SOURCE_WAIT)
		fetch->sched.due_ms = INSTANT_NEVER;
	if (fetch->kind == LIST_SWEEP && source->sweep_floor_seq != 0)
		want_sweep(source, source->sweep_floor_seq);
	fetch_again(source, fetch);
}

/* a source that is about to count as down is asked once more at that very time */
static void fetch_sooner(const struct source *source, struct fetch *fetch)
{
	const struct health *health = &source->health;
	int64_t down_ms = health->failing_since_ms + source->config->down_after_ms;

	if (!health->failing || health->down || source->mode == SOURCE_ONCE ||
		(fetch->kind == LIST_SWEEP && source->lists != 0))
		return;
	if (source->now.mono_ms < down_ms && down_ms < fetch->sched.due_ms)
		fetch->sched.due_ms = down_ms;
}

/* plans the next try, keeps the health */
static void fetch_failed(struct source *source, struct fetch *fetch)
{
	const struct err *err = &fetch->failure;
	const struct http_advice *advice = &fetch->advice;
	struct sched_advice wish = { advice->retry, advice->after_ms };
	bool refused = err->kind == ERR_AUTH || advice->refused;

	sched_bad(&fetch->sched, err->kind, &wish, interval_of(source, fetch->kind),
		source->now.mono_ms);
	fetch_throttle(source, advice);
	source->reauth = source->reauth || refused;
	if (err->kind == ERR_AUTH) {
		/* nobody asks before there is another key, or the same again in 5 min */
		key_drop(source);
		source->refused |= 1U << fetch->kind;
		source->key_due_ms = fetch->sched.due_ms;
	}
	health_failed(source, fetch->kind, err, refused);
	if (advice->after_ms < 0 && err->kind != ERR_AUTH)
		fetch_sooner(source, fetch);
	if (source->mode != SOURCE_ONCE) {
		fetch_again(source, fetch);
		return;
	}
	if (advice->retry && sched_once_again(&source->once, &fetch->sched, source->now.mono_ms))
		return;
	if (refused) {
		once_give_up(source, err);
		return;
	}
	if (source->failure.kind == ERR_NONE)
		source->failure = *err;
	fetch_through(source, fetch);
}

/* after a refusal a poll goes first, alone: two requests would only be refused twice */
static bool fetch_waits(const struct source *source, enum list_kind kind)
{
	return source->fetches[kind].step == FETCH_IDLE && (kind == LIST_POLL || !source->reauth);
}

static int64_t fetch_due(const struct source *source, enum list_kind kind)
{
	int64_t due = source->fetches[kind].sched.due_ms;

	return due < source->throttled_ms ? source->throttled_ms : due;
}

/* --- the key */

static bool key_needed(const struct source *source)
{
	return source->key == NULL || source->key_old;
}

static bool key_wanted(const struct source *source)
{
	return key_needed(source) && source->now.mono_ms >= source->key_due_ms;
}

static void key_step(struct source *source)
{
	char key[KEY_MAX + 1];

	if (source->key_state != KEY_LOOKUP_BUSY && source->key_state != KEY_LOOKUP_FOUND)
		return;
	if (source->key_lookup == NULL && !key_wanted(source))
		return;
	if (source->key_lookup == NULL)
		source->key_lookup =
			key_lookup_new(source->config->api_key, source->type, source->now);
	source->key_state = key_lookup_step(source->key_lookup, source->now, key, &source->key_err);
	if (source->key_state != KEY_LOOKUP_BUSY) {
		key_lookup_free(source->key_lookup);
		source->key_lookup = NULL;
	}
	if (source->key_state == KEY_LOOKUP_FOUND) {
		key_drop(source);
		source->key = mem_strdup(key);
		for (int i = 0; i < LIST_KINDS; i++) {
			struct fetch *fetch = &source->fetches[i];

			if (fetch->step == FETCH_IDLE &&
				(fetch->sched.failures != 0 || source->reauth))
				fetch->sched.due_ms = source->now.mono_ms;
		}
	}
	mem_wipe(key, sizeof(key));
}

void source_no_key(struct source *source, struct instant now)
{
	struct err refused = source->key_err;

	source->now = now;
	source->key_state = KEY_LOOKUP_BUSY;
	key_drop(source);
	refused.kind = ERR_AUTH;
	source->key_due_ms = now.mono_ms + SCHED_REFUSED_MS;
	health_failed(source, LIST_POLL, &refused, true);
	if (source->mode == SOURCE_ONCE)
		once_give_up(source, &refused);
}

void source_renew_key(struct source *source)
{
	source->key_old = true;
	source->key_due_ms = source->now.mono_ms;
}

/* --- steps */

bool source_wants_snapshot(const struct source *source, struct instant now)
{
	return source->snapshot == NULL && now.mono_ms >= source->reload_ms;
}

void source_set_snapshot(struct source *source, struct snapshot *snapshot)
{
	source->snapshot = snapshot;
	source->reload_ms = source->now.mono_ms + RELOAD_MS;
}

/* the fetch has come on; true when there is a batch, or may be more to take in at once */
static bool fetch_step(struct source *source, struct fetch *fetch)
{
	enum fetch_result result = fetch_go_on(source, fetch, &source->batch.changes);

	if (fetch->wants_sweep)
		want_sweep(source, fetch->lookup_floor_seq);
	fetch->wants_sweep = false;
	if (result == FETCH_GOOD || result == FETCH_CHANGED) {
		source->before = source->health;
		source->batch.store = true;
		source->ready = true;
	}
	if (result == FETCH_GOOD) {
		health_listed(source, fetch);
		source->batch.polled = true;
		source->batch.listed = true;
	} else if (result == FETCH_FAILED) {
		fetch_failed(source, fetch);
	} else if (result == FETCH_THROUGH) {
		fetch_through(source, fetch);
	}
	return result != FETCH_NOTHING;
}

static void advance(struct source *source)
{
	if (source->snapshot == NULL) {
		key_step(source);
		return;
	}
	for (int i = 0; i < LIST_KINDS && !source->ready; i++)
		while (!source->ready && fetch_step(source, &source->fetches[i]))
			;
	if (source->ready)
		return;
	key_step(source);
	if (!key_needed(source)) {
		/* the sweep of the start is the first poll as well, also when the key was long in
		 * coming */
		if (source->mode == SOURCE_WATCH && source->seq == 0)
			poll_of(source)->sched.due_ms =
				source->now.mono_ms + source->config->interval_ms;
		for (int i = 0; i < LIST_KINDS; i++)
			if (fetch_waits(source, (enum list_kind)i) &&
				source->now.mono_ms >= fetch_due(source, (enum list_kind)i))
				fetch_start(source, &source->fetches[i]);
	}
}

bool source_step(struct source *source, struct instant now, struct source_batch *ret)
{
	source->now = now;
	if (!source->ready)
		advance(source);
	if (!source->ready)
		return false;
	source->batch.health = source->health.down != source->down_stored;
	*ret = source->batch;
	source->batch = (struct source_batch){ 0 };
	source->ready = false;
	source->listed = ret->listed;
	return true;
}

/* the snapshot in memory is not what is stored: forget it, and what was asked on its account */
static void forget_snapshot(struct source *source)
{
	static const struct err unstored = { ERR_IO, "what a poll found could not be stored" };
	bool given_up = false;

	for (int i = 0; i < LIST_KINDS; i++) {
		struct fetch *fetch = &source->fetches[i];

		if (!fetch_busy(fetch))
			continue;
		fetch_cancel(source, fetch);
		fetch->sched.due_ms = source->now.mono_ms + RELOAD_MS;
		given_up = given_up || ++fetch->tries >= SCHED_ONCE_TRIES;
	}
	snapshot_free(source->snapshot);
	source->snapshot = NULL;
	source->reload_ms = source->now.mono_ms;
	if (source->mode == SOURCE_ONCE && given_up)
		once_give_up(source, &unstored);
}

void source_stored(struct source *source, bool stored)
{
	if (stored) {
		source->down_stored = source->health.down;
		if (source->listed) {
			/* a list that was taken in may have made the source a busy one */
			struct fetch *poll = poll_of(source);
			int64_t due = poll->sched.started_ms + interval_of(source, LIST_POLL);

			source->saw_active = true;
			source->lists++;
			if (poll->step == FETCH_IDLE && poll->sched.failures == 0 &&
				due < poll->sched.due_ms)
				poll->sched.due_ms =
					due > source->now.mono_ms ? due : source->now.mono_ms;
		}
		return;
	}
	/* what was not stored was not told */
	source->health = source->before;
	source->health.down = source->down_stored;
	forget_snapshot(source);
}

int64_t source_next_poll(const struct source *source)
{
	int64_t next = INSTANT_NEVER;

	for (int i = 0; i < LIST_KINDS; i++)
		if (fetch_waits(source, (enum list_kind)i))
			next = instant_earlier(next, fetch_due(source, (enum list_kind)i));
	return next;
}

int64_t source_next(const struct source *source)
{
	struct err err;

	if (source->ready)
		return source->now.mono_ms;
	if (source->key_lookup != NULL)
		return key_lookup_next(source->key_lookup);
	if (source_finished(source, &err))
		return INSTANT_NEVER;
	if (source->snapshot == NULL)
		return source->reload_ms;
	if (source->key_state == KEY_LOOKUP_MISSING || source->key_state == KEY_LOOKUP_FAILED)
		return INSTANT_NEVER;
	return key_needed(source) ? source->key_due_ms : source_next_poll(source);
}

size_t source_fds(const struct source *source, struct poll_fd *fds, size_t cap)
{
	return source->key_lookup != NULL ? key_lookup_fds(source->key_lookup, fds, cap) : 0;
}

/* --- wishes of the owner */

void source_poll_now(struct source *source, struct instant now)
{
	source->now = now;
	source->throttled_ms = 0;
	for (int i = 0; i < LIST_KINDS; i++) {
		struct fetch *fetch = &source->fetches[i];

		fetch->again = fetch_busy(fetch);
		if (fetch->step == FETCH_IDLE)
			fetch_now(source, fetch);
	}
}

void source_reconfigure(struct source *source, const struct source_config *config)
{
	key_lookup_free(source->key_lookup);
	source->key_lookup = NULL;
	source->key_state = KEY_LOOKUP_BUSY;
	configure(source, config);
}

bool source_look(struct source *source, struct instant now, int64_t max_age_ms)
{
	source->now = now;
	if (fetch_throttled(source))
		return false;
	for (int i = 0; i < LIST_KINDS; i++) {
		struct fetch *fetch = &source->fetches[i];

		if (!fetch_busy(fetch) || now.mono_ms - fetch->sched.started_ms <= max_age_ms)
			continue;
		fetch_cancel(source, fetch);
		fetch->sched.due_ms = now.mono_ms;
	}
	source_poll_now(source, now);
	return true;
}

void source_resumed(struct source *source, struct instant now)
{
	int64_t soon = now.mono_ms + SETTLE_MS;

	source->now = now;
	source->grace = true;
	health_resumed(&source->health, now);
	for (int i = 0; i < LIST_KINDS; i++) {
		struct fetch *fetch = &source->fetches[i];

		if (fetch_busy(fetch) || i == LIST_POLL || fetch->sched.due_ms < soon)
			fetch->sched.due_ms = soon;
		fetch_cancel(source, fetch);
		fetch->sched.failures = 0;
	}
}

void source_restore_down(struct source *source, bool down, int64_t since_ms)
{
	source->health.down = down;
	source->health.down_since_ms = since_ms;
	source->down_stored = down;
}

bool source_idle(const struct source *source)
{
	for (int i = 0; i < LIST_KINDS; i++)
		if (fetch_busy(&source->fetches[i]))
			return false;
	return source->key == NULL || source_next_poll(source) > source->now.mono_ms;
}

bool source_follows_up(const struct source *source)
{
	for (int i = 0; i < LIST_KINDS; i++)
		if (source->fetches[i].step == FETCH_ENDED ||
			source->fetches[i].step == FETCH_LOOKUPS)
			return true;
	return false;
}
