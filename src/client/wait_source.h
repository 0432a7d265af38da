/* One source of a wait: its poller, its key, its troubles. Private to client/waiter. */
#ifndef CLIENT_WAIT_SOURCE_H
#define CLIENT_WAIT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "watch/explain.h"
#include "watch/key_lookup.h"
#include "watch/poller.h"
#include "client/waiter.h"

/* the list of ended tasks that is read for what look-ups by id leave out */
struct wait_fill {
	struct http_call *call; /* NULL: none is under way */
	struct task_reader *tasks; /* own */
	size_t bytes;
	size_t wanted; /* tasks that have not been found in it yet */
};

/* One source, and what a wait knows of it. */
struct wait_source {
	struct waiter *waiter; /* borrowed */
	size_t index;
	struct source_config config; /* texts borrowed; with the wait's own pace */
	struct poller *poller; /* own; NULL: it is given up */
	struct key_lookup *search; /* own; NULL: no key is looked for */
	int64_t key_retry_ms; /* mono; after a refusal: a key is looked for again; 0: not */
	struct wait_fill fill;
	uint64_t lists; /* poller_lists() when it was looked at last */
	int64_t heard_ms; /* mono; the last complete list; 0: none yet */
	unsigned int garbled; /* failures without sense in a row, before the first list */
	unsigned int refused; /* times since the last list that the key was */
	int64_t refused_ms; /* mono; the first of them */
	bool failed; /* a failure has come that was not looked at */
	bool polled; /* a poll is through, well or not */
	bool troubled; /* it was said that the source fails */
	bool settled; /* no ids were named: its active tasks were taken in */
	struct err err; /* why it was given up */
};

struct waiter {
	struct waiter_setup setup;
	struct http *http; /* own */
	struct explain *explain; /* own */
	struct wait_source *sources; /* own */
	size_t source_count;
	struct waited_set set;
	struct waited **ending; /* own, items borrowed; ended and not told yet, in order */
	size_t ending_count;
	size_t ending_cap;
	int64_t deadline_ms; /* mono; INSTANT_NEVER: none */
	int64_t look_ms; /* mono; the last look past the deadline is over by then; 0: not begun */
	int64_t enough_ms; /* mono; one end was enough, and it is over by then; INSTANT_NEVER */
	bool over;
	int code;
	struct err err;
	struct instant now; /* of the current step */
};

/* begins to poll, for the tasks that are named so far */
void wait_source_open(struct waiter *waiter, struct wait_source *source);
/* ends all that is under way; NULL poller from then on */
void wait_source_close(struct wait_source *source);
/* looks for a key when one is wanted */
void wait_source_key(struct wait_source *source);
/* judges what the last step brought: says troubles once, gives the source up when that is due */
void wait_source_look(struct wait_source *source);
/* asks once more, now, unless it was heard of in the last second; a request that has hung for some
 * seconds is begun anew. False: there is nothing to wait for */
bool wait_source_last_look(struct wait_source *source);
/* notes of which tasks the source says that it has them not */
void wait_source_denials(struct wait_source *source);
/* when a source that fails has failed for too long; mono; INSTANT_NEVER: it does not, or may */
int64_t wait_source_patience(const struct wait_source *source);

/* for sources, in waiter.c: were ids named? */
bool waiter_named(const struct waiter *waiter);
void waiter_fail(struct waiter *waiter, const struct err *err);
/* tells the owner of a task's new status */
void waiter_changed(struct waiter *waiter, const struct waited *waited);
/* the task has ended: it is told when it is sure that no other source has it as well */
void waiter_ending(struct waiter *waiter, struct waited *waited);
/* do all sources that can be asked say that they do not have it? */
bool waiter_denied(const struct waiter *waiter, const struct waited *waited);

#endif
