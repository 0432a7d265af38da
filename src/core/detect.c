#include "core/detect.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/detect_ctx.h"

void changes_add(struct changes *changes, const struct event *event)
{
	changes->events = mem_grow(changes->events, &changes->event_cap, changes->event_count + 1,
		sizeof(*changes->events));
	changes->events[changes->event_count++] = event_copy(event);
}

void changes_done(struct changes *changes)
{
	for (size_t i = 0; i < changes->event_count; i++)
		free(changes->events[i]);
	for (size_t i = 0; i < changes->removed_count; i++)
		free(changes->removed[i]);
	free(changes->events);
	free(changes->removed);
	*changes = (struct changes){ 0 };
}

void detect_report(const struct detect_ctx *ctx, enum event_type type, const struct task *task,
	const char *from, const char *to)
{
	struct event event = {
		.wall_ms = ctx->now.wall_ms,
		.type = type,
		.source = ctx->rules->source,
		.task_id = task->id,
		.task_name = task->name,
		.bucket = task->bucket,
		.user_id = task->user_id,
		.from = from,
		.to = to,
		.created_us = task->created_us,
		.finished_us = task->finished_us,
	};

	changes_add(ctx->changes, &event);
}

const char *detect_from(const struct task *task)
{
	return task->status != STATUS_EXPECTED ? task_status_word(task) : NULL;
}

static void note_end(const struct detect_ctx *ctx, const char *id)
{
	struct snapshot *snapshot = ctx->snapshot;
	struct recent_end *end;

	for (int i = 0; i < LIST_KINDS; i++) {
		if (snapshot->open[i] == 0 || snapshot->open[i] >= ctx->seq)
			continue;
		snapshot->recent_ends = mem_grow(snapshot->recent_ends, &snapshot->recent_end_cap,
			snapshot->recent_end_count + 1, sizeof(*snapshot->recent_ends));
		end = &snapshot->recent_ends[snapshot->recent_end_count++];
		end->fingerprint = ended_fingerprint(snapshot_hash(snapshot, id));
		end->seq = ctx->seq;
		return;
	}
}

static bool is_stale(const struct detect_ctx *ctx, const char *id)
{
	const struct snapshot *snapshot = ctx->snapshot;
	struct fingerprint fingerprint;

	if (snapshot->recent_end_count == 0)
		return false;
	fingerprint = ended_fingerprint(snapshot_hash(snapshot, id));
	for (size_t i = 0; i < snapshot->recent_end_count; i++)
		if (snapshot->recent_ends[i].seq > ctx->seq &&
			fingerprint_order(snapshot->recent_ends[i].fingerprint, fingerprint) == 0)
			return true;
	return false;
}

void detect_end(const struct detect_ctx *ctx, struct record *record)
{
	struct changes *changes = ctx->changes;

	note_end(ctx, record_id(record));
	changes->removed = mem_grow(changes->removed, &changes->removed_cap,
		changes->removed_count + 1, sizeof(*changes->removed));
	changes->removed[changes->removed_count++] = mem_strdup(record_id(record));
	snapshot_remove(ctx->snapshot, record);
}

/*
 * Does this poll make believed that the ended task is active again? It takes two in a row that are
 * some way apart: a replica that lags behind answers several quick polls with what was.
 */
static bool reopened_believed(const struct detect_ctx *ctx, const char *id)
{
	struct reopened *reopened = snapshot_reopened(ctx->snapshot, id);
	int64_t apart;

	if (reopened == NULL) {
		snapshot_add_reopened(ctx->snapshot, id, ctx->asked_ms, ctx->newest)->listed = true;
		return false;
	}
	reopened->listed = true;
	apart = ctx->asked_ms - reopened->first_ms;
	/* a wall clock that was set back has to count as well */
	if (ctx->seq <= reopened->after_seq || (apart >= 0 && apart < DETECT_REOPENED_APART_MS))
		return false;
	reopened->done = true;
	return true;
}

/* forgets reopened tasks that the list just applied did not show active again */
void reopened_close(struct snapshot *snapshot, uint32_t seq)
{
	for (size_t i = 0; i < snapshot->reopened_count; i++) {
		struct reopened *reopened = &snapshot->reopened[i];

		reopened->done = reopened->done || (!reopened->listed && seq > reopened->after_seq);
		reopened->listed = false;
	}
	snapshot_sort_reopened(snapshot);
}

/* an id without a record; true when `record` has been taken over */
static bool observe_stranger(
	const struct detect_ctx *ctx, const struct task *view, struct record *record)
{
	const struct ended *ended = snapshot_ended(ctx->snapshot, view->id);
	const char *from = ended != NULL ? status_word((enum status)ended->status) : NULL;
	bool has_ended = status_class(view->status) == CLASS_ENDED;

	/* nearly all there is in a sweep, and so before the ends that are still fresh are walked */
	if (ended != NULL && ended->status == view->status)
		return false;
	if (is_stale(ctx, view->id))
		return false;
	if (ended != NULL) {
		if (!has_ended && !reopened_believed(ctx, view->id))
			return false;
	} else if (has_ended && !ctx->ended_known) {
		return false;
	}
	if (ended != NULL || has_ended || view->status == STATUS_UNKNOWN || ctx->snapshot->baseline)
		detect_report(
			ctx, event_of_status(view->status), view, from, task_status_word(view));
	if (has_ended) {
		(void)snapshot_set_ended(ctx->snapshot, view->id, view->status);
		note_end(ctx, view->id);
		return false;
	}
	if (ended != NULL)
		snapshot_unset_ended(ctx->snapshot, view->id);
	record->observed_seq = ctx->seq;
	record->listed[LIST_POLL] = ctx->seq;
	record->listed[LIST_SWEEP] = ctx->seq;
	record->dirty = true;
	snapshot_put(ctx->snapshot, record, ctx->now.wall_ms);
	return true;
}

/* the task was found: clears all confirmations that it is gone */
void record_found(struct record *record, uint32_t seq)
{
	if (record->observed_seq < seq)
		record->observed_seq = seq;
	if (record->missing_check == NULL)
		return;
	record->dirty = record->dirty || record->missing_check->confirmations != 0;
	record->missing_check->confirmations = 0;
	record->missing_check->confirmed_ms = 0;
	record->missing_check->not_found_seq = 0;
}

static void observe_record(
	const struct detect_ctx *ctx, struct record *record, const struct task *view)
{
	struct task old = record_task(ctx->snapshot, record);
	enum status old_status = old.status;
	const char *to = task_status_word(view);
	cleanup_free char *was = mem_strdup(task_status_word(&old));
	struct task merged;

	if (ctx->seq < record->observed_seq)
		return;
	record_found(record, ctx->seq);
	record->dirty = record->dirty || task_differs(&old, view);
	record = snapshot_update(ctx->snapshot, record, view);
	if (strcmp(was, to) != 0) {
		merged = record_task(ctx->snapshot, record);
		merged.finished_us = view->finished_us;
		detect_report(ctx, event_of_status(view->status), &merged,
			old_status != STATUS_EXPECTED ? was : NULL, to);
	}
	if (status_class(view->status) != CLASS_ENDED)
		return;
	(void)snapshot_set_ended(ctx->snapshot, view->id, view->status);
	detect_end(ctx, record);
}

bool detect_observe(const struct detect_ctx *ctx, const struct task *view, struct record *fresh)
{
	struct record *record = snapshot_find(ctx->snapshot, view->id);

	if (record == NULL)
		return observe_stranger(ctx, view, fresh);
	observe_record(ctx, record, view);
	return false;
}

void detect_task(struct snapshot *snapshot, const struct detect_rules *rules,
	const struct task *view, uint32_t seq, uint32_t newest, struct instant now,
	struct changes *changes)
{
	struct detect_ctx ctx = {
		.snapshot = snapshot,
		.rules = rules,
		.seq = seq,
		.newest = newest,
		.now = now,
		.changes = changes,
	};
	struct record *record = snapshot_find(snapshot, view->id);

	if (record != NULL)
		observe_record(&ctx, record, view);
}
