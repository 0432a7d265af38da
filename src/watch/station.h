/* The stations: one for each source, its poller together with the search for its key. */
#ifndef WATCH_STATION_H
#define WATCH_STATION_H

#include <stdbool.h>
#include <stddef.h>

#include "watch/key_lookup.h"
#include "watch/ledger.h"
#include "watch/poller.h"
#include "io/http.h"
#include "io/status_file.h"

struct stations;

struct stations_setup {
	const struct config *config; /* borrowed until stations_reload or stations_free */
	const char *only; /* borrowed; --source; NULL: all */
	bool once;
	struct http *http; /* borrowed */
	struct ledger *ledger; /* borrowed */
	struct explain *explain; /* borrowed */
};

/* begins with what the store knows of each source */
struct stations *stations_new(const struct stations_setup *setup, struct instant now);
void stations_free(struct stations *stations); /* NULL is fine */
/* what is due at `now` */
void stations_step(struct stations *stations, struct instant now);
/* mono time of the next step that is needed */
int64_t stations_next(const struct stations *stations);
size_t stations_fds(const struct stations *stations, struct poll_fd *fds, size_t cap);
/* no source has a key, for reasons that stay: err says why of the first */
bool stations_keyless(const struct stations *stations, struct err *err);
/* HUP: sources by name go on, new ones begin, others end; keys are read again and all are asked */
void stations_reload(struct stations *stations, const struct config *config, struct instant now);
/* USR1: all are asked now */
void stations_hurry(struct stations *stations, struct instant now);
/* after a suspend or a stop */
void stations_jump(struct stations *stations, struct instant now);
/* --once: all are through; err holds the first failure */
bool stations_finished(const struct stations *stations, struct err *err);
/* a poll has ended since the last call */
bool stations_polled(struct stations *stations);
/* appends its sources */
void stations_status(
	const struct stations *stations, struct instant now, struct monitor_status *ret);
size_t stations_count(const struct stations *stations);

#endif
