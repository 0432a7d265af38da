/* Signals as events: a handler only counts them and wakes the one wait by a pipe. */
#ifndef IO_SIGNALS_H
#define IO_SIGNALS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * From now on these signals are counted instead of acted on. SIGPIPE and SIGXFSZ (a file at its
 * limit) are ignored: they are errors of write(2) like any other. So is SIGTTOU: a line written in
 * the background stops no poll. May be called again for more.
 */
bool signals_open(const int *numbers, size_t count, struct err *err);
/* readable when a signal has come; for http_wait */
int signals_fd(void);
/* how often the signal has come since the last call; empties the pipe */
unsigned int signals_take(int number);
/*
 * Has one come that was not taken? Then do not wait: it may have come after it was asked for and
 * before the pipe was emptied for another one.
 */
bool signals_waiting(void);
/* does by itself what the signal does when nobody catches it, and returns when we are continued;
 * where nobody could, in an orphaned process group, the kernel stops no one and it returns at once
 */
void signals_stop(int number);
/* ends the program by the signal itself, so that the caller's shell sees it and stops its loop as
 * well */
_Noreturn void signals_die(int number);

#endif
