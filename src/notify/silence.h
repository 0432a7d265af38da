/* Why a notification server would take everything and nobody would see it, for --check. */
#ifndef NOTIFY_SILENCE_H
#define NOTIFY_SILENCE_H

#include <stdbool.h>

#include "notify/server.h"

/*
 * Asks the session bus and the settings of the desktop, and prints a line "WHAT\tTEXT\tREMEDY" for
 * each reason; none when all is well. What does not answer within a second is no reason. The server
 * has said who it is. False when stdout cannot be written.
 */
bool silence_print(const struct server *server);

#endif
