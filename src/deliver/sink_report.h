/* What the log says of a sink's deliveries, and when the event sink_failed is due for it. */
#ifndef DELIVER_SINK_REPORT_H
#define DELIVER_SINK_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/alarm.h"
#include "core/delivery.h"
#include "deliver/sink.h"
#include "io/store.h"

/* zeroed at first; sink_report_done releases it */
struct sink_report {
	struct alarm alarm; /* of the sink itself */
	bool reported; /* sink_failed was raised, and no task's event was delivered since */
	bool reported_known; /* the store was asked for it */
	bool reported_stored; /* as the store has it */
	char *failure; /* own; what an event sink_failed has to say; NULL: none is due */
};

void sink_report_done(struct sink_report *report);
/* logs what became of `count` deliveries alike */
void sink_report_log(struct sink_report *report, const struct sink *sink,
	const struct delivery *delivery, size_t count, struct instant now);
/* do both fail for one reason of the sink, which is logged once? */
bool sink_report_alike(const struct sink *sink, const struct delivery *a, const struct delivery *b);
/* a delivery came back untried: logs once why the sink waits, if it says so */
void sink_report_wait(struct sink_report *report, const struct sink *sink,
	const struct delivery *delivery, struct instant now);
/* reads from the store, once, whether sink_failed was raised before */
bool sink_report_load(
	struct sink_report *report, struct store *store, const char *sink, struct err *err);
/*
 * Takes in a result that is stored, in order: the first delivery that is given up is a failure to
 * report, until the sink has delivered a task's event again.
 */
void sink_report_add(struct sink_report *report, const struct delivery *delivery);
/* stores `reported` where it has changed, but not before the failure is reported */
bool sink_report_save(
	struct sink_report *report, struct store *store, const char *sink, struct err *err);

#endif
