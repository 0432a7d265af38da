/*
 * A sink takes deliveries and says later what became of each. It knows nothing of the store and
 * never blocks; the outbox binds it to the store, `taskbell test` uses it as it is.
 */
#ifndef DELIVER_SINK_H
#define DELIVER_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deliver/notifier.h"
#include "base/err.h"
#include "base/stamp.h"
#include "core/config.h"
#include "core/event.h"
#include "io/http.h"

enum sink_result {
	SINK_DELIVERED,
	SINK_AGAIN, /* failed, worth another try; an attempt */
	SINK_ABSENT, /* could not even begin (no such hook): worth another try, no attempt, but its
			age runs */
	SINK_REFUSED, /* failed for good */
	SINK_BACK, /* given back untouched, by a stop or to wait: neither an attempt nor age */
};

struct sink_receipt {
	int64_t event_id;
	enum sink_result result;
	char *error; /* own; NULL for DELIVERED; for BACK what it waits for, NULL: nothing to say */
};

/* the receipts that a sink has ready, in the order in which they came about */
struct sink_receipts {
	struct sink_receipt *items; /* own */
	size_t first; /* the next to be taken */
	size_t count;
	size_t cap;
};

struct sink {
	const struct sink_kind *kind;
	const struct sink_config *config; /* borrowed */
	const struct strings *secrets; /* borrowed; names of variables that hold keys */
	const char *state_dir; /* borrowed */
	struct notifier *notifier; /* borrowed; what shows notifications */
	bool direct; /* no holding back, no waiting: a test */
	bool once; /* who sends ends as soon as all is delivered */
	bool more; /* set by the outbox: the store has more that is due now */
	bool stopping;
	struct sink_receipts receipts;
};

struct sink_kind {
	bool batch; /* several events of one task at once, in event order */
	size_t pull; /* how many deliveries are in memory at once */
	struct sink *(*make)(void);
	/* takes in a new configuration, also the first one; false: it does not work now, err says
	 * why */
	bool (*configure)(struct sink *sink, struct err *err);
	size_t (*room)(const struct sink *sink, struct instant now);
	void (*take)(struct sink *sink, struct event *event, int64_t attempt, struct instant now);
	void (*step)(struct sink *sink, struct instant now);
	int64_t (*next)(const struct sink *sink, struct instant now);
	/* NULL: never waits */
	const char *(*waits)(const struct sink *sink, struct instant now);
	size_t (*fds)(const struct sink *sink, struct poll_fd *fds, size_t cap);
	void (*stop)(struct sink *sink, struct instant now, int64_t grace_ms);
	bool (*busy)(const struct sink *sink);
	void (*destroy)(struct sink *sink);
};

extern const struct sink_kind sink_kind_log;
extern const struct sink_kind sink_kind_exec;
extern const struct sink_kind sink_kind_desktop;

struct sink_setup {
	const struct sink_config *config; /* borrowed until sink_configure or sink_free */
	const struct strings
		*secrets; /* borrowed; names of variables no hook may see; NULL: none */
	const char *state_dir; /* borrowed */
	struct notifier *notifier; /* borrowed; for those of the type desktop, which share it */
	bool once; /* `watch --once` */
	bool direct; /* `taskbell test`: no window, no quiet hours; what would be waited for is a
			failure */
};

/* never NULL; *ret_good is false when it does not work now (a log that cannot be opened):
 * deliveries try again */
struct sink *sink_new(const struct sink_setup *setup, bool *ret_good, struct err *err);
void sink_free(struct sink *sink); /* kills what still runs; NULL is fine */
/* a new configuration of the same type; what runs goes on as it began */
bool sink_configure(struct sink *sink, const struct sink_config *config, struct err *err);
/* how many more deliveries it takes now */
size_t sink_room(const struct sink *sink, struct instant now);
/* hands over a delivery with its event (the sink's from now on); `attempt` is the number of this
 * one, from 1 */
void sink_take(struct sink *sink, struct event *event, int64_t attempt, struct instant now);
void sink_step(struct sink *sink, struct instant now);
/* the oldest receipt, whose text is the caller's then; false: none */
bool sink_receipt_take(struct sink *sink, struct sink_receipt *ret);
/* mono time of the next sink_step that is needed, or at which it has room again; INSTANT_NEVER:
 * none */
int64_t sink_next(const struct sink *sink, struct instant now);
/* why it holds deliveries back: quiet hours, or nobody is there to deliver to; NULL: it does not.
 * Meanwhile they grow no older */
const char *sink_waits(const struct sink *sink, struct instant now);
size_t sink_fds(const struct sink *sink, struct poll_fd *fds, size_t cap);
/* starts nothing more: programs have `grace_ms`, then TERM, KILL 2 s later */
void sink_stop(struct sink *sink, struct instant now, int64_t grace_ms);
/* does it hold deliveries, or run programs? */
bool sink_busy(const struct sink *sink);

/* for kinds: notes a receipt, with an owned error text */
void sink_receipt_add(struct sink *sink, int64_t event_id, enum sink_result result, char *error);

#endif
