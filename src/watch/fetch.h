/*
 * What one poll or one sweep asks: its list, and what follows from it, one after the other. The
 * source starts it and is told what came of it; it never calls back.
 */
#ifndef WATCH_FETCH_H
#define WATCH_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/detect.h"
#include "core/list_reader.h"
#include "core/sched.h"
#include "io/http.h"

#define FETCH_LOOKUPS_AT_ONCE 4

struct source;

enum fetch_step {
	FETCH_IDLE,
	FETCH_LIST, /* its own list is under way */
	FETCH_ENDED, /* many are missing: the list of ended tasks is under way */
	FETCH_LOOKUPS, /* missing tasks are asked for by id */
	FETCH_CLOSING, /* all answers are in */
	FETCH_DONE, /* one-shot: through */
};

/* one missing task that is asked for by id */
struct lookup {
	char *id; /* own */
	struct http_call *call; /* own; NULL: not sent, or answered */
	uint32_t seq;
};

struct fetch {
	enum list_kind kind;
	enum fetch_step step;
	struct sched sched;
	struct http_call *call; /* own; of a list */
	struct list_reader *list; /* own */
	struct err reader; /* why the reader ended the transfer */
	uint32_t list_seq; /* of its own last list */
	int64_t asked_ms; /* wall; when that was asked for */
	uint64_t list_bytes; /* of the last one that was good */
	uint32_t lookup_floor_seq; /* the lowest seq of a look-up whose "not found" counts */
	bool listed; /* a list was taken in, and what follows from it is to be asked */
	struct lookup lookups[DETECT_LOOKUPS_MAX];
	size_t lookup_count;
	size_t lookup_next; /* the first that has not been sent */
	struct err failure; /* of the list, or of a look-up; ERR_NONE: none */
	struct http_advice advice; /* how it may be asked again */
	unsigned int tries; /* one-shot; of storing what it found */
	bool partial; /* its last list was not all there is */
	bool closed; /* all answers were taken in, and what they changed is being stored */
	bool again; /* somebody wants a poll that begins now, while one is under way */
	bool wants_sweep; /* a task is nowhere to be found: the source asks for the list of all */
};

enum fetch_result {
	FETCH_NOTHING, /* answers are awaited, or nothing was asked */
	FETCH_CHANGED, /* changes are to be stored; it goes on after that */
	FETCH_GOOD, /* a list was taken in, its changes are to be stored; it goes on after that */
	FETCH_FAILED, /* `failure` and `advice` say why, nothing is under way */
	FETCH_THROUGH, /* all that was wanted is known */
};

/* sends the list */
void fetch_start(struct source *source, struct fetch *fetch);
/* takes in the next answer, or asks what follows from the last one; what it finds is added to
 * `changes` */
enum fetch_result fetch_go_on(struct source *source, struct fetch *fetch, struct changes *changes);
/* is something under way? */
static inline bool fetch_busy(const struct fetch *fetch)
{
	return fetch->step != FETCH_IDLE && fetch->step != FETCH_DONE;
}
/* forgets what is under way */
void fetch_cancel(struct source *source, struct fetch *fetch);

/* a request to the source with its present key; what is done with the body is the caller's to say
 */
struct http_request fetch_request(const struct source *source, const char *url);
/* is the source not to be asked now, as its server wishes? */
bool fetch_throttled(const struct source *source);
/* with -v, one line: what was asked of which source, and what came of it */
void fetch_log_answer(const char *source, const char *what, const struct http_answer *answer);
/* a wish of the server is meant for all requests of the source */
void fetch_throttle(struct source *source, const struct http_advice *advice);

#endif
