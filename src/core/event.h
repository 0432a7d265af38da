/* An event: what a user is told. Its names, its JSON, its line of text. */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/stamp.h"
#include "core/task.h"

enum event_about { ABOUT_TASK, ABOUT_MONITOR };
enum event_weight { WEIGHT_LOW, WEIGHT_NORMAL, WEIGHT_HIGH };

#define MARK_DOT "\xc2\xb7" /* a middle dot: nothing to be said of it yet */
#define MARK_GOOD "\xe2\x9c\x93" /* a check mark */
#define MARK_BAD "\xe2\x9c\x97" /* a ballot x */
/* name, word, about, weight (urgency of its notification), told by default (taskbell-hooks(7),
 * EVENTS), bad: named in digests, mark of a line, colour (SGR; NULL: none) */
#define EVENTS(X)                                                                                  \
	X(QUEUED, "queued", TASK, LOW, false, false, MARK_DOT, "2")                                \
	X(PROCESSING, "processing", TASK, LOW, false, false, MARK_DOT, "36")                       \
	X(SUCCESS, "success", TASK, NORMAL, true, false, MARK_GOOD, "32")                          \
	X(FAILURE, "failure", TASK, HIGH, true, true, MARK_BAD, "31")                              \
	X(PARTIAL_SUCCESS, "partial_success", TASK, HIGH, true, true, "!", "33")                   \
	X(UNKNOWN, "unknown", TASK, NORMAL, true, true, "?", "35")                                 \
	X(GONE, "gone", TASK, HIGH, true, true, "?", "35")                                         \
	X(STUCK, "stuck", TASK, HIGH, true, true, "!", "33")                                       \
	X(SUMMARY, "summary", MONITOR, LOW, true, false, MARK_DOT, NULL)                           \
	X(SOURCE_DOWN, "source_down", MONITOR, HIGH, true, true, MARK_BAD, "31")                   \
	X(SOURCE_UP, "source_up", MONITOR, NORMAL, true, false, MARK_GOOD, "32")                   \
	X(SINK_FAILED, "sink_failed", MONITOR, HIGH, true, true, MARK_BAD, "31")                   \
	X(STATE_LOST, "state_lost", MONITOR, HIGH, true, true, MARK_BAD, "31")

enum event_type {
#define EVENT_ENUM(name, word, about, weight, told, bad, mark, sgr) EVENT_##name,
	EVENTS(EVENT_ENUM)
#undef EVENT_ENUM
		EVENT_COUNT
};

/* Texts: NULL is "not known". Borrowed in a view, owned after event_copy. */
struct event {
	int64_t id; /* given by the store; 0 before */
	int64_t wall_ms; /* when we learned of it */
	enum event_type type;
	const char *source; /* NULL for sink_failed and state_lost */
	const char *task_id;
	const char *task_name;
	const char *bucket;
	const char *user_id;
	const char *from; /* status words */
	const char *to;
	const char *sink; /* sink_failed: the sink */
	const char *message;
	int64_t created_us; /* STAMP_NONE: not known */
	int64_t finished_us;
	bool explain; /* its message waits for the API's reason: deliveries are held a while */
};

struct event_type_info {
	const char *word;
	enum event_about about;
	enum event_weight weight;
	bool told;
	bool bad;
	const char *mark; /* for terminal_sign */
	const char *sgr; /* for terminal_add_colored */
};

extern const struct event_type_info event_types[EVENT_COUNT];
/* by its word, and `failed` as another for `failure` */
bool event_from_word(const char *word, enum event_type *ret);
/* the event of a task's new status, ended, active or unknown: it has the mark and the colour of the
 * status too */
enum event_type event_of_status(enum status status);
/* owned copy in one allocation; free(3) releases it */
struct event *event_copy(const struct event *event);
/* milliseconds from created to finished; false when not known */
bool event_duration(const struct event *event, int64_t *ret_ms);
/* the JSON object of taskbell-hooks(7), without a newline */
void event_json(const struct event *event, struct buf *out);
/*
 * One line for people, without a newline, escaped: `2026-11-23T22:40:59.123Z success telnyx
 * embed-bucket (bucket docs, 2m 3s) id`; time in UTC, so that a log reads the same everywhere.
 */
void event_line(const struct event *event, struct buf *out);
/* "2h 5m", "3m 12s", "45s", "0.8s" */
#define EVENT_SPAN_MAX 32
const char *event_span(int64_t ms, char buf[EVENT_SPAN_MAX]);

#define EVENT_SCHEMA 1 /* of the JSON */
/* the fields of a hook: TASKBELL_ + upper case in its environment, {field} in its arguments */
#define EVENT_FIELDS(X)                                                                            \
	X(SCHEMA, "schema")                                                                        \
	X(EVENT_ID, "event_id")                                                                    \
	X(TIME, "time")                                                                            \
	X(EVENT, "event")                                                                          \
	X(SOURCE, "source")                                                                        \
	X(TASK_ID, "task_id")                                                                      \
	X(TASK_NAME, "task_name")                                                                  \
	X(BUCKET, "bucket")                                                                        \
	X(USER_ID, "user_id")                                                                      \
	X(FROM, "from")                                                                            \
	X(TO, "to")                                                                                \
	X(CREATED_AT, "created_at")                                                                \
	X(FINISHED_AT, "finished_at")                                                              \
	X(DURATION_SECONDS, "duration_seconds")                                                    \
	X(MESSAGE, "message")                                                                      \
	X(SINK, "sink")
enum event_field {
#define EVENT_FIELD_ENUM(name, word) EVENT_FIELD_##name,
	EVENT_FIELDS(EVENT_FIELD_ENUM)
#undef EVENT_FIELD_ENUM
		EVENT_FIELD_COUNT
};

#define EVENT_FIELD_MAX (32 * 1024) /* bytes of one value in arguments and environment */
#define EVENT_FIELD_TEXT_MAX STAMP_TEXT_MAX

/* the name of the i-th field, in the order of the list above; NULL past the end */
const char *event_field_name(size_t i);
/* by a name of `len` bytes; false: there is no such field */
bool event_field_find(const char *name, size_t len, enum event_field *ret);
/*
 * The raw value of a field, "" when not known, borrowed from the event or from `text`. Of its bytes
 * *ret_len count: at most EVENT_FIELD_MAX, and no code point is split.
 */
const char *event_field(const struct event *event, enum event_field field,
	char text[EVENT_FIELD_TEXT_MAX], size_t *ret_len);
/* adds the variables of a hook, each as TASKBELL_NAME=value and a NUL: all fields but two, which
 * are for {field} and the JSON only */
void event_variables(const struct event *event, struct buf *out);

#endif
