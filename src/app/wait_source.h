/* One source of a wait: its poller, its key, its troubles. Private to app/waiter. */
#ifndef APP_WAIT_SOURCE_H
#define APP_WAIT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "app/keyring.h"
#include "app/poller.h"
#include "app/waiter.h"

/* One source, and what a wait knows of it. */
struct wait_source {
	struct waiter *waiter; /* borrowed */
	size_t index;
	struct source_config config; /* texts borrowed; with the wait's own pace */
	struct poller *poller; /* own; NULL: it is given up */
	struct key_search *search; /* own; NULL: no key is looked for */
	int64_t key_retry_ms; /* mono; after a refusal: a key is looked for again; 0: not */
	uint64_t lists; /* poller_lists() when it was looked at last */
	unsigned int bad; /* failures of one kind in a row */
	enum err_kind bad_kind;
	bool failed; /* a failure has come that was not looked at */
	bool polled; /* a poll is through, well or not */
	bool troubled; /* it was said that the source fails */
	bool settled; /* no ids were named: its active tasks were taken in */
	struct err err; /* why it was given up */
};

struct waiter {
	struct waiter_setup setup;
	struct http *http; /* own */
	struct wait_source *sources; /* own */
	size_t source_count;
	struct waited_set set;
	struct waited **ending; /* own, items borrowed; ended and not told yet, in order */
	size_t ending_count;
	size_t ending_cap;
	int64_t deadline_ms; /* mono; INSTANT_NEVER: none */
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
