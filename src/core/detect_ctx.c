#include "core/detect_ctx.h"

#include <string.h>

#include "base/mem.h"

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

void detect_note_end(const struct detect_ctx *ctx, const char *id)
{
	struct snapshot *snapshot = ctx->snapshot;
	struct recent_end *end;

	for (int i = 0; i < LANE_COUNT; i++) {
		if (snapshot->open[i] == 0 || snapshot->open[i] >= ctx->serial)
			continue;
		snapshot->recent_ends = mem_grow(snapshot->recent_ends, &snapshot->recent_end_cap,
			snapshot->recent_end_count + 1, sizeof(*snapshot->recent_ends));
		end = &snapshot->recent_ends[snapshot->recent_end_count++];
		end->fingerprint = ended_fingerprint(snapshot_hash(snapshot, id));
		end->serial = ctx->serial;
		return;
	}
}

bool detect_is_stale(const struct detect_ctx *ctx, const char *id)
{
	const struct snapshot *snapshot = ctx->snapshot;
	struct fingerprint fingerprint;

	if (snapshot->recent_end_count == 0)
		return false;
	fingerprint = ended_fingerprint(snapshot_hash(snapshot, id));
	for (size_t i = 0; i < snapshot->recent_end_count; i++)
		if (snapshot->recent_ends[i].serial > ctx->serial &&
			fingerprint_order(snapshot->recent_ends[i].fingerprint, fingerprint) == 0)
			return true;
	return false;
}

void detect_end(const struct detect_ctx *ctx, struct record *record)
{
	struct changes *changes = ctx->changes;

	detect_note_end(ctx, record_id(record));
	changes->removed = mem_grow(changes->removed, &changes->removed_cap,
		changes->removed_count + 1, sizeof(*changes->removed));
	changes->removed[changes->removed_count++] = mem_strdup(record_id(record));
	snapshot_remove(ctx->snapshot, record);
}
