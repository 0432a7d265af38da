/*
 * What a wait knows: its tasks, its sources, what is to be said. Private to client/wait*; the files
 * above it change it, none of them calls another one that calls it.
 */
#ifndef CLIENT_WAIT_STATE_H
#define CLIENT_WAIT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/waiter.h"
#include "core/task_reader.h"
#include "watch/explain.h"
#include "watch/source.h"

/* the list of ended tasks that is read for what look-ups by id leave out */
struct wait_fill {
	struct http_call *call; /* own; NULL: none is under way */
	struct task_reader *tasks; /* own */
	size_t bytes;
	size_t wanted; /* tasks that have not been found in it yet */
};

/* One source, and what a wait knows of it. */
struct wait_source {
	struct waiter *waiter; /* borrowed */
	size_t index;
	struct source_config config; /* texts borrowed; with the wait's own pace */
	struct source *source; /* own; NULL: it is given up */
	int64_t key_retry_ms; /* mono; after a refusal: a key is looked for again; 0: not */
	struct wait_fill fill;
	int64_t heard_ms; /* mono; the last complete list; 0: none yet */
	unsigned int garbled; /* failures without sense in a row, before the first list */
	unsigned int refused; /* times since the last list that the key was */
	int64_t refused_ms; /* mono; the first of them */
	bool failed; /* a failure has come that was not looked at */
	bool polled; /* a poll is through, well or not */
	bool reported_failing; /* it was said that the source fails */
	bool taken_in; /* no ids were named: its active tasks were taken in */
	struct err err; /* why it was given up */
};

struct waiter {
	struct waiter_setup setup;
	struct http *http; /* own */
	struct explain *explain; /* own */
	struct wait_source *sources; /* own */
	size_t source_count;
	struct wait_items set;
	struct wait_item **ending; /* own, items borrowed; ended and not told yet, in order */
	size_t ending_count;
	size_t ending_cap;
	struct wait_news *news; /* own; from `news_first` on not taken yet */
	size_t news_first;
	size_t news_count;
	size_t news_cap;
	int64_t deadline_ms; /* mono; INSTANT_NEVER: none */
	int64_t look_ms; /* mono; the last look past the deadline is over by then; 0: not begun */
	int64_t enough_ms; /* mono; one end was enough, and it is over by then; INSTANT_NEVER */
	bool over;
	int code;
	struct err err;
	struct instant now; /* of the current step */
};

/* were ids named? */
bool waiter_named(const struct waiter *waiter);
/* it is over with this code, unless it is already */
void waiter_end(struct waiter *waiter, int code);
void waiter_fail(struct waiter *waiter, const struct err *err);
/* something to be said; its text is the waiter's from now on */
void waiter_say(struct waiter *waiter, const struct wait_news *news);
/* the task has ended: it is told when it is sure that no other source has it as well */
void waiter_ending(struct waiter *waiter, struct wait_item *item);
/* do all sources that can be asked say that they do not have it? */
bool waiter_absent(const struct waiter *waiter, const struct wait_item *item);

#endif
