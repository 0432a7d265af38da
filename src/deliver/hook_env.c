#include "deliver/hook_env.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

extern char **environ;

/* names, or with a star at the end what they begin with */
static const char *const session_names[] = { "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG",
	"LC_*", "TZ", "XDG_*", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY",
	"XAUTHORITY" };
static const char *const never_names[] = { "TELNYX_*", "NOTIFY_SOCKET", "WATCHDOG_*",
	"CREDENTIALS_DIRECTORY" };

/* the length of the name in NAME=value */
static size_t name_length(const char *item)
{
	return strcspn(item, "=");
}

static bool names_match(const char *const *names, size_t count, const char *item)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strcspn(names[i], "*");

		if (strncmp(names[i], item, len) == 0 &&
			(names[i][len] == '*' || len == name_length(item)))
			return true;
	}
	return false;
}

static bool list_has(const struct strings *list, const char *item)
{
	size_t len = name_length(item);

	for (size_t i = 0; list != NULL && i < list->count; i++)
		if (strlen(list->items[i]) == len && strncmp(list->items[i], item, len) == 0)
			return true;
	return false;
}

void hook_secrets(const struct config *config, struct strings *ret)
{
	strings_done(ret);
	for (size_t i = 0; i < config->source_count; i++)
		if (strncmp(config->sources[i].api_key, "env:", 4) == 0)
			strings_add(ret, config->sources[i].api_key + 4);
}

/* texts, each with its NUL, as a vector */
static char **vector_of(const struct buf *texts)
{
	size_t count = 0;
	char **vector;
	char *at;

	for (size_t i = 0; i < texts->len; i++)
		count += texts->data[i] == '\0';
	vector = mem_alloc((count + 1) * sizeof(*vector) + texts->len);
	at = (char *)(vector + count + 1);
	if (texts->len != 0)
		memcpy(at, texts->data, texts->len);
	for (size_t i = 0; i < count; i++) {
		vector[i] = at;
		at += strlen(at) + 1;
	}
	return vector;
}

static void add(struct buf *texts, const char *text)
{
	(void)buf_add(texts, text, strlen(text) + 1);
}

#define WORD_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

void template_expand(const char *text, const struct event *event, struct buf *out)
{
	size_t start = out->len;
	char scratch[EVENT_FIELD_TEXT_MAX];

	while (*text != '\0') {
		size_t len = strcspn(text, "{");
		enum event_field field;

		(void)buf_add(out, text, len);
		text += len;
		if (*text == '\0')
			break;
		len = strspn(text + 1, WORD_CHARS);
		if (text[len + 1] == '}' && event_field_find(text + 1, len, &field)) {
			const char *value = event_field(event, field, scratch, &len);

			(void)buf_add(out, value, len);
			text = strchr(text, '}') + 1;
		} else {
			(void)buf_add_char(out, *text++);
		}
	}
	if (out->len - start > TEMPLATE_TEXT_MAX) {
		out->len = start + text_cut(out->data + start, out->len - start, TEMPLATE_TEXT_MAX);
		out->data[out->len] = '\0';
	}
}

char **hook_argv(const struct sink_config *config, const struct event *event)
{
	cleanup_buf struct buf argv = { 0 };

	if (*config->shell != '\0') {
		add(&argv, "/bin/sh");
		add(&argv, "-c");
		add(&argv, config->shell);
		return vector_of(&argv);
	}
	for (size_t i = 0; i < config->command.count; i++) {
		/* the program name never contains values from the network */
		if (i == 0) {
			add(&argv, config->command.items[i]);
			continue;
		}
		template_expand(config->command.items[i], event, &argv);
		(void)buf_add_char(&argv, '\0');
	}
	return vector_of(&argv);
}

/* the NAME=value among the texts that has the name of the item; NULL: none */
static const char *find(const struct buf *texts, const char *item)
{
	size_t len = name_length(item) + 1;
	const char *text = buf_text(texts);

	for (const char *end = text + texts->len; text < end; text += strlen(text) + 1)
		if (strncmp(text, item, len) == 0)
			return text;
	return NULL;
}

/*
 * Ours, those of the session that we lack or have set to nothing, then those of the event, which
 * count where `env` passes on one of the same name. `config` NULL: all of ours.
 */
static char **environment(const struct sink_config *config, const struct buf *event,
	char *const *ours, const struct strings *session, const struct strings *secrets)
{
	cleanup_buf struct buf env = { 0 };
	cleanup_buf struct buf lacking = { 0 };

	for (size_t i = 0; session != NULL && i < session->count; i++)
		add(&lacking, session->items[i]);
	for (; *ours != NULL; ours++) {
		const char *item = *ours;
		bool empty = strcmp(item + name_length(item), "=") == 0;
		const char *other = empty ? find(&lacking, item) : NULL;

		if (config != NULL && !list_has(&config->env, item) &&
			!names_match(session_names, ARRAY_LEN(session_names), item))
			continue;
		if (names_match(never_names, ARRAY_LEN(never_names), item) ||
			list_has(secrets, item) || find(event, item) != NULL)
			continue;
		add(&env, other != NULL ? other : item);
	}
	for (size_t i = 0; session != NULL && i < session->count; i++)
		if (find(&env, session->items[i]) == NULL)
			add(&env, session->items[i]);
	if (event->len != 0)
		(void)buf_add(&env, event->data, event->len);
	return vector_of(&env);
}

char **hook_env(const struct sink_config *config, const struct event *event, int64_t attempt,
	char *const *ours, const struct strings *session, const struct strings *secrets)
{
	cleanup_buf struct buf variables = { 0 };

	event_variables(event, &variables);
	(void)buf_addf(&variables, "TASKBELL_ATTEMPT=%" PRId64 "%c", attempt, 0);
	return environment(config, &variables, ours, session, secrets);
}

char **hook_env_clean(
	char *const *ours, const struct strings *session, const struct strings *secrets)
{
	static const struct buf nothing = { 0 };

	return environment(NULL, &nothing, ours, session, secrets);
}

#define SESSION_OUTPUT_MAX (256UL * 1024)

static const char *const asked_names[] = { "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
	"DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR" };

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0';
}

/* the byte that an escape in $'…' stands for; NUL: it is not known. Moves past it */
static char unescape(const char **p)
{
	static const char letters[] = "abfnrtv\\'\"";
	static const char bytes[] = "\a\b\f\n\r\t\v\\'\"";
	const char *letter = **p != '\0' ? strchr(letters, **p) : NULL;
	int value = 0;

	if (letter != NULL) {
		(*p)++;
		return bytes[letter - letters];
	}
	for (int i = 0; i < 3; i++, (*p)++) {
		if (**p < '0' || **p > (i == 0 ? '3' : '7'))
			return '\0';
		value = value * 8 + (**p - '0');
	}
	return (char)value;
}

/* a value as systemd writes it: as it is, or in $'…' when a shell would not take it so */
static bool value_read(const char *text, struct buf *ret)
{
	bool quoted = strncmp(text, "$'", 2) == 0;

	if (!quoted && strpbrk(text, "\"'`$\\") != NULL)
		return false;
	text += quoted ? 2 : 0;
	while (*text != '\0' && !(quoted && *text == '\'')) {
		char c = *text++;

		if (quoted && c == '\\')
			c = unescape(&text);
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return false;
		(void)buf_add_char(ret, c);
	}
	return ret->len != 0 && (quoted ? strcmp(text, "'") == 0 : true);
}

static void line_read(const char *line, struct strings *ret)
{
	size_t len = strcspn(line, "=");

	for (size_t i = 0; i < ARRAY_LEN(asked_names) && line[len] == '='; i++) {
		cleanup_buf struct buf item = { 0 };
		cleanup_buf struct buf value = { 0 };

		if (strlen(asked_names[i]) != len || strncmp(asked_names[i], line, len) != 0 ||
			!value_read(line + len + 1, &value))
			continue;
		(void)buf_addf(&item, "%s=%s", asked_names[i], buf_text(&value));
		strings_add(ret, buf_text(&item));
	}
}

void session_read(const char *text, struct strings *ret)
{
	const char *end;

	for (; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		cleanup_free char *line = mem_strndup(text, (size_t)(end - text));

		line_read(line, ret);
	}
}

static void session_end(struct session *session, bool good, struct instant now)
{
	timed_process_done(&session->program);
	session->asking = false;
	session->again_ms = now.mono_ms + (good ? SESSION_FRESH_MS : SESSION_SILENT_MS);
}

static void session_ask(struct session *session, struct instant now)
{
	static const char *const argv[] = { "systemctl", "--user", "show-environment", NULL };
	/* where nothing says where the user's manager is, as under cron(8), it is where it always
	 * is */
	cleanup_free char *place =
		mem_printf("XDG_RUNTIME_DIR=/run/user/%" PRIdMAX, (intmax_t)getuid());
	const struct strings lacking = { .items = &place, .count = 1 };
	cleanup_free char **env = hook_env_clean(environ, &lacking, NULL);
	struct spawn spawn = { .argv = argv,
		.env = (const char *const *)env,
		.cwd = "/",
		.output_max = SESSION_OUTPUT_MAX };
	struct err ignored;

	session->asking =
		timed_process_start(&session->program, &spawn, SESSION_LIMIT_MS, now, &ignored);
	if (!session->asking)
		session_end(session, false, now);
}

bool session_ready(struct session *session, struct instant now)
{
	if (session->asking)
		return false;
	if (is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") || now.mono_ms < session->again_ms)
		return true;
	strings_done(&session->variables);
	session_ask(session, now);
	return !session->asking;
}

void session_step(struct session *session, struct instant now)
{
	int status = 0;
	bool ended;
	bool good;

	if (!session->asking)
		return;
	ended = timed_process_step(&session->program, now, &status);
	if (!ended && !session->program.timed_out)
		return;
	good = ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (good)
		session_read(
			buf_text(process_output(session->program.process)), &session->variables);
	session_end(session, good, now);
}

int64_t session_next(const struct session *session)
{
	return session->asking ? timed_process_next(&session->program) : INSTANT_NEVER;
}

size_t session_fds(const struct session *session, struct poll_fd *fds, size_t cap)
{
	return session->asking ? process_fds(session->program.process, fds, cap) : 0;
}

void session_done(struct session *session)
{
	if (session->asking)
		timed_process_done(&session->program);
	strings_done(&session->variables);
	*session = (struct session){ 0 };
}
