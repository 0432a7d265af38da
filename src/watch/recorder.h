/*
 * Puts what sources found into the store, with a delivery for each sink that wants it, and prints
 * it. Nothing is told before it is stored.
 */
#ifndef WATCH_RECORDER_H
#define WATCH_RECORDER_H

#include <stdbool.h>

#include "watch/explain.h"
#include "deliver/outbox.h"
#include "watch/source.h"
#include "watch/streams.h"
#include "core/config.h"
#include "core/alarm.h"
#include "io/store.h"

struct recorder {
	const struct config *config; /* borrowed; its sinks get deliveries */
	struct store *store; /* borrowed */
	struct outbox *outbox; /* borrowed */
	struct explain *explain; /* borrowed */
	struct streams *streams; /* borrowed; events are printed on its stdout */
	bool json; /* … as NDJSON */
	bool color;
	bool stamped; /* lines begin with the time; not in the journal */
	struct alarm *alarm; /* borrowed; of the state: whoever raises it first logs it */
	struct instant now; /* of this turn of the loop */
	int64_t printed_ms; /* wall; of the last line on a terminal; 0: none */
	size_t told[EVENT_COUNT]; /* events that were printed */
};

/* stores a batch and wakes the outbox; false: nothing was stored */
bool recorder_commit(
	struct recorder *recorder, const struct source *source, const struct source_batch *batch);
/* says on a terminal which tasks of a source are active, and shows the first of them */
/* prints events of the source (NULL: none) that are stored, or asks for their reason first */
void recorder_print(struct recorder *recorder, const struct source *source,
	struct event *const *events, size_t count);
void recorder_print_active(struct recorder *recorder, const struct source *source);
/* says on a terminal how many events of what kind there were in so long a time */
void recorder_sum_up(const struct recorder *recorder, int64_t span_ms);
/* what is stored of a source; NULL, said once, when it cannot be read now. The caller frees it */
struct snapshot *recorder_load(struct recorder *recorder, const char *source);
/* an event of the monitor itself; false when it could not be stored */
bool recorder_event(struct recorder *recorder, const struct event *event);
/* a state that was damaged lies aside: event state_lost, of which the store reminds us until it is
 * stored */
void recorder_tell_damage(struct recorder *recorder, const struct store_damage *damage);
/* tells the events whose reasons are known: stores the message, prints the event, lets its
 * deliveries go */
void recorder_explain(struct recorder *recorder);

#endif
