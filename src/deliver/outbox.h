/*
 * The outbox: pulls due deliveries from the store and gives them to their sinks, each at its own
 * pace, so that a sink that fails or hangs delays neither another sink nor the next poll.
 */
#ifndef DELIVER_OUTBOX_H
#define DELIVER_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/stamp.h"
#include "core/config.h"
#include "core/event.h"
#include "core/alarm.h"
#include "io/http.h"
#include "io/status_file.h"
#include "io/store.h"

struct outbox;

/* what of the state does not work, by who raises its alarm */
enum {
	STATE_LOAD = 1,
	STATE_COMMIT = 2,
	STATE_PULL = 4,
	STATE_SETTLE = 8,
	STATE_NOTE_WAIT = 16,
};

struct outbox_setup {
	const struct config *config; /* borrowed until outbox_reload or outbox_free */
	struct store *store; /* borrowed */
	const char *state_dir; /* borrowed */
	struct alarm *alarm; /* borrowed; of the state: whoever raises it first logs it */
	bool once; /* this run ends as soon as all is delivered */
};

/* opens the logs; ERR_CANT_CREATE or ERR_IO when one cannot be opened at the start */
bool outbox_new(struct outbox **ret, const struct outbox_setup *setup, struct err *err);
void outbox_free(struct outbox *outbox); /* kills what still runs; NULL is fine */
/* a new configuration (HUP): running hooks go on; logs are reopened */
void outbox_reload(struct outbox *outbox, const struct config *config);
/* new deliveries were stored: look at the store at the next step */
void outbox_wake(struct outbox *outbox);
/* an event that was held back for its reason is due now, maybe after later events were pulled */
void outbox_rewind(struct outbox *outbox);
/* starts what is due, reaps what ended, ends what is past its time; never blocks */
void outbox_step(struct outbox *outbox, struct instant now);
/*
 * After a step: is an event sink_failed to be stored, as any other? Its texts are borrowed until
 * outbox_failure_reported, which is to follow and says whether it was stored.
 */
bool outbox_failure(const struct outbox *outbox, struct event *ret);
void outbox_failure_reported(struct outbox *outbox, bool stored);
/* mono time at which outbox_step must be called again; INSTANT_NEVER: only when woken or a
 * descriptor is ready */
int64_t outbox_next(const struct outbox *outbox, struct instant now);
/* adds the configured sinks, and why they hold deliveries back */
void outbox_status(const struct outbox *outbox, const struct config *config, struct instant now,
	struct monitor_status *ret);
/* did a sink begin or end to hold deliveries back, or the reason change, since this was last asked?
 */
bool outbox_waits_changed(struct outbox *outbox);
/* descriptors to wait for (output of hooks); returns how many were put in, at most `cap` */
size_t outbox_fds(const struct outbox *outbox, struct poll_fd *fds, size_t cap);
/* --once: nothing is running and nothing is due now; what waits for a later try is given up for
 * this run */
bool outbox_settled(const struct outbox *outbox, struct instant now);
/*
 * Orderly stop: starts nothing more; running programs have `grace_ms`, then TERM to their groups,
 * KILL 2 s later. Call outbox_step until outbox_stopped. A delivery so ended stays pending and
 * uncounted.
 */
void outbox_stop(struct outbox *outbox, struct instant now, int64_t grace_ms);
bool outbox_stopped(const struct outbox *outbox);

#endif
