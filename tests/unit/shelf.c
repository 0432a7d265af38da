#include "shelf.h"

#include <stdlib.h>

static void keep_record(struct book *shelf, const struct book *book, const struct record *record)
{
	struct task task = record_task(book, record);
	struct record *kept = book_find(shelf, task.id);

	if (kept != NULL)
		book_remove(shelf, kept);
	kept = book_add(shelf, &task, (int64_t)record->seen_s * 1000);
	kept->stuck_told = record->stuck_told;
	if (record->search == NULL || record->search->missing == 0)
		return;
	record_search(kept)->missing = record->search->missing;
	kept->search->missing_ms = record->search->missing_ms;
}

static void keep_block(struct book *shelf, const struct book *book, unsigned int number)
{
	cleanup_buf struct buf bytes = { 0 };
	const struct ended *entry;
	size_t pos = 0;

	while ((entry = ended_next(&shelf->ended, &pos)) != NULL)
		if (entry->print.words[0] >> 22 == number) {
			ended_remove(&shelf->ended, entry->print);
			pos--; /* another one may have moved up */
		}
	ended_block_save(&book->ended, number, &bytes);
	if (!ended_block_load(&shelf->ended, number, buf_text(&bytes), bytes.len))
		abort();
}

static void keep_comebacks(struct book *shelf, const struct book *book)
{
	for (size_t i = 0; i < shelf->comeback_count; i++)
		shelf->comebacks[i].over = true;
	book_sort_comebacks(shelf);
	for (size_t i = 0; i < book->comeback_count; i++)
		(void)book_add_comeback(
			shelf, book->comebacks[i].id, book->comebacks[i].first_ms, 0);
	book_sort_comebacks(shelf);
	shelf->comebacks_dirty = false;
}

struct book *shelf_copy(const struct book *book)
{
	struct book *copy = book_new(&book->key);
	const struct record *record;
	size_t pos = 0;

	while ((record = book_next(book, &pos)) != NULL)
		keep_record(copy, book, record);
	for (unsigned int i = 0; i < ENDED_BLOCKS; i++)
		keep_block(copy, book, i);
	keep_comebacks(copy, book);
	copy->baseline = book->baseline;
	copy->told_after_us = book->told_after_us;
	return copy;
}

void shelf_store(struct book *shelf, struct book *book, const struct changes *changes)
{
	struct record *record;
	size_t pos = 0;

	for (size_t i = 0; i < changes->removed_count; i++) {
		struct record *gone = book_find(shelf, changes->removed[i]);

		if (gone != NULL)
			book_remove(shelf, gone);
	}
	while ((record = book_next(book, &pos)) != NULL)
		if (record->dirty) {
			keep_record(shelf, book, record);
			record->dirty = false;
		}
	for (unsigned int i = 0; i < ENDED_BLOCKS; i++)
		if (book->ended.block_dirty[i])
			keep_block(shelf, book, i);
	ended_clean(&book->ended);
	if (book->comebacks_dirty)
		keep_comebacks(shelf, book);
	book->comebacks_dirty = false;
	if (book->baseline_dirty) {
		shelf->baseline = book->baseline;
		shelf->told_after_us = book->told_after_us;
		book->baseline_dirty = false;
	}
}
