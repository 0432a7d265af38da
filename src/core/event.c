#include "core/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static const struct event_type_info infos[] = {
#define EVENT_ROW(name, word, about, weight, told, bad, mark, sgr)                                 \
	[EVENT_##name] = { word, ABOUT_##about, WEIGHT_##weight, told, bad, mark, sgr },
	EVENTS(EVENT_ROW)
#undef EVENT_ROW
};

static const char *const field_names[] = {
#define FIELD_NAME_ROW(name, word) word,
	EVENT_FIELDS(FIELD_NAME_ROW)
#undef FIELD_NAME_ROW
};

const struct event_type_info *event_info(enum event_type type)
{
	return &infos[type];
}

bool event_from_word(const char *word, enum event_type *ret)
{
	/* as with statuses: some write it so */
	if (strcmp(word, "failed") == 0)
		word = infos[EVENT_FAILURE].word;
	for (int i = 0; i < EVENT_COUNT; i++)
		if (strcmp(infos[i].word, word) == 0) {
			*ret = (enum event_type)i;
			return true;
		}
	return false;
}

enum event_type event_of_status(enum status status)
{
	static const enum event_type types[STATUS_COUNT] = {
		[STATUS_EXPECTED] = EVENT_UNKNOWN,
		[STATUS_UNKNOWN] = EVENT_UNKNOWN,
		[STATUS_QUEUED] = EVENT_QUEUED,
		[STATUS_PROCESSING] = EVENT_PROCESSING,
		[STATUS_SUCCESS] = EVENT_SUCCESS,
		[STATUS_FAILURE] = EVENT_FAILURE,
		[STATUS_PARTIAL_SUCCESS] = EVENT_PARTIAL_SUCCESS,
		[STATUS_GONE] = EVENT_GONE,
	};

	return types[status];
}

const char *event_field_name(size_t i)
{
	return i < ARRAY_LEN(field_names) ? field_names[i] : NULL;
}

/* the text members: for copying, and by the names of their fields */
static const struct {
	const char *name;
	size_t offset;
} texts[] = {
	{ "source", offsetof(struct event, source) },
	{ "task_id", offsetof(struct event, task_id) },
	{ "task_name", offsetof(struct event, task_name) },
	{ "bucket", offsetof(struct event, bucket) },
	{ "user_id", offsetof(struct event, user_id) },
	{ "from", offsetof(struct event, from) },
	{ "to", offsetof(struct event, to) },
	{ "sink", offsetof(struct event, sink) },
	{ "message", offsetof(struct event, message) },
};

static const char **text_member(const struct event *event, size_t i)
{
	return (const char **)((const char *)event + texts[i].offset);
}

struct event *event_copy(const struct event *event)
{
	size_t size = sizeof(*event);
	struct event *copy;
	char *at;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (*text_member(event, i) != NULL)
			size += strlen(*text_member(event, i)) + 1;
	copy = mem_alloc(size);
	*copy = *event;
	at = (char *)(copy + 1);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const char *text = *text_member(event, i);

		if (text == NULL)
			continue;
		memcpy(at, text, strlen(text) + 1);
		*text_member(copy, i) = at;
		at += strlen(at) + 1;
	}
	return copy;
}

bool event_duration(const struct event *event, int64_t *ret_ms)
{
	struct task span = { .created_us = event->created_us, .finished_us = event->finished_us };

	return task_duration(&span, ret_ms);
}

void event_json(const struct event *event, struct buf *out)
{
	char time[STAMP_TEXT_MAX];
	struct json_writer json = json_begin(out);
	int64_t duration_ms;

	json_int(&json, "schema", EVENT_SCHEMA);
	json_int(&json, "event_id", event->id);
	json_text(&json, "time", stamp_text_ms(event->wall_ms, time));
	json_text(&json, "event", infos[event->type].word);
	json_text(&json, "source", event->source);
	json_text(&json, "task_id", event->task_id);
	json_text(&json, "task_name", event->task_name);
	json_text(&json, "bucket", event->bucket);
	json_text(&json, "user_id", event->user_id);
	json_text(&json, "from", event->from);
	json_text(&json, "to", event->to);
	json_stamp(&json, "created_at", event->created_us);
	json_stamp(&json, "finished_at", event->finished_us);
	if (event_duration(event, &duration_ms))
		json_seconds(&json, "duration_seconds", duration_ms);
	else
		json_null(&json, "duration_seconds");
	json_text(&json, "message", event->message);
	if (event->sink != NULL)
		json_text(&json, "sink", event->sink);
	json_end(&json);
}

const char *event_span(int64_t ms, char buf[EVENT_SPAN_MAX])
{
	int64_t s = ms / 1000;

	if (s < 10)
		(void)snprintf(buf, EVENT_SPAN_MAX, "%" PRId64 ".%" PRId64 "s", s, ms % 1000 / 100);
	else if (s < 60)
		(void)snprintf(buf, EVENT_SPAN_MAX, "%" PRId64 "s", s);
	else if (s < 3600)
		(void)snprintf(buf, EVENT_SPAN_MAX, "%" PRId64 "m %" PRId64 "s", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(
			buf, EVENT_SPAN_MAX, "%" PRId64 "h %" PRId64 "m", s / 3600, s / 60 % 60);
	else
		(void)snprintf(
			buf, EVENT_SPAN_MAX, "%" PRId64 "d %" PRId64 "h", s / 86400, s / 3600 % 24);
	return buf;
}

static void line_details(const struct event *event, struct buf *out)
{
	char span[EVENT_SPAN_MAX];
	int64_t duration_ms;
	const char *separator = " (";

	if (event->bucket != NULL) {
		(void)buf_add_text(out, separator);
		(void)buf_add_text(out, "bucket ");
		text_add_safe(out, event->bucket);
		separator = ", ";
	}
	if (event_duration(event, &duration_ms)) {
		(void)buf_add_text(out, separator);
		(void)buf_add_text(out, event_span(duration_ms, span));
		separator = ", ";
	}
	if (separator[0] == ',')
		(void)buf_add_char(out, ')');
}

void event_line(const struct event *event, struct buf *out)
{
	const char *const words[] = { event->source, event->sink, event->task_id,
		event->task_name };
	char time[STAMP_TEXT_MAX];

	(void)buf_add_text(out, stamp_text_ms(event->wall_ms, time));
	(void)buf_add_char(out, ' ');
	(void)buf_add_text(out, infos[event->type].word);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (words[i] == NULL)
			continue;
		(void)buf_add_char(out, ' ');
		text_add_safe(out, words[i]);
	}
	if (event->type == EVENT_UNKNOWN && event->to != NULL) {
		(void)buf_add_text(out, " says ");
		text_add_safe(out, event->to);
	}
	line_details(event, out);
	if (event->message != NULL) {
		(void)buf_add_text(out, ": ");
		text_add_safe(out, event->message);
	}
}

static bool field_text(struct buf *out, const char *text)
{
	if (text != NULL)
		(void)buf_add_text(out, text);
	return true;
}

static bool field_stamp(struct buf *out, int64_t us)
{
	char text[STAMP_TEXT_MAX];

	return field_text(out, us != STAMP_NONE ? stamp_text(us, text) : NULL);
}

/* the digits that the JSON has */
static bool field_duration(struct buf *out, const struct event *event)
{
	int64_t ms;
	int64_t part;
	int digits = 3;

	if (!event_duration(event, &ms))
		return true;
	for (part = ms % 1000; digits > 0 && part % 10 == 0; digits--)
		part /= 10;
	(void)buf_addf(out, "%" PRId64, ms / 1000);
	if (digits > 0)
		(void)buf_addf(out, ".%0*" PRId64, digits, part);
	return true;
}

bool event_field(const struct event *event, const char *field, struct buf *out)
{
	char time[STAMP_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (strcmp(field, texts[i].name) == 0)
			return field_text(out, *text_member(event, i));
	if (strcmp(field, "schema") == 0)
		return buf_addf(out, "%d", EVENT_SCHEMA);
	if (strcmp(field, "event_id") == 0)
		return buf_addf(out, "%" PRId64, event->id);
	if (strcmp(field, "time") == 0)
		return field_text(out, stamp_text_ms(event->wall_ms, time));
	if (strcmp(field, "event") == 0)
		return field_text(out, infos[event->type].word);
	if (strcmp(field, "created_at") == 0)
		return field_stamp(out, event->created_us);
	if (strcmp(field, "finished_at") == 0)
		return field_stamp(out, event->finished_us);
	if (strcmp(field, "duration_seconds") == 0)
		return field_duration(out, event);
	return false;
}
