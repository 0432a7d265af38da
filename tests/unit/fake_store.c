#include "fake_store.h"

#include <stdlib.h>

static void keep_record(
	struct snapshot *store, const struct snapshot *snapshot, const struct record *record)
{
	struct task task = record_task(snapshot, record);
	struct record *kept = snapshot_find(store, task.id);

	if (kept != NULL)
		snapshot_remove(store, kept);
	kept = snapshot_add(store, &task, (int64_t)record->seen_s * 1000);
	kept->stuck_told = record->stuck_told;
	if (record->missing_check == NULL || record->missing_check->confirmations == 0)
		return;
	record_missing_check(kept)->confirmations = record->missing_check->confirmations;
	kept->missing_check->confirmed_ms = record->missing_check->confirmed_ms;
}

static void keep_block(struct snapshot *store, const struct snapshot *snapshot, unsigned int number)
{
	cleanup_buf struct buf bytes = { 0 };
	const struct ended *entry;
	size_t pos = 0;

	while ((entry = ended_next(&store->ended, &pos)) != NULL)
		if (entry->fingerprint.words[0] >> 22 == number) {
			ended_remove(&store->ended, entry->fingerprint);
			pos--; /* another one may have moved up */
		}
	ended_block_save(&snapshot->ended, number, &bytes);
	if (!ended_block_load(&store->ended, number, buf_text(&bytes), bytes.len))
		abort();
}

static void keep_reopened(struct snapshot *store, const struct snapshot *snapshot)
{
	for (size_t i = 0; i < store->reopened_count; i++)
		store->reopened[i].done = true;
	snapshot_sort_reopened(store);
	for (size_t i = 0; i < snapshot->reopened_count; i++)
		(void)snapshot_add_reopened(
			store, snapshot->reopened[i].id, snapshot->reopened[i].first_ms, 0);
	snapshot_sort_reopened(store);
	store->reopened_dirty = false;
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
	keep_reopened(copy, snapshot);
	copy->baseline = snapshot->baseline;
	copy->report_after_us = snapshot->report_after_us;
	return copy;
}

void fake_store_store(
	struct snapshot *store, struct snapshot *snapshot, const struct changes *changes)
{
	struct record *record;
	size_t pos = 0;

	for (size_t i = 0; i < changes->removed_count; i++) {
		struct record *gone = snapshot_find(store, changes->removed[i]);

		if (gone != NULL)
			snapshot_remove(store, gone);
	}
	while ((record = snapshot_next(snapshot, &pos)) != NULL)
		if (record->dirty) {
			keep_record(store, snapshot, record);
			record->dirty = false;
		}
	for (unsigned int i = 0; i < ENDED_BLOCKS; i++)
		if (snapshot->ended.block_dirty[i])
			keep_block(store, snapshot, i);
	ended_clean(&snapshot->ended);
	if (snapshot->reopened_dirty)
		keep_reopened(store, snapshot);
	snapshot->reopened_dirty = false;
	if (snapshot->baseline_dirty) {
		store->baseline = snapshot->baseline;
		store->report_after_us = snapshot->report_after_us;
		snapshot->baseline_dirty = false;
	}
}
