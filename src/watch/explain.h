/*
 * Asks the API why tasks failed: one request for each bucket and poll. An event waits at most 5 s
 * for it, then goes out without.
 */
#ifndef WATCH_EXPLAIN_H
#define WATCH_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "watch/poller.h"
#include "core/event.h"
#include "io/http.h"

#define EXPLAIN_WAIT_MS 5000
#define EXPLAIN_BUCKETS_MAX 20 /* requests in one poll */

struct explain;

/* the reason is known, or will not be (message NULL) */
typedef void (*explain_fn)(void *arg, const struct event *event, const char *message);

struct explain *explain_new(struct http *http, explain_fn told, void *arg);
void explain_free(
	struct explain *explain); /* forgets every question without a word; NULL is fine */
/* will this event be explained? Asked before it is stored: its deliveries are then held for
 * EXPLAIN_WAIT_MS */
bool explain_wants(struct explain *explain, const struct poller *poller, const struct event *event);
/* takes a stored event that explain_wants (copied), and asks; `told` comes later, or at once */
void explain_add(struct explain *explain, const struct poller *poller, const struct event *event,
	struct instant now);
/* gives up what has waited long enough */
void explain_step(struct explain *explain, struct instant now);
/* mono time of the next step that is needed; INSTANT_NEVER when no event waits */
int64_t explain_next(const struct explain *explain);
/* a poller goes away: its questions are given up */
void explain_drop(struct explain *explain, const struct poller *poller);

#endif
