#include "app/feed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "core/attempt.h"

enum {
	ROUNDS_MAX = 4, /* of handing over and settling in one step, so that other sinks have their
			   turn */
	STORE_WAIT_MIN_MS = 1000,
	STORE_WAIT_MAX_MS = 60000,
	/* nothing is ever put off for longer than the longest delay: the clock was set back */
	DUE_AHEAD_MAX_MS = ATTEMPT_DELAY_MAX_MS + 60000,
};

enum told { TOLD_NOT_READ, TOLD_NO, TOLD_YES };

/* a delivery that the sink has */
struct given {
	int64_t event_id;
	enum event_type type;
	int64_t attempts;
	int64_t first_failed_ms;
};

/* what became of one, until the store knows it */
struct outcome {
	struct receipt receipt; /* its text is `error` */
	enum event_type type;
	char *error; /* own */
};

struct feed {
	struct feed_shop *shop; /* borrowed */
	struct sink_config *config; /* own */
	struct sink *sink; /* own */
	bool retired;
	bool stale; /* the store may have deliveries that are due and not known here */
	int64_t next_due_ms; /* wall; the next one that is not due yet; INT64_MAX: none */
	int64_t after_id; /* batches: the last one that was pulled */
	struct delivery *rows; /* own; pulled, from `rows_first` on not handed over */
	size_t rows_first;
	size_t rows_count;
	struct given *given; /* own; from `given_first` on */
	size_t given_first;
	size_t given_count;
	size_t given_cap;
	struct outcome *outcomes; /* own */
	size_t outcome_count;
	size_t outcome_cap;
	enum told told; /* has sink_failed been told of it? */
};

struct feed *feed_new(struct feed_shop *shop, const struct sink_config *config, struct err *err)
{
	struct feed *feed = mem_alloc(sizeof(*feed));
	struct sink_setup setup = {
		.secrets = &shop->secrets,
		.state_dir = shop->state_dir,
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

static void outcomes_drop(struct feed *feed)
{
	for (size_t i = 0; i < feed->outcome_count; i++)
		free(feed->outcomes[i].error);
	feed->outcome_count = 0;
}

void feed_free(struct feed *feed)
{
	if (feed == NULL)
		return;
	sink_free(feed->sink);
	rows_drop(feed);
	outcomes_drop(feed);
	free(feed->outcomes);
	free(feed->given);
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

static bool store_rests(const struct feed *feed, struct instant now)
{
	return now.mono_ms < feed->shop->store_retry_ms;
}

static void store_failed(struct feed *feed, const struct err *err, struct instant now)
{
	struct feed_shop *shop = feed->shop;

	if (shop->store_wait_ms == 0)
		log_line(LOG_ERROR, "deliveries wait, the state does not work: %s", err->text);
	shop->store_wait_ms =
		shop->store_wait_ms == 0 ? STORE_WAIT_MIN_MS : shop->store_wait_ms * 2;
	if (shop->store_wait_ms > STORE_WAIT_MAX_MS)
		shop->store_wait_ms = STORE_WAIT_MAX_MS;
	shop->store_retry_ms = now.mono_ms + shop->store_wait_ms;
}

static void store_works(struct feed *feed)
{
	if (feed->shop->store_wait_ms != 0)
		log_line(LOG_NOTICE, "the state works again, deliveries go on");
	feed->shop->store_wait_ms = 0;
	feed->shop->store_retry_ms = 0;
}

/* takes out the delivery of an event; receipts mostly come in the order of handing over */
static struct given given_take(struct feed *feed, int64_t event_id)
{
	struct given *first = &feed->given[feed->given_first];
	struct given found;
	size_t i = feed->given_first;

	while (feed->given[i].event_id != event_id)
		i++;
	found = feed->given[i];
	feed->given[i] = *first;
	if (++feed->given_first == feed->given_count) {
		feed->given_first = 0;
		feed->given_count = 0;
	}
	return found;
}

/* what is to be stored of a delivery that the sink is through with */
static struct outcome outcome_of(
	struct feed *feed, const struct sink_receipt *receipt, struct instant now)
{
	const struct attempt_rules rules = {
		.attempts = feed->config->type == SINK_EXEC ? feed->config->attempts : 0,
		.max_age_ms = feed->config->max_age_ms,
	};
	struct given given = given_take(feed, receipt->event_id);
	struct attempt attempt = {
		.attempts = given.attempts,
		.first_failed_ms = given.first_failed_ms,
		.due_ms = now.wall_ms,
	};
	struct outcome outcome = { .type = given.type, .error = receipt->error };

	outcome.receipt.outcome = RECEIPT_DELIVERED;
	if (receipt->result == SINK_REFUSED)
		attempt.attempts++;
	if (receipt->result == SINK_REFUSED)
		outcome.receipt.outcome = RECEIPT_FAILED;
	else if (receipt->result != SINK_DELIVERED)
		outcome.receipt.outcome =
			attempt_failed(&attempt, &rules, receipt->result == SINK_AGAIN, now.wall_ms)
				? RECEIPT_RETRY
				: RECEIPT_FAILED;
	outcome.receipt.event_id = receipt->event_id;
	outcome.receipt.attempts = attempt.attempts;
	outcome.receipt.due_ms = attempt.due_ms;
	outcome.receipt.first_failed_ms = attempt.first_failed_ms;
	outcome.receipt.error = outcome.error;
	return outcome;
}

static int64_t whole_seconds(int64_t ms)
{
	return (ms + 999) / 1000 * 1000;
}

/* a batch fails for one reason: said once */
static void log_outcomes(const struct feed *feed, size_t from, struct instant now)
{
	size_t same = 0;

	for (size_t i = from; i < feed->outcome_count; i += same) {
		const struct outcome *first = &feed->outcomes[i];
		const struct receipt *receipt = &first->receipt;
		cleanup_free char *what = NULL;
		char span[PARSE_DURATION_MAX];

		same = 1;
		if (receipt->outcome == RECEIPT_DELIVERED) {
			log_line(LOG_INFO, "%s: event %" PRId64 " delivered", feed->config->name,
				receipt->event_id);
			continue;
		}
		while (feed->sink->kind->batch && i + same < feed->outcome_count &&
			feed->outcomes[i + same].receipt.outcome == receipt->outcome &&
			strcmp(feed->outcomes[i + same].error, first->error) == 0)
			same++;
		what = same == 1 ? mem_printf("event %" PRId64, receipt->event_id)
				 : mem_printf("%zu events", same);
		if (receipt->outcome == RECEIPT_FAILED)
			log_line(LOG_ERROR,
				"%s: %s: %s; given up (taskbell redeliver brings it back)",
				feed->config->name, what, first->error);
		else
			log_line(LOG_WARN, "%s: %s: %s; again in %s", feed->config->name, what,
				first->error,
				duration_text(whole_seconds(receipt->due_ms - now.wall_ms), span));
	}
}

/* takes in what the sink has to say; true when there was something */
static bool collect(struct feed *feed, struct instant now)
{
	struct sink_receipt receipt;
	size_t from = feed->outcome_count;
	bool some = false;

	while (sink_receipt_take(feed->sink, &receipt)) {
		some = true;
		if (receipt.result == SINK_BACK) {
			(void)given_take(feed, receipt.event_id);
			feed->stale = true;
			continue;
		}
		feed->outcomes = mem_grow(feed->outcomes, &feed->outcome_cap,
			feed->outcome_count + 1, sizeof(*feed->outcomes));
		feed->outcomes[feed->outcome_count++] = outcome_of(feed, &receipt, now);
	}
	log_outcomes(feed, from, now);
	return some;
}

static bool told_read(struct feed *feed, struct err *err)
{
	bool told;

	if (feed->told != TOLD_NOT_READ)
		return true;
	if (!store_sink_told(feed->shop->store, feed->config->name, &told, err))
		return false;
	feed->told = told ? TOLD_YES : TOLD_NO;
	return true;
}

static bool told_set(struct feed *feed, enum told told, struct err *err)
{
	if (feed->told == told)
		return true;
	if (!store_set_sink_told(feed->shop->store, feed->config->name, told == TOLD_YES, err))
		return false;
	feed->told = told;
	return true;
}

/* the first delivery that is given up is news, until the sink has delivered a task's event again */
static bool tell(
	struct feed *feed, const struct outcome *outcome, struct instant now, struct err *err)
{
	cleanup_free char *message = NULL;
	struct event event = {
		.wall_ms = now.wall_ms,
		.type = EVENT_SINK_FAILED,
		.sink = feed->config->name,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};

	if (outcome->receipt.outcome == RECEIPT_DELIVERED)
		return event_info(outcome->type)->about != ABOUT_TASK ||
		       told_set(feed, TOLD_NO, err);
	if (outcome->receipt.outcome != RECEIPT_FAILED || outcome->type == EVENT_SINK_FAILED ||
		feed->told == TOLD_YES)
		return true;
	message = mem_printf(
		"gave up on event %" PRId64 ": %s", outcome->receipt.event_id, outcome->error);
	event.message = message;
	feed->shop->event(feed->shop->arg, &event);
	return told_set(feed, TOLD_YES, err);
}

/* stores what became of deliveries; on failure it is kept and tried again later */
static bool settle(struct feed *feed, struct instant now)
{
	cleanup_free struct receipt *receipts = NULL;
	struct err err = { 0 };
	bool good;

	if (feed->outcome_count == 0)
		return true;
	if (store_rests(feed, now))
		return false;
	receipts = mem_alloc(feed->outcome_count * sizeof(*receipts));
	for (size_t i = 0; i < feed->outcome_count; i++)
		receipts[i] = feed->outcomes[i].receipt;
	good = told_read(feed, &err) && store_settle(feed->shop->store, feed->config->name,
						receipts, feed->outcome_count, now.wall_ms, &err);
	for (size_t i = 0; good && i < feed->outcome_count; i++)
		good = tell(feed, &feed->outcomes[i], now, &err);
	if (!good) {
		store_failed(feed, &err, now);
		return false;
	}
	store_works(feed);
	outcomes_drop(feed);
	feed->stale = true;
	return true;
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
	int64_t *ids = mem_alloc((rows + given) * sizeof(*ids));
	size_t count = 0;

	for (size_t i = feed->rows_first; i < feed->rows_count; i++)
		ids[count++] = feed->rows[i].event->id;
	for (size_t i = feed->given_first; i < feed->given_count; i++)
		ids[count++] = feed->given[i].event_id;
	qsort(ids, count, sizeof(*ids), id_order);
	*ret_count = count;
	return ids;
}

static bool read_rows(struct feed *feed, size_t limit, int64_t wall_ms, struct delivery **ret,
	size_t *ret_count, struct err *err)
{
	struct store_pull pull = {
		.sink = feed->config->name,
		.wall_ms = wall_ms,
		.limit = limit,
		.after_id = feed->given_count > feed->given_first ? feed->after_id : 0,
	};
	cleanup_free int64_t *busy = NULL;

	if (feed->sink->kind->batch)
		return store_due_batch(feed->shop->store, &pull, ret, ret_count, err);
	busy = busy_ids(feed, &pull.busy_count);
	pull.busy = busy;
	return store_due(feed->shop->store, &pull, ret, ret_count, err);
}

/* keeps the rows behind those that are still there */
static void rows_append(struct feed *feed, struct delivery *more, size_t count)
{
	size_t kept = feed->rows_count - feed->rows_first;

	if (kept > 0) {
		struct delivery *rows = mem_alloc((kept + count) * sizeof(*rows));

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

/*
 * A delivery that is due absurdly late was put off under a clock that has been set back since: it
 * is due now. Not while something is in memory, which may be that very one.
 */
static bool clock_went_back(const struct feed *feed, struct instant now)
{
	return feed->next_due_ms != INT64_MAX && feed->rows_first == feed->rows_count &&
	       feed->given_first == feed->given_count &&
	       feed->next_due_ms - now.wall_ms > DUE_AHEAD_MAX_MS;
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
	bool back = clock_went_back(feed, now);
	bool all;

	if (feed->next_due_ms <= now.wall_ms || back)
		feed->stale = true;
	if (!feed->stale || left >= room)
		return;
	if (!read_rows(feed, limit, back ? INT64_MAX : now.wall_ms, &rows, &count, &err)) {
		store_failed(feed, &err, now);
		return;
	}
	store_works(feed);
	all = count < limit;
	rows_append(feed, rows, count);
	if (!all)
		return;
	if (store_next_due(
		    feed->shop->store, feed->config->name, now.wall_ms, &feed->next_due_ms, &err))
		feed->stale = false;
	else
		store_failed(feed, &err, now);
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

/* gives the sink what it takes; true when it got something */
static bool fill(struct feed *feed, struct instant now)
{
	size_t room = feed->retired || store_rests(feed, now) ? 0 : sink_room(feed->sink, now);
	size_t count = 0;

	if (room == 0)
		return false;
	pull(feed, room, now);
	while (count < room && feed->rows_first < feed->rows_count) {
		hand_over(feed, &feed->rows[feed->rows_first++], now);
		count++;
	}
	feed->sink->more = feed->stale;
	return count > 0;
}

void feed_step(struct feed *feed, struct instant now)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		bool some;

		sink_step(feed->sink, now);
		some = collect(feed, now);
		if (!settle(feed, now))
			return;
		if (!fill(feed, now) && !some)
			return;
	}
}

/* is there something that the sink could have? */
static bool has_more(const struct feed *feed, struct instant now)
{
	return !feed->retired && !feed->sink->stopping &&
	       (feed->stale || feed->rows_first < feed->rows_count ||
		       feed->next_due_ms <= now.wall_ms || clock_went_back(feed, now));
}

int64_t feed_next(const struct feed *feed, struct instant now)
{
	bool waits = has_more(feed, now);
	bool rests = store_rests(feed, now);
	int64_t next = INSTANT_NEVER;

	if (sink_busy(feed->sink) || waits)
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

size_t feed_fds(const struct feed *feed, struct http_fd *fds, size_t cap)
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
	if (store_rests(feed, now))
		return !sink_busy(feed->sink);
	return feed_idle(feed) && !(has_more(feed, now) && sink_room(feed->sink, now) > 0);
}

void feed_stop(struct feed *feed, struct instant now, int64_t grace_ms)
{
	rows_drop(feed);
	sink_stop(feed->sink, now, grace_ms);
}
