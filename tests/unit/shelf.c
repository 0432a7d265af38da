#include "shelf.h"

#include <stdlib.h>

static void copy_record(struct book *copy, const struct book *book, const struct record *record)
{
	struct task task = record_task(book, record);
	struct record *again = book_add(copy, &task, (int64_t)record->seen_s * 1000);

	again->stuck_told = record->stuck_told;
	if (record->search == NULL || record->search->missing == 0)
		return;
	record_search(again)->missing = record->search->missing;
	again->search->missing_ms = record->search->missing_ms;
}

struct book *shelf_copy(const struct book *book)
{
	struct book *copy = book_new(&book->key);
	const struct record *record;
	size_t pos = 0;

	while ((record = book_next(book, &pos)) != NULL)
		copy_record(copy, book, record);
	for (unsigned int i = 0; i < ENDED_BLOCKS; i++) {
		cleanup_buf struct buf bytes = { 0 };

		ended_block_save(&book->ended.blocks[i], &bytes);
		if (!ended_block_load(&copy->ended, i, buf_text(&bytes), bytes.len))
			abort();
	}
	copy->baseline = book->baseline;
	copy->told_after_us = book->told_after_us;
	return copy;
}
