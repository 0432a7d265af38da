#include "watch/recorder.h"

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
#define RECORDER_HOLD_MS (EXPLAIN_WAIT_MS + 500)
#define RECORDER_ACTIVE_MAX 10 /* tasks that are named when a source is met */

/* for whatever is no terminal: whole, on one line */
static void add_line(const struct recorder *recorder, const struct event *event, struct buf *out)
{
	cleanup_buf struct buf line = { 0 };
	const char *word;
	size_t len;

	event_line(event, &line);
	word = strchr(buf_text(&line), ' ') + 1;
	len = strcspn(word, " ");
	if (recorder->stamped)
		(void)buf_add(out, line.data, (size_t)(word - line.data));
	terminal_add_colored(out, event_types[event->type].word,
		recorder->color ? event_types[event->type].sgr : NULL);
	(void)buf_addf(out, "%s\n", word + len);
}

/* a date is shown where it is not that of the line before */
static void add_report(struct recorder *recorder, const struct event *event, const char *word,
	size_t columns, struct buf *out)
{
	int64_t before_ms =
		recorder->printed_ms != 0 ? recorder->printed_ms : recorder->now.wall_ms;
	char time[STAMP_TEXT_MAX];
	char span[EVENT_SPAN_MAX];
	int64_t ms;
	bool task = event_types[event->type].about == ABOUT_TASK;
	struct report report = {
		.time = stamp_text_local(event->wall_ms, before_ms, time),
		.look = &event_types[event->type],
		.name = event->sink != NULL ? event->sink
			: task              ? event->task_name
					    : event->source,
		.word = word,
		.bucket = event->bucket,
		.span = event_duration(event, &ms) ? event_span(ms, span) : NULL,
		.source = task && recorder->config->source_count > 1 ? event->source : NULL,
		.id = event->task_id,
		.reason = event->message,
	};

	recorder->printed_ms = event->wall_ms;
	report_add(out, &report, columns, recorder->color);
}

static void print_event(struct recorder *recorder, const struct event *event)
{
	size_t columns = recorder->json ? 0 : terminal_columns(STDOUT_FILENO);
	const char *word = event_types[event->type].word;
	cleanup_buf struct buf out = { 0 };
	cleanup_free char *unknown = NULL;

	if (event->type == EVENT_UNKNOWN && event->to != NULL) {
		unknown = mem_printf("%s: %s", word, event->to);
		word = unknown;
	}
	if (recorder->json) {
		event_json(event, &out);
		(void)buf_add_char(&out, '\n');
	} else if (columns != 0) {
		add_report(recorder, event, word, columns, &out);
	} else {
		add_line(recorder, event, &out);
	}
	streams_print(recorder->streams, &out);
}

void recorder_sum_up(const struct recorder *recorder, int64_t span_ms)
{
	cleanup_buf struct buf counts = { 0 };
	char span[EVENT_SPAN_MAX];

	if (recorder->json || terminal_columns(STDOUT_FILENO) == 0)
		return;
	for (int i = EVENT_SUCCESS; i < EVENT_COUNT; i++)
		if (recorder->told[i] > 0)
			(void)buf_addf(&counts, "%s %zu %s", counts.len != 0 ? "," : ":",
				recorder->told[i], event_types[i].word);
	log_line(LOG_NOTICE, "watched for %s%s", event_span(span_ms, span),
		counts.len != 0 ? buf_text(&counts) : ": nothing ended");
}

static void print_active(
	struct recorder *recorder, const struct snapshot *snapshot, const char *source)
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
	for (size_t i = 0; i < count && i < RECORDER_ACTIVE_MAX; i++)
		print_event(recorder, &(struct event){
					      .wall_ms = recorder->now.wall_ms,
					      .type = event_of_status(tasks[i].status),
					      .source = source,
					      .task_id = tasks[i].id,
					      .task_name = tasks[i].name,
					      .bucket = tasks[i].bucket,
					      .created_us = tasks[i].created_us,
					      .finished_us = STAMP_NONE,
				      });
	if (count > RECORDER_ACTIVE_MAX)
		log_line(LOG_NOTICE, "and %zu more; 'taskbell list' shows them",
			count - RECORDER_ACTIVE_MAX);
}

void recorder_print_active(struct recorder *recorder, const struct source *source)
{
	const struct snapshot *snapshot = source->snapshot;
	const char *name = source->config->name;

	if (recorder->json || terminal_columns(STDOUT_FILENO) == 0)
		return;
	log_line(LOG_NOTICE, "source %s: %zu active task%s", name, snapshot->active,
		snapshot->active == 1 ? "" : "s");
	print_active(recorder, snapshot, name);
}

/*
 * One line when it begins and one when it is over, not one for each poll. That it is over shows
 * when something was written: to read, and to have nothing to write, goes well on a full disk too.
 */
static void store_failed(struct recorder *recorder, unsigned int who, const struct err *err)
{
	if (alarm_raise(recorder->alarm, who, err->text, recorder->now.mono_ms))
		log_line(LOG_ERROR, "%s; nothing is lost, it is tried again at every poll",
			err->text);
}

static void store_works(struct recorder *recorder, unsigned int who)
{
	if ((recorder->alarm->raised_by & who) != 0 && alarm_clear(recorder->alarm, who))
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
static void rows_fill(struct recorder *recorder, const struct source *source,
	struct event *const *events, struct store_event *rows, size_t count, const char **names)
{
	for (size_t i = 0; i < count; i++) {
		struct event *event = events[i];

		event->explain = source != NULL && event_types[event->type].bad &&
				 explain_wants(recorder->explain, source, event);
		rows[i].event = event;
		rows[i].wanted = names;
		rows[i].wanted_count = wanted_sinks(recorder->config, event, names);
		rows[i].due_ms = recorder->now.wall_ms + (event->explain ? RECORDER_HOLD_MS : 0);
		names += rows[i].wanted_count;
	}
}

static bool recorder_store(struct recorder *recorder, const struct source *source,
	struct event *const *events, size_t count, struct store_changes *stored)
{
	cleanup_free struct store_event *rows = mem_array(count, sizeof(*rows));
	cleanup_free const char **names =
		mem_array(count * recorder->config->sink_count, sizeof(*names));
	struct err err = { 0 };

	rows_fill(recorder, source, events, rows, count, names);
	stored->events = rows;
	stored->event_count = count;
	if (!store_commit(recorder->store, stored, &err)) {
		store_failed(recorder, STATE_COMMIT, &err);
		return false;
	}
	if (stored->written)
		store_works(recorder, STATE_COMMIT);
	if (count > 0)
		outbox_wake(recorder->outbox);
	return true;
}

bool recorder_commit(
	struct recorder *recorder, const struct source *source, const struct source_batch *batch)
{
	const struct changes *changes = &batch->changes;
	struct store_source health = {
		.down_told = source->health.down,
		.down_since_ms = source->health.down_since_ms,
	};
	struct store_changes stored = {
		.source = source->config->name,
		.snapshot = source->snapshot,
		.removed = (const char *const *)changes->removed,
		.removed_count = changes->removed_count,
		.health = batch->health ? &health : NULL,
	};

	return recorder_store(recorder, source, changes->events, changes->event_count, &stored);
}

void recorder_print(struct recorder *recorder, const struct source *source,
	struct event *const *events, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		recorder->told[events[i]->type]++;
		if (events[i]->explain)
			explain_add(recorder->explain, source, events[i], recorder->now);
		else
			print_event(recorder, events[i]);
	}
}

struct snapshot *recorder_load(struct recorder *recorder, const char *source)
{
	struct snapshot *snapshot = NULL;
	struct err err = { 0 };

	if (!store_load_snapshot(recorder->store, source, &snapshot, &err)) {
		store_failed(recorder, STATE_LOAD, &err);
		return NULL;
	}
	store_works(recorder, STATE_LOAD);
	return snapshot;
}

bool recorder_event(struct recorder *recorder, const struct event *event)
{
	cleanup_free struct event *copy = event_copy(event);
	struct store_changes stored = { 0 };

	if (!recorder_store(recorder, NULL, &copy, 1, &stored))
		return false;
	recorder_print(recorder, NULL, &copy, 1);
	return true;
}

void recorder_tell_damage(struct recorder *recorder, const struct store_damage *damage)
{
	struct event event = {
		.wall_ms = recorder->now.wall_ms,
		.type = EVENT_STATE_LOST,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};
	cleanup_free char *message = NULL;

	if (damage->path[0] == '\0')
		return;
	message = mem_printf("the state was damaged (%s) and lies now in %s; a new one was begun",
		damage->reason, damage->path);
	event.message = message;
	log_line(LOG_ERROR, "%s", message);
	(void)recorder_event(recorder, &event);
}

void recorder_explain(struct recorder *recorder)
{
	const char *message;
	struct event *event;

	while ((event = explain_take(recorder->explain, recorder->now, &message)) != NULL) {
		struct err err = { 0 };

		event->message = message;
		/* a message that cannot be stored is not worth holding the event back: it goes out
		 * without
		 */
		if (!store_explain(
			    recorder->store, event->id, message, recorder->now.wall_ms, &err))
			log_line(LOG_WARN, "the reason of event %lld is not stored: %s",
				(long long)event->id, err.text);
		print_event(recorder, event);
		outbox_rewind(recorder->outbox);
		free(event);
	}
}
