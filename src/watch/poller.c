#include "watch/poller.h"

#include <stdlib.h>
#include <string.h>

#include "watch/lane.h"
#include "base/mem.h"

#define POLLER_SETTLE_MS 1000 /* after a resume the network needs a moment */
#define POLLER_SWEEP_APART_MS 1000 /* sweeps that polls want are at least so far apart */
#define POLLER_RELOAD_MS 1000 /* a snapshot that could not be read or stored is tried again */
#define POLLER_SLEEP_ONCE_MS 10000 /* one-shot: the sum of all waits between tries */

struct poller *poller_new(const struct poller_setup *setup, struct instant now)
{
	struct poller *poller = mem_alloc(sizeof(*poller));

	poller->http = setup->http;
	poller->snapshot = setup->snapshot;
	poller->mode = setup->mode;
	poller->owner = setup->owner;
	poller->now = now;
	poller->key_due_ms = now.mono_ms;
	poller_reconfigure(poller, setup->config);
	for (int i = 0; i < LANE_COUNT; i++) {
		struct lane_run *run = &poller->lanes[i];

		run->poller = poller;
		run->lane = (enum lane)i;
		run->sched.random = (setup->seed ^ (uint64_t)i << 1) | 1;
		run->sched.due_ms = now.mono_ms;
	}
	/* a sweep that the first poll wants need not wait */
	poller->lanes[LANE_SWEEP].sched.started_ms = now.mono_ms - POLLER_SWEEP_APART_MS;
	poller->lanes[LANE_POLL].sched.started_ms = now.mono_ms;
	if (poller->mode != POLLER_WATCH)
		poller->lanes[LANE_SWEEP].sched.due_ms = INSTANT_NEVER;
	return poller;
}

void poller_free(struct poller *poller)
{
	if (poller == NULL)
		return;
	for (int i = 0; i < LANE_COUNT; i++)
		lane_cancel(&poller->lanes[i]);
	poller_key_drop(poller);
	snapshot_free(poller->snapshot);
	poller_urls_drop(poller);
	free(poller);
}

void poller_reconfigure(struct poller *poller, const struct source_config *config)
{
	poller_urls_drop(poller);
	poller->config = config;
	poller->type = source_type_find(config->type);
	poller->rules = (struct detect_rules){
		.source = config->name,
		.first_run = config->first_run,
		.stuck_after_ms = config->stuck_after_ms,
	};
}

static int64_t poller_interval(const struct poller *poller, enum lane lane)
{
	const struct source_config *config = poller->config;

	if (lane == LANE_SWEEP && poller->mode == POLLER_WATCH)
		return config->sweep_interval_ms;
	if (poller->mode == POLLER_WAIT || poller->snapshot == NULL ||
		poller->snapshot->active != 0)
		return config->interval_ms;
	return config->idle_interval_ms;
}

static void tell_health(
	struct poller *poller, enum event_type type, const char *message, struct changes *changes)
{
	struct event event = {
		.wall_ms = poller->now.wall_ms,
		.type = type,
		.source = poller->config->name,
		.message = message,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};

	changes_add(changes, &event);
}

static void once_give_up(struct poller *poller, const struct err *err)
{
	if (poller->failure.kind == ERR_NONE)
		poller->failure = *err;
	for (int i = 0; i < LANE_COUNT; i++) {
		lane_cancel(&poller->lanes[i]);
		poller->lanes[i].step = STEP_DONE;
	}
}

static void poller_load(struct poller *poller)
{
	poller->snapshot = poller->owner.reload(poller->owner.arg, poller);
	poller->reload_ms = poller->now.mono_ms + POLLER_RELOAD_MS;
}

/* the snapshot in memory is not what is stored: forget it, and what was asked on its account */
static void poller_reload(struct poller *poller)
{
	static const struct err unstored = { ERR_IO, "what a poll found could not be stored" };
	bool given_up = false;

	for (int i = 0; i < LANE_COUNT; i++) {
		struct lane_run *run = &poller->lanes[i];

		if (!lane_busy(run))
			continue;
		lane_cancel(run);
		run->sched.due_ms = poller->now.mono_ms + POLLER_RELOAD_MS;
		given_up = given_up || ++run->tries >= LANE_TRIES_ONCE;
	}
	snapshot_free(poller->snapshot);
	poller_load(poller);
	if (poller->mode == POLLER_ONCE && given_up)
		once_give_up(poller, &unstored);
}

bool poller_commit(struct poller *poller, struct changes *changes)
{
	bool health = poller->health.down != poller->down_stored;

	if (poller->owner.commit(poller->owner.arg, poller, changes, health)) {
		poller->down_stored = poller->health.down;
		return true;
	}
	/* what was not stored was not told */
	poller->health.down = poller->down_stored;
	poller_reload(poller);
	return false;
}

/*
 * Polls decide on the health, and sweeps only as long as there was no list at all: a sweep that
 * always fails while polls work, or the other way round, must not tell of ups and downs. A lane
 * whose key was refused has to succeed itself.
 */
static bool health_from(const struct poller *poller, enum lane lane)
{
	if (poller->refused != 0)
		return false;
	return lane == LANE_POLL || poller->lanes[LANE_POLL].sched.failures == 0;
}

void poller_good(struct poller *poller, const struct lane_run *run, struct changes *changes)
{
	const struct lane_run *other =
		&poller->lanes[run->lane == LANE_POLL ? LANE_SWEEP : LANE_POLL];
	struct err error = poller->health.last_error;
	int64_t down_ms = poller->now.wall_ms - poller->health.down_since_ms;

	poller->refused &= ~(1U << run->lane);
	poller->probing = poller->probing && run->lane != LANE_POLL;
	if (!health_from(poller, run->lane))
		return;
	poller->excused = false;
	if (health_good(&poller->health, poller->now)) {
		char span[EVENT_SPAN_MAX];
		cleanup_free char *message = mem_printf(
			"reachable again after %s", event_span(down_ms > 0 ? down_ms : 0, span));

		tell_health(poller, EVENT_SOURCE_UP, message, changes);
	}
	/* the last error stands until both lanes do well */
	if (other->sched.failures != 0)
		poller->health.last_error = error;
}

/* keeps the health of a failure and tells of it when it is time; `refused`: at once, it stays so */
static void poller_ill(struct poller *poller, enum lane lane, const struct err *err, bool refused)
{
	int64_t down_after_ms = refused ? 0 : poller->config->down_after_ms;
	struct changes changes = { 0 };

	if (!refused && (poller->excused || (lane == LANE_SWEEP && poller->lists != 0))) {
		poller->excused = poller->excused && lane != LANE_POLL;
		poller->health.last_error = *err;
	} else if (health_bad(&poller->health, err, down_after_ms, poller->now)) {
		tell_health(poller, EVENT_SOURCE_DOWN, err->text, &changes);
		(void)poller_commit(poller, &changes);
	}
	changes_done(&changes);
	poller->owner.polled(poller->owner.arg, poller);
}

/* one-shot: may the lane be tried again? */
static bool once_again(struct lane_run *run, const struct http_advice *advice)
{
	struct poller *poller = run->poller;

	poller->slept_ms += run->sched.due_ms - poller->now.mono_ms;
	return ++run->tries < LANE_TRIES_ONCE && advice->retry &&
	       poller->slept_ms <= POLLER_SLEEP_ONCE_MS;
}

/* the key was refused: nobody asks before there is another one, or the same again in 5 min */
static void key_refused(struct poller *poller, const struct lane_run *run)
{
	poller_key_drop(poller);
	poller->refused |= 1U << run->lane;
	poller->key_due_ms = run->sched.due_ms;
}

/* a source that is about to count as down is asked once more at that very time */
static void poller_sooner(const struct poller *poller, struct lane_run *run)
{
	const struct health *health = &poller->health;
	int64_t down_ms = health->failing_since_ms + poller->config->down_after_ms;

	if (!health->failing || health->down || poller->mode == POLLER_ONCE ||
		(run->lane == LANE_SWEEP && poller->lists != 0))
		return;
	if (poller->now.mono_ms < down_ms && down_ms < run->sched.due_ms)
		run->sched.due_ms = down_ms;
}

static void run_hurry(struct lane_run *run)
{
	struct poller *poller = run->poller;

	if (poller_key_needed(poller))
		poller->key_due_ms = poller->now.mono_ms;
	run->sched.failures = 0;
	if (run->sched.due_ms != INSTANT_NEVER)
		run->sched.due_ms = poller->now.mono_ms;
}

/* an answer that was under way may be older than the wish for it */
static void run_again(struct lane_run *run)
{
	if (run->again)
		run_hurry(run);
	run->again = false;
}

void poller_hold(struct poller *poller, const struct http_advice *advice)
{
	int64_t end = poller->now.mono_ms + advice->after_ms;

	if (poller->mode != POLLER_ONCE && advice->after_ms >= 0 && poller->held_ms < end)
		poller->held_ms = end;
}

bool poller_held(const struct poller *poller)
{
	return poller->now.mono_ms < poller->held_ms;
}

void poller_failed(struct poller *poller, struct lane_run *run, const struct err *err,
	const struct http_advice *advice)
{
	struct sched_advice wish = { advice->retry, advice->after_ms };
	bool refused = err->kind == ERR_AUTH || advice->refused;

	sched_bad(&run->sched, err->kind, &wish, poller_interval(poller, run->lane),
		poller->now.mono_ms);
	poller_hold(poller, advice);
	poller->probing = poller->probing || refused;
	if (err->kind == ERR_AUTH)
		key_refused(poller, run);
	poller_ill(poller, run->lane, err, refused);
	if (advice->after_ms < 0 && err->kind != ERR_AUTH)
		poller_sooner(poller, run);
	if (poller->mode != POLLER_ONCE)
		run_again(run);
	if (poller->mode != POLLER_ONCE || once_again(run, advice))
		return;
	if (refused) {
		once_give_up(poller, err);
		return;
	}
	if (poller->failure.kind == ERR_NONE)
		poller->failure = *err;
	poller_lane_done(poller, run);
}

void poller_lane_done(struct poller *poller, struct lane_run *run)
{
	struct lane_run *sweep = &poller->lanes[LANE_SWEEP];

	run->since = 0;
	if (poller->mode == POLLER_ONCE) {
		run->step = STEP_DONE;
		run->sched.due_ms = INSTANT_NEVER;
		if (run->lane == LANE_POLL) {
			sweep->sched.due_ms = poller->now.mono_ms;
			sweep->since = poller->sweep_since;
		}
		return;
	}
	sched_good(&run->sched, poller_interval(poller, run->lane), poller->now.mono_ms);
	if (run->lane == LANE_SWEEP && poller->mode == POLLER_WAIT)
		run->sched.due_ms = INSTANT_NEVER;
	if (run->lane == LANE_SWEEP && poller->sweep_since != 0)
		poller_want_sweep(poller, poller->sweep_since);
	run_again(run);
}

/* a list that was taken in may have made the source a busy one */
void poller_listed(struct poller *poller)
{
	struct lane_run *poll = &poller->lanes[LANE_POLL];
	int64_t due = poll->sched.started_ms + poller_interval(poller, LANE_POLL);

	poller->lists++;
	if (poll->step == STEP_IDLE && poll->sched.failures == 0 && due < poll->sched.due_ms)
		poll->sched.due_ms = due > poller->now.mono_ms ? due : poller->now.mono_ms;
	poller->owner.polled(poller->owner.arg, poller);
}

void poller_want_sweep(struct poller *poller, uint32_t since)
{
	struct lane_run *sweep = &poller->lanes[LANE_SWEEP];
	int64_t due = sweep->sched.started_ms + POLLER_SWEEP_APART_MS;

	poller->sweep_since = since;
	if (poller->mode == POLLER_ONCE || sweep->step != STEP_IDLE)
		return;
	poller->sweep_since = 0;
	sweep->since = since;
	/* a sweep that fails keeps its own pace */
	if (sweep->sched.failures == 0 && due < sweep->sched.due_ms)
		sweep->sched.due_ms = due > poller->now.mono_ms ? due : poller->now.mono_ms;
}

/* after a refusal a poll goes first, alone: two requests would only be refused twice */
static bool lane_waits(const struct poller *poller, enum lane lane)
{
	return poller->lanes[lane].step == STEP_IDLE && (lane == LANE_POLL || !poller->probing);
}

static int64_t lane_due(const struct poller *poller, enum lane lane)
{
	int64_t due = poller->lanes[lane].sched.due_ms;

	return due < poller->held_ms ? poller->held_ms : due;
}

/* the sweep of the start is the first poll as well, also when the key was long in coming */
static void poller_begin(struct poller *poller)
{
	if (poller->mode == POLLER_WATCH && poller->serial == 0)
		poller->lanes[LANE_POLL].sched.due_ms =
			poller->now.mono_ms + poller->config->interval_ms;
}

void poller_step(struct poller *poller, struct instant now)
{
	poller->now = now;
	if (poller->snapshot == NULL && now.mono_ms >= poller->reload_ms)
		poller_load(poller);
	if (poller_key_needed(poller) || poller->snapshot == NULL)
		return;
	poller_begin(poller);
	for (int i = 0; i < LANE_COUNT; i++)
		if (lane_waits(poller, (enum lane)i) &&
			now.mono_ms >= lane_due(poller, (enum lane)i))
			lane_start(&poller->lanes[i]);
}

int64_t poller_next_poll(const struct poller *poller)
{
	int64_t next = INSTANT_NEVER;

	for (int i = 0; i < LANE_COUNT; i++)
		if (lane_waits(poller, (enum lane)i) && lane_due(poller, (enum lane)i) < next)
			next = lane_due(poller, (enum lane)i);
	return next;
}

int64_t poller_next(const struct poller *poller)
{
	struct err err;

	if (poller_finished(poller, &err))
		return INSTANT_NEVER;
	if (poller->snapshot == NULL)
		return poller->reload_ms;
	if (poller_key_needed(poller))
		return poller_wants_key(poller) ? INSTANT_NEVER : poller->key_due_ms;
	return poller_next_poll(poller);
}

bool poller_asks(const struct poller *poller)
{
	return lane_busy(&poller->lanes[LANE_POLL]);
}

void poller_hurry(struct poller *poller, struct instant now)
{
	poller->now = now;
	poller->held_ms = 0;
	for (int i = 0; i < LANE_COUNT; i++) {
		struct lane_run *run = &poller->lanes[i];

		run->again = lane_busy(run);
		if (run->step == STEP_IDLE)
			run_hurry(run);
	}
}

void poller_jump(struct poller *poller, struct instant now)
{
	int64_t soon = now.mono_ms + POLLER_SETTLE_MS;

	poller->now = now;
	poller->excused = true;
	health_jump(&poller->health, now);
	for (int i = 0; i < LANE_COUNT; i++) {
		struct lane_run *run = &poller->lanes[i];

		if (lane_busy(run) || i == LANE_POLL || run->sched.due_ms < soon)
			run->sched.due_ms = soon;
		lane_cancel(run);
		run->sched.failures = 0;
	}
}

void poller_no_key(struct poller *poller, const struct err *err, struct instant now)
{
	struct err refused = *err;

	poller->now = now;
	poller_key_drop(poller);
	refused.kind = ERR_AUTH;
	poller->key_due_ms = now.mono_ms + SCHED_REFUSED_MS;
	poller_ill(poller, LANE_POLL, &refused, true);
	if (poller->mode == POLLER_ONCE)
		once_give_up(poller, &refused);
}

bool poller_finished(const struct poller *poller, struct err *err)
{
	*err = poller->failure;
	return poller->lanes[LANE_POLL].step == STEP_DONE &&
	       poller->lanes[LANE_SWEEP].step == STEP_DONE;
}

const struct source_config *poller_config(const struct poller *poller)
{
	return poller->config;
}

struct snapshot *poller_snapshot(struct poller *poller)
{
	return poller->snapshot;
}

bool poller_refused(const struct poller *poller)
{
	return poller->probing;
}

struct health *poller_health(struct poller *poller)
{
	return &poller->health;
}

void poller_restore_down(struct poller *poller, bool down, int64_t since_ms)
{
	poller->health.down = down;
	poller->health.down_since_ms = since_ms;
	poller->down_stored = down;
}

uint64_t poller_lists(const struct poller *poller)
{
	return poller->lists;
}
