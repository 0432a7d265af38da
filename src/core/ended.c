#include "core/ended.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define GAP STATUS_EXPECTED /* which no answer says of a task; 0, as new memory is */
#define SPARE 8 /* entries for which there is room at least */

static unsigned int block_of(struct print print)
{
	return print.words[0] >> 22;
}

/*
 * Where the table would have an entry whose print begins so, were there no others. A print is a
 * hash, so that homes are evenly spread; and it never decreases from one print to the next, so that
 * the table is sorted although every entry stands at its home or, where that is taken, at the next
 * place that is free. A look-up reads one cache line, now and then two: with a million entries it
 * is waiting for memory and nothing else, and two lines that were found one from the other (sorted
 * blocks without gaps, into which a look-up guesses) took twice as long.
 */
static inline size_t home(const struct ended_set *set, uint32_t head)
{
	return (size_t)((uint64_t)head * set->places >> 32);
}

/* is there anything at or after this place? What was pushed off the end has no gaps */
static inline bool goes_on(const struct ended_set *set, size_t at)
{
	return at < set->places || (set->items != NULL && set->items[at].status != GAP);
}

/* the place of the print, or that where it would have to stand */
static inline size_t search(const struct ended_set *set, struct print print)
{
	size_t at = home(set, print.words[0]);

	while (set->items[at].status != GAP && print_order(set->items[at].print, print) < 0)
		at++;
	return at;
}

struct ended *ended_find(const struct ended_set *set, struct print print)
{
	struct ended *entry;

	if (set->count == 0)
		return NULL;
	entry = &set->items[search(set, print)];
	return entry->status != GAP && print_order(entry->print, print) == 0 ? entry : NULL;
}

void ended_fetch(const struct ended_set *set, struct print print)
{
	if (set->count != 0)
		__builtin_prefetch(&set->items[home(set, print.words[0])], 1);
}

struct ended *ended_next(const struct ended_set *set, size_t *pos)
{
	while (goes_on(set, *pos)) {
		struct ended *entry = &set->items[(*pos)++];

		if (entry->status != GAP)
			return entry;
	}
	return NULL;
}

/* spreads the entries over as many places as `limit` of them want */
static void resize(struct ended_set *set, size_t limit)
{
	struct ended_set old = *set;
	struct ended *entry;
	size_t pos = 0;
	size_t free_from = 0;

	/* a gap for each three entries; behind the last place there is room even for entries that
	 * all have it as their home, and for a gap that ends every search */
	set->limit = limit;
	set->places = limit + limit / 3;
	set->items = mem_array(set->places + limit + 1, sizeof(*set->items));
	mem_want_huge(set->items, set->places * sizeof(*set->items));
	while ((entry = ended_next(&old, &pos)) != NULL) {
		size_t at = home(set, entry->print.words[0]);

		if (at < free_from)
			at = free_from;
		set->items[at] = *entry;
		free_from = at + 1;
	}
	free(old.items);
}

void ended_reserve(struct ended_set *set, size_t count)
{
	if (count > set->limit)
		resize(set, count + count / 8 + SPARE);
}

static void soil(struct ended_set *set, struct print print)
{
	set->dirty = true;
	set->block_dirty[block_of(print)] = true;
}

/* as one that is not there yet */
static struct ended *insert(struct ended_set *set, const struct ended *entry)
{
	size_t at;
	size_t gap;

	if (set->count == set->limit)
		resize(set, set->limit + set->limit / 2 + SPARE);
	at = search(set, entry->print);
	for (gap = at; set->items[gap].status != GAP; gap++)
		;
	memmove(&set->items[at + 1], &set->items[at], (gap - at) * sizeof(*set->items));
	set->items[at] = *entry;
	set->count++;
	return &set->items[at];
}

struct ended *ended_put(struct ended_set *set, struct print print, enum status status)
{
	struct ended *entry = ended_find(set, print);
	struct ended fresh = { .print = print, .status = (uint8_t)status };

	if (entry != NULL && entry->status == status)
		return entry;
	soil(set, print);
	if (entry != NULL) {
		entry->status = (uint8_t)status;
		return entry;
	}
	return insert(set, &fresh);
}

/* those behind it that are not at home move up, so that no gap comes between them and theirs */
static void remove_at(struct ended_set *set, size_t at)
{
	struct ended *items = set->items;

	soil(set, items[at].print);
	for (; items[at + 1].status != GAP && home(set, items[at + 1].print.words[0]) <= at; at++)
		items[at] = items[at + 1];
	items[at].status = GAP;
	set->count--;
}

void ended_remove(struct ended_set *set, struct print print)
{
	struct ended *entry = ended_find(set, print);

	if (entry != NULL)
		remove_at(set, (size_t)(entry - set->items));
}

void ended_merge(struct ended_set *set, struct ended_set *from)
{
	struct ended *entry;
	size_t pos = 0;

	if (set->count == 0) {
		struct ended_set empty = *set;

		*set = *from;
		*from = empty;
		for (size_t b = 0; b < ENDED_BLOCKS; b++)
			set->block_dirty[b] = set->block_dirty[b] || from->block_dirty[b];
		set->dirty = set->dirty || from->dirty;
	}
	ended_reserve(set, set->count + from->count);
	while ((entry = ended_next(from, &pos)) != NULL) {
		*ended_put(set, entry->print, (enum status)entry->status) = *entry;
		soil(set, entry->print);
	}
	ended_done(from);
}

/* false: the entry is forgotten */
static bool entry_keep(struct ended *entry, uint8_t generation, uint16_t today, uint16_t days)
{
	if (entry->generation == generation)
		entry->absent_day = 0;
	else if (entry->absent_day == 0)
		entry->absent_day = today;
	else if (today > entry->absent_day && today - entry->absent_day > days)
		return false;
	return true;
}

void ended_prune(struct ended_set *set, uint8_t generation, uint16_t today, uint16_t days)
{
	for (size_t at = 0; goes_on(set, at); at++) {
		struct ended *entry = &set->items[at];

		/* another one may have moved up to this place */
		while (entry->status != GAP) {
			uint16_t before = entry->absent_day;
			bool keep = entry_keep(entry, generation, today, days);

			if (entry->absent_day != before)
				soil(set, entry->print);
			if (keep)
				break;
			remove_at(set, at);
		}
	}
	/* what a million tasks once needed is not kept for the few that are left */
	if (set->limit > 2 * (set->count + SPARE))
		resize(set, set->count + set->count / 8 + SPARE);
}

void ended_clean(struct ended_set *set)
{
	set->dirty = false;
	memset(set->block_dirty, 0, sizeof(set->block_dirty));
}

/* the first entry of this block, whose place goes to *ret; false: there is none */
static bool block_begin(const struct ended_set *set, unsigned int block, size_t *ret)
{
	uint32_t first = (uint32_t)block << 22;
	size_t last = home(set, first | 0x3fffff);

	for (size_t at = home(set, first); goes_on(set, at); at++) {
		const struct ended *entry = &set->items[at];

		if (entry->status == GAP && at >= last)
			break;
		/* entries of blocks before it may have been pushed here */
		if (entry->status == GAP || block_of(entry->print) < block)
			continue;
		*ret = at;
		return block_of(entry->print) == block;
	}
	return false;
}

void ended_block_save(const struct ended_set *set, unsigned int block, struct buf *out)
{
	const struct ended *entry;
	size_t pos;

	if (!block_begin(set, block, &pos))
		return;
	while ((entry = ended_next(set, &pos)) != NULL && block_of(entry->print) == block) {
		uint8_t stored[ENDED_STORED] = { 0 };

		for (int i = 0; i < 12; i++)
			stored[i] = (uint8_t)(entry->print.words[i / 4] >> (24 - i % 4 * 8));
		stored[12] = entry->status;
		stored[14] = (uint8_t)(entry->absent_day & 0xff);
		stored[15] = (uint8_t)(entry->absent_day >> 8);
		(void)buf_add(out, stored, sizeof(stored));
	}
}

static uint32_t word_read(const uint8_t *stored)
{
	return (uint32_t)stored[0] << 24 | (uint32_t)stored[1] << 16 | (uint32_t)stored[2] << 8 |
	       stored[3];
}

bool ended_block_load(struct ended_set *set, unsigned int block, const void *bytes, size_t len)
{
	const uint8_t *stored = bytes;
	struct print last = { 0 };

	if (block >= ENDED_BLOCKS || len % ENDED_STORED != 0)
		return false;
	ended_reserve(set, set->count + len / ENDED_STORED);
	for (size_t i = 0; i < len; i += ENDED_STORED, stored += ENDED_STORED) {
		struct ended entry = {
			.print = { { word_read(stored), word_read(stored + 4),
				word_read(stored + 8) } },
			.status = stored[12],
			.absent_day = (uint16_t)(stored[14] | stored[15] << 8),
		};

		if (block_of(entry.print) != block || entry.status >= STATUS_COUNT ||
			status_class((enum status)entry.status) != CLASS_ENDED ||
			(i > 0 && print_order(last, entry.print) >= 0))
			return false;
		last = entry.print;
		(void)insert(set, &entry);
	}
	return true;
}

void ended_done(struct ended_set *set)
{
	free(set->items);
	*set = (struct ended_set){ 0 };
}
