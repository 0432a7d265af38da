#include "core/detect.h"

#include <string.h>

#include "base/mem.h"
#include "core/scene.h"

/*
 * Does this poll make believed that the ended task is active again? It takes two in a row that are
 * some way apart: a replica that lags behind answers several quick polls with what was.
 */
static bool comeback_believed(const struct scene *scene, const char *id)
{
	struct comeback *comeback = snapshot_comeback(scene->snapshot, id);
	int64_t apart;

	if (comeback == NULL) {
		snapshot_add_comeback(scene->snapshot, id, scene->asked_ms, scene->newest)->fresh =
			true;
		return false;
	}
	comeback->fresh = true;
	apart = scene->asked_ms - comeback->first_ms;
	/* a wall clock that was set back has to count as well */
	if (scene->serial <= comeback->after || (apart >= 0 && apart < DETECT_COMEBACK_APART_MS))
		return false;
	comeback->over = true;
	return true;
}

/* those that the list which has just been applied did not show again were a slip */
void comebacks_close(struct snapshot *snapshot, uint32_t serial)
{
	for (size_t i = 0; i < snapshot->comeback_count; i++) {
		struct comeback *comeback = &snapshot->comebacks[i];

		comeback->over = comeback->over || (!comeback->fresh && serial > comeback->after);
		comeback->fresh = false;
	}
	snapshot_sort_comebacks(snapshot);
}

static void record_begin(const struct scene *scene, struct record *record)
{
	record->as_of = scene->serial;
	record->listed[LANE_POLL] = scene->serial;
	record->listed[LANE_SWEEP] = scene->serial;
	record->dirty = true;
	snapshot_put(scene->snapshot, record, scene->now.wall_ms);
}

/* an id without a record; true when `record` has been taken over */
static bool observe_stranger(
	const struct scene *scene, const struct task *view, struct record *record)
{
	const struct ended *ended = snapshot_ended(scene->snapshot, view->id);
	const char *from = ended != NULL ? status_word((enum status)ended->status) : NULL;
	bool has_ended = status_class(view->status) == CLASS_ENDED;

	/* nearly all there is in a sweep, and so before the ends that are still fresh are walked */
	if (ended != NULL && ended->status == view->status)
		return false;
	if (scene_is_late(scene, view->id))
		return false;
	if (ended != NULL) {
		if (!has_ended && !comeback_believed(scene, view->id))
			return false;
	} else if (has_ended && !scene->ended_known) {
		return false;
	}
	if (ended != NULL || has_ended || view->status == STATUS_UNKNOWN ||
		scene->snapshot->baseline)
		scene_tell(
			scene, event_of_status(view->status), view, from, task_status_word(view));
	if (has_ended) {
		(void)snapshot_set_ended(scene->snapshot, view->id, view->status);
		scene_note_end(scene, view->id);
		return false;
	}
	if (ended != NULL)
		snapshot_unset_ended(scene->snapshot, view->id);
	record_begin(scene, record);
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
	const struct scene *scene, struct record *record, const struct task *view)
{
	struct task old = record_task(scene->snapshot, record);
	cleanup_free char *from = mem_strdup(scene_from(&old));
	bool changed = strcmp(task_status_word(&old), task_status_word(view)) != 0;
	struct task merged;

	if (scene->serial < record->as_of)
		return;
	record_found(record, scene->serial);
	record->dirty = record->dirty || task_differs(&old, view);
	record = snapshot_update(scene->snapshot, record, view);
	if (changed) {
		merged = record_task(scene->snapshot, record);
		merged.finished_us = view->finished_us;
		scene_tell(scene, event_of_status(view->status), &merged, from,
			task_status_word(view));
	}
	if (status_class(view->status) != CLASS_ENDED)
		return;
	(void)snapshot_set_ended(scene->snapshot, view->id, view->status);
	scene_end(scene, record);
}

bool detect_observe(const struct scene *scene, const struct task *view, struct record *fresh)
{
	struct record *record = snapshot_find(scene->snapshot, view->id);

	if (record == NULL)
		return observe_stranger(scene, view, fresh);
	observe_record(scene, record, view);
	return false;
}

void detect_task(struct snapshot *snapshot, const struct detect_rules *rules,
	const struct task *view, uint32_t serial, uint32_t newest, struct instant now,
	struct changes *changes)
{
	struct scene scene = {
		.snapshot = snapshot,
		.rules = rules,
		.serial = serial,
		.newest = newest,
		.now = now,
		.changes = changes,
	};
	struct record *record = snapshot_find(snapshot, view->id);

	if (record != NULL)
		observe_record(&scene, record, view);
}
