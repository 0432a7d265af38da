/* What a program of the user gets: arguments and environment (contract 6). */
#ifndef DELIVER_HOOK_H
#define DELIVER_HOOK_H

#include <stdint.h>

#include "core/config.h"
#include "core/event.h"

/*
 * All vectors are owned and NULL-terminated; hook_vector_free releases them. `ours` is an
 * environment, `secrets` are names of variables that hold keys and are never passed on.
 */

/* fills `ret` anew with those names: no hook sees them, also when its `env` names one */
void hook_secrets(const struct config *config, struct strings *ret);
/* `command` with its fields filled in, or /bin/sh -c with the line of `shell` as it stands */
char **hook_argv(const struct sink_config *config, const struct event *event);
/*
 * Our variables of the allow-list, of those in `session` (NAME=value) what we lack, those that
 * `env` names, and TASKBELL_… of the event.
 */
char **hook_env(const struct sink_config *config, const struct event *event, int64_t attempt,
	char *const *ours, const struct strings *session, const struct strings *secrets);
/* for programs of our own: everything but keys and what systemd meant for the monitor alone */
char **hook_env_clean(char *const *ours, const struct strings *secrets);
void hook_vector_free(char **vector); /* NULL is fine */

#endif
