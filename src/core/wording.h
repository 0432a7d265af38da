/*
 * The sentences of notifications, as the `key: value` lines that taskbell-notify reads. All text
 * from the network is escaped for people first; a newline in the body is always ours.
 */
#ifndef CORE_WORDING_H
#define CORE_WORDING_H

#include <stddef.h>

#include "base/buf.h"
#include "core/event.h"

#define DIGEST_LINES_MAX                                                                           \
	1600 /* bytes of the lines that name events in a digest; the rest is counted */

/* what one summary notification says of many events; gathered one by one, so that they need not be
 * kept */
struct digest {
	size_t counts[EVENT_COUNT];
	size_t count;
	size_t named; /* lines in `lines` */
	size_t unnamed; /* worth a line, but there was no room */
	struct buf lines;
};

/* "embed-bucket failed": what happened, in one line */
void wording_sentence(const struct event *event, struct buf *out);
/* adds the note of one event */
void wording_single(const struct event *event, struct buf *out);
/* takes one more event into a digest that began zeroed */
void digest_add(struct digest *digest, const struct event *event);
/* adds the note of all events in the digest: counts, and the unsuccessful by name */
void wording_digest(const struct digest *digest, struct buf *out);
void digest_done(struct digest *digest); /* releases all; it is then empty again */

#endif
