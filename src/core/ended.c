#include "core/ended.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BLOCK_SPARE 8 /* entries for which a block has room when it was made smaller */

void ended_print(struct hash hash, uint8_t ret[ENDED_PRINT])
{
	for (int i = 0; i < 8; i++)
		ret[i] = (uint8_t)(hash.lo >> (8 * i));
	for (int i = 0; i < 4; i++)
		ret[8 + i] = (uint8_t)(hash.hi >> (8 * i));
}

static unsigned int block_of(const uint8_t print[ENDED_PRINT])
{
	return (unsigned int)print[0] << 2 | print[1] >> 6;
}

/* the 22 bits after those that chose the block: where in it the print is to be expected */
static uint32_t place_of(const uint8_t print[ENDED_PRINT])
{
	return (uint32_t)(print[1] & 0x3f) << 16 | (uint32_t)print[2] << 8 | print[3];
}

/* the first eight bytes as a number that orders as memcmp(3) would */
static inline uint64_t print_head(const uint8_t print[ENDED_PRINT])
{
	uint64_t head;

	memcpy(&head, print, sizeof(head));
#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_BIG_ENDIAN__
	head = __builtin_bswap64(head);
#endif
	return head;
}

/* a look-up takes half a dozen of these, a sweep a million look-ups: as calls they were a quarter
 * of it */
static inline int print_order(const struct ended *entry, const uint8_t print[ENDED_PRINT])
{
	uint64_t one = print_head(entry->print);
	uint64_t other = print_head(print);

	if (one != other)
		return one < other ? -1 : 1;
	return memcmp(entry->print + 8, print + 8, ENDED_PRINT - 8);
}

/* prints are evenly spread, so that this is nearly right */
static uint32_t block_guess(const struct ended_block *block, const uint8_t print[ENDED_PRINT])
{
	return (uint32_t)((uint64_t)block->count * place_of(print) >> 22);
}

/*
 * A second guess, from the entry at the first one. Of a thousand entries the first is sixteen off
 * and the second four, which are one cache line.
 */
static uint32_t block_guess_again(const struct ended_block *block, const uint8_t print[ENDED_PRINT])
{
	int64_t guess = block_guess(block, print);
	int64_t off = block->count != 0
			      ? (int64_t)place_of(print) - place_of(block->items[guess].print)
			      : 0;

	guess += off * block->count / (1 << 22);
	return guess < 0 ? 0 : guess > block->count ? block->count : (uint32_t)guess;
}

/*
 * The first entry that is not before the print. A look-up from the guess touches one or two cache
 * lines; steps that double keep the worst case logarithmic.
 */
static uint32_t block_search(const struct ended_block *block, const uint8_t print[ENDED_PRINT])
{
	uint32_t low = block_guess_again(block, print);
	uint32_t high = low;

	for (uint32_t step = 4; low > 0 && print_order(&block->items[low - 1], print) >= 0;
		step *= 2) {
		high = low;
		low = low > step ? low - step : 0;
	}
	for (uint32_t step = 4; high < block->count && print_order(&block->items[high], print) < 0;
		step *= 2) {
		low = high + 1;
		high = block->count - high > step ? high + step : block->count;
	}
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (print_order(&block->items[middle], print) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool block_has(
	const struct ended_block *block, uint32_t at, const uint8_t print[ENDED_PRINT])
{
	return at < block->count && print_order(&block->items[at], print) == 0;
}

const struct ended *ended_near(const struct ended_set *set, const uint8_t print[ENDED_PRINT])
{
	const struct ended_block *block = &set->blocks[block_of(print)];

	return block->count != 0 ? &block->items[block_guess(block, print)] : NULL;
}

const struct ended *ended_nearer(const struct ended_set *set, const uint8_t print[ENDED_PRINT])
{
	const struct ended_block *block = &set->blocks[block_of(print)];

	return block->count != 0 ? &block->items[block_guess_again(block, print)] : NULL;
}

static void block_reserve(struct ended_block *block, uint32_t need)
{
	size_t cap = block->cap;

	block->items = mem_grow(block->items, &cap, need, sizeof(*block->items));
	block->cap = (uint32_t)cap;
}

static void block_soil(struct ended_set *set, struct ended_block *block)
{
	block->dirty = true;
	set->dirty = true;
}

struct ended *ended_find(const struct ended_set *set, const uint8_t print[ENDED_PRINT])
{
	const struct ended_block *block = &set->blocks[block_of(print)];
	uint32_t at = block_search(block, print);

	return block_has(block, at, print) ? &block->items[at] : NULL;
}

struct ended *ended_put(struct ended_set *set, const uint8_t print[ENDED_PRINT], enum status status)
{
	struct ended_block *block = &set->blocks[block_of(print)];
	uint32_t at = block_search(block, print);
	struct ended *entry;

	if (!block_has(block, at, print)) {
		block_reserve(block, block->count + 1);
		entry = &block->items[at];
		memmove(entry + 1, entry, (block->count - at) * sizeof(*entry));
		memset(entry, 0, sizeof(*entry));
		memcpy(entry->print, print, ENDED_PRINT);
		block->count++;
		set->count++;
		block_soil(set, block);
	}
	entry = &block->items[at];
	if (entry->status != status) {
		entry->status = (uint8_t)status;
		block_soil(set, block);
	}
	return entry;
}

void ended_remove(struct ended_set *set, const uint8_t print[ENDED_PRINT])
{
	struct ended_block *block = &set->blocks[block_of(print)];
	uint32_t at = block_search(block, print);

	if (!block_has(block, at, print))
		return;
	block->count--;
	set->count--;
	block_soil(set, block);
	memmove(&block->items[at], &block->items[at + 1],
		(block->count - at) * sizeof(*block->items));
}

/* merges from the back, in place; returns how many entries are in both */
static uint32_t block_merge(struct ended_block *block, const struct ended_block *from)
{
	uint32_t i = block->count;
	uint32_t j = from->count;
	uint32_t end = i + j;
	uint32_t at = end;

	block_reserve(block, end);
	while (j > 0) {
		int order = i > 0 ? memcmp(block->items[i - 1].print, from->items[j - 1].print,
					    ENDED_PRINT)
				  : -1;

		if (order > 0) {
			block->items[--at] = block->items[--i];
		} else {
			block->items[--at] = from->items[--j];
			i -= order == 0;
		}
	}
	/* what both had leaves a gap between the untouched front and the merged rest */
	if (at != i)
		memmove(&block->items[i], &block->items[at], (end - at) * sizeof(*block->items));
	block->count = i + (end - at);
	return at - i;
}

void ended_merge(struct ended_set *set, struct ended_set *from)
{
	for (size_t b = 0; b < ENDED_BLOCKS; b++) {
		struct ended_block *block = &set->blocks[b];
		struct ended_block *more = &from->blocks[b];

		if (more->count == 0)
			continue;
		if (block->count == 0) {
			free(block->items);
			*block = *more;
			*more = (struct ended_block){ 0 };
			set->count += block->count;
		} else {
			set->count += more->count - block_merge(block, more);
		}
		block_soil(set, block);
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

/* what a million tasks once needed is not kept for the few that are left */
static void block_fit(struct ended_block *block)
{
	uint32_t want = block->count == 0 ? 0 : block->count + BLOCK_SPARE;

	if (want == 0) {
		free(block->items);
		block->items = NULL;
	} else if (block->cap > 2 * want) {
		block->items = mem_resize(block->items, want, sizeof(*block->items));
	} else {
		return;
	}
	block->cap = want;
}

void ended_prune(struct ended_set *set, uint8_t generation, uint16_t today, uint16_t days)
{
	for (size_t b = 0; b < ENDED_BLOCKS; b++) {
		struct ended_block *block = &set->blocks[b];
		uint32_t kept = 0;

		for (uint32_t i = 0; i < block->count; i++) {
			struct ended entry = block->items[i];
			uint16_t before = entry.absent_day;

			if (!entry_keep(&entry, generation, today, days))
				continue;
			if (entry.absent_day != before)
				block_soil(set, block);
			block->items[kept++] = entry;
		}
		if (kept != block->count)
			block_soil(set, block);
		set->count -= block->count - kept;
		block->count = kept;
		block_fit(block);
	}
}

void ended_block_save(const struct ended_block *block, struct buf *out)
{
	for (uint32_t i = 0; i < block->count; i++) {
		const struct ended *entry = &block->items[i];
		uint8_t stored[ENDED_STORED] = { 0 };

		memcpy(stored, entry->print, ENDED_PRINT);
		stored[12] = entry->status;
		stored[14] = (uint8_t)(entry->absent_day & 0xff);
		stored[15] = (uint8_t)(entry->absent_day >> 8);
		(void)buf_add(out, stored, sizeof(stored));
	}
}

static bool stored_valid(const uint8_t *stored, unsigned int block, const uint8_t *before)
{
	if (stored[12] >= STATUS_COUNT || status_class((enum status)stored[12]) != CLASS_ENDED)
		return false;
	return block_of(stored) == block &&
	       (before == NULL || memcmp(before, stored, ENDED_PRINT) < 0);
}

bool ended_block_load(struct ended_set *set, unsigned int block, const void *bytes, size_t len)
{
	struct ended_block *into;
	const uint8_t *stored = bytes;
	uint32_t count;

	if (block >= ENDED_BLOCKS || len % ENDED_STORED != 0 || len / ENDED_STORED > UINT32_MAX)
		return false;
	into = &set->blocks[block];
	count = (uint32_t)(len / ENDED_STORED);
	for (uint32_t i = 0; i < count; i++)
		if (!stored_valid(stored + (size_t)i * ENDED_STORED, block,
			    i > 0 ? stored + (size_t)(i - 1) * ENDED_STORED : NULL))
			return false;
	if (into->count != 0)
		return false;
	block_reserve(into, count);
	for (uint32_t i = 0; i < count; i++, stored += ENDED_STORED) {
		struct ended *entry = &into->items[i];

		memset(entry, 0, sizeof(*entry));
		memcpy(entry->print, stored, ENDED_PRINT);
		entry->status = stored[12];
		entry->absent_day = (uint16_t)(stored[14] | stored[15] << 8);
	}
	into->count = count;
	set->count += count;
	return true;
}

void ended_done(struct ended_set *set)
{
	for (size_t b = 0; b < ENDED_BLOCKS; b++)
		free(set->blocks[b].items);
	*set = (struct ended_set){ 0 };
}
