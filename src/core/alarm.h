/* Log a lasting condition once when it begins and once when it ends, however many callers report it
 * and however often. */
#ifndef CORE_ALARM_H
#define CORE_ALARM_H

#include <stdbool.h>
#include <stdint.h>

#define ALARM_APART_MS 60000 /* the same text is logged no more often */

struct alarm {
	unsigned int raised_by; /* a bit for each caller that has the condition */
	unsigned int reporter; /* the caller for which it was logged last */
	bool reported; /* its beginning was logged, its end was not */
	char *text; /* own; as logged last; NULL: nothing yet */
	int64_t reported_ms; /* mono */
};

/* caller `who` (a bit) has the condition; true: log it, it is new or has another text */
bool alarm_raise(struct alarm *alarm, unsigned int who, const char *text, int64_t mono_ms);
/* caller `who` has it no longer; true: log its end, no caller has it any more */
bool alarm_clear(struct alarm *alarm, unsigned int who);
/* after a new configuration: the next alarm_raise is logged even with the same text */
void alarm_rearm(struct alarm *alarm);
void alarm_done(struct alarm *alarm);

#endif
