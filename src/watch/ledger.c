#include "watch/ledger.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/terminal.h"
#include "core/snapshot.h"
#include "core/filter.h"
#include "core/report.h"

/* what a delivery is held for beyond the time that an explanation may take */
#define LEDGER_HOLD_MS (EXPLAIN_WAIT_MS + 500)
#define LEDGER_ACTIVE_MAX 10 /* tasks that are named when a source is met */

/* for whatever is no terminal: whole, on one line */
static void add_line(const struct ledger *ledger, const struct event *event, struct buf *out)
{
	cleanup_buf struct buf line = { 0 };
	const char *word;
	size_t len;

	event_line(event, &line);
	word = strchr(buf_text(&line), ' ') + 1;
	len = strcspn(word, " ");
	if (ledger->stamped)
		(void)buf_add(out, line.data, (size_t)(word - line.data));
	terminal_add_colored(out, event_info(event->type)->word,
		ledger->color ? event_info(event->type)->sgr : NULL);
	(void)buf_addf(out, "%s\n", word + len);
}

/* a date is shown where it is not that of the line before */
static void add_report(struct ledger *ledger, const struct event *event, const char *word,
	size_t columns, struct buf *out)
{
	int64_t before_ms = ledger->printed_ms != 0 ? ledger->printed_ms : ledger->now.wall_ms;
	char time[STAMP_TEXT_MAX];
	char span[EVENT_SPAN_MAX];
	int64_t ms;
	bool task = event_info(event->type)->about == ABOUT_TASK;
	struct report report = {
		.time = stamp_text_local(event->wall_ms, before_ms, time),
		.look = event_info(event->type),
		.name = event->sink != NULL ? event->sink
			: task              ? event->task_name
					    : event->source,
		.word = word,
		.bucket = event->bucket,
		.span = event_duration(event, &ms) ? event_span(ms, span) : NULL,
		.source = task && ledger->config->source_count > 1 ? event->source : NULL,
		.id = event->task_id,
		.reason = event->message,
	};

	ledger->printed_ms = event->wall_ms;
	report_add(out, &report, columns, ledger->color);
}

static void print_event(struct ledger *ledger, const struct event *event)
{
	size_t columns = ledger->json ? 0 : terminal_columns(STDOUT_FILENO);
	const char *word = event_info(event->type)->word;
	cleanup_buf struct buf out = { 0 };
	cleanup_free char *unknown = NULL;

	if (event->type == EVENT_UNKNOWN && event->to != NULL) {
		unknown = mem_printf("%s: %s", word, event->to);
		word = unknown;
	}
	if (ledger->json) {
		event_json(event, &out);
		(void)buf_add_char(&out, '\n');
	} else if (columns != 0) {
		add_report(ledger, event, word, columns, &out);
	} else {
		add_line(ledger, event, &out);
	}
	streams_print(ledger->streams, &out);
}

void ledger_sum_up(const struct ledger *ledger, int64_t span_ms)
{
	cleanup_buf struct buf counts = { 0 };
	char span[EVENT_SPAN_MAX];

	if (ledger->json || terminal_columns(STDOUT_FILENO) == 0)
		return;
	for (int i = EVENT_SUCCESS; i < EVENT_COUNT; i++)
		if (ledger->told[i] > 0)
			(void)buf_addf(&counts, "%s %zu %s", counts.len != 0 ? "," : ":",
				ledger->told[i], event_info((enum event_type)i)->word);
	log_line(LOG_NOTICE, "watched for %s%s", event_span(span_ms, span),
		counts.len != 0 ? buf_text(&counts) : ": nothing ended");
}

static void print_active(struct ledger *ledger, const struct snapshot *snapshot, const char *source)
{
	cleanup_free struct task *tasks = mem_array(snapshot->active, sizeof(*tasks));
	const struct record *record;
	size_t count = 0;

	for (size_t at = 0;
		count < snapshot->active && (record = snapshot_next(snapshot, &at)) != NULL;) {
		tasks[count] = record_task(snapshot, record);
		count += status_class(tasks[count].status) == CLASS_ACTIVE;
	}
	qsort(tasks, count, sizeof(*tasks), task_by_age);
	for (size_t i = 0; i < count && i < LEDGER_ACTIVE_MAX; i++)
		print_event(ledger, &(struct event){
					    .wall_ms = ledger->now.wall_ms,
					    .type = event_of_status(tasks[i].status),
					    .source = source,
					    .task_id = tasks[i].id,
					    .task_name = tasks[i].name,
					    .bucket = tasks[i].bucket,
					    .created_us = tasks[i].created_us,
					    .finished_us = STAMP_NONE,
				    });
	if (count > LEDGER_ACTIVE_MAX)
		log_line(LOG_NOTICE, "and %zu more; 'taskbell list' shows them",
			count - LEDGER_ACTIVE_MAX);
}

void ledger_print_active(struct ledger *ledger, struct poller *poller)
{
	const struct snapshot *snapshot = poller_snapshot(poller);
	const char *source = poller_config(poller)->name;

	if (ledger->json || terminal_columns(STDOUT_FILENO) == 0)
		return;
	log_line(LOG_NOTICE, "source %s: %zu active task%s", source, snapshot->active,
		snapshot->active == 1 ? "" : "s");
	print_active(ledger, snapshot, source);
}

/*
 * One line when it begins and one when it is over, not one for each poll. That it is over shows
 * when something was written: to read, and to have nothing to write, goes well on a full disk too.
 */
static void store_failed(struct ledger *ledger, unsigned int who, const struct err *err)
{
	if (alarm_raise(ledger->alarm, who, err->text, ledger->now.mono_ms))
		log_line(LOG_ERROR, "%s; nothing is lost, it is tried again at every poll",
			err->text);
}

static void store_works(struct ledger *ledger, unsigned int who)
{
	if (alarm_clear(ledger->alarm, who))
		log_line(LOG_NOTICE, "the state works again");
}

/* the sinks that want the event; returns how many */
static size_t wanted_sinks(
	const struct config *config, const struct event *event, const char **names)
{
	size_t count = 0;

	for (size_t i = 0; i < config->sink_count; i++)
		if (filter_wants(&config->sinks[i], event))
			names[count++] = config->sinks[i].name;
	return count;
}

/* fills the rows of a commit; `names` has room for all sinks of all events */
static void rows_fill(struct ledger *ledger, const struct poller *poller,
	struct event *const *events, struct store_event *rows, size_t count, const char **names)
{
	for (size_t i = 0; i < count; i++) {
		struct event *event = events[i];

		event->explain = poller != NULL && explain_wants(ledger->explain, poller, event);
		rows[i].event = event;
		rows[i].wanted = names;
		rows[i].wanted_count = wanted_sinks(ledger->config, event, names);
		rows[i].due_ms = ledger->now.wall_ms + (event->explain ? LEDGER_HOLD_MS : 0);
		names += rows[i].wanted_count;
	}
}

static void tell_stored(
	struct ledger *ledger, const struct poller *poller, const struct store_changes *stored)
{
	for (size_t i = 0; i < stored->event_count; i++) {
		const struct event *event = stored->events[i].event;

		ledger->told[event->type]++;
		if (event->explain)
			explain_add(ledger->explain, poller, event, ledger->now);
		else
			print_event(ledger, event);
	}
	if (stored->event_count > 0)
		outbox_wake(ledger->outbox);
}

static bool ledger_store(struct ledger *ledger, struct poller *poller, struct event *const *events,
	size_t count, struct store_changes *stored)
{
	cleanup_free struct store_event *rows = mem_array(count, sizeof(*rows));
	cleanup_free const char **names =
		mem_array(count * ledger->config->sink_count, sizeof(*names));
	struct err err = { 0 };

	rows_fill(ledger, poller, events, rows, count, names);
	stored->events = rows;
	stored->event_count = count;
	if (!store_commit(ledger->store, stored, &err)) {
		store_failed(ledger, STATE_COMMIT, &err);
		return false;
	}
	if (stored->written)
		store_works(ledger, STATE_COMMIT);
	tell_stored(ledger, poller, stored);
	return true;
}

bool ledger_commit(
	struct ledger *ledger, struct poller *poller, struct changes *changes, bool health)
{
	const struct source_config *config = poller_config(poller);
	struct store_source source = {
		.name = config->name,
		.down_told = poller_health(poller)->down,
		.down_since_ms = poller_health(poller)->down_since_ms,
	};
	struct store_changes stored = {
		.source = config->name,
		.snapshot = poller_snapshot(poller),
		.removed = (const char *const *)changes->removed,
		.removed_count = changes->removed_count,
		.health = health ? &source : NULL,
	};

	return ledger_store(ledger, poller, changes->events, changes->event_count, &stored);
}

struct snapshot *ledger_snapshot(struct ledger *ledger, const char *source)
{
	struct snapshot *snapshot = NULL;
	struct err err = { 0 };

	if (!store_load_snapshot(ledger->store, source, &snapshot, &err)) {
		store_failed(ledger, STATE_LOAD, &err);
		return NULL;
	}
	store_works(ledger, STATE_LOAD);
	return snapshot;
}

bool ledger_event(struct ledger *ledger, const struct event *event)
{
	cleanup_free struct event *copy = event_copy(event);
	struct store_changes stored = { 0 };

	return ledger_store(ledger, NULL, &copy, 1, &stored);
}

void ledger_tell_damage(struct ledger *ledger, const struct store_damage *damage)
{
	struct event event = {
		.wall_ms = ledger->now.wall_ms,
		.type = EVENT_STATE_LOST,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};
	cleanup_free char *message = NULL;

	if (damage->aside[0] == '\0')
		return;
	message = mem_printf("the state was damaged (%s) and lies now in %s; a new one was begun",
		damage->reason, damage->aside);
	event.message = message;
	log_line(LOG_ERROR, "%s", message);
	(void)ledger_event(ledger, &event);
}

void ledger_explained(void *arg, const struct event *event, const char *message)
{
	struct ledger *ledger = arg;
	struct event told = *event;
	struct err err = { 0 };

	told.message = message;
	/* a message that cannot be stored is not worth holding the event back: it goes out without
	 */
	if (!store_explain(ledger->store, event->id, message, ledger->now.wall_ms, &err))
		log_line(LOG_WARN, "the reason of event %lld is not stored: %s",
			(long long)event->id, err.text);
	print_event(ledger, &told);
	outbox_rewind(ledger->outbox);
}
