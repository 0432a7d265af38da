#include "deliver/hook.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/parse.h"
#include "core/template.h"

/* globs of names */
static const char *const session_names[] = { "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG",
	"LC_*", "TZ", "XDG_*", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY",
	"XAUTHORITY" };
static const char *const never_names[] = { "TELNYX_*", "NOTIFY_SOCKET", "WATCHDOG_*",
	"CREDENTIALS_DIRECTORY" };

struct vector {
	char **items; /* own, each own */
	size_t count;
	size_t cap;
};

static void vector_add(struct vector *vector, char *item)
{
	vector->items =
		mem_grow(vector->items, &vector->cap, vector->count + 2, sizeof(*vector->items));
	vector->items[vector->count++] = item;
	vector->items[vector->count] = NULL;
}

void hook_vector_free(char **vector)
{
	for (size_t i = 0; vector != NULL && vector[i] != NULL; i++)
		free(vector[i]);
	free(vector);
}

static bool globs_match(const char *const *globs, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (glob_match(globs[i], name))
			return true;
	return false;
}

static bool list_has(const struct strings *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], name) == 0)
			return true;
	return false;
}

static bool is_secret(const char *name, const struct strings *secrets)
{
	return globs_match(never_names, ARRAY_LEN(never_names), name) || list_has(secrets, name);
}

void hook_secrets(const struct config *config, struct strings *ret)
{
	strings_done(ret);
	for (size_t i = 0; i < config->source_count; i++)
		if (strncmp(config->sources[i].api_key, "env:", 4) == 0)
			strings_add(ret, config->sources[i].api_key + 4);
}

char **hook_argv(const struct sink_config *config, const struct event *event)
{
	struct vector argv = { 0 };

	if (*config->shell != '\0') {
		vector_add(&argv, mem_strdup("/bin/sh"));
		vector_add(&argv, mem_strdup("-c"));
		vector_add(&argv, mem_strdup(config->shell));
		return argv.items;
	}
	for (size_t i = 0; i < config->command.count; i++) {
		struct buf item = { 0 };

		/* the program itself is no place for what comes from the network */
		if (i == 0)
			(void)buf_add_text(&item, config->command.items[i]);
		else
			template_expand(config->command.items[i], event, &item);
		vector_add(&argv, buf_steal(&item));
	}
	return argv.items;
}

static void add_ours(struct vector *env, char *const *ours, const struct strings *secrets,
	const struct sink_config *config)
{
	for (; *ours != NULL; ours++) {
		cleanup_free char *name = mem_strndup(*ours, strcspn(*ours, "="));

		if (is_secret(name, secrets))
			continue;
		if (config == NULL || list_has(&config->env, name) ||
			globs_match(session_names, ARRAY_LEN(session_names), name))
			vector_add(env, mem_strdup(*ours));
	}
}

/* what is set to nothing is lacking as well */
static void add_lacking(struct vector *env, const struct strings *session)
{
	for (size_t i = 0; i < session->count; i++) {
		const char *item = session->items[i];
		size_t len = strcspn(item, "=") + 1;
		size_t at = 0;

		while (at < env->count && strncmp(env->items[at], item, len) != 0)
			at++;
		if (at == env->count) {
			vector_add(env, mem_strdup(item));
		} else if (env->items[at][len] == '\0') {
			free(env->items[at]);
			env->items[at] = mem_strdup(item);
		}
	}
}

/* Two fields are for {field} and the JSON only: the variables of a hook are a closed set. */
static bool is_variable(const char *field)
{
	return strcmp(field, "time") != 0 && strcmp(field, "sink") != 0;
}

/* TASKBELL_TASK_ID=… of the field task_id */
static void add_field(struct vector *env, const struct event *event, const char *field)
{
	struct buf item = { 0 };

	(void)buf_add_text(&item, "TASKBELL_");
	for (const char *c = field; *c != '\0'; c++)
		(void)buf_add_char(&item, (char)toupper((unsigned char)*c));
	(void)buf_add_char(&item, '=');
	(void)template_value(event, field, &item);
	vector_add(env, buf_steal(&item));
}

/* a name that `env` passes on and that is one of ours: the event's value is the one that counts */
static void drop_shadowed(struct vector *env, size_t passed)
{
	size_t kept = 0;

	for (size_t i = 0; i < env->count; i++) {
		size_t len = strcspn(env->items[i], "=") + 1;
		bool shadowed = false;

		for (size_t k = passed; i < passed && k < env->count && !shadowed; k++)
			shadowed = strncmp(env->items[i], env->items[k], len) == 0;
		if (shadowed)
			free(env->items[i]);
		else
			env->items[kept++] = env->items[i];
	}
	env->count = kept;
	env->items[kept] = NULL;
}

char **hook_env(const struct sink_config *config, const struct event *event, int64_t attempt,
	char *const *ours, const struct strings *session, const struct strings *secrets)
{
	struct vector env = { 0 };
	const char *field;
	size_t passed;

	add_ours(&env, ours, secrets, config);
	add_lacking(&env, session);
	passed = env.count;
	for (size_t i = 0; (field = event_field_name(i)) != NULL; i++)
		if (is_variable(field))
			add_field(&env, event, field);
	vector_add(&env, mem_printf("TASKBELL_ATTEMPT=%" PRId64, attempt));
	drop_shadowed(&env, passed);
	return env.items;
}

char **hook_env_clean(char *const *ours, const struct strings *secrets)
{
	struct vector env = { 0 };

	add_ours(&env, ours, secrets, NULL);
	if (env.items == NULL)
		env.items = mem_alloc(sizeof(*env.items));
	return env.items;
}
