#include "notify/silence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gio/gio.h>

#include "base/mem.h"

#define APP "taskbell" /* the name of our desktop file, and the one that we give a server */
#define DO_NOT_DISTURB "do-not-disturb"
#define SWITCHED_OFF "desktop settings"

enum { QUERY_MS = 1000 };

struct reason {
	const char *what;
	const char *text;
	const char *remedy;
};

/* A call that is answered with true, or with a list that has our name, where nothing is shown. */
struct query {
	const char *desktop; /* of which it is a setting; NULL: the server answers for itself */
	const char *name;
	const char *path;
	const char *interface;
	const char *method;
	const char *args[2]; /* both or none */
	struct reason reason;
};

#define SERVER_PROPERTY(of, property)                                                              \
	.name = "org.freedesktop.Notifications", .path = "/org/freedesktop/Notifications",         \
	.interface = "org.freedesktop.DBus.Properties", .method = "Get", .args = { of, property }
#define XFCE_PROPERTY(property)                                                                    \
	.desktop = "XFCE", .name = "org.xfce.Xfconf", .path = "/org/xfce/Xfconf",                  \
	.interface = "org.xfce.Xfconf", .method = "GetProperty",                                   \
	.args = { "xfce4-notifyd", property }

#define SWAYNC "org.erikreider.swaync.cc"
#define SWAYNC_PATH "/org/erikreider/swaync/cc"

static const struct query queries[] = {
	{ SERVER_PROPERTY("org.freedesktop.Notifications", "Inhibited"),
		.reason = { DO_NOT_DISTURB,
			"it is on: the notification server shows failures at most",
			"switch it off in the notification settings of the desktop" } },
	{ SERVER_PROPERTY("org.dunstproject.cmd0", "paused"),
		.reason = { DO_NOT_DISTURB,
			"dunst is paused: it keeps what comes, and shows nothing",
			"dunstctl set-paused false" } },
	{ .name = SWAYNC,
		.path = SWAYNC_PATH,
		.interface = SWAYNC,
		.method = "GetDnd",
		.reason = { DO_NOT_DISTURB,
			"it is on: swaync shows failures only, the rest is in its panel",
			"swaync-client --dnd-off" } },
	{ .name = SWAYNC,
		.path = SWAYNC_PATH,
		.interface = "org.freedesktop.DBus.Properties",
		.method = "Get",
		.args = { SWAYNC, "Inhibited" },
		.reason = { DO_NOT_DISTURB,
			"a program has swaync inhibited: it shows failures only",
			"swaync-client -Ic" } },
	{ XFCE_PROPERTY("/do-not-disturb"),
		.reason = { DO_NOT_DISTURB, "it is on: Xfce shows failures only",
			"xfconf-query -c xfce4-notifyd -p /do-not-disturb -s false" } },
	{ XFCE_PROPERTY("/applications/muted_applications"),
		.reason = { SWITCHED_OFF, "Xfce has taskbell muted: it shows failures only",
			"Settings, Notifications, Applications: switch taskbell on" } },
};

/* a boolean of GSettings that is false where nothing is shown */
struct setting {
	const char *schema;
	const char *path; /* NULL: the schema has it */
	const char *key;
	struct reason reason;
};

#define GNOME_SETTINGS "org.gnome.desktop.notifications"
#define GNOME_APP_PATH "/org/gnome/desktop/notifications/application/" APP "/"

static const struct setting gnome_settings[] = {
	{ GNOME_SETTINGS, NULL, "show-banners",
		{ DO_NOT_DISTURB,
			"it is on: GNOME shows failures only, the rest is in its list (Super+V)",
			"gsettings set " GNOME_SETTINGS " show-banners true" } },
	{ GNOME_SETTINGS ".application", GNOME_APP_PATH, "enable",
		{ SWITCHED_OFF,
			"GNOME has the notifications of taskbell switched off, and shows none",
			"Settings, Notifications, taskbell: switch Notifications on" } },
	{ GNOME_SETTINGS ".application", GNOME_APP_PATH, "show-banners",
		{ SWITCHED_OFF,
			"GNOME has the popups of taskbell switched off, but for failures; the "
			"rest is in its list (Super+V)",
			"Settings, Notifications, taskbell: switch Notification Popups on" } },
};

static const struct reason kde_switched_off = { SWITCHED_OFF,
	"KDE has the popups of taskbell switched off",
	"kwriteconfig6 --notify --file plasmanotifyrc --group Applications --group " APP
	" --key ShowPopups true" };

/* is the server that of a desktop? A server that is not known is taken for the session's own. */
static bool is_of(const char *server, const char *desktop)
{
	static const struct {
		const char *server;
		const char *desktop;
	} known[] = { { "gnome-shell", "GNOME" }, { "Plasma", "KDE" },
		{ "Xfce Notify Daemon", "XFCE" }, { "dunst", "" }, { "mako", "" },
		{ "SwayNotificationCenter", "" } };
	const char *current = getenv("XDG_CURRENT_DESKTOP");
	g_auto(GStrv) desktops = g_strsplit(current != NULL ? current : "", ":", -1);

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (server != NULL && g_ascii_strcasecmp(server, known[i].server) == 0)
			return strcmp(known[i].desktop, desktop) == 0;
	return g_strv_contains((const char *const *)desktops, desktop);
}

static bool says_yes(GVariant *value)
{
	bool yes = false;

	if (g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN))
		return g_variant_get_boolean(value);
	if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
		return strcmp(g_variant_get_string(value, NULL), APP) == 0;
	if (!g_variant_is_container(value))
		return false;
	for (size_t i = 0; !yes && i < g_variant_n_children(value); i++) {
		g_autoptr(GVariant) process = g_variant_get_child_value(value, i);

		yes = says_yes(process);
	}
	return yes;
}

/* NULL: it is not there, does not know the question, or was late */
static GVariant *query_ask(GDBusConnection *bus, const struct query *query, GError **error)
{
	GVariant *args = NULL;

	if (query->args[0] != NULL)
		args = g_variant_new("(ss)", query->args[0], query->args[1]);
	return g_dbus_connection_call_sync(bus, query->name, query->path, query->interface,
		query->method, args, NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START, QUERY_MS, NULL, error);
}

static bool setting_holds(const struct setting *setting)
{
	GSettingsSchemaSource *source = g_settings_schema_source_get_default();
	g_autoptr(GSettingsSchema) schema = NULL;
	g_autoptr(GSettings) settings = NULL;

	/* GLib ends the program when it is asked for a schema or a key that is not there */
	if (source != NULL)
		schema = g_settings_schema_source_lookup(source, setting->schema, TRUE);
	if (schema == NULL || !g_settings_schema_has_key(schema, setting->key))
		return false;
	settings = g_settings_new_full(schema, NULL, setting->path);
	return !g_settings_get_boolean(settings, setting->key);
}

/* a group of two names, which GKeyFile does not read */
static bool kde_holds(void)
{
	g_autofree char *path = g_build_filename(g_get_user_config_dir(), "plasmanotifyrc", NULL);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	bool ours = false;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return false;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL; line++)
		if (**line == '[')
			ours = strcmp(*line, "[Applications][" APP "]") == 0;
		else if (ours && strcmp(*line, "ShowPopups=false") == 0)
			return true;
	return false;
}

static bool reason_print(const struct reason *reason)
{
	return printf("%s\t%s\t%s\n", reason->what, reason->text, reason->remedy) >= 0;
}

static bool queries_print(const struct server *server)
{
	bool said = true;
	bool late = false;

	for (size_t i = 0; said && !late && i < ARRAY_LEN(queries); i++) {
		g_autoptr(GVariant) answer = NULL;
		g_autoptr(GError) error = NULL;

		if (queries[i].desktop != NULL && !is_of(server->name, queries[i].desktop))
			continue;
		answer = query_ask(server->bus, &queries[i], &error);
		late = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
		if (answer != NULL && says_yes(answer))
			said = reason_print(&queries[i].reason);
	}
	return said;
}

bool silence_print(const struct server *server)
{
	bool said = queries_print(server);

	for (size_t i = 0; said && is_of(server->name, "GNOME") && i < ARRAY_LEN(gnome_settings);
		i++)
		if (setting_holds(&gnome_settings[i]))
			said = reason_print(&gnome_settings[i].reason);
	if (said && is_of(server->name, "KDE") && kde_holds())
		said = reason_print(&kde_switched_off);
	return said;
}
