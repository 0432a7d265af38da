/*
 * The notifications that this process shows, by number. They are kept as long as they are on the
 * screen, so that they can be changed and taken down. Showing blocks as long as libnotify does: up
 * to 25 s where the server does not say its version, then up to SERVER_ANSWER_MS for the answer.
 */
#ifndef NOTIFY_POPUP_H
#define NOTIFY_POPUP_H

#include <stdint.h>

#include <gio/gio.h>

#include "notify/note.h"
#include "notify/server.h"

struct popups {
	GQueue list; /* own; the oldest first */
	/* it goes to the server; said by another thread, while this one is in popup_show */
	void (*sent)(void *arg, int64_t number);
	void (*closed)(void *arg, int64_t number, int reason); /* as in the specification */
	void (*clicked)(void *arg, int64_t number);
	void *arg;
};

enum popup_result {
	POPUP_SHOWN,
	POPUP_REFUSED, /* by the server, in words */
	POPUP_LOST, /* the server went away, as it seems */
	POPUP_UNANSWERED, /* it was sent; the server may show it yet */
};

/* shows it, or changes the one of that number; *ret_why is owned by the caller, NULL when shown */
enum popup_result popup_show(struct popups *popups, const struct note *note,
	const struct server *server, uint32_t *ret_id, char **ret_why);
/* takes it down, if there is one of that number */
void popup_close(struct popups *popups, int64_t number);
/* the server is gone, and all that it showed */
void popup_forget_all(struct popups *popups);

#endif
