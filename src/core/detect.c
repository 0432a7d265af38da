#include "core/detect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/config.h"
#include "core/listing.h"

/* the answer that is being applied */
struct scene {
	struct book *book;
	const struct detect_rules *rules;
	uint32_t serial;
	uint32_t newest;
	struct instant now;
	struct changes *changes;
	bool ended_known; /* ended tasks never seen before are news (not history we have yet to take
			     in) */
};

static void tell(const struct scene *scene, enum event_type type, const struct task *task,
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

/* what a record was, as users read it; NULL when `wait` only expects it */
static const char *from_word(const struct task *task)
{
	return task->status != STATUS_EXPECTED ? task_status_word(task) : NULL;
}

/* remembers an end for as long as an older list is under way, which may show the task as it was
 * before */
static void end_note(const struct scene *scene, const char *id)
{
	struct book *book = scene->book;
	struct late_end *late;

	for (int i = 0; i < LANE_COUNT; i++) {
		if (book->open[i] == 0 || book->open[i] >= scene->serial)
			continue;
		book->late = mem_grow(
			book->late, &book->late_cap, book->late_count + 1, sizeof(*book->late));
		late = &book->late[book->late_count++];
		ended_print(book_hash(book, id), late->print);
		late->serial = scene->serial;
		return;
	}
}

/* was the end of this task learned from a request that was sent after this one? */
static bool end_is_newer(const struct scene *scene, const char *id)
{
	const struct book *book = scene->book;
	uint8_t print[ENDED_PRINT];

	if (book->late_count == 0)
		return false;
	ended_print(book_hash(book, id), print);
	for (size_t i = 0; i < book->late_count; i++)
		if (book->late[i].serial > scene->serial &&
			memcmp(book->late[i].print, print, sizeof(print)) == 0)
			return true;
	return false;
}

/* the record leaves the book, because its task has ended one way or another */
static void record_end(const struct scene *scene, struct record *record)
{
	struct changes *changes = scene->changes;

	end_note(scene, record_id(record));
	changes->removed = mem_grow(changes->removed, &changes->removed_cap,
		changes->removed_count + 1, sizeof(*changes->removed));
	changes->removed[changes->removed_count++] = mem_strdup(record_id(record));
	book_remove(scene->book, record);
}

static bool text_differs(const char *old, const char *new)
{
	return new != NULL && (old == NULL || strcmp(old, new) != 0);
}

/* does the view say anything that the store does not have yet? what it does not know is no news */
static bool task_differs(const struct task *old, const struct task *new)
{
	return old->status != new->status ||
	       (new->status == STATUS_UNKNOWN &&text_differs(old->word, new->word)) ||
	       text_differs(old->name, new->name) || text_differs(old->bucket, new->bucket) ||
	       text_differs(old->user_id, new->user_id) ||
	       (new->created_us != STAMP_NONE && old->created_us != new->created_us);
}

static void comeback_forget(struct book *book, size_t i)
{
	free(book->comebacks[i].id);
	book->comebacks[i] = book->comebacks[--book->comeback_count];
}

/* true when this is the second poll in a row that shows the ended task active */
static bool comeback_believed(const struct scene *scene, const char *id)
{
	struct book *book = scene->book;

	for (size_t i = 0; i < book->comeback_count; i++) {
		struct comeback *comeback = &book->comebacks[i];

		if (strcmp(comeback->id, id) != 0)
			continue;
		comeback->fresh = true;
		if (scene->serial <= comeback->after)
			return false;
		comeback_forget(book, i);
		return true;
	}
	book->comebacks = mem_grow(book->comebacks, &book->comeback_cap, book->comeback_count + 1,
		sizeof(*book->comebacks));
	book->comebacks[book->comeback_count++] =
		(struct comeback){ .id = mem_strdup(id), .after = scene->newest, .fresh = true };
	return false;
}

/* those that the list which has just been applied did not show again were a slip */
static void comebacks_close(struct book *book, uint32_t serial)
{
	for (size_t i = book->comeback_count; i-- > 0;) {
		struct comeback *comeback = &book->comebacks[i];

		if (!comeback->fresh && serial > comeback->after)
			comeback_forget(book, i);
		else
			comeback->fresh = false;
	}
}

static void record_begin(const struct scene *scene, struct record *record)
{
	record->as_of = scene->serial;
	record->listed[LANE_POLL] = scene->serial;
	record->listed[LANE_SWEEP] = scene->serial;
	record->dirty = true;
	book_put(scene->book, record, scene->now.wall_ms);
}

/* an id without a record; true when `record` has been taken over */
static bool observe_stranger(
	const struct scene *scene, const struct task *view, struct record *record)
{
	const struct ended *ended = book_ended(scene->book, view->id);
	const char *from = ended != NULL ? status_word((enum status)ended->status) : NULL;
	bool has_ended = status_class(view->status) == CLASS_ENDED;

	if (end_is_newer(scene, view->id))
		return false;
	if (ended != NULL) {
		if (ended->status == view->status)
			return false;
		if (!has_ended && !comeback_believed(scene, view->id))
			return false;
	} else if (has_ended && !scene->ended_known) {
		return false;
	}
	if (ended != NULL || has_ended || view->status == STATUS_UNKNOWN || scene->book->baseline)
		tell(scene, event_of_status(view->status), view, from, task_status_word(view));
	if (has_ended) {
		(void)book_set_ended(scene->book, view->id, view->status);
		end_note(scene, view->id);
		return false;
	}
	if (ended != NULL)
		book_unset_ended(scene->book, view->id);
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
	struct task old = record_task(scene->book, record);
	cleanup_free char *from = mem_strdup(from_word(&old));
	bool changed = old.status != view->status ||
		       (view->status == STATUS_UNKNOWN && text_differs(old.word, view->word));
	struct task merged;

	if (scene->serial < record->as_of)
		return;
	record_found(record, scene->serial);
	record->dirty = record->dirty || task_differs(&old, view);
	record = book_update(scene->book, record, view);
	record->bytes_hash = hash;
	if (changed) {
		merged = record_task(scene->book, record);
		merged.finished_us = view->finished_us;
		tell(scene, event_of_status(view->status), &merged, from, task_status_word(view));
	}
	if (status_class(view->status) != CLASS_ENDED)
		return;
	(void)book_set_ended(scene->book, view->id, view->status);
	record_end(scene, record);
}

static void observe(const struct scene *scene, struct sighting *sighting)
{
	struct task view = record_task(scene->book, sighting->record);
	struct record *record = book_find(scene->book, view.id);

	view.finished_us = sighting->finished_us;
	if (record != NULL)
		observe_record(scene, record, &view, sighting->record->bytes_hash);
	else if (observe_stranger(scene, &view, sighting->record))
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

	(void)snprintf(text, sizeof(text),
		"%zu tasks had already ended: %zu success, %zu failure, %zu partial success", total,
		counts[STATUS_SUCCESS], counts[STATUS_FAILURE], counts[STATUS_PARTIAL_SUCCESS]);
	event.message = text;
	changes_add(scene->changes, &event);
}

/* prints of the first run that a newer answer has meanwhile shown to be active are no history */
static void take_in_first_run(const struct scene *scene, struct ended_set *fresh)
{
	size_t counts[STATUS_COUNT] = { 0 };
	size_t total = fresh->count;

	for (size_t b = 0; b < ENDED_BLOCKS; b++)
		for (uint32_t i = fresh->blocks[b].count; i-- > 0;) {
			struct ended *entry = &fresh->blocks[b].items[i];

			if (book_has_print(scene->book, entry->print)) {
				ended_remove(fresh, entry->print);
				continue;
			}
			entry->generation = scene->book->sweeps;
			counts[entry->status]++;
		}
	ended_merge(&scene->book->ended, fresh);
	if (scene->rules->first_run == FIRST_RUN_SUMMARY && total > 0)
		tell_summary(scene, counts);
}

/* what follows from the list as a whole */
static void list_close(const struct scene *scene, const struct listing *listing)
{
	struct book *book = scene->book;
	struct record *record;
	size_t pos = 0;

	if (listing->scope == LIST_ENDED)
		return;
	while ((record = book_next(book, &pos)) != NULL)
		if (record->listed[listing->lane] == listing->serial)
			record_found(record, listing->serial);
	comebacks_close(book, listing->serial);
	if (listing->scope != LIST_ALL)
		return;
	ended_prune(&book->ended, book->sweeps, (uint16_t)(scene->now.wall_ms / 86400000),
		DETECT_ABSENT_DAYS);
	book->baseline_dirty = book->baseline_dirty || !book->baseline;
	book->baseline = true;
	book->told_after_us = STAMP_NONE;
}

void detect_list(
	struct listing *listing, uint32_t newest, struct instant now, struct changes *changes)
{
	struct book *book = listing->book;
	struct scene scene = {
		.book = book,
		.rules = listing->rules,
		.serial = listing->serial,
		.newest = newest,
		.now = now,
		.changes = changes,
		.ended_known = book->baseline || listing->scope == LIST_ALL,
	};

	sightings_unique(listing);
	for (size_t i = 0; i < listing->count; i++)
		if (listing->items[i].record != NULL)
			observe(&scene, &listing->items[i]);
	if (listing->fresh != NULL)
		take_in_first_run(&scene, listing->fresh);
	list_close(&scene, listing);
}

void detect_task(struct book *book, const struct detect_rules *rules, const struct task *view,
	uint32_t serial, uint32_t newest, struct instant now, struct changes *changes)
{
	struct scene scene = {
		.book = book,
		.rules = rules,
		.serial = serial,
		.newest = newest,
		.now = now,
		.changes = changes,
	};
	struct record *record = book_find(book, view->id);

	if (record != NULL)
		observe_record(&scene, record, view, 0);
}

void detect_not_by_id(struct book *book, const char *id, uint32_t serial)
{
	struct record *record = book_find(book, id);

	if (record != NULL && serial > record->as_of)
		record_search(record)->not_by_id = serial;
}

static int64_t looked_up_ms(const struct record *record)
{
	return record->search != NULL ? record->search->looked_up_ms : 0;
}

static uint32_t not_by_id(const struct record *record)
{
	return record->search != NULL ? record->search->not_by_id : 0;
}

static bool is_missing(const struct record *record, enum lane lane, uint32_t serial)
{
	if (record->listed[lane] >= serial || record->as_of >= serial)
		return false;
	return lane == LANE_SWEEP || record->status != STATUS_UNKNOWN;
}

/* longest not looked up first, then by id, so that the choice does not depend on the hash key */
static int lookup_order(const void *a, const void *b)
{
	const struct record *x = *(struct record *const *)a;
	const struct record *y = *(struct record *const *)b;

	if (looked_up_ms(x) != looked_up_ms(y))
		return looked_up_ms(x) < looked_up_ms(y) ? -1 : 1;
	return strcmp(record_id(x), record_id(y));
}

size_t detect_missing(const struct book *book, enum lane lane, uint32_t serial, uint32_t since,
	struct record **ret, size_t max)
{
	cleanup_free struct record **all = NULL;
	struct record *record;
	size_t count = 0;
	size_t cap = 0;
	size_t pos = 0;

	while ((record = book_next(book, &pos)) != NULL) {
		if (!is_missing(record, lane, serial) || (since != 0 && not_by_id(record) >= since))
			continue;
		all = mem_grow(all, &cap, count + 1, sizeof(struct record *));
		all[count++] = record;
	}
	if (count > 1)
		qsort(all, count, sizeof(struct record *), lookup_order);
	for (size_t i = 0; i < count && i < max; i++)
		ret[i] = all[i];
	return count;
}

/* one word; true when it was the last that was needed */
static bool word_counts(struct record *record, int64_t wall_ms)
{
	struct search *search = record_search(record);
	int64_t apart = wall_ms - search->missing_ms;

	/* a wall clock that was set back has to count as well, or the task would stay for a year */
	if (search->missing != 0 && apart >= 0 && apart < DETECT_GONE_APART_MS)
		return false;
	search->missing++;
	search->missing_ms = wall_ms;
	record->dirty = true;
	return search->missing >= DETECT_GONE_WORDS;
}

size_t detect_gone(struct book *book, const struct detect_rules *rules, uint32_t serial,
	uint32_t since, struct instant now, struct changes *changes)
{
	struct scene scene = {
		.book = book, .rules = rules, .serial = serial, .now = now, .changes = changes
	};
	size_t total = detect_missing(book, LANE_SWEEP, serial, 0, NULL, 0);
	cleanup_free struct record **missing = mem_resize(NULL, total, sizeof(struct record *));
	size_t waiting = 0;

	(void)detect_missing(book, LANE_SWEEP, serial, 0, missing, total);
	for (size_t i = 0; i < total; i++) {
		struct record *record = missing[i];

		if (not_by_id(record) == 0 || not_by_id(record) < since) {
			waiting += record->search != NULL && record->search->missing != 0;
		} else if (word_counts(record, now.wall_ms)) {
			struct task task = record_task(book, record);

			tell(&scene, EVENT_GONE, &task, from_word(&task), NULL);
			record_end(&scene, record);
		} else {
			waiting++;
		}
	}
	return waiting;
}

void detect_stuck(struct book *book, const struct detect_rules *rules, struct instant now,
	struct changes *changes)
{
	struct scene scene = { .book = book, .rules = rules, .now = now, .changes = changes };
	struct record *record;
	size_t pos = 0;

	if (rules->stuck_after_ms == 0)
		return;
	while ((record = book_next(book, &pos)) != NULL) {
		struct task task = record_task(book, record);
		int64_t since = task.created_us != STAMP_NONE ? task.created_us / 1000
							      : (int64_t)record->seen_s * 1000;

		if (record->stuck_told || status_class(task.status) != CLASS_ACTIVE ||
			now.wall_ms - since <= rules->stuck_after_ms)
			continue;
		record->stuck_told = true;
		record->dirty = true;
		tell(&scene, EVENT_STUCK, &task, from_word(&task), from_word(&task));
	}
}
