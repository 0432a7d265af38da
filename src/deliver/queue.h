/*
 * The deliveries of one sink: pulled from the store as they come due, handed over, and stored with
 * what became of them. All that are in memory stand in one array.
 */
#ifndef DELIVER_QUEUE_H
#define DELIVER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/alarm.h"
#include "core/config.h"
#include "deliver/sink.h"
#include "io/store.h"

struct queue;

/* what the queues of an outbox share */
struct queue_shared {
	struct store *store; /* borrowed */
	const char *state_dir; /* borrowed */
	struct strings secrets; /* own; names of variables that hold keys */
	struct notifier *notifier; /* own */
	bool once;
	bool waits_changed; /* of any queue; the owner takes it back */
	struct alarm *alarm; /* borrowed; of the state */
	int64_t store_retry_ms; /* mono; the store failed and is left alone until then; 0: it works
				 */
	int64_t store_failures; /* in a row */
};

/* `err` is set when the sink does not work now; the queue is made in any case. `config` is copied
 */
struct queue *queue_new(
	struct queue_shared *shared, const struct sink_config *config, struct err *err);
void queue_free(struct queue *queue); /* kills what still runs; NULL is fine */
/* a new configuration of a sink with the same name and type */
bool queue_configure(struct queue *queue, const struct sink_config *config, struct err *err);
const struct sink_config *queue_config(const struct queue *queue);
/* its sink is no longer configured: what runs ends as it will, nothing more is started */
void queue_retire(struct queue *queue);
/* retired, and nothing runs or is to be stored */
bool queue_finished(const struct queue *queue);
/* the store may have something new for it; `rewind`: also before what was pulled last */
void queue_wake(struct queue *queue, bool rewind);
/* the wall clock was set by so much, and the store knows it */
void queue_clock_set(struct queue *queue, int64_t by_ms);
void queue_step(struct queue *queue, struct instant now);
/* mono time of the next queue_step that is needed; INSTANT_NEVER: none */
int64_t queue_next(const struct queue *queue, struct instant now);
/* why its sink holds deliveries back; NULL: it does not; borrowed */
const char *queue_waits(const struct queue *queue, struct instant now);
size_t queue_fds(const struct queue *queue, struct poll_fd *fds, size_t cap);
/* nothing runs, nothing is to be stored, and nothing is due that the sink would take now */
bool queue_settled(const struct queue *queue, struct instant now);
/* is an event sink_failed to be stored? Its texts are borrowed until queue_failure_reported */
bool queue_failure(const struct queue *queue, struct instant now, struct event *ret);
/* the event was stored, or could not be: then it is asked for again later */
void queue_failure_reported(struct queue *queue, bool stored, struct instant now);
void queue_stop(struct queue *queue, struct instant now, int64_t grace_ms);

#endif
