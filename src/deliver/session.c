#include "deliver/session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deliver/hook_env.h"
#include "base/buf.h"
#include "base/mem.h"

#define OUTPUT_MAX (256UL * 1024)

extern char **environ;

static const char *const names[] = { "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
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

	for (size_t i = 0; i < ARRAY_LEN(names) && line[len] == '='; i++) {
		cleanup_buf struct buf item = { 0 };
		cleanup_buf struct buf value = { 0 };

		if (strlen(names[i]) != len || strncmp(names[i], line, len) != 0 ||
			!value_read(line + len + 1, &value))
			continue;
		(void)buf_addf(&item, "%s=%s", names[i], buf_text(&value));
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
	struct spawn spawn = {
		.argv = argv, .env = (const char *const *)env, .cwd = "/", .output_max = OUTPUT_MAX
	};
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
