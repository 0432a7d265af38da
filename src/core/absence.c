#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/detect.h"
#include "core/detect_ctx.h"

bool detect_nowhere(const struct snapshot *snapshot, const char *id)
{
	const struct record *record = snapshot_find(snapshot, id);

	return record != NULL && record->search != NULL && record->search->missing != 0;
}

void detect_not_by_id(struct snapshot *snapshot, const char *id, uint32_t serial)
{
	struct record *record = snapshot_find(snapshot, id);

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

static bool is_missing(const struct snapshot *snapshot, const struct record *record, enum lane lane,
	uint32_t serial)
{
	if (record->listed[lane] >= serial || record->as_of >= serial)
		return false;
	return lane == LANE_SWEEP || snapshot->closed || record->status != STATUS_UNKNOWN;
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

size_t detect_missing(const struct snapshot *snapshot, enum lane lane, uint32_t serial,
	uint32_t since, struct record **ret, size_t max)
{
	cleanup_free struct record **all = NULL;
	struct record *record;
	size_t count = 0;
	size_t cap = 0;
	size_t pos = 0;

	while ((record = snapshot_next(snapshot, &pos)) != NULL) {
		if (!is_missing(snapshot, record, lane, serial) ||
			(since != 0 && not_by_id(record) >= since))
			continue;
		all = mem_grow(all, &cap, count + 1, sizeof(struct record *));
		all[count++] = record;
	}
	if (all == NULL || ret == NULL)
		return count;
	qsort(all, count, sizeof(struct record *), lookup_order);
	for (size_t i = 0; i < count && i < max; i++)
		ret[i] = all[i];
	return count;
}

/* one word, as of when it was asked for; true when it was the last that was needed */
static bool word_counts(struct record *record, int64_t asked_ms)
{
	struct search *search = record_search(record);
	int64_t apart = asked_ms - search->missing_ms;

	/* a wall clock that was set back has to count as well, or the task would stay for a year */
	if (search->missing != 0 && apart >= 0 && apart < DETECT_GONE_APART_MS)
		return false;
	search->missing++;
	search->missing_ms = asked_ms;
	record->dirty = true;
	return search->missing >= DETECT_GONE_WORDS;
}

size_t detect_gone(struct snapshot *snapshot, const struct detect_rules *rules, uint32_t serial,
	uint32_t since, int64_t asked_ms, struct instant now, struct changes *changes)
{
	struct detect_ctx ctx = { .snapshot = snapshot,
		.rules = rules,
		.serial = serial,
		.now = now,
		.changes = changes };
	size_t total = detect_missing(snapshot, LANE_SWEEP, serial, 0, NULL, 0);
	cleanup_free struct record **missing = mem_resize(NULL, total, sizeof(struct record *));
	size_t waiting = 0;

	(void)detect_missing(snapshot, LANE_SWEEP, serial, 0, missing, total);
	for (size_t i = 0; i < total; i++) {
		struct record *record = missing[i];

		if (not_by_id(record) == 0 || not_by_id(record) < since) {
			waiting += record->search != NULL && record->search->missing != 0;
		} else if (word_counts(record, asked_ms)) {
			struct task task = record_task(snapshot, record);

			detect_report(&ctx, EVENT_GONE, &task, detect_from(&task), NULL);
			detect_end(&ctx, record);
		} else {
			waiting++;
		}
	}
	return waiting;
}

void detect_stuck(struct snapshot *snapshot, const struct detect_rules *rules, struct instant now,
	struct changes *changes)
{
	struct detect_ctx ctx = {
		.snapshot = snapshot, .rules = rules, .now = now, .changes = changes
	};
	struct record *record;
	size_t pos = 0;

	if (rules->stuck_after_ms == 0)
		return;
	while ((record = snapshot_next(snapshot, &pos)) != NULL) {
		struct task task = record_task(snapshot, record);
		int64_t since = task.created_us != STAMP_NONE ? task.created_us / 1000
							      : (int64_t)record->seen_s * 1000;

		if (record->stuck_told || status_class(task.status) != CLASS_ACTIVE ||
			now.wall_ms - since <= rules->stuck_after_ms)
			continue;
		record->stuck_told = true;
		record->dirty = true;
		detect_report(&ctx, EVENT_STUCK, &task, detect_from(&task), detect_from(&task));
	}
}
