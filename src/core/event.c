#include "core/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "json/write.h"

const struct event_type_info event_types[EVENT_COUNT] = {
#define EVENT_ROW(name, word, about, weight, told, bad, mark, sgr)                                 \
	[EVENT_##name] = { word, ABOUT_##about, WEIGHT_##weight, told, bad, mark, sgr },
	EVENTS(EVENT_ROW)
#undef EVENT_ROW
};

static const char *const field_names[EVENT_FIELD_COUNT] = {
#define FIELD_NAME_ROW(name, word) word,
	EVENT_FIELDS(FIELD_NAME_ROW)
#undef FIELD_NAME_ROW
};

bool event_from_word(const char *word, enum event_type *ret)
{
	/* as with statuses: some write it so */
	if (strcmp(word, "failed") == 0)
		word = event_types[EVENT_FAILURE].word;
	for (int i = 0; i < EVENT_COUNT; i++)
		if (strcmp(event_types[i].word, word) == 0) {
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

/* where a text of the event is, by its field; 0: the field is no such text */
static const size_t text_offsets[EVENT_FIELD_COUNT] = {
	[EVENT_FIELD_SOURCE] = offsetof(struct event, source),
	[EVENT_FIELD_TASK_ID] = offsetof(struct event, task_id),
	[EVENT_FIELD_TASK_NAME] = offsetof(struct event, task_name),
	[EVENT_FIELD_BUCKET] = offsetof(struct event, bucket),
	[EVENT_FIELD_USER_ID] = offsetof(struct event, user_id),
	[EVENT_FIELD_FROM] = offsetof(struct event, from),
	[EVENT_FIELD_TO] = offsetof(struct event, to),
	[EVENT_FIELD_SINK] = offsetof(struct event, sink),
	[EVENT_FIELD_MESSAGE] = offsetof(struct event, message),
};

static const char **text_member(const struct event *event, size_t field)
{
	return (const char **)((const char *)event + text_offsets[field]);
}

struct event *event_copy(const struct event *event)
{
	size_t lens[EVENT_FIELD_COUNT] = { 0 }; /* with the NUL; 0: there is no such text */
	size_t size = sizeof(*event);
	struct event *copy;
	char *at;

	for (size_t i = 0; i < EVENT_FIELD_COUNT; i++) {
		if (text_offsets[i] != 0 && *text_member(event, i) != NULL)
			lens[i] = strlen(*text_member(event, i)) + 1;
		size += lens[i];
	}
	copy = mem_alloc(size);
	*copy = *event;
	at = (char *)(copy + 1);
	for (size_t i = 0; i < EVENT_FIELD_COUNT; i++) {
		if (lens[i] == 0)
			continue;
		*text_member(copy, i) = memcpy(at, *text_member(event, i), lens[i]);
		at += lens[i];
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
	int64_t ms = 0;
	bool ended = event_duration(event, &ms);
	const struct json_field fields[] = {
		{ "schema", JSON_FIELD_INT, NULL, EVENT_SCHEMA },
		{ "event_id", JSON_FIELD_INT, NULL, event->id },
		{ "time", JSON_FIELD_TEXT, stamp_text_ms(event->wall_ms, time), 0 },
		{ "event", JSON_FIELD_TEXT, event_types[event->type].word, 0 },
		{ "source", JSON_FIELD_TEXT, event->source, 0 },
		{ "task_id", JSON_FIELD_TEXT, event->task_id, 0 },
		{ "task_name", JSON_FIELD_TEXT, event->task_name, 0 },
		{ "bucket", JSON_FIELD_TEXT, event->bucket, 0 },
		{ "user_id", JSON_FIELD_TEXT, event->user_id, 0 },
		{ "from", JSON_FIELD_TEXT, event->from, 0 },
		{ "to", JSON_FIELD_TEXT, event->to, 0 },
		{ "created_at", JSON_FIELD_STAMP, NULL, event->created_us },
		{ "finished_at", JSON_FIELD_STAMP, NULL, event->finished_us },
		{ "duration_seconds", ended ? JSON_FIELD_SECONDS : JSON_FIELD_TEXT, NULL, ms },
		{ "message", JSON_FIELD_TEXT, event->message, 0 },
		{ "sink", JSON_FIELD_TEXT, event->sink, 0 },
	};

	json_object(out, fields, ARRAY_LEN(fields) - (event->sink == NULL));
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
	(void)buf_add_text(out, event_types[event->type].word);
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

/* the digits that the JSON has */
static const char *duration_seconds(const struct event *event, char text[EVENT_FIELD_TEXT_MAX])
{
	int64_t ms;
	int64_t part;
	int digits = 3;

	if (!event_duration(event, &ms))
		return "";
	for (part = ms % 1000; digits > 0 && part % 10 == 0; digits--)
		part /= 10;
	if (digits > 0)
		(void)snprintf(text, EVENT_FIELD_TEXT_MAX, "%" PRId64 ".%0*" PRId64, ms / 1000,
			digits, part);
	else
		(void)snprintf(text, EVENT_FIELD_TEXT_MAX, "%" PRId64, ms / 1000);
	return text;
}

static const char *field_text(
	const struct event *event, enum event_field field, char text[EVENT_FIELD_TEXT_MAX])
{
	int64_t us = field == EVENT_FIELD_CREATED_AT ? event->created_us : event->finished_us;
	const char *member;

	switch (field) {
	case EVENT_FIELD_SCHEMA:
		(void)snprintf(text, EVENT_FIELD_TEXT_MAX, "%d", EVENT_SCHEMA);
		return text;
	case EVENT_FIELD_EVENT_ID:
		(void)snprintf(text, EVENT_FIELD_TEXT_MAX, "%" PRId64, event->id);
		return text;
	case EVENT_FIELD_TIME:
		return stamp_text_ms(event->wall_ms, text);
	case EVENT_FIELD_EVENT:
		return event_types[event->type].word;
	case EVENT_FIELD_CREATED_AT:
	case EVENT_FIELD_FINISHED_AT:
		return us != STAMP_NONE ? stamp_text(us, text) : "";
	case EVENT_FIELD_DURATION_SECONDS:
		return duration_seconds(event, text);
	default:
		member = *text_member(event, field);
		return member != NULL ? member : "";
	}
}

bool event_field_find(const char *name, size_t len, enum event_field *ret)
{
	for (int i = 0; i < EVENT_FIELD_COUNT; i++)
		if (strlen(field_names[i]) == len && memcmp(field_names[i], name, len) == 0) {
			*ret = (enum event_field)i;
			return true;
		}
	return false;
}

const char *event_field(const struct event *event, enum event_field field,
	char text[EVENT_FIELD_TEXT_MAX], size_t *ret_len)
{
	const char *value = field_text(event, field, text);

	*ret_len = strlen(value);
	if (*ret_len > EVENT_FIELD_MAX)
		*ret_len = text_cut(value, *ret_len, EVENT_FIELD_MAX);
	return value;
}

void event_variables(const struct event *event, struct buf *out)
{
	static const char *const names[EVENT_FIELD_COUNT] = {
#define VARIABLE_ROW(name, word) "TASKBELL_" #name,
		EVENT_FIELDS(VARIABLE_ROW)
#undef VARIABLE_ROW
	};
	char text[EVENT_FIELD_TEXT_MAX];
	size_t len;

	for (int i = 0; i < EVENT_FIELD_COUNT; i++) {
		const char *value = event_field(event, (enum event_field)i, text, &len);

		if (i != EVENT_FIELD_TIME && i != EVENT_FIELD_SINK)
			(void)buf_addf(out, "%s=%.*s%c", names[i], (int)len, value, 0);
	}
}
