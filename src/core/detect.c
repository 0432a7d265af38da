#include "core/detect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/config.h"
#include "core/listing.h"
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
static void comebacks_close(struct snapshot *snapshot, uint32_t serial)
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
static void record_found(struct record *record, uint32_t serial)
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
	const struct scene *scene, struct record *record, const struct task *view, uint64_t hash)
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
	record->bytes_hash = hash;
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

/* in a first run, an id whose last sight was history already */
static bool is_history(const struct listing *listing, const struct task *view)
{
	return listing->fresh != NULL &&
	       ended_find(listing->fresh,
		       ended_print(snapshot_hash(listing->snapshot, view->id))) != NULL;
}

static void observe(
	const struct scene *scene, const struct listing *listing, struct sighting *sighting)
{
	struct task view = record_task(scene->snapshot, sighting->record);
	struct record *record = snapshot_find(scene->snapshot, view.id);

	view.finished_us = sighting->finished_us;
	if (record != NULL)
		observe_record(scene, record, &view, sighting->record->bytes_hash);
	else if (!is_history(listing, &view) && observe_stranger(scene, &view, sighting->record))
		sighting->record = NULL;
}

/* orders sightings by id, those of one id as they stood in the answer */
static int sighting_order(const void *a, const void *b)
{
	const struct sighting *x = *(struct sighting *const *)a;
	const struct sighting *y = *(struct sighting *const *)b;
	int order = strcmp(record_id(x->record), record_id(y->record));

	return order != 0 ? order : x < y ? -1 : 1;
}

/* an id that stands twice counts once, as it stands last: the earlier ones are dropped */
static void sightings_unique(struct listing *listing)
{
	cleanup_free struct sighting **by_id = NULL;

	if (listing->count < 2)
		return;
	by_id = mem_resize(NULL, listing->count, sizeof(struct sighting *));
	for (size_t i = 0; i < listing->count; i++)
		by_id[i] = &listing->items[i];
	qsort(by_id, listing->count, sizeof(struct sighting *), sighting_order);
	for (size_t i = 0; i + 1 < listing->count; i++) {
		if (strcmp(record_id(by_id[i]->record), record_id(by_id[i + 1]->record)) != 0)
			continue;
		record_free(by_id[i]->record);
		by_id[i]->record = NULL;
	}
}

/* event `summary`: what had already ended when a source was first seen */
static void tell_summary(const struct scene *scene, const size_t counts[STATUS_COUNT])
{
	size_t total =
		counts[STATUS_SUCCESS] + counts[STATUS_FAILURE] + counts[STATUS_PARTIAL_SUCCESS];
	struct event event = {
		.wall_ms = scene->now.wall_ms,
		.type = EVENT_SUMMARY,
		.source = scene->rules->source,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};
	char text[160];

	if (total == 0)
		return;
	(void)snprintf(text, sizeof(text),
		"%zu task%s had already ended: %zu success, %zu failure, %zu partial success",
		total, total == 1 ? "" : "s", counts[STATUS_SUCCESS], counts[STATUS_FAILURE],
		counts[STATUS_PARTIAL_SUCCESS]);
	event.message = text;
	changes_add(scene->changes, &event);
}

/* prints of the first run that a newer answer has meanwhile shown to be active are no history */
static void take_in_first_run(const struct scene *scene, struct ended_set *fresh)
{
	const struct snapshot *snapshot = scene->snapshot;
	size_t counts[STATUS_COUNT] = { 0 };
	const struct record *record;
	struct ended *entry;
	size_t pos = 0;

	while ((record = snapshot_next(snapshot, &pos)) != NULL)
		ended_remove(fresh, ended_print(snapshot_hash(snapshot, record_id(record))));
	pos = 0;
	while ((entry = ended_next(fresh, &pos)) != NULL) {
		entry->generation = snapshot->sweeps;
		counts[entry->status]++;
	}
	ended_merge(&scene->snapshot->ended, fresh);
	if (scene->rules->first_run == FIRST_RUN_SUMMARY)
		tell_summary(scene, counts);
}

/* what follows from the list as a whole */
static void list_close(const struct scene *scene, struct listing *listing)
{
	struct snapshot *snapshot = scene->snapshot;
	struct record *record;
	size_t pos = 0;

	if (listing->scope == LIST_ENDED) {
		snapshot_sort_comebacks(snapshot);
		return;
	}
	listing_keep_echo(listing);
	walk_close(&listing->walk);
	while ((record = snapshot_next(snapshot, &pos)) != NULL)
		if (record->listed[listing->lane] == listing->serial)
			record_found(record, listing->serial);
	comebacks_close(snapshot, listing->serial);
	if (listing->scope != LIST_ALL)
		return;
	if (!listing->partial)
		ended_prune(&snapshot->ended, snapshot->sweeps,
			(uint16_t)(scene->now.wall_ms / 86400000), DETECT_ABSENT_DAYS);
	snapshot->baseline_dirty = snapshot->baseline_dirty || !snapshot->baseline;
	snapshot->baseline = true;
	snapshot->told_after_us = STAMP_NONE;
}

/* how many records the list brings at most, so that a first list makes room once */
static size_t strangers_count(const struct listing *listing)
{
	size_t count = 0;

	for (size_t i = 0; i < listing->count; i++) {
		const struct record *record = listing->items[i].record;

		count += record != NULL &&
			 status_class((enum status)record->status) != CLASS_ENDED &&
			 snapshot_find(listing->snapshot, record_id(record)) == NULL;
	}
	return count;
}

void detect_list(
	struct listing *listing, uint32_t newest, struct instant now, struct changes *changes)
{
	struct snapshot *snapshot = listing->snapshot;
	struct scene scene = {
		.snapshot = snapshot,
		.rules = listing->rules,
		.serial = listing->serial,
		.newest = newest,
		.now = now,
		.asked_ms = listing->asked_ms != 0 ? listing->asked_ms : now.wall_ms,
		.changes = changes,
		.ended_known = snapshot->baseline || listing->scope == LIST_ALL,
	};

	sightings_unique(listing);
	snapshot_reserve(snapshot, strangers_count(listing));
	for (size_t i = 0; i < listing->count; i++)
		if (listing->items[i].record != NULL)
			observe(&scene, listing, &listing->items[i]);
	if (listing->fresh != NULL)
		take_in_first_run(&scene, listing->fresh);
	list_close(&scene, listing);
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
		observe_record(&scene, record, view, 0);
}
