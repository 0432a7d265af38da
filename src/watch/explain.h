/*
 * Asks the API why tasks failed: one request for each bucket and poll. An event waits at most 5 s
 * for it, then goes out without.
 */
#ifndef WATCH_EXPLAIN_H
#define WATCH_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"
#include "io/http.h"
#include "watch/source.h"

#define EXPLAIN_WAIT_MS 5000
#define EXPLAIN_BUCKETS_MAX 20 /* requests in one poll */

struct explain;

struct explain *explain_new(struct http *http);
void explain_free(struct explain *explain); /* forgets every question; NULL is fine */
/* will this event be explained? Asked before it is stored: its deliveries are then held for
 * EXPLAIN_WAIT_MS */
bool explain_wants(struct explain *explain, const struct source *source, const struct event *event);
/* takes a stored event that explain_wants (copied), and asks */
void explain_add(struct explain *explain, const struct source *source, const struct event *event,
	struct instant now);
/* the next event whose reason is known, or will not be (*ret_message NULL): the caller's to free.
 * The message is borrowed until the next call. NULL: there is none for now */
struct event *explain_take(struct explain *explain, struct instant now, const char **ret_message);
/* mono time at which explain_take must be called again; INSTANT_NEVER when no event waits */
int64_t explain_next(const struct explain *explain);
/* a source goes away: its questions are given up, their events are there to be taken */
void explain_drop(struct explain *explain, const struct source *source);

#endif
