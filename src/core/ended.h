/* Fingerprints of tasks that have ended: 16 bytes each, in one sorted table with empty slots. The
 * store keeps them in blocks, which are rows. */
#ifndef CORE_ENDED_H
#define CORE_ENDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "core/task.h"

#define ENDED_BLOCKS 1024 /* by the first ten bits of the fingerprint */
#define ENDED_STORED 16 /* bytes of an entry in the store */

/*
 * 96 bits of the keyed hash of a task's id, as big-endian words, so that numeric order is the order
 * in the store. Words, not bytes: reading as a word what was just stored as bytes stalls the
 * processor (tests/bench/RESULTS.md).
 */
struct fingerprint {
	uint32_t words[3];
};

/* below 0, 0 or above it */
static inline int fingerprint_order(struct fingerprint one, struct fingerprint other)
{
	for (int i = 0; i < 3; i++)
		if (one.words[i] != other.words[i])
			return one.words[i] < other.words[i] ? -1 : 1;
	return 0;
}

/* One task that has ended. */
struct ended {
	struct fingerprint fingerprint;
	uint8_t status; /* enum status; STATUS_EXPECTED: an empty slot */
	uint8_t generation; /* of the sweep that last listed it, 1 to 255; memory only */
	uint16_t absent_day; /* day (since 1970) since which no sweep listed it; 0: listed */
};

struct ended_set {
	struct ended *items; /* own; `capacity`, and `limit` more for what is pushed off the end */
	size_t capacity; /* slots over which fingerprints are spread */
	size_t limit; /* entries that fit without growing */
	size_t count;
	bool dirty; /* some block is */
	bool block_dirty[ENDED_BLOCKS]; /* differs from the store */
};

/* the bytes of the hash from its lowest on */
static inline struct fingerprint ended_fingerprint(struct hash hash)
{
	return (struct fingerprint){ { __builtin_bswap32((uint32_t)hash.lo),
		__builtin_bswap32((uint32_t)(hash.lo >> 32)),
		__builtin_bswap32((uint32_t)hash.hi) } };
}
/* NULL when it is not there; an entry is valid until the next put, remove, merge, prune or load */
struct ended *ended_find(const struct ended_set *set, struct fingerprint fingerprint);
/* asks the processor for the memory that a look-up of this fingerprint will read */
void ended_fetch(const struct ended_set *set, struct fingerprint fingerprint);
/* all in the order of their fingerprints, from *pos = 0 on; NULL: no more */
struct ended *ended_next(const struct ended_set *set, size_t *pos);
/* puts it in or changes its status, which is any but STATUS_EXPECTED */
struct ended *ended_put(struct ended_set *set, struct fingerprint fingerprint, enum status status);
void ended_remove(struct ended_set *set, struct fingerprint fingerprint);
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
/* for the store: one block as bytes, the same on every machine (fingerprint, status, 0, day, all
 * little-endian) */
void ended_block_save(const struct ended_set *set, unsigned int block, struct buf *out);
/* and back, where there is nothing of this block yet; false: no such block, and the set is only to
 * be freed */
bool ended_block_load(struct ended_set *set, unsigned int block, const void *bytes, size_t len);
void ended_done(struct ended_set *set);

#endif
