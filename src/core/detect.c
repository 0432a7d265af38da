#include "core/detect.h"

#include <string.h>

#include "base/mem.h"
#include "core/detect_ctx.h"

/*
 * Does this poll make believed that the ended task is active again? It takes two in a row that are
 * some way apart: a replica that lags behind answers several quick polls with what was.
 */
static bool reopened_believed(const struct detect_ctx *ctx, const char *id)
{
	struct reopened *reopened = snapshot_reopened(ctx->snapshot, id);
	int64_t apart;

	if (reopened == NULL) {
		snapshot_add_reopened(ctx->snapshot, id, ctx->asked_ms, ctx->newest)->fresh = true;
		return false;
	}
	reopened->fresh = true;
	apart = ctx->asked_ms - reopened->first_ms;
	/* a wall clock that was set back has to count as well */
	if (ctx->serial <= reopened->after || (apart >= 0 && apart < DETECT_REOPENED_APART_MS))
		return false;
	reopened->over = true;
	return true;
}

/* those that the list which has just been applied did not show again were a slip */
void reopened_close(struct snapshot *snapshot, uint32_t serial)
{
	for (size_t i = 0; i < snapshot->reopened_count; i++) {
		struct reopened *reopened = &snapshot->reopened[i];

		reopened->over = reopened->over || (!reopened->fresh && serial > reopened->after);
		reopened->fresh = false;
	}
	snapshot_sort_reopened(snapshot);
}

static void record_begin(const struct detect_ctx *ctx, struct record *record)
{
	record->as_of = ctx->serial;
	record->listed[LANE_POLL] = ctx->serial;
	record->listed[LANE_SWEEP] = ctx->serial;
	record->dirty = true;
	snapshot_put(ctx->snapshot, record, ctx->now.wall_ms);
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
	if (detect_is_stale(ctx, view->id))
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
		detect_note_end(ctx, view->id);
		return false;
	}
	if (ended != NULL)
		snapshot_unset_ended(ctx->snapshot, view->id);
	record_begin(ctx, record);
	return true;
}

/* the task is somewhere: whatever said that it is nowhere is refuted */
void record_found(struct record *record, uint32_t serial)
{
	if (record->as_of < serial)
		record->as_of = serial;
	if (record->search == NULL)
		return;
	record->dirty = record->dirty || record->search->missing != 0;
	record->search->missing = 0;
	record->search->missing_ms = 0;
	record->search->not_by_id = 0;
}

static void observe_record(
	const struct detect_ctx *ctx, struct record *record, const struct task *view)
{
	struct task old = record_task(ctx->snapshot, record);
	cleanup_free char *from = mem_strdup(detect_from(&old));
	bool changed = strcmp(task_status_word(&old), task_status_word(view)) != 0;
	struct task merged;

	if (ctx->serial < record->as_of)
		return;
	record_found(record, ctx->serial);
	record->dirty = record->dirty || task_differs(&old, view);
	record = snapshot_update(ctx->snapshot, record, view);
	if (changed) {
		merged = record_task(ctx->snapshot, record);
		merged.finished_us = view->finished_us;
		detect_report(
			ctx, event_of_status(view->status), &merged, from, task_status_word(view));
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
	const struct task *view, uint32_t serial, uint32_t newest, struct instant now,
	struct changes *changes)
{
	struct detect_ctx ctx = {
		.snapshot = snapshot,
		.rules = rules,
		.serial = serial,
		.newest = newest,
		.now = now,
		.changes = changes,
	};
	struct record *record = snapshot_find(snapshot, view->id);

	if (record != NULL)
		observe_record(&ctx, record, view);
}
