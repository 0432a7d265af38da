#include "notify/popup.h"

#include <libnotify/notify.h>

enum { POPUPS_MAX = 200 }; /* some servers never report that one was closed */

struct popup {
	struct popups *popups; /* borrowed */
	int64_t number;
	bool stays; /* until somebody takes it down */
	NotifyNotification *shown; /* own */
};

/*
 * The last Notify that was sent, as the thread of the connection sees it pass: libnotify waits 25 s
 * for the answer, and forgets it.
 */
static struct {
	GMutex lock;
	GCond came;
	const struct popups *popups; /* borrowed */
	int64_t number;
	gint64 until_us; /* so long the answer is waited for */
	guint32 serial; /* 0: none was sent */
	guint32 id;
	bool answered;
} sent;

static GDBusMessage *on_message(
	GDBusConnection *bus, GDBusMessage *message, gboolean incoming, gpointer arg)
{
	GVariant *body = g_dbus_message_get_body(message);

	(void)bus;
	(void)arg;
	g_mutex_lock(&sent.lock);
	if (!incoming && g_strcmp0(g_dbus_message_get_member(message), "Notify") == 0) {
		/* only now: libnotify may have asked the server for its version before */
		sent.serial = g_dbus_message_get_serial(message);
		sent.until_us = g_get_monotonic_time() + SERVER_ANSWER_MS * G_GINT64_CONSTANT(1000);
		sent.popups->sent(sent.popups->arg, sent.number);
	} else if (incoming && sent.serial != 0 &&
		   g_dbus_message_get_reply_serial(message) == sent.serial && body != NULL &&
		   g_variant_is_of_type(body, G_VARIANT_TYPE("(u)"))) {
		g_variant_get(body, "(u)", &sent.id);
		sent.answered = true;
		g_cond_signal(&sent.came);
	}
	g_mutex_unlock(&sent.lock);
	return message;
}

/* watches from now on what is sent */
static void sent_begin(GDBusConnection *bus, const struct popups *popups, int64_t number)
{
	static bool watched;

	if (!watched)
		(void)g_dbus_connection_add_filter(bus, on_message, NULL, NULL);
	watched = true;
	g_mutex_lock(&sent.lock);
	sent.popups = popups;
	sent.number = number;
	sent.serial = 0;
	sent.answered = false;
	g_mutex_unlock(&sent.lock);
}

/* waits for the answer; 0: it has not come */
static guint32 sent_await(bool *ret_sent)
{
	guint32 id = 0;

	g_mutex_lock(&sent.lock);
	*ret_sent = sent.serial != 0;
	while (*ret_sent && !sent.answered)
		if (!g_cond_wait_until(&sent.came, &sent.lock, sent.until_us))
			break;
	if (sent.answered)
		id = sent.id;
	g_mutex_unlock(&sent.lock);
	return id;
}

static guint32 popup_id(const struct popup *popup)
{
	gint id = 0;

	g_object_get(popup->shown, "id", &id, NULL);
	return (guint32)id;
}

static void popup_free(struct popups *popups, struct popup *popup)
{
	(void)g_queue_remove(&popups->list, popup);
	g_signal_handlers_disconnect_by_data(popup->shown, popup);
	g_object_unref(popup->shown);
	g_free(popup);
}

static void on_popup_closed(NotifyNotification *shown, gpointer arg)
{
	struct popup *popup = arg;
	struct popups *popups = popup->popups;
	int64_t number = popup->number;
	int reason = notify_notification_get_closed_reason(shown);

	popup_free(popups, popup);
	popups->closed(popups->arg, number, reason);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libnotify's */
static void on_action(NotifyNotification *shown, char *action, gpointer arg)
{
	struct popup *popup = arg;

	(void)shown;
	(void)action;
	popup->popups->clicked(popup->popups->arg, popup->number);
}

static struct popup *popup_find(struct popups *popups, int64_t number)
{
	for (GList *item = popups->list.head; item != NULL; item = item->next) {
		struct popup *popup = item->data;

		if (popup->number == number)
			return popup;
	}
	return NULL;
}

static struct popup *popup_new(struct popups *popups, int64_t number)
{
	struct popup *popup = g_new0(struct popup, 1);

	if (g_queue_get_length(&popups->list) == POPUPS_MAX) {
		/* forgets the oldest one that closes by itself, else the oldest */
		struct popup *oldest = popups->list.head->data;

		for (GList *item = popups->list.head; item != NULL && oldest->stays;
			item = item->next)
			if (!((struct popup *)item->data)->stays)
				oldest = item->data;
		popup_free(popups, oldest);
	}
	popup->popups = popups;
	popup->number = number;
	popup->shown = notify_notification_new("", NULL, NULL);
	(void)g_signal_connect(popup->shown, "closed", G_CALLBACK(on_popup_closed), popup);
	g_queue_push_tail(&popups->list, popup);
	return popup;
}

static void hint_set(NotifyNotification *shown, const char *name, const char *value)
{
	if (*value != '\0')
		notify_notification_set_hint(shown, name, g_variant_new_string(value));
}

/* as the server reads it; GNOME puts a blank for each newline, which leaves a heap of words */
static char *body_text(const struct note *note, const struct server *server)
{
	g_auto(GStrv) lines = g_strsplit(note_text(note, NOTE_BODY), "\n", -1);
	g_autofree char *body = g_strjoinv(server_joins_lines(server) ? " · " : "\n", lines);

	return server_can(server, "body-markup") ? g_markup_escape_text(body, -1) : g_strdup(body);
}

/* makes the notification what the note says */
static void popup_fill(struct popup *popup, const struct note *note, const struct server *server)
{
	NotifyNotification *shown = popup->shown;
	const char *icon = note_text(note, NOTE_ICON);
	const char *name = note_text(note, NOTE_APP_NAME);
	bool nameless = note->one_shot && server_forgets_senders(server);
	g_autofree char *body = body_text(note, server);

	popup->stays = note->urgency == NOTIFY_URGENCY_CRITICAL;
	notify_notification_clear_hints(shown);
	notify_notification_clear_actions(shown);
	(void)notify_notification_update(
		shown, note_text(note, NOTE_SUMMARY), body, *icon != '\0' ? icon : NULL);
	/* GNOME looks for NAME.desktop too, and knows no file of this one */
	notify_notification_set_app_name(shown, nameless        ? "Taskbell"
						: *name != '\0' ? name
								: "taskbell");
	notify_notification_set_urgency(shown, (NotifyUrgency)note->urgency);
	notify_notification_set_timeout(shown, note->timeout_ms);
	/* GNOME shows no other icon than this; some versions of libnotify make it so, from the
	 * second on */
	hint_set(shown, "image-path", icon);
	hint_set(shown, "category", note_text(note, NOTE_CATEGORY));
	if (!nameless)
		hint_set(shown, "desktop-entry", note_text(note, NOTE_DESKTOP_ENTRY));
	if (server_can(server, "sound"))
		hint_set(shown, "sound-name", note_text(note, NOTE_SOUND));
	if (server_clears_at_click(server))
		notify_notification_add_action(shown, "default", "Open", on_action, popup, NULL);
}

/* does the error say that nobody is there to answer? */
static bool says_lost(const GError *error)
{
	return g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
	       g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER) ||
	       g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) ||
	       g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_DISCONNECTED) ||
	       g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

enum popup_result popup_show(struct popups *popups, const struct note *note,
	const struct server *server, uint32_t *ret_id, char **ret_why)
{
	struct popup *popup = popup_find(popups, note->number);
	g_autoptr(GError) error = NULL;
	bool was_sent = false;
	guint32 id = 0;

	if (!notify_is_initted())
		(void)notify_init("taskbell");
	if (popup == NULL)
		popup = popup_new(popups, note->number);
	popup_fill(popup, note, server);
	sent_begin(server->bus, popups, note->number);
	*ret_why = NULL;
	if (!notify_notification_show(popup->shown, &error) &&
		g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
		id = sent_await(&was_sent);
	if (id != 0)
		g_object_set(popup->shown, "id", (gint)id, NULL);
	*ret_id = popup_id(popup);
	if (error == NULL || id != 0)
		return POPUP_SHOWN;
	/* a popup that could not be changed is still shown as it was */
	if (*ret_id == 0)
		popup_free(popups, popup);
	*ret_why = server_error_text(error);
	return was_sent ? POPUP_UNANSWERED : says_lost(error) ? POPUP_LOST : POPUP_REFUSED;
}

void popup_close(struct popups *popups, int64_t number)
{
	struct popup *popup = popup_find(popups, number);

	if (popup == NULL)
		return;
	/* a popup is forgotten even if the server could not close it */
	(void)notify_notification_close(popup->shown, NULL);
	popup_free(popups, popup);
}

void popup_forget_all(struct popups *popups)
{
	while (popups->list.head != NULL)
		popup_free(popups, popups->list.head->data);
}
