/*
 * taskbell-notify: shows one notification, read from stdin as `key: value` lines, through the
 * session bus. A program of its own because libnotify waits up to 25 s for a server that does not
 * answer. --check shows nothing and says which server there is and what it can. Exit codes: 0
 * shown; 64 bad input; 69 no bus or no notification server; 75 it did not work this time.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gio/gio.h>
#include <libnotify/notify.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "notify/note.h"
#include "notify/silence.h"

#define SERVER "org.freedesktop.Notifications"

enum {
	DEADLINE_S = 3,
	BUS_TIMEOUT_MS = 1000, /* the bus itself answers at once, or is broken */
};

static void deadline_passed(int number)
{
	static const char text[] = "taskbell-notify: the notification server does not answer\n";

	(void)number;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(75);
	_exit(75);
}

/* The one limit that holds whatever a library waits for; our parent may have blocked the signal. */
static void deadline_start(void)
{
	struct sigaction action = { .sa_handler = deadline_passed };
	sigset_t set;

	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGALRM, &action, NULL);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGALRM);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)alarm(DEADLINE_S);
}

static bool input_read(struct buf *input, struct err *err)
{
	char chunk[4096];
	ssize_t len;

	while ((len = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return err_errno(err, ERR_USAGE, errno, "stdin");
		if (!buf_add(input, chunk, (size_t)len))
			return err_set(
				err, ERR_USAGE, "more than %d bytes on stdin", NOTE_INPUT_MAX);
	}
	return true;
}

static bool bus_failed(struct err *err, const char *what, GError *error)
{
	bool late = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
	char *text;

	/* the name of a D-Bus error says nothing to a user that its message does not */
	if (error != NULL)
		(void)g_dbus_error_strip_remote_error(error);
	text = g_strdup(error != NULL ? error->message : "no reason given");
	g_strdelimit(text, "\r\n", ' ');
	(void)err_set(err, late ? ERR_TEMPORARY : ERR_UNREACHABLE, "%s: %s", what, text);
	g_free(text);
	return false;
}

/* a bus that is there, never one that GLib would start for us by way of dbus-launch */
static bool bus_is_set(void)
{
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	char *path;
	bool found;

	if (address != NULL && *address != '\0')
		return true;
	path = g_build_filename(g_get_user_runtime_dir(), "bus", NULL);
	found = access(path, F_OK) == 0;
	g_free(path);
	return found;
}

/* asks the bus, and starts a server that it knows how to start; libnotify would not say which */
static bool server_find(struct err *err)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GDBusConnection) bus = NULL;
	g_autoptr(GVariant) owned = NULL;
	g_autoptr(GVariant) started = NULL;
	gboolean has_owner = FALSE;

	if (!bus_is_set())
		return err_set(err, ERR_UNREACHABLE,
			"no session bus: DBUS_SESSION_BUS_ADDRESS is not set");
	bus = g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, &error);
	if (bus == NULL)
		return bus_failed(err, "no session bus", error);
	g_dbus_connection_set_exit_on_close(bus, FALSE);
	owned = g_dbus_connection_call_sync(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
		"org.freedesktop.DBus", "NameHasOwner", g_variant_new("(s)", SERVER),
		G_VARIANT_TYPE("(b)"), G_DBUS_CALL_FLAGS_NONE, BUS_TIMEOUT_MS, NULL, &error);
	if (owned == NULL)
		return bus_failed(err, "session bus", error);
	g_variant_get(owned, "(b)", &has_owner);
	if (has_owner)
		return true;
	started = g_dbus_connection_call_sync(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
		"org.freedesktop.DBus", "StartServiceByName", g_variant_new("(su)", SERVER, 0),
		G_VARIANT_TYPE("(u)"), G_DBUS_CALL_FLAGS_NONE, DEADLINE_S * 1000, NULL, &error);
	return started != NULL || bus_failed(err, "no notification server", error);
}

/* a server that can do nothing special says nothing, and one that is gone says so when asked to
 * show */
static bool server_takes_markup(void)
{
	GList *caps = notify_get_server_caps();
	bool takes = g_list_find_custom(
			     caps, "body-markup", (GCompareFunc)(void (*)(void))strcmp) != NULL;

	g_list_free_full(caps, g_free);
	return takes;
}

static void shown_done(NotifyNotification **shown)
{
	g_clear_object(shown);
}

static bool note_show(const struct note *note, struct err *err)
{
	const char *body = note_text(note, NOTE_BODY);
	const char *icon = note_text(note, NOTE_ICON);
	const char *entry = note_text(note, NOTE_DESKTOP_ENTRY);
	const char *category = note_text(note, NOTE_CATEGORY);
	g_autofree char *escaped = NULL;
	g_autoptr(GError) error = NULL;
	cleanup_with(shown_done) NotifyNotification *shown = NULL;

	escaped = server_takes_markup() ? g_markup_escape_text(body, -1) : g_strdup(body);
	shown = notify_notification_new(
		note_text(note, NOTE_SUMMARY), escaped, *icon != '\0' ? icon : NULL);
	notify_notification_set_urgency(shown, (NotifyUrgency)note->urgency);
	notify_notification_set_timeout(shown, note->timeout_ms);
	if (*category != '\0')
		notify_notification_set_category(shown, category);
	if (*entry != '\0')
		notify_notification_set_hint(shown, "desktop-entry", g_variant_new_string(entry));
	if (notify_notification_show(shown, &error))
		return true;
	(void)bus_failed(err, "the notification server refused", error);
	err->kind = ERR_TEMPORARY;
	return false;
}

static bool notify_stdin(struct err *err)
{
	cleanup_buf struct buf input = BUF_INIT(NOTE_INPUT_MAX);
	cleanup_with(note_done) struct note note = { 0 };
	const char *name;

	if (!input_read(&input, err) || !note_parse(&note, buf_text(&input), input.len, err) ||
		!server_find(err))
		return false;
	name = note_text(&note, NOTE_APP_NAME);
	if (!notify_init(*name != '\0' ? name : "taskbell"))
		return err_set(err, ERR_TEMPORARY, "libnotify does not start");
	return note_show(&note, err);
}

static bool server_describe(struct err *err)
{
	g_autofree char *name = NULL;
	g_autofree char *vendor = NULL;
	g_autofree char *version = NULL;
	g_autofree char *spec = NULL;
	GList *caps;
	int said;

	if (!server_find(err))
		return false;
	if (!notify_init("taskbell") || !notify_get_server_info(&name, &vendor, &version, &spec))
		return err_set(err, ERR_TEMPORARY, "the notification server does not say its name");
	caps = notify_get_server_caps();
	said = printf("%s %s by %s, specification %s; it can:", name, version, vendor, spec);
	for (const GList *cap = caps; cap != NULL && said >= 0; cap = cap->next)
		said = printf(" %s", (const char *)cap->data);
	g_list_free_full(caps, g_free);
	(void)alarm(0); /* it answered; the questions that follow have limits of their own */
	if (said < 0 || puts("") < 0 || fflush(stdout) != 0 || !silence_print(name) ||
		fflush(stdout) != 0)
		return err_errno(err, ERR_IO, errno, "stdout");
	return true;
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	bool check;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("taskbell-notify " TASKBELL_VERSION) < 0 ? 74 : 0;
	if (argc > 2 && strcmp(argv[1], "--bus") == 0) {
		(void)setenv("DBUS_SESSION_BUS_ADDRESS", argv[2], 1);
		argc -= 2;
		argv += 2;
	}
	check = argc == 2 && strcmp(argv[1], "--check") == 0;
	if (argc != 1 && !check) {
		(void)fputs("taskbell-notify: [--bus ADDRESS], and `key: value` lines on stdin or "
			    "--check\n",
			stderr);
		return 64;
	}
	deadline_start();
	if (check ? server_describe(&err) : notify_stdin(&err))
		return 0;
	(void)fprintf(stderr, "taskbell-notify: %s\n", err.text);
	return err_exit_code(err.kind);
}
