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
	bool ended_known; /* ended tasks never seen before are news (not history we have yet to take in) */
};

static void tell(const struct scene *scene, enum event_type type, const struct task *task, const char *from,
	const char *to)
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

/* what the record was, as users read it; NULL when `wait` only expects it */
static const char *record_from(const struct record *record)
{
	return record->task.status != STATUS_EXPECTED ? task_status_word(&record->task) : NULL;
}

static void record_drop(const struct scene *scene, struct record *record)
{
	struct changes *changes = scene->changes;

	changes->removed = mem_grow(changes->removed, &changes->removed_cap, changes->removed_count + 1,
		sizeof(*changes->removed));
	changes->removed[changes->removed_count++] = mem_strdup(record->task.id);
	book_remove(scene->book, record);
}

static bool text_differs(const char *old, const char *new)
{
	return new != NULL && (old == NULL || strcmp(old, new) != 0);
}

static bool stamp_differs(int64_t old, int64_t new)
{
	return new != STAMP_NONE && old != new;
}

/* does the view say anything that the store does not have yet? what it does not know is no news */
static bool task_differs(const struct task *old, const struct task *new)
{
	return old->status != new->status ||
		(new->status == STATUS_UNKNOWN && text_differs(old->word, new->word)) ||
		text_differs(old->name, new->name) || text_differs(old->bucket, new->bucket) ||
		text_differs(old->user_id, new->user_id) || stamp_differs(old->created_us, new->created_us) ||
		stamp_differs(old->finished_us, new->finished_us);
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
	book->comebacks = mem_grow(
		book->comebacks, &book->comeback_cap, book->comeback_count + 1, sizeof(*book->comebacks));
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

static void record_begin(const struct scene *scene, const struct task *view, uint64_t hash)
{
	struct record *record = book_add(scene->book, view, scene->now.wall_ms);

	record->bytes_hash = hash;
	record->as_of = scene->serial;
	record->listed[LANE_POLL] = scene->serial;
	record->listed[LANE_SWEEP] = scene->serial;
	record->dirty = true;
}

static void end_note(const struct scene *scene, const char *id)
{
	struct book *book = scene->book;
	size_t i = book->recent_next++ % BOOK_RECENT;

	book_print(book, id, book->recent[i].print);
	book->recent[i].serial = scene->serial;
}

/* was the end of this task learned from a request that was sent after this one? */
static bool end_is_newer(const struct scene *scene, const char *id)
{
	const struct book *book = scene->book;
	uint8_t print[12];

	book_print(book, id, print);
	for (size_t i = 0; i < BOOK_RECENT; i++)
		if (book->recent[i].serial > scene->serial &&
			memcmp(book->recent[i].print, print, sizeof(print)) == 0)
			return true;
	return false;
}

/* an id without a record */
static void observe_stranger(const struct scene *scene, const struct task *view, uint64_t hash)
{
	const struct ended *ended = book_ended(scene->book, view->id);
	const char *from = ended != NULL ? status_word((enum status)ended->status) : NULL;
	bool has_ended = status_class(view->status) == CLASS_ENDED;

	if (ended != NULL) {
		if (ended->status == view->status || end_is_newer(scene, view->id))
			return;
		if (!has_ended && !comeback_believed(scene, view->id))
			return;
	} else if (has_ended && !scene->ended_known) {
		return;
	}
	if (ended != NULL || has_ended || view->status == STATUS_UNKNOWN || scene->book->baseline)
		tell(scene, event_of_status(view->status), view, from, task_status_word(view));
	if (has_ended) {
		(void)book_set_ended(scene->book, view->id, view->status);
		end_note(scene, view->id);
	} else {
		if (ended != NULL)
			book_unset_ended(scene->book, view->id);
		record_begin(scene, view, hash);
	}
}

/* the task is somewhere: whatever said that it is nowhere is refuted */
static void record_found(const struct scene *scene, struct record *record)
{
	record->as_of = scene->serial;
	record->not_by_id = 0;
	if (record->missing != 0) {
		record->missing = 0;
		record->missing_ms = 0;
		record->dirty = true;
	}
}

static void observe_record(
	const struct scene *scene, struct record *record, const struct task *view, uint64_t hash)
{
	char *old = mem_strdup(record_from(record));
	cleanup_free char *from = old;
	bool changed = record->task.status != view->status ||
		(view->status == STATUS_UNKNOWN && text_differs(record->task.word, view->word));

	if (scene->serial < record->as_of)
		return;
	record_found(scene, record);
	record->dirty = record->dirty || task_differs(&record->task, view);
	record = book_update(scene->book, record, view);
	record->bytes_hash = hash;
	if (changed)
		tell(scene, event_of_status(view->status), &record->task, from, task_status_word(view));
	if (status_class(view->status) != CLASS_ENDED)
		return;
	(void)book_set_ended(scene->book, view->id, view->status);
	end_note(scene, view->id);
	record_drop(scene, record);
}

static void observe(const struct scene *scene, const struct task *view, uint64_t hash)
{
	struct record *record = book_find(scene->book, view->id);

	if (record != NULL)
		observe_record(scene, record, view, hash);
	else
		observe_stranger(scene, view, hash);
}

/* orders sightings by id, those of one id as they stood in the answer */
static int sighting_order(const void *a, const void *b)
{
	const struct sighting *const *x = a;
	const struct sighting *const *y = b;
	int order = strcmp((*x)->task->id, (*y)->task->id);

	return order != 0 ? order : *x < *y ? -1 : 1;
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
	for (size_t i = 0; i + 1 < listing->count; i++)
		if (strcmp(by_id[i]->task->id, by_id[i + 1]->task->id) == 0)
			by_id[i]->bytes_hash = 0, by_id[i]->task->status = STATUS_COUNT;
}

/* events `summary`: what had already ended when a source was first seen */
static void tell_summary(const struct scene *scene, const size_t counts[STATUS_COUNT])
{
	size_t total = counts[STATUS_SUCCESS] + counts[STATUS_FAILURE] + counts[STATUS_PARTIAL_SUCCESS];
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

/* `fresh` may name an id twice: the last one stands, and the counts follow what is in the book */
static void take_in_first_run(const struct scene *scene, const struct listing *listing)
{
	size_t counts[STATUS_COUNT] = { 0 };

	for (size_t i = 0; i < listing->fresh_count; i++) {
		const struct ended *fresh = &listing->fresh[i];
		size_t before = scene->book->ended_count;
		struct ended *entry = book_set_print(scene->book, fresh->print, (enum status)fresh->status);

		if (scene->book->ended_count == before && entry->generation == listing->generation)
			counts[entry->absent_day]--;
		/* until this function ends, absent_day holds the status that was counted */
		entry->generation = listing->generation;
		entry->absent_day = fresh->status;
		counts[fresh->status]++;
	}
	for (size_t i = 0; i < listing->fresh_count; i++)
		book_set_print(scene->book, listing->fresh[i].print, (enum status)listing->fresh[i].status)
			->absent_day = 0;
	if (scene->rules->first_run == FIRST_RUN_SUMMARY && listing->fresh_count > 0)
		tell_summary(scene, counts);
}

/*
 * Ended tasks that the API no longer lists are forgotten in the end, so that the state does not grow for
 * ever; not at once, because an answer that is short by mistake must not make the next full one news.
 */
static void prune_ended(struct book *book, uint8_t generation, int64_t wall_ms)
{
	uint16_t today = (uint16_t)(wall_ms / 86400000);

	for (size_t b = 0; b < ENDED_BLOCKS; b++) {
		struct ended_block *block = &book->blocks[b];
		uint32_t kept = 0;

		for (uint32_t i = 0; i < block->count; i++) {
			struct ended entry = block->items[i];
			uint16_t since = entry.absent_day;

			if (entry.generation == generation)
				entry.absent_day = 0;
			else if (since == 0)
				entry.absent_day = today;
			else if (today > since && today - since > DETECT_ABSENT_DAYS)
				continue;
			block->dirty = block->dirty || entry.absent_day != since;
			block->items[kept++] = entry;
		}
		book->ended_count -= block->count - kept;
		block->dirty = block->dirty || kept != block->count;
		block->count = kept;
	}
}

void detect_list(struct listing *listing, uint32_t newest, struct instant now, struct changes *changes)
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
		if (listing->items[i].task->status != STATUS_COUNT)
			observe(&scene, listing->items[i].task, listing->items[i].bytes_hash);
	take_in_first_run(&scene, listing);
	if (listing->scope == LIST_ALL) {
		prune_ended(book, listing->generation, now.wall_ms);
		book->baseline_dirty = book->baseline_dirty || !book->baseline;
		book->baseline = true;
		book->told_after_us = STAMP_NONE;
	}
	if (listing->scope != LIST_ENDED)
		comebacks_close(book, listing->serial);
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
		observe_record(&scene, record, view, record->bytes_hash);
}

void detect_not_by_id(struct book *book, const char *id, uint32_t serial)
{
	struct record *record = book_find(book, id);

	if (record != NULL && serial > record->as_of)
		record->not_by_id = serial;
}

static bool is_missing(const struct record *record, enum lane lane, uint32_t serial)
{
	if (record->listed[lane] >= serial || record->as_of >= serial)
		return false;
	return lane == LANE_SWEEP || record->task.status != STATUS_UNKNOWN;
}

/* longest not looked up first, then by id, so that the choice does not depend on the hash key */
static int lookup_order(const void *a, const void *b)
{
	const struct record *x = *(struct record *const *)a;
	const struct record *y = *(struct record *const *)b;

	if (x->looked_up_ms != y->looked_up_ms)
		return x->looked_up_ms < y->looked_up_ms ? -1 : 1;
	return strcmp(x->task.id, y->task.id);
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
		if (!is_missing(record, lane, serial) || (since != 0 && record->not_by_id >= since))
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
	int64_t apart = wall_ms - record->missing_ms;

	/* a wall clock that was set back has to count as well, or the task would stay for a year */
	if (record->missing != 0 && apart >= 0 && apart < DETECT_GONE_APART_MS)
		return false;
	record->missing++;
	record->missing_ms = wall_ms;
	record->dirty = true;
	return record->missing >= DETECT_GONE_WORDS;
}

size_t detect_gone(struct book *book, const struct detect_rules *rules, uint32_t serial, uint32_t since,
	struct instant now, struct changes *changes)
{
	struct scene scene = { .book = book, .rules = rules, .now = now, .changes = changes };
	size_t total = detect_missing(book, LANE_SWEEP, serial, 0, NULL, 0);
	cleanup_free struct record **missing = mem_resize(NULL, total, sizeof(struct record *));
	size_t waiting = 0;

	(void)detect_missing(book, LANE_SWEEP, serial, 0, missing, total);
	for (size_t i = 0; i < total; i++) {
		struct record *record = missing[i];

		if (record->not_by_id < since || record->not_by_id == 0) {
			waiting += record->missing != 0;
		} else if (word_counts(record, now.wall_ms)) {
			tell(&scene, EVENT_GONE, &record->task, record_from(record), NULL);
			record_drop(&scene, record);
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
		int64_t since = record->task.created_us != STAMP_NONE ? record->task.created_us / 1000 :
									record->seen_wall_ms;

		if (record->stuck_told || status_class(record->task.status) != CLASS_ACTIVE ||
			now.wall_ms - since <= rules->stuck_after_ms)
			continue;
		record->stuck_told = true;
		record->dirty = true;
		tell(&scene, EVENT_STUCK, &record->task, record_from(record), record_from(record));
	}
}
