/* A list while it streams in: private to core/listing and core/detect. */
#ifndef CORE_LISTING_H
#define CORE_LISTING_H

#include "core/detect.h"

/* an element that says something new, in the order of the answer */
struct sighting {
	struct task *task; /* own */
	uint64_t bytes_hash;
};

struct listing {
	struct book *book;                /* borrowed */
	const struct detect_rules *rules; /* borrowed */
	const struct kind *kind;          /* borrowed */
	enum list_scope scope;
	enum lane lane;
	uint32_t serial;
	uint8_t generation;     /* marks ended entries that this sweep listed */
	bool first;             /* the first list of all statuses: ended tasks are taken in by first_run */
	struct sighting *items; /* own */
	size_t count;
	size_t cap;
	struct ended *fresh;    /* own; ended tasks of a first run that are not told one by one */
	size_t fresh_count;
	size_t fresh_cap;
};

#endif
