/*
 * What is known of one source's tasks: the *records* of those that have not ended, and fingerprints
 * of all that have. Pure data with invariants; core/detect changes it, io/store loads and saves it.
 */
#ifndef CORE_SNAPSHOT_H
#define CORE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "core/ended.h"
#include "core/task.h"

/* The search for a task that a list should have had and had not. */
struct search {
	int64_t missing_ms; /* wall time of the last word that it is nowhere; stored */
	int64_t looked_up_ms; /* mono time of the last look-up by id; 0: none */
	uint32_t not_by_id; /* serial of the last look-up that said "not by this id"; 0: none */
	uint8_t missing; /* words in a row that it is nowhere; stored */
};

/*
 * One task that has not ended: active, of an unknown status, or expected. Laid out for a hundred
 * thousand of them: texts follow in the same allocation, those that repeat stand once in the
 * snapshot, and what is only needed for missing tasks stands apart. record_task() shows it as a
 * task.
 */
struct record {
	int64_t created_us; /* STAMP_NONE: not known */
	struct search *search; /* own; NULL: it was never missed */
	uint32_t seen_s; /* wall seconds; first seen */
	uint32_t as_of; /* serial of the newest request that told of it */
	uint32_t listed[2]; /* serial of the last list of each lane that has it, complete or not */
	uint8_t status; /* enum status */
	uint8_t user; /* where in the snapshot the text stands; 0: in `text`, or not known */
	uint8_t bucket;
	bool stuck_told : 1;
	bool dirty : 1; /* differs from the store */
	bool has_name : 1; /* which texts follow the id in `text`, in this order */
	bool has_bucket : 1;
	bool has_user : 1;
	bool has_word : 1; /* only for STATUS_UNKNOWN */
	char text[]; /* the id, then the others, each with its NUL */
};

/* an ended task that a poll showed active again: believed when the next ones show it as well */
struct reopened {
	char *id; /* own */
	int64_t first_ms; /* wall time of the first poll that showed it; stored */
	uint32_t after; /* the next word counts from requests sent after this serial */
	bool fresh; /* shown by the list that is being applied */
	bool over; /* believed */
};

/* an end that was learned while an older list was still under way: what that one says of it is old
 * news */
struct recent_end {
	struct fingerprint fingerprint;
	uint32_t serial; /* of the request that told of the end */
};

#define SNAPSHOT_SHARED 253 /* prime, and what fits a byte with 0 kept free */

struct snapshot {
	struct record **slots; /* own; open addressing by id, NULL: free */
	uint8_t *tags; /* own; of each slot, a byte of its hash: most others need no look at the
			  record */
	size_t slot_count;
	size_t count; /* records */
	size_t active; /* of them, in CLASS_ACTIVE */
	char *shared[SNAPSHOT_SHARED]; /* own; users and buckets, which repeat; the first so many,
				      the rest are kept singly */
	size_t shared_count;
	struct ended_set ended;
	struct hash_key key; /* of this state directory, random */
	bool baseline; /* the first list of all statuses has been taken in */
	bool baseline_dirty;
	bool closed; /* `wait`: tasks without a record are none of its business; memory only */
	int64_t told_after_us; /* first run after lost state: tasks finished later are told;
				  STAMP_NONE */
	uint8_t sweeps; /* generation of the last list of all statuses; memory only, as all below */
	uint32_t open[2]; /* serial of the list that is under way in each lane; 0: none */
	struct recent_end *recent_ends; /* own */
	size_t recent_end_count;
	size_t recent_end_cap;
	struct reopened *reopened; /* own; the first `reopened_sorted` by id */
	size_t reopened_count;
	size_t reopened_cap;
	size_t reopened_sorted;
	bool reopened_dirty;
	/* The last list of active tasks, when all it said was known: the same bytes say nothing new
	 * either, as long as no record is put in, changed or taken out. */
	struct buf answer; /* own; empty: there is no such list */
	uint32_t answer_serial; /* of its request; records in it have it in `listed` */
	uint32_t answer_revision;
	uint32_t revision; /* counts the records put in, changed and taken out */
};

struct snapshot *snapshot_new(const struct hash_key *key);
void snapshot_free(struct snapshot *snapshot); /* NULL is fine */
struct hash snapshot_hash(const struct snapshot *snapshot, const char *id);
/* the record of an id; NULL when there is none */
struct record *snapshot_find(const struct snapshot *snapshot, const char *id);
/* as snapshot_find, of an id without a NUL, by hash_bytes() of it */
struct record *snapshot_find_hash(
	const struct snapshot *snapshot, const char *id, size_t len, struct hash hash);
/* puts a copy of the task in; there must be no record of its id yet */
struct record *snapshot_add(
	struct snapshot *snapshot, const struct task *task, int64_t seen_wall_ms);
/* gives the record the data of `task` (same id); fields that `task` does not know are kept. Returns
 * the record, which may have moved */
struct record *snapshot_update(
	struct snapshot *snapshot, struct record *record, const struct task *task);
void snapshot_remove(struct snapshot *snapshot, struct record *record); /* frees it */
/* walks the records in no particular order: start with *pos = 0, NULL at the end */
struct record *snapshot_next(const struct snapshot *snapshot, size_t *pos);
/* the ended entry of an id, NULL when not known; valid until the next ended change */
struct ended *snapshot_ended(const struct snapshot *snapshot, const char *id);
/* puts it in or changes its status; returns the entry, valid until the next ended change */
struct ended *snapshot_set_ended(struct snapshot *snapshot, const char *id, enum status status);
void snapshot_unset_ended(struct snapshot *snapshot, const char *id);

/* a poll of that wall time showed an ended task active, the first in a row; returns it, valid until
 * the next is added or they are sorted */
struct reopened *snapshot_add_reopened(
	struct snapshot *snapshot, const char *id, int64_t first_ms, uint32_t after);
/* the one of an id, of those that were sorted in; NULL: none */
struct reopened *snapshot_reopened(const struct snapshot *snapshot, const char *id);
/* forgets those that are over, sorts the rest in */
void snapshot_sort_reopened(struct snapshot *snapshot);

/* a record that is in no snapshot yet; it borrows the shared texts of `snapshot`. record_free() or
 * snapshot_put() */
struct record *record_new(struct snapshot *snapshot, const struct task *task);
void record_free(struct record *record); /* NULL is fine */
/* makes room for so many more records at once */
void snapshot_reserve(struct snapshot *snapshot, size_t more);
/* puts it in; there must be no record of its id yet */
void snapshot_put(struct snapshot *snapshot, struct record *record, int64_t seen_wall_ms);
static inline const char *record_id(const struct record *record)
{
	return record->text;
}
/* the record as a task; texts borrowed until the record changes, finished_us never known */
struct task record_task(const struct snapshot *snapshot, const struct record *record);
/* its search, begun when there was none */
struct search *record_search(struct record *record);

#endif
