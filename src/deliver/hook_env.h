/* What a hook is started with: arguments and environment (taskbell-hooks(7)). */
#ifndef DELIVER_HOOK_ENV_H
#define DELIVER_HOOK_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/config.h"
#include "core/event.h"
#include "io/process.h"

#define TEMPLATE_TEXT_MAX (128 * 1024 - 1) /* what Linux takes as one argument (MAX_ARG_STRLEN) */

/*
 * Vectors are NULL-terminated and one allocation each: free(3) releases them. `ours` is an
 * environment, `secrets` are names of variables that hold keys and are never passed on.
 */

/* fills `ret` anew with those names: no hook sees them, also when its `env` names one */
void hook_secrets(const struct config *config, struct strings *ret);
/*
 * Adds `text` with every `{field}` replaced, in one pass: what a value contains is not looked at
 * again. Braces around anything else stand. The whole is cut at TEMPLATE_TEXT_MAX, where no code
 * point is split.
 */
void template_expand(const char *text, const struct event *event, struct buf *out);
/* `command` with its fields filled in, or /bin/sh -c with the line of `shell` as it stands */
char **hook_argv(const struct sink_config *config, const struct event *event);
/*
 * Our variables of the allow-list and those that `env` names, of those in `session` (NAME=value)
 * what we lack, and TASKBELL_… of the event.
 */
char **hook_env(const struct sink_config *config, const struct event *event, int64_t attempt,
	char *const *ours, const struct strings *session, const struct strings *secrets);
/* for programs of our own: everything but keys and what systemd meant for the monitor alone, and of
 * those in `session` what we lack; either list may be NULL */
char **hook_env_clean(
	char *const *ours, const struct strings *session, const struct strings *secrets);

/*
 * The variables of the graphical session, as systemd's user manager knows them: a service that was
 * started before the login has none of them in its own environment.
 */
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
