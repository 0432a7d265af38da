/*
 * Detection: what an answer of the API changes in a snapshot, and what users are told of it. Pure:
 * the same snapshot, answers and times give the same events. Nothing of a list is applied before it
 * is complete.
 *
 * Every request has a number (seq), counted up as requests are sent. What an answer says counts as
 * of its request, and never overrides what a later request has told.
 */
#ifndef CORE_DETECT_H
#define CORE_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/stamp.h"
#include "core/snapshot.h"
#include "core/event.h"

#define DETECT_GONE_CONFIRMATIONS 3 /* sweeps in a row without the task before event gone */
#define DETECT_GONE_APART_MS 1000 /* between two of them, at least */
#define DETECT_REOPENED_APART_MS 1000 /* two polls that show an ended task active, at least */
#define DETECT_BY_ID_MAX 4 /* more missing tasks than this are looked for in a list first */
#define DETECT_LOOKUPS_MAX 20 /* look-ups by id in one poll */
#define DETECT_ABSENT_DAYS 30 /* an ended task that no sweep listed for so long is forgotten */

/* what a list is asked for: often and active tasks alone, or rarely and all; both may be under way
 */
enum list_kind { LIST_POLL, LIST_SWEEP, LIST_KINDS };

struct detect_rules {
	const char *source; /* borrowed; name in events */
	int first_run; /* enum first_run */
	int64_t stuck_after_ms; /* 0: off */
};

/* what is to be told and stored; gathers over several calls */
struct changes {
	struct event **events; /* own, each own (one allocation) */
	size_t event_count;
	size_t event_cap;
	char **removed; /* own; ids of records that left the snapshot */
	size_t removed_count;
	size_t removed_cap;
};

void changes_add(struct changes *changes, const struct event *event); /* copies */
void changes_done(struct changes *changes);

/* an answer 200 to a look-up by id */
void detect_task(struct snapshot *snapshot, const struct detect_rules *rules,
	const struct task *view, uint32_t seq, uint32_t newest, struct instant now,
	struct changes *changes);
/* an answer 400, 404 or 422 with a JSON body to a look-up by id */
void detect_not_found(struct snapshot *snapshot, const char *id, uint32_t seq);
/*
 * The tasks that should have been in the list `seq` of that kind and were not, those never or
 * longest not looked up first: at most `max` records, borrowed until the snapshot changes; returns
 * how many there are in all. Sweeps alone miss tasks of an unknown status, unless the snapshot is
 * closed. A task which a look-up with request number `asked_from` or later did not find is left
 * out; 0: none.
 */
size_t detect_missing(const struct snapshot *snapshot, enum list_kind kind, uint32_t seq,
	uint32_t asked_from, struct record **ret, size_t max);
/* was the task missing in the last complete sweep, and not found by id either? */
bool detect_is_missing(const struct snapshot *snapshot, const char *id);
/*
 * Closes the sweep `seq`, asked for at `asked_ms` (wall): a task that it does not list, and that a
 * look-up with request number `asked_from` or later did not find, has one more confirmation that it
 * is gone. Enough of them end it with event gone.
 */
void detect_gone(struct snapshot *snapshot, const struct detect_rules *rules, uint32_t seq,
	uint32_t asked_from, int64_t asked_ms, struct instant now, struct changes *changes);
/* tells of tasks that are active for longer than stuck_after, once each */
void detect_stuck(struct snapshot *snapshot, const struct detect_rules *rules, struct instant now,
	struct changes *changes);

#endif
