/*
 * In place of taskbell-notify: a program that notes what it is asked to show and answers as the
 * test wants. It is the test program itself, started anew.
 */
#ifndef FAKE_NOTIFY_H
#define FAKE_NOTIFY_H

#include "delivery_fixture.h"

/* first in main: becomes the program, and does not come back, when it is started as such */
void fake_notify_main(int argc, char **argv);
/* puts it into the fixture, which is HOME then; it reads and writes there:
 *	notes	what it was asked for, in order; each ends with a line "--"
 *	env	its environment
 *	answer	how it answers: "refused", "absent", "nothing"; no file: "shown"; "shut": it ends,
 *as without a bus */
void fake_notify_install(const struct delivery_fixture *fixture);
/* lets it say these lines by itself; "exit" lets it end. Returns when it has */
void fake_notify_tell(struct delivery_fixture *fixture, const char *lines);

#endif
