#include "core/scene.h"

#include <string.h>

#include "base/mem.h"

void scene_tell(const struct scene *scene, enum event_type type, const struct task *task,
	const char *from, const char *to)
{
	struct event event = {
		.wall_ms = scene->now.wall_ms,
		.type = type,
		.source = scene->rules->source,
		.task_id = task->id,
		.task_name = task->name,
		.bucket = task->bucket,
		.user_id = task->user_id,
		.from = from,
		.to = to,
		.created_us = task->created_us,
		.finished_us = task->finished_us,
	};

	changes_add(scene->changes, &event);
}

const char *scene_from(const struct task *task)
{
	return task->status != STATUS_EXPECTED ? task_status_word(task) : NULL;
}

void scene_note_end(const struct scene *scene, const char *id)
{
	struct snapshot *snapshot = scene->snapshot;
	struct late_end *late;

	for (int i = 0; i < LANE_COUNT; i++) {
		if (snapshot->open[i] == 0 || snapshot->open[i] >= scene->serial)
			continue;
		snapshot->late = mem_grow(snapshot->late, &snapshot->late_cap,
			snapshot->late_count + 1, sizeof(*snapshot->late));
		late = &snapshot->late[snapshot->late_count++];
		late->fingerprint = ended_fingerprint(snapshot_hash(snapshot, id));
		late->serial = scene->serial;
		return;
	}
}

bool scene_is_late(const struct scene *scene, const char *id)
{
	const struct snapshot *snapshot = scene->snapshot;
	struct fingerprint fingerprint;

	if (snapshot->late_count == 0)
		return false;
	fingerprint = ended_fingerprint(snapshot_hash(snapshot, id));
	for (size_t i = 0; i < snapshot->late_count; i++)
		if (snapshot->late[i].serial > scene->serial &&
			fingerprint_order(snapshot->late[i].fingerprint, fingerprint) == 0)
			return true;
	return false;
}

void scene_end(const struct scene *scene, struct record *record)
{
	struct changes *changes = scene->changes;

	scene_note_end(scene, record_id(record));
	changes->removed = mem_grow(changes->removed, &changes->removed_cap,
		changes->removed_count + 1, sizeof(*changes->removed));
	changes->removed[changes->removed_count++] = mem_strdup(record_id(record));
	snapshot_remove(scene->snapshot, record);
}
