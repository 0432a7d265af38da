/* The answer that is being applied, and what all of detection tells and forgets by. Private to
 * detection. */
#ifndef CORE_DETECT_CTX_H
#define CORE_DETECT_CTX_H

#include "core/detect.h"

struct detect_ctx {
	struct snapshot *snapshot; /* borrowed, as all here */
	const struct detect_rules *rules;
	uint32_t seq;
	uint32_t newest; /* last seq given out so far */
	struct instant now;
	int64_t asked_ms; /* wall; when the list was asked for */
	struct changes *changes;
	bool ended_known; /* false: unknown ended tasks are left to the first sweep */
};

void detect_report(const struct detect_ctx *ctx, enum event_type type, const struct task *task,
	const char *from, const char *to);
/* what a task was, as users read it; NULL when `wait` only expects it */
const char *detect_from(const struct task *task);
/* the record leaves the snapshot, because its task has ended one way or another */
void detect_end(const struct detect_ctx *ctx, struct record *record);
/* applies what the answer says of one task; true: `fresh`, a record of the same, is now in the
 * snapshot */
bool detect_observe(const struct detect_ctx *ctx, const struct task *view, struct record *fresh);
/* the task was found: clears all confirmations that it is gone */
void record_found(struct record *record, uint32_t seq);
/* forgets reopened tasks that the list just applied did not show active again */
void reopened_close(struct snapshot *snapshot, uint32_t seq);

#endif
