#include "core/ended.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define EMPTY STATUS_EXPECTED /* no answer gives this status, and it is 0 as new memory is */
#define SPARE 8 /* entries for which there is room at least */

static unsigned int block_of(struct fingerprint fingerprint)
{
	return fingerprint.words[0] >> 22;
}

/*
 * The slot of an entry whose fingerprint begins so, were there no others. Fingerprints are hashes,
 * so that these slots are evenly spread; and the slot never decreases from one fingerprint to the
 * next, so that the table stays sorted although each entry stands at its slot or at the next empty
 * one. A look-up reads one cache line, sometimes two: with a million entries it only waits for
 * memory, and sorted blocks without empty slots, which need two lines, took twice as long.
 */
static inline size_t ideal_slot(const struct ended_set *set, uint32_t head)
{
	return (size_t)((uint64_t)head * set->capacity >> 32);
}

/* may there be an entry at or after this slot? Those pushed off the end have no empty slot between
 */
static inline bool has_more(const struct ended_set *set, size_t at)
{
	return at < set->capacity || (set->items != NULL && set->items[at].status != EMPTY);
}

/* the slot of the fingerprint, or the one where it would be inserted */
static inline size_t search(const struct ended_set *set, struct fingerprint fingerprint)
{
	size_t at = ideal_slot(set, fingerprint.words[0]);

	while (set->items[at].status != EMPTY &&
		fingerprint_order(set->items[at].fingerprint, fingerprint) < 0)
		at++;
	return at;
}

struct ended *ended_find(const struct ended_set *set, struct fingerprint fingerprint)
{
	struct ended *entry;

	if (set->count == 0)
		return NULL;
	entry = &set->items[search(set, fingerprint)];
	return entry->status != EMPTY && fingerprint_order(entry->fingerprint, fingerprint) == 0
		       ? entry
		       : NULL;
}

void ended_fetch(const struct ended_set *set, struct fingerprint fingerprint)
{
	if (set->count != 0)
		__builtin_prefetch(&set->items[ideal_slot(set, fingerprint.words[0])], 1);
}

struct ended *ended_next(const struct ended_set *set, size_t *pos)
{
	while (has_more(set, *pos)) {
		struct ended *entry = &set->items[(*pos)++];

		if (entry->status != EMPTY)
			return entry;
	}
	return NULL;
}

/* spreads the entries over a table for `limit` of them */
static void resize(struct ended_set *set, size_t limit)
{
	struct ended_set old = *set;
	struct ended *entry;
	size_t pos = 0;
	size_t free_from = 0;

	/* an empty slot for each three entries; behind the last slot there is room for entries that
	 * are all pushed off the end, and for an empty slot that ends every search */
	set->limit = limit;
	set->capacity = limit + limit / 3;
	set->items = mem_array(set->capacity + limit + 1, sizeof(*set->items));
	mem_want_huge(set->items, set->capacity * sizeof(*set->items));
	while ((entry = ended_next(&old, &pos)) != NULL) {
		size_t at = ideal_slot(set, entry->fingerprint.words[0]);

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

static void mark_dirty(struct ended_set *set, struct fingerprint fingerprint)
{
	set->dirty = true;
	set->block_dirty[block_of(fingerprint)] = true;
}

/* as one that is not there yet */
static struct ended *insert(struct ended_set *set, const struct ended *entry)
{
	size_t at;
	size_t empty;

	if (set->count == set->limit)
		resize(set, set->limit + set->limit / 2 + SPARE);
	at = search(set, entry->fingerprint);
	for (empty = at; set->items[empty].status != EMPTY; empty++)
		;
	memmove(&set->items[at + 1], &set->items[at], (empty - at) * sizeof(*set->items));
	set->items[at] = *entry;
	set->count++;
	return &set->items[at];
}

struct ended *ended_put(struct ended_set *set, struct fingerprint fingerprint, enum status status)
{
	struct ended *entry = ended_find(set, fingerprint);
	struct ended fresh = { .fingerprint = fingerprint, .status = (uint8_t)status };

	if (entry != NULL && entry->status == status)
		return entry;
	mark_dirty(set, fingerprint);
	if (entry != NULL) {
		entry->status = (uint8_t)status;
		return entry;
	}
	return insert(set, &fresh);
}

/* entries behind it that are not at their ideal slot move up, so that every search still finds them
 */
static void remove_at(struct ended_set *set, size_t at)
{
	struct ended *items = set->items;

	mark_dirty(set, items[at].fingerprint);
	for (; items[at + 1].status != EMPTY &&
		ideal_slot(set, items[at + 1].fingerprint.words[0]) <= at;
		at++)
		items[at] = items[at + 1];
	items[at].status = EMPTY;
	set->count--;
}

void ended_remove(struct ended_set *set, struct fingerprint fingerprint)
{
	struct ended *entry = ended_find(set, fingerprint);

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
		*ended_put(set, entry->fingerprint, (enum status)entry->status) = *entry;
		mark_dirty(set, entry->fingerprint);
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
	for (size_t at = 0; has_more(set, at); at++) {
		struct ended *entry = &set->items[at];

		/* another one may have moved up to this slot */
		while (entry->status != EMPTY) {
			uint16_t before = entry->absent_day;
			bool keep = entry_keep(entry, generation, today, days);

			if (entry->absent_day != before)
				mark_dirty(set, entry->fingerprint);
			if (keep)
				break;
			remove_at(set, at);
		}
	}
	/* shrinks the table when few of many entries are left */
	if (set->limit > 2 * (set->count + SPARE))
		resize(set, set->count + set->count / 8 + SPARE);
}

void ended_clean(struct ended_set *set)
{
	set->dirty = false;
	memset(set->block_dirty, 0, sizeof(set->block_dirty));
}

/* the first entry of this block, whose slot goes to *ret; false: there is none */
static bool block_begin(const struct ended_set *set, unsigned int block, size_t *ret)
{
	uint32_t first = (uint32_t)block << 22;
	size_t last = ideal_slot(set, first | 0x3fffff);

	for (size_t at = ideal_slot(set, first); has_more(set, at); at++) {
		const struct ended *entry = &set->items[at];

		if (entry->status == EMPTY && at >= last)
			break;
		/* entries of blocks before it may have been pushed here */
		if (entry->status == EMPTY || block_of(entry->fingerprint) < block)
			continue;
		*ret = at;
		return block_of(entry->fingerprint) == block;
	}
	return false;
}

void ended_block_save(const struct ended_set *set, unsigned int block, struct buf *out)
{
	const struct ended *entry;
	size_t pos;

	if (!block_begin(set, block, &pos))
		return;
	while ((entry = ended_next(set, &pos)) != NULL && block_of(entry->fingerprint) == block) {
		uint8_t stored[ENDED_STORED] = { 0 };

		for (int i = 0; i < 12; i++)
			stored[i] = (uint8_t)(entry->fingerprint.words[i / 4] >> (24 - i % 4 * 8));
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
	struct fingerprint last = { 0 };

	if (block >= ENDED_BLOCKS || len % ENDED_STORED != 0)
		return false;
	ended_reserve(set, set->count + len / ENDED_STORED);
	for (size_t i = 0; i < len; i += ENDED_STORED, stored += ENDED_STORED) {
		struct ended entry = {
			.fingerprint = { { word_read(stored), word_read(stored + 4),
				word_read(stored + 8) } },
			.status = stored[12],
			.absent_day = (uint16_t)(stored[14] | stored[15] << 8),
		};

		if (block_of(entry.fingerprint) != block || entry.status >= STATUS_COUNT ||
			status_class((enum status)entry.status) != CLASS_ENDED ||
			(i > 0 && fingerprint_order(last, entry.fingerprint) >= 0))
			return false;
		last = entry.fingerprint;
		(void)insert(set, &entry);
	}
	return true;
}

void ended_done(struct ended_set *set)
{
	free(set->items);
	*set = (struct ended_set){ 0 };
}
