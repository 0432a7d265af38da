#include "deliver/feed_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "core/attempt.h"

enum {
	STORE_WAIT_MIN_MS = 1000,
	STORE_WAIT_MAX_MS = 60000,
	SINK_ITSELF = 1, /* who meets the trouble of a sink */
};

bool feed_store_rests(const struct feed *feed, struct instant now)
{
	return now.mono_ms < feed->shop->store_retry_ms;
}

void feed_store_failed(
	struct feed *feed, unsigned int who, const struct err *err, struct instant now)
{
	struct feed_shop *shop = feed->shop;

	if (alarm_raise(shop->alarm, who, err->text, now.mono_ms))
		log_line(LOG_ERROR, "deliveries wait, the state does not work: %s", err->text);
	shop->store_wait_ms =
		shop->store_wait_ms == 0 ? STORE_WAIT_MIN_MS : shop->store_wait_ms * 2;
	if (shop->store_wait_ms > STORE_WAIT_MAX_MS)
		shop->store_wait_ms = STORE_WAIT_MAX_MS;
	shop->store_retry_ms = now.mono_ms + shop->store_wait_ms;
}

void feed_store_works(struct feed *feed, unsigned int who)
{
	struct feed_shop *shop = feed->shop;

	if (alarm_clear(shop->alarm, who))
		log_line(LOG_NOTICE, "the state works again");
	/* what can be read may still not be written */
	if ((shop->alarm->raised_by & (FEED_READ | FEED_WRITE | FEED_NOTE)) != 0)
		return;
	shop->store_wait_ms = 0;
	shop->store_retry_ms = 0;
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
	struct outcome outcome = {
		.type = given.type,
		.sink_fault = receipt->result == SINK_ABSENT ||
			      (receipt->result == SINK_AGAIN && feed->sink->kind->batch),
		.error = receipt->error,
	};

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

/* says what became of `count` deliveries alike */
static void log_outcome(
	struct feed *feed, const struct outcome *outcome, size_t count, struct instant now)
{
	const struct receipt *receipt = &outcome->receipt;
	const char *name = feed->config->name;
	cleanup_free char *what = NULL;
	enum log_level level = LOG_WARN;
	char span[PARSE_DURATION_MAX];

	if (!outcome->sink_fault && alarm_clear(&feed->alarm, SINK_ITSELF))
		log_line(LOG_NOTICE, "%s: works again", name);
	/* nearly all of them, and nearly always */
	if (receipt->outcome == RECEIPT_DELIVERED && !log_shows(LOG_INFO))
		return;
	what = count == 1 ? mem_printf("event %" PRId64, receipt->event_id)
			  : mem_printf("%zu events", count);
	/* a sink that does not work is said once, not for each event that it has and each try */
	if (outcome->sink_fault && receipt->outcome == RECEIPT_RETRY &&
		!alarm_raise(&feed->alarm, SINK_ITSELF, outcome->error, now.mono_ms))
		level = LOG_INFO;
	if (receipt->outcome == RECEIPT_DELIVERED)
		log_line(LOG_INFO, "%s: %s delivered", name, what);
	else if (receipt->outcome == RECEIPT_FAILED)
		log_line(LOG_ERROR, "%s: %s: %s; given up (taskbell redeliver brings it back)",
			name, what, outcome->error);
	else
		log_line(level, "%s: %s: %s; again in %s", name, what, outcome->error,
			duration_text(whole_seconds(receipt->due_ms - now.wall_ms), span));
}

static bool is_alike(const struct outcome *a, const struct outcome *b)
{
	return a->sink_fault && b->sink_fault && a->receipt.outcome == b->receipt.outcome &&
	       strcmp(a->error, b->error) == 0;
}

/* what fails for one reason is said once */
static void log_outcomes(struct feed *feed, size_t from, struct instant now)
{
	size_t same = 0;

	for (size_t i = from; i < feed->outcome_count; i += same) {
		same = 1;
		while (i + same < feed->outcome_count &&
			is_alike(&feed->outcomes[i], &feed->outcomes[i + same]))
			same++;
		log_outcome(feed, &feed->outcomes[i], same, now);
	}
}

/* to wait is no failure, but who wonders why nothing comes shall find the reason */
static void log_wait(struct feed *feed, const char *why, struct instant now)
{
	if (why != NULL && alarm_raise(&feed->alarm, SINK_ITSELF, why, now.mono_ms))
		log_line(LOG_NOTICE, "%s: waits: %s", feed->config->name, why);
}

bool feed_collect(struct feed *feed, struct instant now)
{
	struct sink_receipt receipt;
	size_t from = feed->outcome_count;
	bool some = false;

	while (sink_receipt_take(feed->sink, &receipt)) {
		some = true;
		if (receipt.result == SINK_BACK) {
			(void)given_take(feed, receipt.event_id);
			log_wait(feed, receipt.error, now);
			free(receipt.error);
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
	if (!feed->shop->event(feed->shop->arg, &event))
		return err_set(err, ERR_IO, "event sink_failed is not stored");
	return told_set(feed, TOLD_YES, err);
}

void feed_outcomes_drop(struct feed *feed)
{
	for (size_t i = 0; i < feed->outcome_count; i++)
		free(feed->outcomes[i].error);
	feed->outcome_count = 0;
}

bool feed_settle(struct feed *feed, struct instant now)
{
	cleanup_free struct receipt *receipts = NULL;
	struct err err = { 0 };
	bool good;

	if (feed->outcome_count == 0)
		return true;
	if (feed_store_rests(feed, now))
		return false;
	receipts = mem_array(feed->outcome_count, sizeof(*receipts));
	for (size_t i = 0; i < feed->outcome_count; i++)
		receipts[i] = feed->outcomes[i].receipt;
	good = told_read(feed, &err) && store_settle(feed->shop->store, feed->config->name,
						receipts, feed->outcome_count, now.wall_ms, &err);
	for (size_t i = 0; good && i < feed->outcome_count; i++)
		good = tell(feed, &feed->outcomes[i], now, &err);
	if (!good) {
		feed_store_failed(feed, FEED_WRITE, &err, now);
		return false;
	}
	feed_store_works(feed, FEED_WRITE);
	feed_outcomes_drop(feed);
	feed->stale = true;
	return true;
}
