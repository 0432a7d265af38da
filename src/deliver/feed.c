#include "deliver/feed_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/attempt.h"
#include "io/clock.h"

enum {
	STEP_MS = 100, /* of handing over in one step: a program may be long in starting */
	WAIT_NOTE_MS = 600000, /* so much of a wait may count as age after a crash */
	ROUNDS_MAX = 4, /* of handing over and settling in one step, so that other sinks have their
			   turn */
};

struct feed *feed_new(struct feed_shop *shop, const struct sink_config *config, struct err *err)
{
	struct feed *feed = mem_alloc(sizeof(*feed));
	struct sink_setup setup = {
		.secrets = &shop->secrets,
		.state_dir = shop->state_dir,
		.notifier = shop->notifier,
		.once = shop->once,
	};
	bool good;

	feed->shop = shop;
	feed->config = sink_config_copy(config);
	setup.config = feed->config;
	feed->sink = sink_new(&setup, &good, err);
	if (good)
		err->kind = ERR_NONE;
	feed->stale = true;
	feed->next_due_ms = INT64_MAX;
	return feed;
}

static void rows_drop(struct feed *feed)
{
	for (size_t i = feed->rows_first; i < feed->rows_count; i++)
		free(feed->rows[i].event);
	free(feed->rows);
	feed->rows = NULL;
	feed->rows_first = 0;
	feed->rows_count = 0;
}

void feed_free(struct feed *feed)
{
	if (feed == NULL)
		return;
	sink_free(feed->sink);
	rows_drop(feed);
	feed_outcomes_drop(feed);
	free(feed->outcomes);
	free(feed->given);
	alarm_done(&feed->alarm);
	free(feed->waits_for);
	sink_config_free(feed->config);
	free(feed);
}

bool feed_configure(struct feed *feed, const struct sink_config *config, struct err *err)
{
	struct sink_config *old = feed->config;
	bool good;

	feed->config = sink_config_copy(config);
	good = sink_configure(feed->sink, feed->config, err);
	sink_config_free(old);
	feed->retired = false;
	feed->stale = true;
	alarm_rearm(&feed->alarm);
	return good;
}

const struct sink_config *feed_config(const struct feed *feed)
{
	return feed->config;
}

void feed_retire(struct feed *feed)
{
	rows_drop(feed);
	feed->retired = true;
}

bool feed_retired(const struct feed *feed)
{
	return feed->retired;
}

void feed_wake(struct feed *feed)
{
	feed->stale = true;
}

void feed_rewind(struct feed *feed)
{
	feed->after_id = 0;
	feed->stale = true;
}

static int id_order(const void *a, const void *b)
{
	const int64_t *x = a;
	const int64_t *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* the events that are in memory here, sorted; owned */
static int64_t *busy_ids(const struct feed *feed, size_t *ret_count)
{
	size_t rows = feed->rows_count - feed->rows_first;
	size_t given = feed->given_count - feed->given_first;
	int64_t *ids = mem_array(rows + given, sizeof(*ids));
	size_t count = 0;

	for (size_t i = feed->rows_first; i < feed->rows_count; i++)
		ids[count++] = feed->rows[i].event->id;
	for (size_t i = feed->given_first; i < feed->given_count; i++)
		ids[count++] = feed->given[i].event_id;
	qsort(ids, count, sizeof(*ids), id_order);
	*ret_count = count;
	return ids;
}

static bool read_rows(struct feed *feed, size_t limit, struct instant now, struct delivery **ret,
	size_t *ret_count, struct err *err)
{
	struct store_pull pull = {
		.sink = feed->config->name,
		.wall_ms = now.wall_ms,
		.limit = limit,
		.after_id = feed->given_count > feed->given_first ? feed->after_id : 0,
	};
	cleanup_free int64_t *busy = busy_ids(feed, &pull.busy_count);

	pull.busy = busy;
	if (feed->sink->kind->batch)
		return store_due_batch(feed->shop->store, &pull, ret, ret_count, err);
	return store_due(feed->shop->store, &pull, ret, ret_count, err);
}

/* keeps the rows behind those that are still there */
static void rows_append(struct feed *feed, struct delivery *more, size_t count)
{
	size_t kept = feed->rows_count - feed->rows_first;

	if (kept > 0) {
		struct delivery *rows = mem_array(kept + count, sizeof(*rows));

		memcpy(rows, feed->rows + feed->rows_first, kept * sizeof(*rows));
		if (count > 0)
			memcpy(rows + kept, more, count * sizeof(*rows));
		free(more);
		more = rows;
	}
	free(feed->rows);
	feed->rows = more;
	feed->rows_first = 0;
	feed->rows_count = kept + count;
}

static void shift(int64_t *wall_ms, int64_t by_ms)
{
	if (*wall_ms != 0)
		*wall_ms += by_ms;
}

static void shift_failures(struct feed *feed, int64_t by_ms)
{
	for (size_t i = feed->rows_first; i < feed->rows_count; i++)
		shift(&feed->rows[i].first_failed_ms, by_ms);
	for (size_t i = feed->given_first; i < feed->given_count; i++)
		shift(&feed->given[i].first_failed_ms, by_ms);
	for (size_t i = 0; i < feed->outcome_count; i++)
		shift(&feed->outcomes[i].receipt.first_failed_ms, by_ms);
}

void feed_clock_set(struct feed *feed, int64_t by_ms)
{
	shift_failures(feed, by_ms);
	for (size_t i = 0; i < feed->outcome_count; i++)
		shift(&feed->outcomes[i].receipt.due_ms, by_ms);
	feed->next_due_ms = INT64_MAX;
	feed->stale = true;
}

/* reads more when there may be more and little is left */
static void pull(struct feed *feed, size_t room, struct instant now)
{
	size_t left = feed->rows_count - feed->rows_first;
	size_t most = feed->sink->kind->pull;
	size_t limit = feed->sink->kind->batch && room < most ? room : most - left;
	struct delivery *rows = NULL;
	size_t count = 0;
	struct err err = { 0 };
	bool all;

	if (feed->next_due_ms <= now.wall_ms)
		feed->stale = true;
	if (!feed->stale || left >= room)
		return;
	if (!read_rows(feed, limit, now, &rows, &count, &err)) {
		feed_store_failed(feed, FEED_READ, &err, now);
		return;
	}
	feed_store_works(feed, FEED_READ);
	all = count < limit;
	rows_append(feed, rows, count);
	if (!all)
		return;
	if (store_next_due(
		    feed->shop->store, feed->config->name, now.wall_ms, &feed->next_due_ms, &err))
		feed->stale = false;
	else
		feed_store_failed(feed, FEED_READ, &err, now);
}

/* those at the front are through: under steady load the array is never empty, and must not grow */
static void given_compact(struct feed *feed)
{
	if (feed->given_first < 64 || feed->given_first < feed->given_count / 2)
		return;
	feed->given_count -= feed->given_first;
	memmove(feed->given, feed->given + feed->given_first,
		feed->given_count * sizeof(*feed->given));
	feed->given_first = 0;
}

static void hand_over(struct feed *feed, struct delivery *row, struct instant now)
{
	given_compact(feed);
	feed->given = mem_grow(
		feed->given, &feed->given_cap, feed->given_count + 1, sizeof(*feed->given));
	feed->given[feed->given_count++] = (struct given){
		.event_id = row->event->id,
		.type = row->event->type,
		.attempts = row->attempts,
		.first_failed_ms = row->first_failed_ms,
	};
	feed->after_id = row->event->id;
	sink_take(feed->sink, mem_steal(&row->event), row->attempts + 1, now);
}

/* others have their turn before the rest is handed over */
static bool is_long(int64_t began_ms)
{
	return clock_now().mono_ms - began_ms > STEP_MS;
}

/* gives the sink what it takes; true when it got something */
static bool fill(struct feed *feed, int64_t began_ms, struct instant now)
{
	size_t room = feed->retired || feed_store_rests(feed, now) ? 0 : sink_room(feed->sink, now);
	size_t count = 0;

	/* what the sink cannot have now it shall not wait for */
	if (room == 0) {
		feed->sink->more = false;
		return false;
	}
	pull(feed, room, now);
	while (count < room && feed->rows_first < feed->rows_count && !is_long(began_ms)) {
		hand_over(feed, &feed->rows[feed->rows_first++], now);
		count++;
	}
	feed->sink->more = feed->stale || feed->rows_first < feed->rows_count;
	return count > 0;
}

/*
 * While a sink waits its deliveries grow no older: noted at the end of a wait and, for the case of
 * a crash, in long ones on the way. A wait that no turn of ours saw counts as age, such as that of
 * a machine that slept through it.
 */
static void note_wait(struct feed *feed, int64_t least_ms, struct instant now)
{
	bool waits = sink_waits(feed->sink, now) != NULL;
	int64_t for_ms = now.mono_ms - feed->waits_from_ms;
	struct err err = { 0 };

	if (feed->waits_from_ms == 0 && waits)
		feed->waits_from_ms = now.mono_ms;
	else if (feed->waits_from_ms == 0 || (waits && for_ms < least_ms) ||
		 feed_store_rests(feed, now))
		return;
	else if (!store_sink_waited(feed->shop->store, feed->config->name, for_ms, &err))
		feed_store_failed(feed, FEED_NOTE, &err, now);
	else {
		feed_store_works(feed, FEED_NOTE);
		shift_failures(feed, for_ms);
		feed->waits_from_ms = waits ? now.mono_ms : 0;
	}
}

/* whoever asks for the status shall see it */
static void notice_wait(struct feed *feed, struct instant now)
{
	const char *why = sink_waits(feed->sink, now);

	if (why == feed->waits_for ||
		(why != NULL && feed->waits_for != NULL && strcmp(why, feed->waits_for) == 0))
		return;
	free(feed->waits_for);
	feed->waits_for = mem_strdup(why);
	feed->shop->waits_changed = true;
}

void feed_step(struct feed *feed, struct instant now)
{
	/* not that of the turn: what another sink has taken of it is not our fault */
	int64_t began_ms = clock_now().mono_ms;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		bool some;

		sink_step(feed->sink, now);
		note_wait(feed, WAIT_NOTE_MS, now);
		notice_wait(feed, now);
		some = feed_collect(feed, now);
		if (!feed_settle(feed, now))
			return;
		if (!fill(feed, began_ms, now) && !some)
			return;
	}
}

/* is there something that the sink could have? */
static bool has_more(const struct feed *feed, struct instant now)
{
	return !feed->retired && !feed->sink->stopping &&
	       (feed->stale || feed->rows_first < feed->rows_count ||
		       feed->next_due_ms <= now.wall_ms);
}

int64_t feed_next(const struct feed *feed, struct instant now)
{
	bool waits = has_more(feed, now);
	bool rests = feed_store_rests(feed, now);
	int64_t next = INSTANT_NEVER;

	/* while the state rests, what waits for it can have nothing */
	if (sink_busy(feed->sink) || (waits && !rests))
		next = sink_next(feed->sink, now);
	if (feed->sink->receipts.count > 0 || (feed->outcome_count > 0 && !rests))
		return now.mono_ms;
	if (waits && !rests && sink_room(feed->sink, now) > 0)
		return now.mono_ms;
	if ((waits || feed->outcome_count > 0) && rests && feed->shop->store_retry_ms < next)
		next = feed->shop->store_retry_ms;
	if (!feed->retired && !feed->sink->stopping && feed->next_due_ms != INT64_MAX &&
		feed->next_due_ms > now.wall_ms &&
		now.mono_ms + feed->next_due_ms - now.wall_ms < next)
		next = now.mono_ms + feed->next_due_ms - now.wall_ms;
	return next;
}

const char *feed_waits(const struct feed *feed, struct instant now)
{
	return sink_waits(feed->sink, now);
}

size_t feed_fds(const struct feed *feed, struct poll_fd *fds, size_t cap)
{
	return sink_fds(feed->sink, fds, cap);
}

bool feed_idle(const struct feed *feed)
{
	return !sink_busy(feed->sink) && feed->outcome_count == 0 &&
	       feed->sink->receipts.count == 0;
}

bool feed_settled(const struct feed *feed, struct instant now)
{
	if (feed_store_rests(feed, now))
		return !sink_busy(feed->sink);
	return feed_idle(feed) && !(has_more(feed, now) && sink_room(feed->sink, now) > 0);
}

void feed_stop(struct feed *feed, struct instant now, int64_t grace_ms)
{
	note_wait(feed, 1, now);
	rows_drop(feed);
	sink_stop(feed->sink, now, grace_ms);
}
