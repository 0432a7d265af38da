/*
 * The notification server of the session bus: who it is, what it can, its coming and going. Nothing
 * here blocks; it lives in the main loop of GLib.
 */
#ifndef NOTIFY_SERVER_H
#define NOTIFY_SERVER_H

#include <stdbool.h>

#include <gio/gio.h>

#define SERVER_ANSWER_MS 30000 /* so long a call is waited for */

enum server_state {
	SERVER_AWAITED, /* it is being looked for, started, or asked what it can */
	SERVER_READY,
	SERVER_ABSENT, /* there is none, and starting one did not help */
	SERVER_SILENT, /* it is there, and did not say what it can */
};

struct server {
	GDBusConnection *bus; /* NULL: not connected yet */
	char *owner; /* own; its unique name; NULL: there is none */
	char *name; /* own, as are the next; what it says of itself; NULL: it has not */
	char *vendor;
	char *version;
	char *spec;
	char **can; /* own; its capabilities; NULL: it has not said */
	char *why; /* own; why it is absent or silent; NULL: it is not */
	GCancellable *asking; /* own; of what was asked of this owner */
	unsigned int asked; /* so many answers are outstanding */
	bool looked; /* the bus has said whether there is one */
	bool started; /* one was to be started, and none has come or gone since */
	bool starting;
	bool watching; /* the display, until there is a server */
	char *display; /* own; as it was last seen; NULL: not known */
	/* each of these may be NULL but `changed` and `lost` */
	void (*joined)(void *arg, const char *name); /* the bus took us in, under this name */
	void (*came)(void *arg, const char *owner);
	void (*gone)(void *arg);
	void (*changed)(void *arg); /* server_state may be another now */
	void (*lost)(void *arg, const char *why); /* the bus is gone, for good */
	void *arg;
};

/* connects, and looks whether a server is there; `changed` or `lost` say what came of it */
void server_connect(struct server *server);
enum server_state server_state(const struct server *server);
/*
 * Starts one where there is none and the bus knows how to: once, until one has come and gone, or
 * the session has got a display.
 */
void server_want(struct server *server);
/* it did not answer: silent from now on, until it has been asked what it can and has said it */
void server_doubt(struct server *server, const char *why);
/* asks one that is there what it can */
void server_ask(struct server *server);
bool server_can(const struct server *server, const char *capability);
/* does it close what a sender left that it knows by a desktop file? GNOME Shell from 46 on */
bool server_forgets_senders(const struct server *server);
/* does it show lines of a text as one? GNOME Shell from 46 on */
bool server_joins_lines(const struct server *server);
/*
 * Does a click on a notification without an action of its own run the program of the desktop file,
 * and put away all that it has of us? GNOME Shell. Others show a button for each action.
 */
bool server_clears_at_click(const struct server *server);
/* the message of an error without the name of the D-Bus error, on one line; owned by the caller */
char *server_error_text(GError *error);

#endif
