/* Whether a source is reachable. Only failures that last are reported, once, and so is their
 * end. */
#ifndef CORE_HEALTH_H
#define CORE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/stamp.h"

struct health {
	bool down; /* source_down was told, source_up not yet; kept across restarts */
	int64_t down_since_ms; /* wall */
	bool failing;
	int64_t failing_since_ms; /* mono; of the first bad poll after a good one */
	int64_t failing_wall_ms;
	int64_t last_good_ms; /* wall; 0: none in this run */
	struct err last_error; /* ERR_NONE while all is well */
};

/* a complete answer: true when source_up is to be told */
bool health_good(struct health *health, struct instant now);
/*
 * A poll failed: true when source_down is to be told, because it has failed for `down_after_ms` or
 * the key was refused or is missing (err->kind ERR_AUTH).
 */
bool health_bad(
	struct health *health, const struct err *err, int64_t down_after_ms, struct instant now);
/* after a suspend or a clock jump: the stretch begins anew, its errors so far do not count */
void health_resumed(struct health *health, struct instant now);

#endif
