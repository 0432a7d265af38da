/* What a hook is started with: arguments and environment (taskbell-hooks(7)). */
#ifndef DELIVER_HOOK_ENV_H
#define DELIVER_HOOK_ENV_H

#include <stdint.h>

#include "base/buf.h"
#include "core/config.h"
#include "core/event.h"

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

#endif
