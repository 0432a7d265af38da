/* What goes over the network, for people who ask with -v. */
#ifndef WATCH_TRAFFIC_H
#define WATCH_TRAFFIC_H

#include "io/http.h"

/* one line of level info about an answer: what was asked of which source, and what came of it */
void traffic_say(const char *source, const char *what, const struct http_answer *answer);

#endif
