/*
 * The sentences of notifications, as the `key: value` lines that taskbell-notify reads. All text
 * from the network is escaped for people first; a newline in the body is always ours.
 */
#ifndef CORE_WORDING_H
#define CORE_WORDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/digest.h"
#include "core/event.h"

struct wording {
	int64_t now_ms; /* wall; what is older than a minute says when it was */
	bool sound; /* with a sound of the theme */
	bool one_shot; /* who sends it ends then */
};

/* adds the note of one event */
void wording_single(const struct event *event, const struct wording *how, struct buf *out);
/* adds the note of all events in the digest: counts, and the unsuccessful by name */
void wording_digest(const struct digest *digest, const struct wording *how, struct buf *out);

#endif
