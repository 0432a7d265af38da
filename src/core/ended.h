/* Fingerprints of tasks that have ended: 16 bytes each, in one table that is sorted and has gaps.
 * The store keeps them in blocks, which are rows. */
#ifndef CORE_ENDED_H
#define CORE_ENDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "core/status.h"

#define ENDED_BLOCKS 1024 /* by the first ten bits of the fingerprint */
#define ENDED_STORED 16 /* bytes of an entry in the store */

/*
 * The fingerprint of a task, 96 bits of the keyed hash of its id. As numbers, which order as the
 * bytes in the store do, and not as these: a processor waits when it is to read as one what was
 * just written as four.
 */
struct print {
	uint32_t words[3];
};

/* below 0, 0 or above it */
static inline int print_order(struct print one, struct print other)
{
	for (int i = 0; i < 3; i++)
		if (one.words[i] != other.words[i])
			return one.words[i] < other.words[i] ? -1 : 1;
	return 0;
}

/* One task that has ended. */
struct ended {
	struct print print;
	uint8_t status; /* enum status; STATUS_EXPECTED: a gap of the table */
	uint8_t generation; /* of the sweep that last listed it, 1 to 255; memory only */
	uint16_t absent_day; /* day (since 1970) since which no sweep listed it; 0: listed */
};

struct ended_set {
	struct ended *items; /* own; `places`, and `limit` more for what is pushed off the end */
	size_t places; /* over which prints are spread */
	size_t limit; /* entries that fit without growing */
	size_t count;
	bool dirty; /* some block is */
	bool block_dirty[ENDED_BLOCKS]; /* differs from the store */
};

/* the bytes of the hash from its lowest on */
static inline struct print ended_print(struct hash hash)
{
	return (struct print){ { __builtin_bswap32((uint32_t)hash.lo),
		__builtin_bswap32((uint32_t)(hash.lo >> 32)),
		__builtin_bswap32((uint32_t)hash.hi) } };
}
/* NULL when it is not there; an entry is valid until the next put, remove, merge, prune or load */
struct ended *ended_find(const struct ended_set *set, struct print print);
/* asks the processor for the memory that a look-up of this print will read */
void ended_fetch(const struct ended_set *set, struct print print);
/* all in the order of their prints, from *pos = 0 on; NULL: no more */
struct ended *ended_next(const struct ended_set *set, size_t *pos);
/* puts it in or changes its status, which is any but STATUS_EXPECTED */
struct ended *ended_put(struct ended_set *set, struct print print, enum status status);
void ended_remove(struct ended_set *set, struct print print);
/* moves all of `from`, which is empty afterwards; where both have an entry, that of `from` stands
 */
void ended_merge(struct ended_set *set, struct ended_set *from);
/*
 * Notes the absence of entries that a complete sweep of this generation did not list, and forgets
 * those that have been absent for more than `days`. `today`: days since 1970.
 */
void ended_prune(struct ended_set *set, uint8_t generation, uint16_t today, uint16_t days);
/* after all that was dirty is stored */
void ended_clean(struct ended_set *set);
/* makes room for so many in all at once */
void ended_reserve(struct ended_set *set, size_t count);
/* for the store: one block as bytes, the same on every machine (print, status, 0, day, all
 * little-endian) */
void ended_block_save(const struct ended_set *set, unsigned int block, struct buf *out);
/* and back, where there is nothing of this block yet; false: no such block, and the set is only to
 * be freed */
bool ended_block_load(struct ended_set *set, unsigned int block, const void *bytes, size_t len);
void ended_done(struct ended_set *set);

#endif
