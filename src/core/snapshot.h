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

/* What is known of a task that is not in a list that should have it. */
struct missing_check {
	int64_t confirmed_ms; /* wall time of the last confirmation; stored */
	int64_t looked_up_ms; /* mono time of the last look-up by id; 0: none */
	uint32_t not_found_seq; /* seq of the last look-up that said "not by this id"; 0: none */
	uint8_t confirmations; /* sweeps in a row that say the task is gone; stored */
};

/*
 * One task that has not ended: active, of an unknown status, or expected. A hundred thousand of
 * them must be small: texts follow in the same allocation, those that repeat stand once in the
 * snapshot, and what only missing tasks need is allocated apart. record_task() gives it as a task.
 */
struct record {
	int64_t created_us; /* STAMP_NONE: not known */
	struct missing_check *missing_check; /* own; NULL: it was never missed */
	uint32_t seen_s; /* wall seconds; first seen */
	uint32_t observed_seq; /* seq of the newest request that told of it */
	uint32_t listed[2]; /* seq of the last list of each kind that has it, complete or not */
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

/* an ended task that a poll listed as active again: believed when the next poll lists it too */
struct reopened {
	char *id; /* own */
	int64_t first_ms; /* wall time of the first poll that showed it; stored */
	uint32_t after_seq; /* only requests sent after this one can confirm it */
	bool listed; /* by the list that is being applied */
	bool done; /* confirmed, or not confirmed: forgotten when the list is applied */
};

/* an end that was learned while an older list was under way: that list is outdated for this task */
struct recent_end {
	struct fingerprint fingerprint;
	uint32_t seq; /* of the request that told of the end */
};

#define SNAPSHOT_SHARED 253 /* prime, and what fits a byte with 0 kept free */

struct snapshot {
	struct record **slots; /* own; open addressing by id, NULL: free */
	uint8_t *tags; /* own; a byte of the hash in each slot: few other records are read */
	size_t slot_count;
	size_t count; /* records */
	size_t active; /* of them, in CLASS_ACTIVE */
	char *shared[SNAPSHOT_SHARED]; /* own; the first users and buckets, which repeat; others
					  stand in their record */
	size_t shared_count;
	struct ended_set ended;
	struct hash_key key; /* of this state directory, random */
	bool baseline; /* the first list of all statuses has been taken in */
	bool baseline_dirty;
	bool closed; /* `wait`: tasks without a record are ignored; memory only */
	/* after a damaged state: ended tasks that finished after this time are reported;
	 * STAMP_NONE: all are history */
	int64_t report_after_us;
	uint8_t sweeps; /* generation of the last list of all statuses; memory only, as all below */
	uint32_t open[2]; /* seq of the list of each kind that is under way; 0: none */
	struct recent_end *recent_ends; /* own */
	size_t recent_end_count;
	size_t recent_end_cap;
	struct reopened *reopened; /* own; the first `reopened_sorted` by id */
	size_t reopened_count;
	size_t reopened_cap;
	size_t reopened_sorted;
	bool reopened_dirty;
	/* the last list of active tasks, if all in it was known: while `revision` stays the same,
	 * the same bytes say nothing new */
	struct buf answer; /* own; empty: there is none */
	uint32_t answer_seq; /* of its request; `listed` of the records in it */
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
/* is there anything that the store does not have? */
bool snapshot_dirty(const struct snapshot *snapshot);
/* clears all dirty flags: the store has it all */
void snapshot_clean(struct snapshot *snapshot);
/* walks the records in no particular order: start with *pos = 0, NULL at the end */
struct record *snapshot_next(const struct snapshot *snapshot, size_t *pos);
/* the ended entry of an id, NULL when not known; valid until the next ended change */
struct ended *snapshot_ended(const struct snapshot *snapshot, const char *id);
/* puts it in or changes its status; returns the entry, valid until the next ended change */
struct ended *snapshot_set_ended(struct snapshot *snapshot, const char *id, enum status status);
void snapshot_unset_ended(struct snapshot *snapshot, const char *id);

/* notes an ended task that a poll listed as active, at that wall time; returns it, valid until the
 * next is added or they are sorted */
struct reopened *snapshot_add_reopened(
	struct snapshot *snapshot, const char *id, int64_t first_ms, uint32_t after);
/* that of an id, if it was there before the list that is being applied; NULL: none */
struct reopened *snapshot_reopened(const struct snapshot *snapshot, const char *id);
/* forgets those that are done, sorts the rest */
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
/* its missing_check, made when there is none */
struct missing_check *record_missing_check(struct record *record);

#endif
