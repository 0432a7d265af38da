/*
 * Where in a snapshot the records of the last list stand, in the order of that list: a guess at
 * what the next list will say next. Whoever follows it holds each guess against the record itself,
 * so that a trail which is out of date costs time and nothing else.
 */
#ifndef CORE_TRAIL_H
#define CORE_TRAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trail_step {
	uint32_t slot; /* of the snapshot, maybe of another record by now */
	uint32_t len; /* bytes of the element */
};

struct trail {
	struct trail_step *steps; /* own */
	size_t count;
};

/* one list that is read along a trail */
struct walk {
	struct trail *trail; /* borrowed; NULL: there is none for this list */
	size_t at; /* the step that is expected next */
	unsigned int misses; /* in a row */
	bool strayed; /* the list is not that of the trail: what it says is written down anew */
	struct trail_step *steps; /* own; the trail of this list, once it has strayed */
	size_t count;
	size_t cap;
};

/* what the next element should be; NULL: no guess */
const struct trail_step *walk_next(const struct walk *walk);
/* the step so many after the next one; NULL: the trail ends before it */
static inline const struct trail_step *walk_ahead(const struct walk *walk, size_t steps)
{
	return walk->trail != NULL && walk->trail->count - walk->at > steps
		       ? &walk->trail->steps[walk->at + steps]
		       : NULL;
}
/* the guess was right */
void walk_hit(struct walk *walk);
/* the guess was wrong: after a few of these in a row there is none until walk_meet finds the way */
void walk_miss(struct walk *walk);
/* the next element is `len` bytes long and that of the record in this slot */
void walk_meet(struct walk *walk, size_t slot, size_t len);
/* the list was complete: what was seen of it is the trail from now on */
void walk_close(struct walk *walk);
void walk_done(struct walk *walk); /* releases what walk_close did not take over */
void trail_done(struct trail *trail);

#endif
