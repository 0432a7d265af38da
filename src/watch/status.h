/*
 * How the monitor of a state directory is: from its lock, its status file and its state, without
 * the network and without the configuration, which may have changed since it started.
 */
#ifndef WATCH_STATUS_H
#define WATCH_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/status_file.h"
#include "io/store.h"

/* `store` NULL: nothing was ever stored. False with ERR_IO when the state cannot be read. Of a
 * monitor that does not run, the sources are those that left active tasks */
bool status_read(struct monitor_status *ret, const char *state_dir, struct store *store,
	int64_t wall_ms, struct err *err);
/* NULL: there is no such source */
const struct source_status *status_find(const struct monitor_status *status, const char *name);
/* forgets all sources but that one */
void status_keep_only(struct monitor_status *status, const char *name);
/* refused, or without a good poll for its `down_after` */
bool status_source_degraded(
	const struct source_status *source, int64_t started_ms, int64_t wall_ms);
/* its last attempt failed, or it gave up a delivery in the last 24 h */
bool status_sink_degraded(const struct store_sink *sink);
/* why that sink holds deliveries back; NULL: it does not, or the monitor has not told; borrowed */
const char *status_sink_waits(const struct monitor_status *status, const struct sink_status *sink);
/* running, no source and no configured sink degraded */
bool status_healthy(const struct monitor_status *status);
/*
 * Appends the line for `systemctl status`: "2 active, last poll 2026-11-23T22:40:59Z; telnyx: why
 * it fails". Never holds a newline, whatever a server said: to systemd the next line would be an
 * assignment.
 */
void status_add_line(struct buf *buf, const struct monitor_status *status);

#endif
