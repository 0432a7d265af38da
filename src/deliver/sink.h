/*
 * A sink takes deliveries and ends each with a result. It knows nothing of the store and never
 * blocks; deliver/queue binds it to the store, `taskbell test` uses it as it is.
 */
#ifndef DELIVER_SINK_H
#define DELIVER_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/stamp.h"
#include "core/config.h"
#include "core/delivery.h"
#include "deliver/notifier.h"
#include "io/http.h"

struct sink {
	const struct sink_ops *ops;
	const struct sink_config *config; /* borrowed */
	const struct strings *secrets; /* borrowed; names of variables that hold keys */
	const char *state_dir; /* borrowed */
	struct notifier *notifier; /* borrowed; what shows notifications */
	bool immediate; /* no holding back, no waiting: a test */
	bool once; /* `watch --once`: the process ends as soon as all is delivered */
	bool has_more; /* set by the queue: the store has more that is due now */
	bool stopping;
	bool lingers; /* set by the sink: it must be stepped although no delivery is in flight */
	size_t ended; /* deliveries that ended and were not collected yet */
};

struct sink_ops {
	bool batch; /* several events of one task at once, in event order */
	size_t pull; /* how many deliveries are in memory at once */
	size_t size; /* of the struct that begins with its struct sink; zeroed at first */
	/* takes in a new configuration, also the first one; false: it does not work now, err says
	 * why. NULL: there is nothing to do */
	bool (*configure)(struct sink *sink, struct err *err);
	/* how many more deliveries it takes now */
	size_t (*capacity)(const struct sink *sink, struct instant now);
	/* the delivery, borrowed, is in flight until sink_end() */
	void (*deliver)(struct sink *sink, struct delivery *delivery, struct instant now);
	void (*step)(struct sink *sink, struct instant now);
	/* mono time of the next step that is needed, or at which it has capacity again;
	 * INSTANT_NEVER: none */
	int64_t (*next)(const struct sink *sink, struct instant now);
	/* why it holds deliveries back (quiet hours, no server), which meanwhile grow no older;
	 * NULL: it does not. The member NULL: it never does */
	const char *(*waits)(const struct sink *sink, struct instant now);
	/* descriptors to wait for, at most `cap`; NULL: never any */
	size_t (*fds)(const struct sink *sink, struct poll_fd *fds, size_t cap);
	/* starts nothing more: programs have `grace_ms`, then TERM, KILL 2 s later */
	void (*stop)(struct sink *sink, struct instant now, int64_t grace_ms);
	void (*destroy)(struct sink *sink);
};

extern const struct sink_ops sink_ops_log;
extern const struct sink_ops sink_ops_exec;
extern const struct sink_ops sink_ops_desktop;

struct sink_setup {
	const struct sink_config *config; /* borrowed until sink_configure or sink_free */
	const struct strings *secrets; /* borrowed; variables no hook may see; NULL: none */
	const char *state_dir; /* borrowed */
	struct notifier *notifier; /* borrowed; for those of the type desktop, which share it */
	bool once; /* `watch --once` */
	bool immediate; /* `taskbell test`: no window, no quiet hours; what would be waited for is a
			   failure */
};

/* never NULL; *ret_good is false when it does not work now (a log that cannot be opened):
 * deliveries try again */
struct sink *sink_new(const struct sink_setup *setup, bool *ret_good, struct err *err);
void sink_free(struct sink *sink); /* kills what still runs; NULL is fine */
/* a new configuration of the same type; what runs goes on as it began */
bool sink_configure(struct sink *sink, const struct sink_config *config, struct err *err);
/* for sinks: a delivery in flight ends with this result; `error` is copied, NULL for none */
void sink_end(struct sink *sink, struct delivery *delivery, enum delivery_result result,
	const char *error);

#endif
