/*
 * How the monitor of a state directory is: from its lock, its pulse and its state, without the
 * network and without the configuration, which may have changed since it started.
 */
#ifndef WATCH_VITALS_H
#define WATCH_VITALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/pulse.h"
#include "io/store.h"

struct vitals_source {
	char *name; /* own */
	int64_t active; /* tasks */
	int64_t last_good_ms; /* wall, as all here; 0: none in this run */
	int64_t next_ms; /* 0: an answer is awaited, or nothing is known */
	int64_t failing_ms; /* since when it fails; 0: it does not */
	bool refused; /* the key was refused or is missing */
	bool down; /* source_down was told, source_up not yet */
	bool degraded;
	char *error; /* own; NULL: none */
};

struct vitals {
	bool running;
	bool reported; /* it has told of its polls */
	int64_t pid; /* 0: not known */
	int64_t started_ms; /* 0: not known */
	struct vitals_source *sources; /* own; when it does not run: those that left active tasks */
	size_t source_count;
	struct store_sink *sinks; /* own; the configured ones first, in their order */
	size_t sink_count;
	size_t sinks_used; /* of these, configured; all when it has not told */
	struct strings waits; /* own; of the first sinks, as in the pulse */
};

/* `store` NULL: nothing was ever stored. False with ERR_IO when the state cannot be read */
bool vitals_read(struct vitals *ret, const char *state_dir, struct store *store, int64_t wall_ms,
	struct err *err);
void vitals_done(struct vitals *vitals);
/* NULL: there is no such source */
const struct vitals_source *vitals_find(const struct vitals *vitals, const char *name);
/* forgets all sources but that one */
void vitals_only(struct vitals *vitals, const char *name);
/* refused, or without a good poll for its `down_after` */
bool vitals_source_degraded(const struct pulse_source *source, int64_t started_ms, int64_t wall_ms);
/* its last attempt failed, or it gave up a delivery in the last 24 h */
bool vitals_sink_degraded(const struct store_sink *sink);
/* why the sink at that place holds deliveries back; NULL: it does not, or the monitor has not told
 */
const char *vitals_sink_waits(const struct vitals *vitals, size_t i);
/* running, no source and no configured sink degraded */
bool vitals_healthy(const struct vitals *vitals);

#endif
