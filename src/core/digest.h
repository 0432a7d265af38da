/*
 * What one notification says of many events: counts, and what went wrong by name. Gathered one by
 * one, so that the events need not be kept.
 */
#ifndef CORE_DIGEST_H
#define CORE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"

#define DIGEST_LINES_MAX 8 /* of a body: some servers show all of them */

/* an event that is worth a line */
struct digest_entry {
	enum event_type type;
	char *topic; /* own; a later event may end it, and this entry with it; NULL: it stays */
	char *line; /* own; NULL: there were newer ones */
};

struct digest {
	size_t counts[EVENT_COUNT];
	size_t count;
	struct digest_entry *entries; /* own; the oldest first */
	size_t entry_count;
	size_t entry_cap;
	int64_t first_ms; /* wall; the first and the last event; 0: none */
	int64_t last_ms;
};

/*
 * The source or task that an event is about, owned; a later event of the same topic replaces it.
 * NULL: the event stands for itself.
 */
char *digest_topic(const struct event *event);
/* does it end its topic: the end of a task, a source that is reached again? */
bool digest_ends_topic(enum event_type type);
/* when it was: the end of a task if it is known, else when we learned of it */
int64_t digest_time(const struct event *event);

/* takes one more event into a digest that began zeroed; what it ends is taken out */
void digest_add(struct digest *digest, const struct event *event);
/* takes the entries of that topic out; true: there were some */
bool digest_end_topic(struct digest *digest, const char *topic);
/* adds what another one has, the newer one; `all`: also what is not bad */
void digest_merge(struct digest *digest, const struct digest *newer, bool all);
/* how many unsuccessful events are in it */
size_t digest_bad(const struct digest *digest);
/* how many that are worth a line, with one or without */
size_t digest_notable(const struct digest *digest);
void digest_done(struct digest *digest); /* releases all; it is then empty again */

#endif
