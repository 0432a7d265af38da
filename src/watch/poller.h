/*
 * The poller of one source: asks on schedule, feeds the answers to core/detect and hands what
 * changed to its owner. The monitor stores it; `wait` prints it. Two lanes: polls of the active
 * tasks, and sweeps.
 */
#ifndef WATCH_POLLER_H
#define WATCH_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/stamp.h"
#include "core/config.h"
#include "core/detect.h"
#include "core/health.h"
#include "io/http.h"

struct poller;

enum poller_mode {
	POLLER_WATCH, /* for ever: starts with a sweep */
	POLLER_ONCE, /* one poll, then one sweep, each tried three times at most */
	POLLER_WAIT, /* for ever, polls only; sweeps when a task is nowhere to be found */
};

struct poller_owner {
	/*
	 * Stores changes and, when `health` is set, the poller's health, in one transaction. False:
	 * nothing was stored; the poller then asks for the snapshot anew and the poll counts as not
	 * made.
	 */
	bool (*commit)(void *arg, struct poller *poller, struct changes *changes, bool health);
	/* the snapshot as it is stored (owned by the poller from then on); NULL: cannot be read now
	 */
	struct snapshot *(*reload)(void *arg, struct poller *poller);
	/* a list was taken in, or a poll failed (poller_health says how) */
	void (*polled)(void *arg, struct poller *poller);
	void *arg;
};

struct poller_setup {
	const struct source_config *config; /* borrowed */
	struct http *http; /* borrowed */
	struct snapshot *snapshot; /* the poller's from now on */
	enum poller_mode mode;
	uint64_t seed; /* for jitter */
	struct poller_owner owner;
};

struct poller *poller_new(const struct poller_setup *setup, struct instant now);
void poller_free(struct poller *poller); /* cancels what is under way; NULL is fine */
/* a new configuration of the same source (HUP), borrowed as the old one was */
void poller_reconfigure(struct poller *poller, const struct source_config *config);

/* what is due at `now` is asked; call after every wake-up */
void poller_step(struct poller *poller, struct instant now);
/* mono time of the next step that is needed; INSTANT_NEVER while only answers are awaited */
int64_t poller_next(const struct poller *poller);
/* when the next list will be asked for; mono, for `status` */
int64_t poller_next_poll(const struct poller *poller);
/* is the list of active tasks, or what follows from it, under way? */
bool poller_asks(const struct poller *poller);
/* USR1: poll now, whatever was planned */
void poller_hurry(struct poller *poller, struct instant now);
/* the same for who cannot wait: what is under way for longer than `patience_ms` is begun anew;
 * false: the server, or a proxy that refuses us, is not to be asked now */
bool poller_look(struct poller *poller, struct instant now, int64_t patience_ms);
/* after a suspend: what is under way is dropped, one poll follows soon, its errors do not count */
void poller_jump(struct poller *poller, struct instant now);

/* is a key wanted now? Then the owner finds one and calls poller_set_key or poller_no_key */
bool poller_wants_key(const struct poller *poller);
void poller_set_key(struct poller *poller, const char *key, struct instant now);
/* no key to be had: source_down at once, asked for again in 5 min */
void poller_no_key(struct poller *poller, const struct err *err, struct instant now);
/* HUP: read the key again before the next request */
void poller_forget_key(struct poller *poller);

/* a request to the poller's source with its present key; body, done and arg are the caller's to set
 */
struct http_request poller_request(const struct poller *poller, const char *url);

/* POLLER_ONCE: both lanes are through; err holds the first failure (ERR_NONE: none) */
bool poller_finished(const struct poller *poller, struct err *err);
const struct source_config *poller_config(const struct poller *poller);
struct snapshot *poller_snapshot(struct poller *poller);
struct health *poller_health(struct poller *poller);
/* was the key, or by a proxy our password, refused, and no poll did well since? */
bool poller_refused(const struct poller *poller);
/* at the start: source_down was told in an earlier run and source_up not yet */
void poller_restore_down(struct poller *poller, bool down, int64_t since_ms);
/* complete lists taken in so far, of any lane */
uint64_t poller_lists(const struct poller *poller);
/* nothing is under way and nothing is due: a poll and what it led to are through (`wait`) */
bool poller_resting(const struct poller *poller);
/* a list was taken in, and what has become of the tasks that it left out is being asked (`wait`) */
bool poller_follows(const struct poller *poller);
/* HTTP status of the list that failed last; 0: no answer came, 200: it was not valid */
long poller_failed_status(const struct poller *poller);
/* the active list has been taken in at least once (`wait` without ids) */
bool poller_saw_active(const struct poller *poller);

#endif
