#include "watch/explain.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/api.h"

#define EXPLAIN_BODY_MAX ((size_t)4 * 1024 * 1024) /* a bucket of some 20,000 files */

struct question {
	const struct source *source; /* borrowed; whom the events came from; NULL: it is gone */
	uint64_t poll; /* source->lists then */
	char *bucket; /* own */
	struct http_call *call; /* own; NULL: not asked yet, or answered or given up */
	bool over; /* answered or given up, kept so that the poll asks but once */
	int64_t deadline_ms; /* mono */
	char *message; /* own; the answer; NULL: none */
	struct event **events; /* own, each own; from `first` on not taken yet */
	size_t first;
	size_t count;
	size_t cap;
	struct question *next; /* own */
};

struct explain {
	struct http *http; /* borrowed */
	struct question *questions; /* own; newest first */
};

struct explain *explain_new(struct http *http)
{
	struct explain *explain = mem_alloc(sizeof(*explain));

	explain->http = http;
	return explain;
}

static void question_free(struct explain *explain, struct question *question)
{
	if (question->call != NULL)
		http_release(explain->http, question->call);
	for (size_t i = question->first; i < question->count; i++)
		free(question->events[i]);
	free(question->events);
	free(question->bucket);
	free(question->message);
	free(question);
}

void explain_free(struct explain *explain)
{
	if (explain == NULL)
		return;
	while (explain->questions != NULL) {
		struct question *question = explain->questions;

		explain->questions = question->next;
		question_free(explain, question);
	}
	free(explain);
}

static bool of_poll(const struct question *question, const struct source *source)
{
	return question->source == source && question->poll == source->lists;
}

static struct question *question_find(
	const struct explain *explain, const struct source *source, const char *bucket)
{
	for (struct question *q = explain->questions; q != NULL; q = q->next)
		if (of_poll(q, source) && strcmp(q->bucket, bucket) == 0)
			return q;
	return NULL;
}

static struct question *question_new(
	struct explain *explain, const struct source *source, const char *bucket)
{
	struct question *question = mem_alloc(sizeof(*question));

	question->source = source;
	question->poll = source->lists;
	question->bucket = mem_strdup(bucket);
	question->next = explain->questions;
	explain->questions = question;
	return question;
}

bool explain_wants(struct explain *explain, const struct source *source, const struct event *event)
{
	size_t count = 0;

	if (event->type != EVENT_FAILURE && event->type != EVENT_PARTIAL_SUCCESS)
		return false;
	if (!source->config->explain || event->bucket == NULL || event->message != NULL ||
		source->type->reason_path == NULL)
		return false;
	if (question_find(explain, source, event->bucket) != NULL)
		return true;
	for (const struct question *q = explain->questions; q != NULL; q = q->next)
		count += of_poll(q, source);
	if (count >= EXPLAIN_BUCKETS_MAX)
		return false;
	/* asked when the first of its events is stored */
	(void)question_new(explain, source, event->bucket);
	return true;
}

static void question_ask(struct explain *explain, struct question *question, struct instant now)
{
	const struct source *source = question->source;
	cleanup_free char *url =
		api_reason_url(source->type, source->config->base_url, question->bucket);
	struct http_request request = fetch_request(source, url);

	request.body_max = EXPLAIN_BODY_MAX;
	question->deadline_ms = now.mono_ms + EXPLAIN_WAIT_MS;
	question->call = http_start(explain->http, &request, now);
}

void explain_add(struct explain *explain, const struct source *source, const struct event *event,
	struct instant now)
{
	struct question *question = question_find(explain, source, event->bucket);

	if (question == NULL) {
		question = question_new(explain, source, event->bucket);
		question->over = true;
	}
	question->events = mem_grow(
		question->events, &question->cap, question->count + 1, sizeof(*question->events));
	question->events[question->count++] = event_copy(event);
	if (question->call == NULL && !question->over)
		question_ask(explain, question, now);
}

static void question_end(struct explain *explain, struct question *question)
{
	if (question->call != NULL)
		http_release(explain->http, question->call);
	question->call = NULL;
	question->over = true;
}

/* takes in the answer, or gives up what has waited long enough */
static void question_step(struct explain *explain, struct question *question, struct instant now)
{
	const struct http_answer *answer;
	cleanup_buf struct buf reason = { 0 };

	if (question->call == NULL)
		return;
	answer = http_ended(question->call);
	if (answer == NULL && now.mono_ms < question->deadline_ms)
		return;
	if (answer != NULL && answer->status == 200 && answer->err.kind == ERR_NONE &&
		api_reason(&answer->body, &reason))
		question->message = buf_steal(&reason);
	question_end(explain, question);
}

struct event *explain_take(struct explain *explain, struct instant now, const char **ret_message)
{
	struct question **place = &explain->questions;

	while (*place != NULL) {
		struct question *question = *place;

		question_step(explain, question, now);
		if (question->over && question->first < question->count) {
			*ret_message = question->message;
			return question->events[question->first++];
		}
		if (question->call == NULL &&
			(question->source == NULL || !of_poll(question, question->source))) {
			*place = question->next;
			question_free(explain, question);
		} else {
			place = &question->next;
		}
	}
	return NULL;
}

int64_t explain_next(const struct explain *explain)
{
	int64_t next = INSTANT_NEVER;

	for (const struct question *q = explain->questions; q != NULL; q = q->next)
		if (q->over && q->first < q->count)
			return 0;
		else if (q->call != NULL)
			next = instant_earlier(next, q->deadline_ms);
	return next;
}

void explain_drop(struct explain *explain, const struct source *source)
{
	for (struct question *q = explain->questions; q != NULL; q = q->next)
		if (q->source == source) {
			question_end(explain, q);
			q->source = NULL;
		}
}
