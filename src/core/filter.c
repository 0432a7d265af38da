#include "core/filter.h"

#include <string.h>

#include "base/parse.h"

static bool globs_match(const struct strings *globs, const char *text)
{
	if (globs->count == 0)
		return true;
	for (size_t i = 0; i < globs->count; i++)
		if (text != NULL ? glob_match(globs->items[i], text)
				 : strcmp(globs->items[i], "*") == 0)
			return true;
	return false;
}

/* does `on` name the type, or is it told by default? */
static bool type_wanted(const struct sink_config *sink, enum event_type wanted)
{
	const struct event_type_info *info = &event_types[wanted];
	enum event_type type;

	for (size_t i = 0; i < sink->on.count; i++)
		if (event_from_word(sink->on.items[i], &type) && type == wanted)
			return true;
	return sink->on.count == 0 && info->told &&
	       (sink->type != SINK_EXEC || info->about == ABOUT_TASK);
}

bool filter_wants(const struct sink_config *sink, const struct event *event)
{
	if (event->type == EVENT_STATE_LOST)
		return true;
	if (event->sink != NULL && strcmp(event->sink, sink->name) == 0)
		return false;
	if (!type_wanted(sink, event->type))
		return false;
	if (event->source != NULL && !globs_match(&sink->sources, event->source))
		return false;
	if (event_types[event->type].about != ABOUT_TASK)
		return true;
	return globs_match(&sink->names, event->task_name) &&
	       globs_match(&sink->buckets, event->bucket) &&
	       globs_match(&sink->users, event->user_id);
}
