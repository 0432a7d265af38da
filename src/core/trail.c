#include "core/trail.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* a wrong guess costs a hash over an element, so that a list in another order must not make many */
#define WALK_MISSES_MAX 8
/* so many tasks in a row may have left a list without the way being lost */
#define WALK_AHEAD 32

const struct trail_step *walk_next(const struct walk *walk)
{
	if (walk->trail == NULL || walk->at == walk->trail->count ||
		walk->misses == WALK_MISSES_MAX)
		return NULL;
	return &walk->trail->steps[walk->at];
}

static void walk_note(struct walk *walk, struct trail_step step)
{
	walk->steps = mem_grow(walk->steps, &walk->cap, walk->count + 1, sizeof(*walk->steps));
	walk->steps[walk->count++] = step;
}

/* most lists are those of before to the end, for which nothing is written */
static void walk_stray(struct walk *walk)
{
	size_t count = walk->at;

	if (walk->strayed)
		return;
	walk->strayed = true;
	if (count == 0)
		return;
	walk->steps = mem_grow(NULL, &walk->cap, count, sizeof(*walk->steps));
	memcpy(walk->steps, walk->trail->steps, count * sizeof(*walk->steps));
	walk->count = count;
}

void walk_hit(struct walk *walk)
{
	if (walk->strayed)
		walk_note(walk, walk->trail->steps[walk->at]);
	walk->at++;
	walk->misses = 0;
}

void walk_miss(struct walk *walk)
{
	walk->misses++;
}

void walk_meet(struct walk *walk, size_t slot, size_t len)
{
	struct trail_step step = { (uint32_t)slot, (uint32_t)len };
	struct trail *trail = walk->trail;
	size_t ahead = 0;

	if (trail == NULL)
		return;
	while (ahead < WALK_AHEAD && walk->at + ahead < trail->count &&
		trail->steps[walk->at + ahead].slot != step.slot)
		ahead++;
	if (ahead == WALK_AHEAD || walk->at + ahead == trail->count) {
		walk_stray(walk);
	} else {
		walk->misses = 0;
		if (ahead == 0 && !walk->strayed) {
			trail->steps[walk->at++] = step;
			return;
		}
		walk_stray(walk);
		walk->at += ahead + 1;
	}
	walk_note(walk, step);
}

void walk_close(struct walk *walk)
{
	struct trail *trail = walk->trail;

	if (trail == NULL || (!walk->strayed && walk->at == trail->count))
		return;
	if (walk->strayed) {
		free(trail->steps);
		trail->steps = mem_steal(&walk->steps);
		trail->count = walk->count;
	} else {
		trail->count = walk->at;
	}
	/* it stays for long: no room to spare */
	if (trail->count == 0)
		trail_done(trail);
	else
		trail->steps = mem_resize(trail->steps, trail->count, sizeof(*trail->steps));
}

void walk_done(struct walk *walk)
{
	free(walk->steps);
	walk->steps = NULL;
}

void trail_done(struct trail *trail)
{
	free(trail->steps);
	*trail = (struct trail){ 0 };
}
