/*
 * The display of the session that there is now. A user service that was started before anybody
 * logged in has none in its own environment, for ever; systemd's user manager is told of each.
 */
#ifndef DELIVER_SESSION_H
#define DELIVER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deliver/timed_process.h"
#include "core/config.h"

#define SESSION_FRESH_MS 100 /* hooks that start within one moment share an answer */
#define SESSION_SILENT_MS 10000 /* where there is no such manager it is asked no more often */
#define SESSION_LIMIT_MS 2000 /* nothing waits for longer */

/* zeroed at first */
struct session {
	struct timed_process program; /* systemctl(1), while it is asked */
	bool asking;
	int64_t again_ms; /* mono; what is known counts until then */
	struct strings variables; /* own; NAME=value, those that we lack; see session_read */
};

/*
 * Is it known, now, what the session's display is? Nothing is to be known where our own environment
 * has one. False: it was asked, and a later session_step() brings the answer, or gives it up.
 */
bool session_ready(struct session *session, struct instant now);
void session_step(struct session *session, struct instant now);
/* mono time of the next session_step that is needed; INSTANT_NEVER: when a descriptor or SIGCHLD
 * says so */
int64_t session_next(const struct session *session);
size_t session_fds(const struct session *session, struct poll_fd *fds, size_t cap);
void session_done(struct session *session);
/*
 * Takes from what `systemctl --user show-environment` writes the variables by which programs find
 * display and bus, as NAME=value. A value that is empty, quoted in a way that is not known, or has
 * a control character is left out, as is a last line that is cut.
 */
void session_read(const char *text, struct strings *ret);

#endif
