/* One lane of a poller: the requests of a poll or a sweep, one after the other. Private to
 * watch/poller. */
#ifndef WATCH_LANE_H
#define WATCH_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "watch/poller.h"
#include "base/buf.h"
#include "core/list_reader.h"
#include "core/source_type.h"
#include "core/sched.h"
#include "io/api.h"

#define LANE_LOOKUPS_AT_ONCE 4
#define LANE_TRIES_ONCE 3 /* one-shot: tries of a request */

enum lane_step {
	STEP_IDLE,
	STEP_LIST, /* the lane's own list is under way */
	STEP_ENDED, /* many are missing: the list of ended tasks is under way */
	STEP_LOOKUPS, /* missing tasks are asked for by id */
	STEP_DONE, /* one-shot: through */
};

struct lane_run;

/* one missing task that is asked for by id */
struct lookup {
	struct lane_run *run; /* borrowed */
	char *id; /* own */
	struct http_call *call;
	uint32_t serial;
	struct buf body;
	struct err reader; /* why no more of the body was wanted */
};

struct lane_run {
	struct poller *poller; /* borrowed */
	enum lane lane;
	enum lane_step step;
	struct sched sched;
	struct http_call *call;
	struct list_reader *list; /* own */
	struct buf error_body;
	struct err reader; /* why the reader ended the transfer */
	uint32_t list_serial; /* of the lane's own last list */
	int64_t asked_ms; /* wall; when that was asked for */
	uint64_t list_bytes; /* of the last one that was good */
	uint32_t since; /* look-ups sent from here on count as of this poll */
	struct lookup lookups[DETECT_LOOKUPS_MAX];
	size_t lookup_count;
	size_t lookup_next; /* the first that has not been sent */
	size_t lookups_open; /* sent and not answered */
	struct err failure; /* of a look-up; ERR_NONE: none */
	struct http_advice advice;
	unsigned int tries; /* one-shot */
	bool partial; /* its last list was not all there is */
	bool again; /* somebody wants a poll that begins now, while one is under way */
};

struct poller {
	const struct source_config *config; /* borrowed */
	const struct source_type *type;
	struct http *http; /* borrowed */
	struct snapshot *snapshot; /* own; NULL: to be reloaded */
	enum poller_mode mode;
	struct poller_owner owner;
	char *list_urls[LIST_SCOPE_COUNT]; /* own, each own; NULL: not asked for yet */
	struct detect_rules rules;
	struct health health;
	bool down_stored; /* health.down as the store has it */
	struct lane_run lanes[LANE_COUNT];
	char *key; /* own; NULL: none */
	bool key_old; /* to be read again before anything begins; what runs goes on with it */
	int64_t key_due_ms; /* mono; when a key is wanted again */
	uint32_t serial; /* last one given out; 0: nothing was asked yet */
	uint64_t lists;
	uint32_t sweep_since; /* a sweep is wanted on account of that poll while one is under way;
				 0: none */
	bool saw_active;
	bool partial_told; /* that the source's lists are not all there is */
	bool excused; /* after a jump: the next failure of a poll does not count */
	unsigned int refused; /* bits of the lanes whose key was refused and that have not succeeded
				 since */
	bool probing; /* see poller_refused() */
	int64_t held_ms; /* mono; the server wants no request before; not for one-shots */
	size_t lookups; /* by id, since the active list was last asked for */
	int64_t reload_ms; /* mono; while there is no snapshot: not asked for before */
	long failed_status; /* HTTP status of the list that failed last */
	struct err failure; /* one-shot: the first one */
	int64_t slept_ms; /* one-shot: between tries */
	struct instant now; /* of the current step */
};

/* sends the lane's list */
void lane_start(struct lane_run *run);
/* is something under way? */
static inline bool lane_busy(const struct lane_run *run)
{
	return run->step != STEP_IDLE && run->step != STEP_DONE;
}
/* forgets what is under way */
void lane_cancel(struct lane_run *run);

/* the key is wiped and gone; in poller_key.c, as the next */
void poller_key_drop(struct poller *poller);
/* is one to be found before anything begins? */
bool poller_key_needed(const struct poller *poller);

/* the URL of a list, the same at every poll; borrowed until the next is called; in poller_url.c */
const char *poller_list_url(struct poller *poller, enum list_scope scope);
/* they are made anew, for another configuration */
void poller_urls_drop(struct poller *poller);
/* for lanes, in poller.c: hands changes over; false when they could not be stored */
bool poller_commit(struct poller *poller, struct changes *changes);
/* a complete list came: keeps the health and tells of it; not yet stored */
void poller_good(struct poller *poller, const struct lane_run *run, struct changes *changes);
/* a complete list was stored */
void poller_listed(struct poller *poller);
/* the lane failed: plans the next try, keeps the health */
void poller_failed(struct poller *poller, struct lane_run *run, const struct err *err,
	const struct http_advice *advice);
/* a wish of the server is its word to all of us, not to one lane or request */
void poller_hold(struct poller *poller, const struct http_advice *advice);
/* is nothing to be sent now on that account? */
bool poller_held(const struct poller *poller);
/* the lane is through */
void poller_lane_done(struct poller *poller, struct lane_run *run);
/* a sweep is wanted soon: some task is nowhere to be found. `since`: first serial of the poll that
 * wants it */
void poller_want_sweep(struct poller *poller, uint32_t since);

#endif
