/* A trouble that lasts is said once, and so is its end, however many meet it and however often. */
#ifndef CORE_TROUBLE_H
#define CORE_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

#define TROUBLE_APART_MS 60000 /* one that comes and goes is said no more often */

struct trouble {
	unsigned int met; /* a bit for each who met it and has not got through since */
	unsigned int teller; /* who it was said for last */
	bool told; /* its beginning was said, its end was not */
	char *words; /* own; what was said last; NULL: nothing yet */
	int64_t told_ms; /* mono */
};

/* `who` (a bit) met it; true when it is to be said: it is new, or has other words for the same
 * one */
bool trouble_met(struct trouble *trouble, unsigned int who, const char *words, int64_t mono_ms);
/* `who` got through; true when it is to be said that it is over: nobody is left who did not */
bool trouble_over(struct trouble *trouble, unsigned int who);
/* a new start, as with a new configuration: it is said again when it is met again */
void trouble_remind(struct trouble *trouble);
void trouble_done(struct trouble *trouble);

#endif
