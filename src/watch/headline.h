/* The headline: how the monitor is, in one line, for `systemctl status`. */
#ifndef WATCH_HEADLINE_H
#define WATCH_HEADLINE_H

#include "base/buf.h"
#include "io/pulse.h"

/*
 * "2 active, last poll 2026-11-23T22:40:59Z; telnyx: why it fails". Never holds a newline, whatever
 * a server said: to systemd the next line would be an assignment.
 */
void headline_add(struct buf *buf, const struct pulse *pulse);

#endif
