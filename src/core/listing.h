/* A list while it streams in: private to core/listing and core/detect. */
#ifndef CORE_LISTING_H
#define CORE_LISTING_H

#include "core/detect.h"

/* bytes; a longer answer is known by its elements, which costs little beside receiving it */
#define LISTING_ECHO_MAX 16384

/* an element that says something new, in the order of the answer */
struct sighting {
	struct record *record; /* own; in no snapshot; NULL: the id stands again further on */
	int64_t finished_us;
};

struct listing {
	struct snapshot *snapshot; /* borrowed */
	const struct detect_rules *rules; /* borrowed */
	const struct source_type *type; /* borrowed */
	enum list_scope scope;
	enum lane lane;
	uint32_t serial;
	bool first; /* the first list of all statuses: ended tasks are taken in by first_run */
	struct walk walk;
	uint32_t revision; /* of the snapshot, when the list was asked for */
	bool echo; /* so far the answer is, byte for byte, the snapshot's echo */
	size_t passed; /* bytes of the echo that were not read */
	bool partial; /* it is not all there is */
	int64_t asked_ms; /* wall; when it was asked for; 0: not known */
	bool news; /* an element was not known by its bytes */
	struct buf heard; /* own; what is read of the answer, for the next echo */
	struct sighting *items; /* own */
	size_t count;
	size_t cap;
	struct ended_set *doubted; /* own; ended tasks that some item shows otherwise; NULL: none */
	struct ended_set *fresh; /* own; ended tasks of a first run that are not told one by one;
				    NULL: none */
};

/* the list is complete: may the next one be its echo? */
void listing_keep_echo(struct listing *listing);

#endif
