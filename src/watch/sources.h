/* The sources of the monitor. */
#ifndef WATCH_SOURCES_H
#define WATCH_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

#include "io/http.h"
#include "io/status_file.h"
#include "watch/recorder.h"

struct sources;

struct sources_setup {
	const struct config *config; /* borrowed until sources_reload or sources_free */
	const char *only; /* borrowed; --source; NULL: all */
	bool once;
	struct http *http; /* borrowed */
	struct recorder *recorder; /* borrowed */
	struct explain *explain; /* borrowed */
};

/* begins with what the store knows of each source */
struct sources *sources_new(const struct sources_setup *setup, struct instant now);
void sources_free(struct sources *sources); /* NULL is fine */
/*
 * Takes in answers, stores what they changed, asks what is due. True: events were stored, and the
 * sources go on at the next call, before which these are to be delivered.
 */
bool sources_step(struct sources *sources, struct instant now);
/* mono time of the next step that is needed */
int64_t sources_next(const struct sources *sources);
size_t sources_fds(const struct sources *sources, struct poll_fd *fds, size_t cap);
/* no source has a key, for reasons that stay: err says why of the first */
bool sources_keyless(const struct sources *sources, struct err *err);
/* HUP: sources by name go on, new ones begin, others end; keys are read again and all are asked */
void sources_reload(struct sources *sources, const struct config *config, struct instant now);
/* USR1: all are asked now */
void sources_poll_now(struct sources *sources, struct instant now);
/* after a suspend or a stop */
void sources_resumed(struct sources *sources, struct instant now);
/* --once: all are through; err holds the first failure */
bool sources_finished(const struct sources *sources, struct err *err);
/* a poll has ended since the last call */
bool sources_polled(struct sources *sources);
/* appends them */
void sources_status(const struct sources *sources, struct instant now, struct monitor_status *ret);
size_t sources_count(const struct sources *sources);

#endif
