/*
 * The variables of the graphical session, as systemd's user manager knows them: a service that was
 * started before the login has none of them in its own environment.
 */
#ifndef DELIVER_SESSION_H
#define DELIVER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deliver/timed_process.h"
#include "core/config.h"

#define SESSION_FRESH_MS 100 /* how long an answer counts: hooks that start together share it */
#define SESSION_SILENT_MS 10000 /* how long a failure counts */
#define SESSION_LIMIT_MS 2000 /* time limit of the question */

/* zeroed at first */
struct session {
	struct timed_process program; /* systemctl(1), while it is asked */
	bool asking;
	int64_t again_ms; /* mono; until then the last answer counts */
	struct strings variables; /* own; NAME=value, those that we lack; see session_read */
};

/*
 * Are the variables known? They need not be where our own environment has a display. False: the
 * manager is being asked, and a later session_step() takes the answer or gives up.
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
