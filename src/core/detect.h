/*
 * Detection: what an answer of the API changes in a snapshot, and what users are told of it. Pure:
 * the same snapshot, answers and times give the same events. Nothing of a list is applied before it
 * is complete.
 *
 * Every request has a serial, counted up as requests are sent. An observation counts as of its
 * serial and never overrides one with a later serial.
 */
#ifndef CORE_DETECT_H
#define CORE_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/stamp.h"
#include "core/snapshot.h"
#include "core/event.h"
#include "core/source_type.h"

#define DETECT_GONE_WORDS 3 /* "it is nowhere", so often in a row … */
#define DETECT_GONE_APART_MS 1000 /* … at least so far apart */
#define DETECT_REOPENED_APART_MS 1000 /* two polls that show an ended task active, at least */
#define DETECT_BY_ID_MAX 4 /* more missing tasks than this are looked for in a list first */
#define DETECT_LOOKUPS_MAX 20 /* look-ups by id in one poll */
#define DETECT_ABSENT_DAYS 30 /* an ended task that no sweep listed for so long is forgotten */

/* the two lanes of requests of a source; they may be under way at the same time */
enum lane { LANE_POLL, LANE_SWEEP, LANE_COUNT };

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
	const struct task *view, uint32_t serial, uint32_t newest, struct instant now,
	struct changes *changes);
/* an answer 400, 404 or 422 with a JSON body to a look-up by id */
void detect_not_by_id(struct snapshot *snapshot, const char *id, uint32_t serial);
/*
 * The tasks that should have been in the lane's list `serial` and were not, those never or longest
 * not looked up first: at most `max` records, borrowed until the snapshot changes; returns how many
 * there are in all. Tasks of an unknown status are missed by sweeps only, unless the snapshot is
 * closed. `since`: those for which a look-up sent at or after it said "not by this id" are left
 * out; 0 leaves out none.
 */
size_t detect_missing(const struct snapshot *snapshot, enum lane lane, uint32_t serial,
	uint32_t since, struct record **ret, size_t max);
/* did the last complete sweep have a word that the task is nowhere? */
bool detect_nowhere(const struct snapshot *snapshot, const char *id);
/*
 * Closes a sweep that was asked for at `asked_ms` (wall): each task that is in no list of `serial`
 * and of which a look-up sent at or after `since` said "not by this id" gets one word closer to
 * `gone`. Returns how many are on that way.
 */
size_t detect_gone(struct snapshot *snapshot, const struct detect_rules *rules, uint32_t serial,
	uint32_t since, int64_t asked_ms, struct instant now, struct changes *changes);
/* tells of tasks that are active for longer than stuck_after, once each */
void detect_stuck(struct snapshot *snapshot, const struct detect_rules *rules, struct instant now,
	struct changes *changes);

#endif
