/* Fingerprints of tasks that have ended: 16 bytes each, sorted, in blocks that the store keeps as
 * rows. */
#ifndef CORE_ENDED_H
#define CORE_ENDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "core/status.h"

#define ENDED_BLOCKS 1024 /* by the first ten bits of the fingerprint */
#define ENDED_PRINT 12 /* bytes of a fingerprint */
#define ENDED_STORED 16 /* bytes of an entry in the store */

/* One task that has ended. */
struct ended {
	uint8_t print[ENDED_PRINT]; /* keyed hash of the task id */
	uint8_t status; /* enum status */
	uint8_t generation; /* of the sweep that last listed it, 1 to 255; memory only */
	uint16_t absent_day; /* day (since 1970) since which no sweep listed it; 0: listed */
};

struct ended_block {
	struct ended *items; /* own; sorted by print, no print twice */
	uint32_t count;
	uint32_t cap;
	bool dirty; /* differs from the store */
};

struct ended_set {
	struct ended_block blocks[ENDED_BLOCKS];
	size_t count;
	bool dirty; /* some block may be: a poll that changed nothing need not look at all of them
		     */
};

void ended_print(struct hash hash, uint8_t ret[ENDED_PRINT]);
/* NULL when it is not there; an entry is valid until the next put, remove or merge */
struct ended *ended_find(const struct ended_set *set, const uint8_t print[ENDED_PRINT]);
/*
 * Where a look-up begins, and where it goes from there: addresses to prefetch, at or behind the
 * entries of a block; NULL: there is nothing near. ended_nearer() reads what ended_near() names.
 */
const struct ended *ended_near(const struct ended_set *set, const uint8_t print[ENDED_PRINT]);
const struct ended *ended_nearer(const struct ended_set *set, const uint8_t print[ENDED_PRINT]);
/* puts it in or changes its status */
struct ended *ended_put(
	struct ended_set *set, const uint8_t print[ENDED_PRINT], enum status status);
void ended_remove(struct ended_set *set, const uint8_t print[ENDED_PRINT]);
/* moves all of `from`, which is empty afterwards; where both have an entry, that of `from` stands
 */
void ended_merge(struct ended_set *set, struct ended_set *from);
/*
 * Notes the absence of entries that a complete sweep of this generation did not list, and forgets
 * those that have been absent for more than `days`. `today`: days since 1970.
 */
void ended_prune(struct ended_set *set, uint8_t generation, uint16_t today, uint16_t days);
/* for the store: one block as bytes, the same on every machine (print, status, 0, day, all
 * little-endian) */
void ended_block_save(const struct ended_block *block, struct buf *out);
/* and back, into an empty block; bytes that are no such block are refused and change nothing */
bool ended_block_load(struct ended_set *set, unsigned int block, const void *bytes, size_t len);
void ended_done(struct ended_set *set);

#endif
