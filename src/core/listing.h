/* A list while it streams in: private to core/listing and core/detect. */
#ifndef CORE_LISTING_H
#define CORE_LISTING_H

#include "core/detect.h"

/* an element that says something new, in the order of the answer */
struct sighting {
	struct record *record; /* own; in no book; NULL: the id stands again further on */
	int64_t finished_us;
};

struct listing {
	struct book *book;                /* borrowed */
	const struct detect_rules *rules; /* borrowed */
	const struct kind *kind;          /* borrowed */
	enum list_scope scope;
	enum lane lane;
	uint32_t serial;
	bool first;              /* the first list of all statuses: ended tasks are taken in by first_run */
	struct sighting *items;  /* own */
	size_t count;
	size_t cap;
	struct ended_set *sighted; /* own; of strangers among the items; NULL: none */
	struct ended_set *fresh; /* own; ended tasks of a first run that are not told one by one; NULL: none */
};

/*
 * An ended task that is neither known nor told one by one in a first run: nothing more is kept of it than that
 * it has ended. False when it is news.
 */
bool listing_history(
	struct listing *listing, const struct task *view, const uint8_t print[ENDED_PRINT]);

#endif
