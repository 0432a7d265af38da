/* Why a notification server would take everything and nobody would see it, for --check. */
#ifndef NOTIFY_SILENCE_H
#define NOTIFY_SILENCE_H

#include <stdbool.h>

/*
 * Asks the session bus and the settings of the desktop, and prints a line "WHAT\tTEXT\tREMEDY" for
 * each reason; none when all is well. What does not answer within a second is no reason. `server`
 * is the name that it gives itself. False when stdout cannot be written.
 */
bool silence_print(const char *server);

#endif
