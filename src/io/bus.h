/* The session bus: where it may be, and at which of these places somebody answers. */
#ifndef IO_BUS_H
#define IO_BUS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/strings.h"

struct bus {
	char *address; /* own; of the first that answers; NULL: none does */
	struct strings missed; /* own; the places before it, each with why it is none */
	bool env_dead; /* DBUS_SESSION_BUS_ADDRESS is set, and nobody answers there */
};

/*
 * Looks at $DBUS_SESSION_BUS_ADDRESS, at $XDG_RUNTIME_DIR/bus, then at /run/user/UID/bus, and fills
 * `ret` anew. Connects to sockets without waiting and says nothing there; an address that is no
 * socket of this machine (tcp) is taken at its word.
 */
void bus_find(struct bus *ret);
void bus_done(struct bus *bus);
/*
 * A descriptor, the caller's, that becomes readable when something changes in the directories where
 * the socket of a bus would come to be: look again then, and watch anew. -1 where the system cannot
 * tell: look now and then.
 */
int bus_watch(void);
/* adds "no session bus: " and what was looked at */
void bus_explain(const struct bus *bus, struct buf *out);

#endif
