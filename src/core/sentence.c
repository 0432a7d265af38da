#include "core/sentence.h"

#include "base/mem.h"
#include "base/text.h"

/* what follows the name */
static const char *const sentences[EVENT_COUNT] = {
	[EVENT_QUEUED] = "is queued",
	[EVENT_PROCESSING] = "is being processed",
	[EVENT_SUCCESS] = "finished",
	[EVENT_FAILURE] = "failed",
	[EVENT_PARTIAL_SUCCESS] = "finished: partial success",
	[EVENT_UNKNOWN] = "has an unknown status",
	[EVENT_GONE] = "is gone",
	[EVENT_STUCK] = "is stuck",
	[EVENT_SUMMARY] = "is watched from now on",
	[EVENT_SOURCE_DOWN] = "cannot be reached",
	[EVENT_SOURCE_UP] = "is reached again",
	[EVENT_SINK_FAILED] = "does not deliver",
	[EVENT_STATE_LOST] = "lost its state",
};

/* whom the event is about */
static const char *event_subject(const struct event *event)
{
	const char *const names[] = { event->sink, event->task_name, event->task_id,
		event->source };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i] != NULL && *names[i] != '\0')
			return names[i];
	return "taskbell";
}

void sentence_add(const struct event *event, size_t columns, struct buf *out)
{
	text_add_cut(out, event_subject(event), columns);
	(void)buf_addf(out, " %s", sentences[event->type]);
	if (event->type == EVENT_UNKNOWN && event->to != NULL) {
		(void)buf_add_text(out, ": ");
		text_add_cut(out, event->to, columns);
	}
}
