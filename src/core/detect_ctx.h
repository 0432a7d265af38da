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
	bool ended_known; /* ended tasks never seen before are news (not history we have yet to take
			     in) */
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
/* the task is somewhere: whatever said that it is nowhere is refuted */
void record_found(struct record *record, uint32_t seq);
/* those that the list which has just been applied did not show again were a slip */
void reopened_close(struct snapshot *snapshot, uint32_t seq);

#endif
