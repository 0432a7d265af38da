/*
 * What is known of one source's tasks: the *records* of those that have not ended, and fingerprints of
 * all that have. Pure data with invariants; core/detect changes it, io/store loads and saves it.
 */
#ifndef CORE_BOOK_H
#define CORE_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "core/task.h"

/* One task that has not ended: active, of an unknown status, or expected. Owned by its book. */
struct record {
	struct task task;      /* texts own, in the same allocation */
	int64_t seen_wall_ms;  /* first seen */
	uint64_t bytes_hash;   /* of the element's bytes when it was last decoded; 0: none */
	uint32_t as_of;        /* serial of the newest request that told of it */
	uint32_t listed[2];    /* serial of the last list of each lane that has it */
	int64_t missing_ms;    /* wall time of the last word that it is nowhere */
	uint8_t missing;       /* such words in a row */
	bool stuck_told;
	bool dirty;            /* differs from the store */
	uint32_t not_by_id;    /* serial of the last look-up that said "not by this id"; 0: none */
	int64_t looked_up_ms;  /* mono time of the last look-up by id; 0: none */
};

#define BOOK_RECENT 64
#define ENDED_BLOCKS 1024 /* by the first ten bits of the fingerprint; each is one row of the store */

/* One task that has ended. 16 bytes, stored as they are (little-endian fields). */
struct ended {
	uint8_t print[12];   /* keyed hash of the task id */
	uint8_t status;      /* enum status */
	uint8_t generation;  /* of the sweep that last listed it; memory only */
	uint16_t absent_day; /* day (since 1970) since which no sweep listed it; 0: listed */
};

struct ended_block {
	struct ended *items; /* own; sorted by print */
	uint32_t count;
	uint32_t cap;
	bool dirty;
};

/* an ended task that one poll showed active again: believed when the next poll shows it too */
struct comeback {
	char *id;           /* own */
	uint32_t after;     /* the next word counts from requests sent after this serial */
	bool fresh;         /* shown by the list that is being applied */
};

struct book {
	struct record **slots; /* own; open addressing by id, NULL: free */
	size_t slot_count;     /* a power of two, or 0 */
	size_t count;          /* records */
	size_t active;         /* of them, in CLASS_ACTIVE */
	struct ended_block blocks[ENDED_BLOCKS];
	size_t ended_count;
	struct hash_key key;   /* of this state directory, random */
	bool baseline;         /* the first list of all statuses has been taken in */
	bool baseline_dirty;
	int64_t told_after_us; /* first run after lost state: tasks finished later are told; STAMP_NONE */
	struct {
		uint8_t print[12];
		uint32_t serial; /* of the request that told of the end */
	} recent[BOOK_RECENT];      /* the latest ends, a ring: an answer asked for before them is older news */
	size_t recent_next;
	struct comeback *comebacks; /* own; memory only: two words come from one run or are asked for again */
	size_t comeback_count;
	size_t comeback_cap;
};

struct book *book_new(const struct hash_key *key);
void book_free(struct book *book); /* NULL is fine */
/* the record of an id; NULL when there is none */
struct record *book_find(const struct book *book, const char *id);
/* puts a copy of the task in; there must be no record of its id yet */
struct record *book_add(struct book *book, const struct task *task, int64_t seen_wall_ms);
/* gives the record the data of `task` (same id); fields that `task` does not know are kept. Returns the
 * record, which may have moved */
struct record *book_update(struct book *book, struct record *record, const struct task *task);
void book_remove(struct book *book, struct record *record); /* frees it */
/* the ended entry of an id, NULL when not known; valid until the next ended change */
struct ended *book_ended(const struct book *book, const char *id);
/* puts it in or changes its status; returns the entry, valid until the next ended change */
struct ended *book_set_ended(struct book *book, const char *id, enum status status);
/* the fingerprint of an id, and an entry put in by its fingerprint (a first run keeps no ids) */
void book_print(const struct book *book, const char *id, uint8_t ret[12]);
struct ended *book_set_print(struct book *book, const uint8_t print[12], enum status status);
void book_unset_ended(struct book *book, const char *id);
/* for the store: one block as bytes (count * 16), and back; bytes that are no block are refused */
bool book_block_load(struct book *book, unsigned int block, const void *bytes, size_t len);
/* walks the records in no particular order: start with *pos = 0, NULL at the end */
struct record *book_next(const struct book *book, size_t *pos);

#endif
