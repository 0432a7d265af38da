/*
 * The ledger: puts what pollers found into the store, with a delivery for each sink that wants it,
 * and prints it. Nothing is told before it is stored.
 */
#ifndef WATCH_LEDGER_H
#define WATCH_LEDGER_H

#include <stdbool.h>

#include "watch/explain.h"
#include "deliver/outbox.h"
#include "watch/poller.h"
#include "watch/streams.h"
#include "core/config.h"
#include "core/alarm.h"
#include "io/store.h"

struct ledger {
	const struct config *config; /* borrowed; its sinks get deliveries */
	struct store *store; /* borrowed */
	struct outbox *outbox; /* borrowed */
	struct explain *explain; /* borrowed */
	struct streams *streams; /* borrowed; events are printed on its stdout */
	bool json; /* … as NDJSON */
	bool color;
	bool stamped; /* lines begin with the time; not in the journal */
	struct alarm *alarm; /* borrowed; of the state: whoever meets it first says so */
	struct instant now; /* of this turn of the loop */
	int64_t printed_ms; /* wall; of the last line on a terminal; 0: none */
	size_t told[EVENT_COUNT]; /* events that were printed */
};

/* for struct poller_owner: stores, then prints and wakes the outbox */
bool ledger_commit(
	struct ledger *ledger, struct poller *poller, struct changes *changes, bool health);
/* says on a terminal which tasks of a source are active, and shows the first of them */
void ledger_print_active(struct ledger *ledger, struct poller *poller);
/* says on a terminal how many events of what kind there were in so long a time */
void ledger_sum_up(const struct ledger *ledger, int64_t span_ms);
/* what is stored of a source; NULL, said once, when it cannot be read now. The caller frees it */
struct snapshot *ledger_snapshot(struct ledger *ledger, const char *source);
/* an event of the monitor itself; false when it could not be stored */
bool ledger_event(struct ledger *ledger, const struct event *event);
/* a state that was damaged lies aside: event state_lost, of which the store reminds us until it is
 * stored */
void ledger_tell_damage(struct ledger *ledger, const struct store_damage *damage);
/* explain_fn: stores the message, prints the event, lets its deliveries go */
void ledger_explained(void *arg, const struct event *event, const char *message);

#endif
