/*
 * One source: when it is asked, whether it is reachable, its key, and what its answers change. It
 * is stepped by its owner, who stores what a step found and says so before the next one: nothing
 * follows from what is not stored. The monitor stores it in the state; `wait` only looks at it.
 */
#ifndef WATCH_SOURCE_H
#define WATCH_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/stamp.h"
#include "core/config.h"
#include "core/detect.h"
#include "core/health.h"
#include "core/sched.h"
#include "io/http.h"
#include "watch/fetch.h"
#include "watch/key_lookup.h"

enum source_mode {
	SOURCE_WATCH, /* for ever: starts with a sweep */
	SOURCE_ONCE, /* one poll, then one sweep, each tried three times at most */
	SOURCE_WAIT, /* for ever, polls only; sweeps when a task is nowhere to be found */
};

/* what a step found */
struct source_batch {
	struct changes changes;
	bool store; /* changes, snapshot and, with `health`, the health belong into one transaction
		     */
	bool health; /* health.down has changed */
	bool polled; /* a list was taken in, or a poll failed */
	bool listed; /* it was a list */
};

/* Fields are read by others and written by source.c and fetch.c alone. */
struct source {
	const struct source_config *config; /* borrowed */
	const struct source_type *type;
	struct http *http; /* borrowed */
	struct snapshot *snapshot; /* own; NULL: source_wants_snapshot() */
	char *key; /* own; NULL: none */
	struct key_lookup *key_lookup; /* own; NULL: none is under way */
	uint64_t lists; /* complete ones taken in so far */
	long failed_status; /* HTTP, of the last failed list; 0: no answer, 200: not valid */
	struct detect_rules rules;
	struct instant now; /* of the current step */
	struct health health;
	struct fetch fetches[LIST_KINDS];
	/* MISSING or FAILED: none was found, for the reason in key_err; the owner decides what
	 * follows */
	enum key_lookup_state key_state;
	struct err key_err;
	enum source_mode mode;
	bool saw_active; /* a list of active tasks was taken in */
	/* the key, or by a proxy our password, was refused, and no poll did well since: polls go
	 * alone */
	bool reauth;

	/* private */
	bool ready; /* `batch` is to be handed out */
	bool listed; /* a list is in the batch that was handed out */
	bool down_stored; /* health.down as the store has it */
	bool key_old; /* to be read again before anything begins; what runs goes on with it */
	bool partial_logged; /* that the source's lists are not all there is */
	bool grace; /* after a resume: the next failure of a poll does not count */
	unsigned int refused; /* bits of the kinds of lists whose key was refused */
	uint32_t seq; /* of the last request; 0: nothing was asked yet */
	uint32_t sweep_floor_seq; /* poll that wants a sweep while one is under way; 0: none */
	struct source_batch batch; /* own; of this step */
	struct health before; /* the batch: as it is when that is not stored */
	int64_t key_due_ms; /* mono; when a key is wanted again */
	int64_t throttled_ms; /* mono; the server wants no request before; not for one-shots */
	size_t lookups; /* by id, since the active list was last asked for */
	int64_t reload_ms; /* mono; while there is no snapshot: not asked for before */
	struct sched_once once;
	char *list_urls[LIST_SCOPE_COUNT]; /* own, each own; NULL: not asked for yet */
	struct err failure; /* one-shot: the first one */
};

struct source_setup {
	const struct source_config *config; /* borrowed */
	struct http *http; /* borrowed */
	struct snapshot *snapshot; /* the source's from now on; NULL: it cannot be read now */
	enum source_mode mode;
	uint64_t seed; /* for jitter */
};

struct source *source_new(const struct source_setup *setup, struct instant now);
void source_free(struct source *source); /* cancels what is under way; NULL is fine */
/* a new configuration of the same source (HUP), borrowed as the old one was */
void source_reconfigure(struct source *source, const struct source_config *config);

/*
 * Takes in answers and asks what is due. True: *ret, the caller's to free with
 * source_batch_done(), is to be stored and then told by source_stored(); there may be more in
 * another step of the same turn. False: there is nothing to do before source_next().
 */
bool source_step(struct source *source, struct instant now, struct source_batch *ret);
/* what became of the batch. Not stored: the snapshot is forgotten and the poll counts as not made
 */
void source_stored(struct source *source, bool stored);
void source_batch_done(struct source_batch *batch);
/* mono time of the next step that is needed; INSTANT_NEVER while only answers are awaited */
int64_t source_next(const struct source *source);
size_t source_fds(const struct source *source, struct poll_fd *fds, size_t cap);
/* when the next list will be asked for; mono, for `status` */
int64_t source_next_poll(const struct source *source);

/* is the snapshot to be read again, and now? Then the owner sets it: the one that is stored, the
 * source's from now on; NULL: it cannot be read now */
bool source_wants_snapshot(const struct source *source, struct instant now);
void source_set_snapshot(struct source *source, struct snapshot *snapshot);

/* no key is to be had (key_state, key_err): source_down at once, it is looked for again in 5 min */
void source_no_key(struct source *source, struct instant now);
/* looks for a key now, whatever was planned */
void source_renew_key(struct source *source);

/* polls now, whatever was planned */
void source_poll_now(struct source *source, struct instant now);
/* the same for who cannot wait: what is under way for longer than `max_age_ms` is begun anew;
 * false: the server, or a proxy that refuses us, is not to be asked now */
bool source_look(struct source *source, struct instant now, int64_t max_age_ms);
/* after a suspend: what is under way is dropped, one poll follows soon, its errors do not count */
void source_resumed(struct source *source, struct instant now);
/* at the start: source_down was told in an earlier run and source_up not yet */
void source_restore_down(struct source *source, bool down, int64_t since_ms);

/* SOURCE_ONCE: all is through; err holds the first failure (ERR_NONE: none) */
bool source_finished(const struct source *source, struct err *err);
/* nothing is under way and nothing is due: a poll and what it led to are through */
bool source_idle(const struct source *source);
/* a list was taken in, and what has become of the tasks that it left out is being asked */
bool source_follows_up(const struct source *source);

#endif
