#include "notify/server.h"

#include <string.h>

#include "base/parse.h"

#define SERVER "org.freedesktop.Notifications"
#define SERVER_PATH "/org/freedesktop/Notifications"
#define BUS "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"

enum {
	BUS_ANSWER_MS = 5000, /* the bus itself answers at once, or is broken */
	START_MS = 10000, /* a server that takes longer to start is absent until it comes */
	DISPLAY_S = 15, /* how often the session is asked for its display while it is */
};

char *server_error_text(GError *error)
{
	char *text;

	/* the name of a D-Bus error says nothing to a user that its message does not */
	(void)g_dbus_error_strip_remote_error(error);
	text = g_strdup(error->message);
	g_strdelimit(text, "\r\n", ' ');
	return text;
}

static void why_set(struct server *server, const char *what, const char *why)
{
	g_free(server->why);
	server->why = g_strdup_printf("%s: %s", what, why);
}

static void forget_answers(struct server *server)
{
	g_cancellable_cancel(server->asking);
	g_clear_object(&server->asking);
	server->asked = 0;
	g_clear_pointer(&server->name, g_free);
	g_clear_pointer(&server->vendor, g_free);
	g_clear_pointer(&server->version, g_free);
	g_clear_pointer(&server->spec, g_free);
	g_clear_pointer(&server->can, g_strfreev);
	g_clear_pointer(&server->why, g_free);
}

/* The reply, NULL when the server could not say. False: another server, or none, has answered. */
static bool answer_take(GObject *bus, GAsyncResult *result, struct server *server, GVariant **ret)
{
	g_autoptr(GError) error = NULL;

	*ret = g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return false;
	server->asked--;
	if (error != NULL && !g_dbus_error_is_remote_error(error))
		why_set(server, "the notification server does not answer", error->message);
	return true;
}

static void on_information(GObject *bus, GAsyncResult *result, gpointer arg)
{
	struct server *server = arg;
	g_autoptr(GVariant) reply = NULL;

	if (!answer_take(bus, result, server, &reply))
		return;
	if (reply != NULL)
		g_variant_get(reply, "(ssss)", &server->name, &server->vendor, &server->version,
			&server->spec);
	server->changed(server->arg);
}

static void on_capabilities(GObject *bus, GAsyncResult *result, gpointer arg)
{
	struct server *server = arg;
	g_autoptr(GVariant) reply = NULL;

	if (!answer_take(bus, result, server, &reply))
		return;
	if (reply != NULL)
		g_variant_get(reply, "(^as)", &server->can);
	server->changed(server->arg);
}

static void ask(
	struct server *server, const char *method, const char *type, GAsyncReadyCallback callback)
{
	server->asked++;
	g_dbus_connection_call(server->bus, server->owner, SERVER_PATH, SERVER, method, NULL,
		G_VARIANT_TYPE(type), G_DBUS_CALL_FLAGS_NO_AUTO_START, SERVER_ANSWER_MS,
		server->asking, callback, server);
}

void server_ask(struct server *server)
{
	forget_answers(server);
	server->asking = g_cancellable_new();
	ask(server, "GetServerInformation", "(ssss)", on_information);
	ask(server, "GetCapabilities", "(as)", on_capabilities);
}

static void on_owned(GDBusConnection *bus, const char *name, const char *owner, gpointer arg)
{
	struct server *server = arg;

	(void)bus;
	(void)name;
	server->looked = true;
	server->started = false;
	g_free(server->owner);
	server->owner = g_strdup(owner);
	server_ask(server);
	if (server->came != NULL)
		server->came(server->arg, owner);
	server->changed(server->arg);
}

static void on_disowned(GDBusConnection *bus, const char *name, gpointer arg)
{
	struct server *server = arg;

	(void)name;
	/* on_closed reports the loss of the bus itself */
	if (bus == NULL)
		return;
	server->looked = true;
	if (server->owner != NULL) {
		server->started = false;
		forget_answers(server);
		g_clear_pointer(&server->owner, g_free);
		if (server->gone != NULL)
			server->gone(server->arg);
	}
	server->changed(server->arg);
}

static void on_closed(GDBusConnection *bus, gboolean vanished, GError *error, gpointer arg)
{
	struct server *server = arg;

	(void)bus;
	(void)vanished;
	(void)error;
	server->lost(server->arg, "the session bus is gone");
}

static void on_bus(GObject *source, GAsyncResult *result, gpointer arg)
{
	struct server *server = arg;
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;

	(void)source;
	server->bus = g_bus_get_finish(result, &error);
	if (server->bus == NULL) {
		text = server_error_text(error);
		why_set(server, "no session bus", text);
		server->lost(server->arg, server->why);
		return;
	}
	g_dbus_connection_set_exit_on_close(server->bus, FALSE);
	if (server->joined != NULL)
		server->joined(server->arg, g_dbus_connection_get_unique_name(server->bus));
	(void)g_signal_connect(server->bus, "closed", G_CALLBACK(on_closed), server);
	(void)g_bus_watch_name_on_connection(server->bus, SERVER, G_BUS_NAME_WATCHER_FLAGS_NONE,
		on_owned, on_disowned, server, NULL);
}

/* the bus has accepted the connection and does not answer */
static gboolean on_bus_late(gpointer arg)
{
	struct server *server = arg;

	if (!server->looked)
		server->lost(server->arg, "the session bus does not answer");
	return G_SOURCE_REMOVE;
}

void server_connect(struct server *server)
{
	(void)g_timeout_add(BUS_ANSWER_MS, on_bus_late, server);
	g_bus_get(G_BUS_TYPE_SESSION, NULL, on_bus, server);
}

enum server_state server_state(const struct server *server)
{
	if (!server->looked || server->starting || server->asked > 0)
		return SERVER_AWAITED;
	if (server->owner == NULL)
		return SERVER_ABSENT;
	return server->why == NULL ? SERVER_READY : SERVER_SILENT;
}

/* the variables of an environment that say where windows are shown; owned by the caller */
static char *display_of(GVariant *environment)
{
	static const char *const names[] = { "DISPLAY=", "WAYLAND_DISPLAY=" };
	GString *display = g_string_new("");
	GVariantIter iter;
	const char *variable;

	g_variant_iter_init(&iter, environment);
	while (g_variant_iter_next(&iter, "&s", &variable))
		for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
			if (g_str_has_prefix(variable, names[i]))
				g_string_append_printf(display, "%s ", variable);
	return g_string_free(display, FALSE);
}

static gboolean on_display_due(gpointer arg);

static void on_environment(GObject *bus, GAsyncResult *result, gpointer arg)
{
	struct server *server = arg;
	GVariant *reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, NULL);
	g_autoptr(GVariant) value = NULL;
	g_autofree char *before = g_steal_pointer(&server->display);

	if (reply != NULL)
		g_variant_get(reply, "(v)", &value);
	g_clear_pointer(&reply, g_variant_unref);
	server->watching = server->owner == NULL && value != NULL &&
			   g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY);
	if (!server->watching)
		return;
	server->display = display_of(value);
	(void)g_timeout_add_seconds(DISPLAY_S, on_display_due, server);
	if (before != NULL && strcmp(before, server->display) != 0) {
		server->started = false;
		server_want(server);
	}
}

/*
 * Asks the user manager, where a session leaves its display for what is started later. A server
 * that could not be started before somebody logged in can be afterwards, and some desktops leave it
 * to the first notification to start one.
 */
static gboolean on_display_due(gpointer arg)
{
	struct server *server = arg;

	g_dbus_connection_call(server->bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
		"org.freedesktop.DBus.Properties", "Get",
		g_variant_new("(ss)", "org.freedesktop.systemd1.Manager", "Environment"),
		G_VARIANT_TYPE("(v)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, BUS_ANSWER_MS, NULL,
		on_environment, server);
	return G_SOURCE_REMOVE;
}

static void on_started(GObject *bus, GAsyncResult *result, gpointer arg)
{
	struct server *server = arg;
	g_autoptr(GError) error = NULL;
	GVariant *reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);
	g_autofree char *text = NULL;

	g_clear_pointer(&reply, g_variant_unref);
	server->starting = false;
	if (server->owner == NULL) {
		text = error == NULL ? g_strdup("it was started, and is not there")
		       : g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)
			       ? g_strdup("it does not start")
			       : server_error_text(error);
		why_set(server, "no notification server", text);
	}
	server->changed(server->arg);
}

void server_want(struct server *server)
{
	if (server_state(server) == SERVER_ABSENT && !server->started) {
		if (!server->watching)
			(void)on_display_due(server);
		server->watching = true;
		server->started = true;
		server->starting = true;
		g_dbus_connection_call(server->bus, BUS, BUS_PATH, BUS, "StartServiceByName",
			g_variant_new("(su)", SERVER, 0), G_VARIANT_TYPE("(u)"),
			G_DBUS_CALL_FLAGS_NONE, START_MS, NULL, on_started, server);
	}
}

void server_doubt(struct server *server, const char *why)
{
	forget_answers(server);
	why_set(server, "the notification server does not answer", why);
}

bool server_can(const struct server *server, const char *capability)
{
	return server->can != NULL && g_strv_contains((const char *const *)server->can, capability);
}

static bool is_gnome(const struct server *server)
{
	return g_strcmp0(server->name, "gnome-shell") == 0 && server->version != NULL;
}

/* the version that shows notifications in another way than those before */
static bool is_gnome_46(const struct server *server)
{
	g_autofree char *major = NULL;
	int64_t number;

	if (!is_gnome(server))
		return false;
	major = g_strndup(server->version, strcspn(server->version, "."));
	return parse_int(major, 46, INT32_MAX, &number);
}

bool server_forgets_senders(const struct server *server)
{
	return is_gnome_46(server);
}

bool server_joins_lines(const struct server *server)
{
	return is_gnome_46(server);
}

bool server_clears_at_click(const struct server *server)
{
	return is_gnome(server);
}
