/* One feed, between its two files: feed.c pulls and hands over, feed_settle.c stores what became of
 * it. */
#ifndef DELIVER_FEED_PRIVATE_H
#define DELIVER_FEED_PRIVATE_H

#include "deliver/feed.h"
#include "core/alarm.h"

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
	bool sink_fault; /* the sink does not work, whatever the event is */
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
	int64_t waits_from_ms; /* mono; since then the sink waits and ages do not know it; 0: no */
	char *waits_for; /* own; the reason as it was last seen; NULL: it does not wait */
	enum told told; /* has sink_failed been told of it? */
	struct alarm alarm; /* of the sink itself; one meets it */
};

/* is the store left alone for now, because it failed? */
bool feed_store_rests(const struct feed *feed, struct instant now);
/* reading what is due, writing what became of it or how long it waited: FEED_READ, FEED_WRITE,
 * FEED_NOTE */
void feed_store_failed(
	struct feed *feed, unsigned int who, const struct err *err, struct instant now);
void feed_store_works(struct feed *feed, unsigned int who);
/* takes in what the sink has to say; true when there was something */
bool feed_collect(struct feed *feed, struct instant now);
/* stores what became of deliveries; on failure it is kept and tried again later */
bool feed_settle(struct feed *feed, struct instant now);
void feed_outcomes_drop(struct feed *feed);

#endif
