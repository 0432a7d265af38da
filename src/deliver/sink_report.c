#include "deliver/sink_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"

enum { SINK_ITSELF = 1 }; /* who raises the alarm */

void sink_report_done(struct sink_report *report)
{
	alarm_done(&report->alarm);
	free(report->failure);
}

/* is the sink to blame, and not the event? */
static bool is_by_sink(const struct sink *sink, const struct delivery *delivery)
{
	return delivery->result == DELIVERY_UNAVAILABLE ||
	       (delivery->result == DELIVERY_RETRY && sink->ops->batch);
}

void sink_report_log(struct sink_report *report, const struct sink *sink,
	const struct delivery *delivery, size_t count, struct instant now)
{
	const char *name = sink->config->name;
	cleanup_free char *what = NULL;
	enum log_level level = LOG_WARN;
	char span[PARSE_DURATION_MAX];
	int64_t wait_ms = delivery->due_ms - now.wall_ms;
	bool by_sink = is_by_sink(sink, delivery);

	if (!by_sink && alarm_clear(&report->alarm, SINK_ITSELF))
		log_line(LOG_NOTICE, "%s: works again", name);
	/* nearly all of them, and nearly always */
	if (delivery->result == DELIVERY_DELIVERED && !log_shows(LOG_INFO))
		return;
	what = count == 1 ? mem_printf("event %" PRId64, delivery->event_id)
			  : mem_printf("%zu events", count);
	/* a sink that does not work is logged once, not for each event that it has and each try */
	if (by_sink && !delivery->given_up &&
		!alarm_raise(&report->alarm, SINK_ITSELF, delivery->error, now.mono_ms))
		level = LOG_INFO;
	if (delivery->result == DELIVERY_DELIVERED)
		log_line(LOG_INFO, "%s: %s delivered", name, what);
	else if (delivery->given_up)
		log_line(LOG_ERROR, "%s: %s: %s; given up (taskbell redeliver brings it back)",
			name, what, delivery->error);
	else
		log_line(level, "%s: %s: %s; again in %s", name, what, delivery->error,
			duration_text((wait_ms + 999) / 1000 * 1000, span));
}

bool sink_report_alike(const struct sink *sink, const struct delivery *a, const struct delivery *b)
{
	return is_by_sink(sink, a) && a->result == b->result && a->given_up == b->given_up &&
	       strcmp(a->error, b->error) == 0;
}

void sink_report_wait(struct sink_report *report, const struct sink *sink,
	const struct delivery *delivery, struct instant now)
{
	/* waiting is not a failure; the log tells its reason once */
	if (delivery->error != NULL &&
		alarm_raise(&report->alarm, SINK_ITSELF, delivery->error, now.mono_ms))
		log_line(LOG_NOTICE, "%s: waits: %s", sink->config->name, delivery->error);
}

bool sink_report_load(
	struct sink_report *report, struct store *store, const char *sink, struct err *err)
{
	if (report->reported_known)
		return true;
	report->reported_known = store_sink_reported(store, sink, &report->reported, err);
	report->reported_stored = report->reported;
	return report->reported_known;
}

void sink_report_add(struct sink_report *report, const struct delivery *delivery)
{
	if (delivery->result == DELIVERY_DELIVERED &&
		event_types[delivery->type].about == ABOUT_TASK)
		report->reported = false;
	if (!delivery->given_up || delivery->type == EVENT_SINK_FAILED || report->reported)
		return;
	report->reported = true;
	if (report->failure == NULL)
		report->failure = mem_printf(
			"gave up on event %" PRId64 ": %s", delivery->event_id, delivery->error);
}

bool sink_report_save(
	struct sink_report *report, struct store *store, const char *sink, struct err *err)
{
	if (report->failure != NULL || report->reported == report->reported_stored)
		return true;
	if (!store_set_sink_reported(store, sink, report->reported, err))
		return false;
	report->reported_stored = report->reported;
	return true;
}
