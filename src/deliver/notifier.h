/*
 * taskbell-notify as a running program: one for a session bus, started when there is something to
 * show, replaced when it does not answer. All sinks of the type desktop share it.
 */
#ifndef DELIVER_NOTIFIER_H
#define DELIVER_NOTIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/stamp.h"
#include "base/strings.h"
#include "io/http.h"

struct notifier;

enum notice_kind {
	NOTICE_SHOWN, /* the server has taken it */
	NOTICE_FAILED, /* it was not shown; a retry may work */
	NOTICE_UNAVAILABLE, /* there is no server; see notifier_unavailable */
	NOTICE_CLOSED, /* the notification is off the screen */
	NOTICE_SERVER_GONE, /* all that was shown is out of reach for good; number 0 */
};

struct notice {
	enum notice_kind kind;
	int64_t number;
	const char *why; /* borrowed; of FAILED and UNAVAILABLE */
};

/* every notice goes to every listener, who knows what numbers are its own */
typedef void (*notice_fn)(void *arg, const struct notice *notice, struct instant now);

/* `secrets` (borrowed): names of variables that hold keys, which the program does not get */
struct notifier *notifier_new(const struct strings *secrets);
void notifier_free(struct notifier *notifier); /* ends the program; NULL is fine */
void notifier_listen(struct notifier *notifier, notice_fn listener, void *arg);
void notifier_unlisten(struct notifier *notifier, const void *arg);

/* why nothing can be shown: no bus, or no server; NULL: there may be one */
const char *notifier_unavailable(const struct notifier *notifier);
/* mono time before which nothing more may be sent; 0: at once */
int64_t notifier_hold_until(const struct notifier *notifier, struct instant now);
/* a number for a notification of one's own */
int64_t notifier_number(struct notifier *notifier);
/*
 * Shows what `note` says (lines of core/wording), or changes the notification of that number to it;
 * SHOWN, FAILED or UNAVAILABLE is the answer. False: it was not sent, because there is no bus
 * (ERR_UNREACHABLE, and notifier_unavailable says so too) or the program cannot be started.
 */
bool notifier_show(struct notifier *notifier, int64_t number, const struct buf *note,
	struct instant now, struct err *err);
/* takes a notification down, if it is still there; no answer */
void notifier_close(struct notifier *notifier, int64_t number);
/* looks for a bus and a server again, if they were unavailable: the session may be another now */
void notifier_look(struct notifier *notifier);
/* takes in what the program says, replaces it when it is past its time; never blocks */
void notifier_step(struct notifier *notifier, struct instant now);
/* mono time at which notifier_step must be called again */
int64_t notifier_next(const struct notifier *notifier);
/* … and for a listener that has something to show, because a bus may be there by then */
int64_t notifier_next_look(const struct notifier *notifier);
size_t notifier_fds(const struct notifier *notifier, struct poll_fd *fds, size_t cap);

#endif
