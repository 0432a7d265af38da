#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/detect.h"
#include "core/detect_ctx.h"

bool detect_is_missing(const struct snapshot *snapshot, const char *id)
{
	const struct record *record = snapshot_find(snapshot, id);

	return record != NULL && record->missing_check != NULL &&
	       record->missing_check->confirmations != 0;
}

void detect_not_found(struct snapshot *snapshot, const char *id, uint32_t seq)
{
	struct record *record = snapshot_find(snapshot, id);

	if (record != NULL && seq > record->observed_seq)
		record_missing_check(record)->not_found_seq = seq;
}

static int64_t looked_up_ms(const struct record *record)
{
	return record->missing_check != NULL ? record->missing_check->looked_up_ms : 0;
}

static uint32_t not_found_seq(const struct record *record)
{
	return record->missing_check != NULL ? record->missing_check->not_found_seq : 0;
}

static bool is_missing(const struct snapshot *snapshot, const struct record *record,
	enum list_kind kind, uint32_t seq)
{
	if (record->listed[kind] >= seq || record->observed_seq >= seq)
		return false;
	return kind == LIST_SWEEP || snapshot->closed || record->status != STATUS_UNKNOWN;
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

/* owned; all records that should have been in the list `seq` and were not, in no order */
static struct record **missing_collect(
	const struct snapshot *snapshot, enum list_kind kind, uint32_t seq, size_t *ret_count)
{
	struct record **all = NULL;
	struct record *record;
	size_t cap = 0;
	size_t pos = 0;

	*ret_count = 0;
	while ((record = snapshot_next(snapshot, &pos)) != NULL) {
		if (!is_missing(snapshot, record, kind, seq))
			continue;
		all = mem_grow(all, &cap, *ret_count + 1, sizeof(*all));
		all[(*ret_count)++] = record;
	}
	return all;
}

size_t detect_missing(const struct snapshot *snapshot, enum list_kind kind, uint32_t seq,
	uint32_t asked_from, struct record **ret, size_t max)
{
	size_t total;
	cleanup_free struct record **all = missing_collect(snapshot, kind, seq, &total);
	size_t count = 0;

	for (size_t i = 0; i < total; i++)
		if (asked_from == 0 || not_found_seq(all[i]) < asked_from)
			all[count++] = all[i];
	if (count == 0 || ret == NULL)
		return count;
	qsort(all, count, sizeof(*all), lookup_order);
	for (size_t i = 0; i < count && i < max; i++)
		ret[i] = all[i];
	return count;
}

/* counts one more sweep, asked for at that time, without the task; true when they are enough */
static bool missing_confirm(struct record *record, int64_t asked_ms)
{
	struct missing_check *check = record_missing_check(record);
	int64_t apart = asked_ms - check->confirmed_ms;

	/* a wall clock that was set back has to count as well, or the task would stay for a year */
	if (check->confirmations != 0 && apart >= 0 && apart < DETECT_GONE_APART_MS)
		return false;
	check->confirmations++;
	check->confirmed_ms = asked_ms;
	record->dirty = true;
	return check->confirmations >= DETECT_GONE_CONFIRMATIONS;
}

void detect_gone(struct snapshot *snapshot, const struct detect_rules *rules, uint32_t seq,
	uint32_t asked_from, int64_t asked_ms, struct instant now, struct changes *changes)
{
	struct detect_ctx ctx = {
		.snapshot = snapshot, .rules = rules, .seq = seq, .now = now, .changes = changes
	};
	size_t count;
	cleanup_free struct record **missing = missing_collect(snapshot, LIST_SWEEP, seq, &count);

	for (size_t i = 0; i < count; i++) {
		uint32_t not_found = not_found_seq(missing[i]);

		if (not_found != 0 && not_found >= asked_from &&
			missing_confirm(missing[i], asked_ms)) {
			struct task task = record_task(snapshot, missing[i]);

			detect_report(&ctx, EVENT_GONE, &task, detect_from(&task), NULL);
			detect_end(&ctx, missing[i]);
		}
	}
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
