/*
 * `wait`: blocks nobody, writes nothing, keeps nothing. It polls sources as the monitor does, with
 * snapshots in memory that hold only the tasks that are waited for, and its owner takes what became
 * of them.
 */
#ifndef CLIENT_WAITER_H
#define CLIENT_WAITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/wait_item.h"
#include "base/err.h"
#include "base/stamp.h"
#include "core/config.h"
#include "io/http.h"

#define WAITER_TIMED_OUT 124
#define WAITER_FOR_EVER (-1)
#define WAITER_LAST_LOOK_MS 2000 /* past the deadline, for answers that were asked for by then */

struct waiter;

enum wait_news_kind {
	WAIT_CHANGED, /* a task was found or has another status */
	WAIT_ENDED, /* its end is told, once each; those that ended together in their order */
	WAIT_BEGUN, /* no ids were named: these tasks of a source are waited for */
	WAIT_NOT_FOUND, /* the first complete answers have no such task; told once */
	WAIT_SOURCE_FAILS, /* a source fails, */
	WAIT_SOURCE_RECOVERED, /* or does well again */
};

/* something that happened, to be told to people */
struct wait_news {
	enum wait_news_kind kind;
	const struct wait_item *item; /* borrowed; of CHANGED, ENDED and NOT_FOUND */
	const char *source; /* borrowed; the name of its source; NULL: not known yet */
	size_t first; /* of BEGUN: the place of its first task in waiter_tasks() … */
	size_t count; /* … and how many they are */
	char *text; /* borrowed until the next waiter_take(); of TROUBLE and RECOVERED */
};

struct waiter_setup {
	const struct config *config; /* borrowed */
	const char *only_source; /* borrowed; NULL: all */
	char *const *ids; /* borrowed until waiter_new returns */
	size_t id_count; /* 0: the tasks that are active at the first poll */
	bool any; /* until one has ended … */
	bool fail_fast; /* … or the first that did not succeed */
	bool fail_missing; /* a task that three polls cannot find counts as ended */
	int64_t timeout_ms; /* 0: one poll; WAITER_FOR_EVER */
	int64_t interval_ms; /* 0: as each source has it */
	int64_t unreachable_ms; /* a source that fails for so long ends it; 0: none does */
	bool fields; /* of a task that ended, all that the API has is wanted; */
	bool reasons; /* … and why it failed */
};

struct waiter *waiter_new(const struct waiter_setup *setup, struct instant now);
void waiter_free(struct waiter *waiter); /* NULL is fine */
/* does what is due; call after every wake-up */
void waiter_step(struct waiter *waiter, struct instant now);
/* the next that the last steps brought; false: that is all */
bool waiter_take(struct waiter *waiter, struct wait_news *ret);
/* mono time of the next step that is needed; INSTANT_NEVER while only answers are awaited */
int64_t waiter_next(const struct waiter *waiter);
/* descriptors to wait for, by http_wait(waiter_http()); returns how many were put in, at most `cap`
 */
size_t waiter_fds(const struct waiter *waiter, struct poll_fd *fds, size_t cap);
struct http *waiter_http(struct waiter *waiter);
/* after a suspend */
void waiter_resumed(struct waiter *waiter, struct instant now);
/* is it over? *ret_code is the exit code, *ret_err why when it is none of the tasks' results */
bool waiter_over(const struct waiter *waiter, int *ret_code, struct err *ret_err);
const struct wait_items *waiter_tasks(const struct waiter *waiter);
/* Why nothing is heard of a source. */
struct waiter_source {
	const char *name;
	int64_t heard_ms; /* mono; its last complete answer; 0: none */
	const struct err *err; /* what keeps it from answering; NULL: nothing does */
};

/* of the i-th source; false past the last */
bool waiter_look(const struct waiter *waiter, size_t i, struct waiter_source *ret);
/* the name of the source in which a task was found, or the only one there is; NULL: not known yet
 */
const char *waiter_source(const struct waiter *waiter, const struct wait_item *item);

#endif
