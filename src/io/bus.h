/* Is there a session bus to speak of? Asked before a program is started for it. */
#ifndef IO_BUS_H
#define IO_BUS_H

#include <stdbool.h>

/* $DBUS_SESSION_BUS_ADDRESS, or the socket of systemd's user manager, $XDG_RUNTIME_DIR/bus */
bool bus_found(void);

#endif
