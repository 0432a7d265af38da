#include "fake_store.h"

#include <stdlib.h>

static void keep_record(
	struct snapshot *shelf, const struct snapshot *snapshot, const struct record *record)
{
	struct task task = record_task(snapshot, record);
	struct record *kept = snapshot_find(shelf, task.id);

	if (kept != NULL)
		snapshot_remove(shelf, kept);
	kept = snapshot_add(shelf, &task, (int64_t)record->seen_s * 1000);
	kept->stuck_told = record->stuck_told;
	if (record->missing_check == NULL || record->missing_check->confirmations == 0)
		return;
	record_missing_check(kept)->confirmations = record->missing_check->confirmations;
	kept->missing_check->confirmed_ms = record->missing_check->confirmed_ms;
}

static void keep_block(struct snapshot *shelf, const struct snapshot *snapshot, unsigned int number)
{
	cleanup_buf struct buf bytes = { 0 };
	const struct ended *entry;
	size_t pos = 0;

	while ((entry = ended_next(&shelf->ended, &pos)) != NULL)
		if (entry->fingerprint.words[0] >> 22 == number) {
			ended_remove(&shelf->ended, entry->fingerprint);
			pos--; /* another one may have moved up */
		}
	ended_block_save(&snapshot->ended, number, &bytes);
	if (!ended_block_load(&shelf->ended, number, buf_text(&bytes), bytes.len))
		abort();
}

static void keep_comebacks(struct snapshot *shelf, const struct snapshot *snapshot)
{
	for (size_t i = 0; i < shelf->reopened_count; i++)
		shelf->reopened[i].done = true;
	snapshot_sort_reopened(shelf);
	for (size_t i = 0; i < snapshot->reopened_count; i++)
		(void)snapshot_add_reopened(
			shelf, snapshot->reopened[i].id, snapshot->reopened[i].first_ms, 0);
	snapshot_sort_reopened(shelf);
	shelf->reopened_dirty = false;
}

struct snapshot *fake_store_copy(const struct snapshot *snapshot)
{
	struct snapshot *copy = snapshot_new(&snapshot->key);
	const struct record *record;
	size_t pos = 0;

	while ((record = snapshot_next(snapshot, &pos)) != NULL)
		keep_record(copy, snapshot, record);
	for (unsigned int i = 0; i < ENDED_BLOCKS; i++)
		keep_block(copy, snapshot, i);
	keep_comebacks(copy, snapshot);
	copy->baseline = snapshot->baseline;
	copy->told_after_us = snapshot->told_after_us;
	return copy;
}

void fake_store_store(
	struct snapshot *shelf, struct snapshot *snapshot, const struct changes *changes)
{
	struct record *record;
	size_t pos = 0;

	for (size_t i = 0; i < changes->removed_count; i++) {
		struct record *gone = snapshot_find(shelf, changes->removed[i]);

		if (gone != NULL)
			snapshot_remove(shelf, gone);
	}
	while ((record = snapshot_next(snapshot, &pos)) != NULL)
		if (record->dirty) {
			keep_record(shelf, snapshot, record);
			record->dirty = false;
		}
	for (unsigned int i = 0; i < ENDED_BLOCKS; i++)
		if (snapshot->ended.block_dirty[i])
			keep_block(shelf, snapshot, i);
	ended_clean(&snapshot->ended);
	if (snapshot->reopened_dirty)
		keep_comebacks(shelf, snapshot);
	snapshot->reopened_dirty = false;
	if (snapshot->baseline_dirty) {
		shelf->baseline = snapshot->baseline;
		shelf->told_after_us = snapshot->told_after_us;
		snapshot->baseline_dirty = false;
	}
}
