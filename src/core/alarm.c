#include "core/alarm.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool alarm_raise(struct alarm *alarm, unsigned int who, const char *text, int64_t mono_ms)
{
	bool same = alarm->text != NULL && strcmp(alarm->text, text) == 0;

	alarm->raised_by |= who;
	if (alarm->reported && (same || alarm->reporter != who))
		return false;
	if (same && mono_ms - alarm->reported_ms < ALARM_APART_MS)
		return false;
	free(alarm->text);
	alarm->text = mem_strdup(text);
	alarm->reported_ms = mono_ms;
	alarm->reporter = who;
	alarm->reported = true;
	return true;
}

bool alarm_clear(struct alarm *alarm, unsigned int who)
{
	bool reported = alarm->reported;

	alarm->raised_by &= ~who;
	if (alarm->raised_by == 0)
		alarm->reported = false;
	return reported && !alarm->reported;
}

void alarm_rearm(struct alarm *alarm)
{
	free(alarm->text);
	alarm->text = NULL;
}

void alarm_done(struct alarm *alarm)
{
	free(alarm->text);
	*alarm = (struct alarm){ 0 };
}
