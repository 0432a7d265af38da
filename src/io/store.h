/* The state on disk: snapshots, events, deliveries. SQLite is behind io/db. */
#ifndef IO_STORE_H
#define IO_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/snapshot.h"
#include "core/delivery.h"
#include "core/event.h"
#include "core/prefix.h"

struct store;

enum store_mode {
	STORE_WRITE, /* the monitor: creates, upgrades, sets a damaged file aside */
	STORE_EDIT, /* redeliver: an existing file, read and write */
	STORE_READ, /* history, status, completion: an existing file, never locks the monitor out */
};

/* what store_open found damaged */
struct store_damage {
	char path[512]; /* under which the damaged file now lies; "": nothing was damaged */
	char reason[200];
	int64_t changed_ms; /* last change of the damaged file, wall */
};

/* health of one source, as kept across restarts */
struct store_source {
	char *name; /* own */
	bool down_told; /* source_down was told and source_up not yet */
	int64_t down_since_ms; /* wall */
};

/*
 * Opens state.db in `dir` (which exists, checked by io/statedir). STORE_WRITE: a damaged file is
 * set aside under a new name and a new one begun; a newer schema is refused (ERR_IO) and left
 * alone. STORE_READ and STORE_EDIT: ERR_NOT_FOUND when there is no file. `damage` (may be NULL)
 * names a damaged file at every open until an event `state_lost` is committed, so that the event
 * survives a crash in between.
 */
bool store_open(struct store **ret, const char *dir, enum store_mode mode, int64_t wall_ms,
	struct store_damage *damage, struct err *err);
void store_close(struct store *store); /* NULL is fine */

/*
 * Loads what is known of a source into a new snapshot (empty for a new source), which the caller
 * frees. After a loss, the snapshot of a source without a baseline has report_after_us set.
 */
bool store_load_snapshot(
	struct store *store, const char *source, struct snapshot **ret, struct err *err);
/* frees the snapshots that store_open() made to check the file and that no source has loaded */
void store_free_loaded(struct store *store);
/* loads health; ret->name is NULL when the source is new. The caller frees ret->name */
bool store_load_source(
	struct store *store, const char *source, struct store_source *ret, struct err *err);

/* an event to store, with one pending delivery for each sink that wants it */
struct store_event {
	struct event *event; /* borrowed; gets its id */
	const char *const *wanted; /* sink names, borrowed */
	size_t wanted_count;
	int64_t due_ms; /* wall; first attempt not before */
};
/* what a poll found; all borrowed */
struct store_changes {
	const char *source; /* NULL: events only */
	struct snapshot *snapshot; /* its dirty parts are written; NULL: none */
	const char *const *removed; /* ids of records that are gone from the snapshot */
	size_t removed_count;
	const struct store_source *health; /* NULL: unchanged */
	struct store_event *events;
	size_t event_count;
	bool written; /* out; false after a success: there was nothing to write */
};
/*
 * Stores all changes in one transaction, synchronous=FULL, and sets the events' ids. On success the
 * snapshot's dirty flags are cleared; on failure nothing has changed on disk and the caller reloads
 * the snapshot. With nothing to write the disk is not touched.
 */
bool store_commit(struct store *store, struct store_changes *changes, struct err *err);

/* stores the message of an event and makes its deliveries due now; synchronous=FULL */
bool store_explain(struct store *store, int64_t event_id, const char *message, int64_t wall_ms,
	struct err *err);

/* which deliveries of a sink are wanted */
struct store_pull {
	const char *sink; /* borrowed, as all here */
	int64_t wall_ms; /* due by then; INT64_MAX: all that are pending */
	size_t limit; /* at most so many */
	int64_t *busy; /* event ids to leave out; gets sorted */
	size_t busy_count;
	bool batch;
	int64_t after_id; /* of a batch: only events later than this one; 0: all */
	/* gets the earliest due time (wall ms) later than wall_ms of a pending delivery, INT64_MAX:
	 * none; unchanged when `limit` was reached. NULL: not wanted */
	int64_t *next_ms;
};
/*
 * Pending deliveries that are due. One by one: those due longest first, and only the first pending
 * of each task, for which its later events wait also while it is busy or not due. As a batch: in
 * event order, also several of one task, but none behind a pending one of the same task that is not
 * due (a retry). `*ret` is an owned array of *ret_count deliveries, each owned.
 */
bool store_due(struct store *store, const struct store_pull *pull, struct delivery ***ret,
	size_t *ret_count, struct err *err);
/* stores the results of deliveries of one sink: one transaction, synchronous=NORMAL */
bool store_settle(struct store *store, const char *sink, const struct delivery *const *ended,
	size_t count, int64_t wall_ms, struct err *err);
/* makes all pending deliveries due at `wall_ms` */
bool store_make_due(struct store *store, int64_t wall_ms, struct err *err);
/* makes failed deliveries pending again, with no attempts and no age: those of one event (0: all)
 * and of one source (NULL: all). Counts them */
bool store_redeliver(struct store *store, int64_t event_id, const char *source, int64_t wall_ms,
	size_t *ret_count, struct err *err);
/*
 * Moves the stored times after the wall clock was set by `by_ms` (0 at a start) to `wall_ms`:
 * delays and ages stay what they were. A delay longer than any that is given ends now, and no
 * failure lies in the future. With nothing to change the disk is not touched.
 */
bool store_clock_set(struct store *store, int64_t by_ms, int64_t wall_ms, struct err *err);
/* takes the time for which a sink was unavailable off the age of its pending deliveries; with none
 * that has failed before the disk is not touched */
bool store_sink_waited(struct store *store, const char *sink, int64_t for_ms, struct err *err);
/* frees the page cache that a large commit enlarged; call when its events are delivered */
void store_trim(struct store *store);
/* did another process change the file since the last call? Takes two locks, 3,500 instructions */
bool store_changed(struct store *store);
/* deletes events older than `before_ms` that have no pending or failed delivery, at most `limit` at
 * once */
bool store_prune(
	struct store *store, int64_t before_ms, size_t limit, size_t *ret_count, struct err *err);

/* what `status` shows of a sink */
struct store_sink {
	char *name; /* own */
	int64_t pending;
	int64_t failed;
	int64_t failed_day; /* given up in the last 24 h */
	int64_t last_success_ms; /* wall; 0: never */
	int64_t last_failure_ms;
	bool last_failed; /* the last attempt failed */
	char *last_error; /* own; NULL */
};
bool store_sinks(struct store *store, int64_t wall_ms, struct store_sink **ret, size_t *ret_count,
	struct err *err);
void store_sinks_free(struct store_sink *sinks, size_t count);
void store_sink_done(struct store_sink *sink);
/* has `sink_failed` been reported, and no task event been delivered since? */
bool store_sink_reported(struct store *store, const char *sink, bool *ret, struct err *err);
bool store_set_sink_reported(struct store *store, const char *sink, bool told, struct err *err);

/* which past events are wanted */
struct store_query {
	int64_t since_ms; /* wall; 0: all */
	const bool *types; /* by enum event_type, EVENT_COUNT of them; NULL: all */
	const char *source; /* NULL: all */
	const struct strings *tasks; /* only of these ids; NULL or empty: of all, and of none */
	int64_t limit; /* the newest so many; 0: all */
};
/* calls `take` for each of them, oldest first, until it returns false */
bool store_history(struct store *store, const struct store_query *query,
	bool (*take)(void *arg, const struct event *event), void *arg, struct err *err);
/* offers every task id in the history of a source (NULL: of all) that begins with the text of the
 * prefix */
bool store_prefix(struct store *store, const char *source, struct prefix *prefix, struct err *err);
/* calls `take` for each active task of a source (NULL: of all) until it returns false */
bool store_active(struct store *store, const char *source,
	bool (*take)(void *arg, const char *source, const struct task *task), void *arg,
	struct err *err);
const char *store_version(void); /* "SQLite/3.40.1" */

#endif
