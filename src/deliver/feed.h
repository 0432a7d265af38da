/* One sink bound to the store: pulls its deliveries, hands them over, settles what became of them.
 */
#ifndef DELIVER_FEED_H
#define DELIVER_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deliver/outbox.h"
#include "deliver/sink.h"
#include "core/config.h"
#include "core/alarm.h"
#include "io/store.h"

struct feed;

/* what the feeds of an outbox share */
struct feed_shop {
	struct store *store; /* borrowed */
	const char *state_dir; /* borrowed */
	struct strings secrets; /* own; names of variables that hold keys */
	struct notifier *notifier; /* own */
	bool once;
	bool waits_changed; /* of any; the owner takes it back */
	outbox_event_fn event;
	void *arg;
	struct alarm *alarm; /* borrowed; of the state */
	int64_t store_retry_ms; /* mono; the store failed and is left alone until then; 0: it works
				 */
	int64_t store_wait_ms;
};

/* `err` is set when the sink does not work now; the feed is made in any case. `config` is copied */
struct feed *feed_new(struct feed_shop *shop, const struct sink_config *config, struct err *err);
void feed_free(struct feed *feed); /* kills what still runs; NULL is fine */
/* a new configuration of a sink with the same name and type */
bool feed_configure(struct feed *feed, const struct sink_config *config, struct err *err);
const struct sink_config *feed_config(const struct feed *feed);
/* its sink is no longer configured: what runs ends as it will, nothing more is started */
void feed_retire(struct feed *feed);
bool feed_retired(const struct feed *feed);
/* the store may have something new for it */
void feed_wake(struct feed *feed);
/* an event that was passed over may be due now */
void feed_rewind(struct feed *feed);
/* the wall clock was set by so much, and the store knows it */
void feed_clock_set(struct feed *feed, int64_t by_ms);
void feed_step(struct feed *feed, struct instant now);
/* mono time of the next feed_step that is needed; INSTANT_NEVER: none */
int64_t feed_next(const struct feed *feed, struct instant now);
/* why its sink holds deliveries back; NULL: it does not */
const char *feed_waits(const struct feed *feed, struct instant now);
size_t feed_fds(const struct feed *feed, struct poll_fd *fds, size_t cap);
/* nothing runs, nothing is to be settled */
bool feed_idle(const struct feed *feed);
/* … and nothing is due that the sink would take now */
bool feed_settled(const struct feed *feed, struct instant now);
void feed_stop(struct feed *feed, struct instant now, int64_t grace_ms);

#endif
