#include "watch/explain.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/source_type.h"
#include "io/api.h"

#define EXPLAIN_BODY_MAX ((size_t)4 * 1024 * 1024) /* a bucket of some 20,000 files */

struct question {
	struct explain *explain; /* borrowed */
	const struct poller *poller; /* borrowed; whom the events came from */
	uint64_t poll; /* poller_lists() then */
	char *bucket; /* own */
	struct http_call
		*call; /* NULL: answered or given up, kept so that the poll asks but once */
	int64_t deadline_ms; /* mono */
	struct buf body;
	char *message; /* own; the answer; NULL: none */
	struct event **events; /* own, each own */
	size_t count;
	size_t cap;
	struct question *next; /* own */
};

struct explain {
	struct http *http; /* borrowed */
	explain_fn told;
	void *arg;
	struct question *first; /* own; newest first */
};

struct explain *explain_new(struct http *http, explain_fn told, void *arg)
{
	struct explain *explain = mem_alloc(sizeof(*explain));

	explain->http = http;
	explain->told = told;
	explain->arg = arg;
	return explain;
}

static void question_free(struct question *question)
{
	if (question->call != NULL)
		http_cancel(question->explain->http, question->call);
	for (size_t i = 0; i < question->count; i++)
		free(question->events[i]);
	free(question->events);
	free(question->bucket);
	free(question->message);
	buf_done(&question->body);
	free(question);
}

void explain_free(struct explain *explain)
{
	if (explain == NULL)
		return;
	while (explain->first != NULL) {
		struct question *question = explain->first;

		explain->first = question->next;
		question_free(question);
	}
	free(explain);
}

static struct question *question_find(
	const struct explain *explain, const struct poller *poller, const char *bucket)
{
	for (struct question *q = explain->first; q != NULL; q = q->next)
		if (q->poller == poller && q->poll == poller_lists(poller) &&
			strcmp(q->bucket, bucket) == 0)
			return q;
	return NULL;
}

static size_t questions_of_poll(const struct explain *explain, const struct poller *poller)
{
	size_t count = 0;

	for (const struct question *q = explain->first; q != NULL; q = q->next)
		count += q->poller == poller && q->poll == poller_lists(poller);
	return count;
}

static struct question *question_new(
	struct explain *explain, const struct poller *poller, const char *bucket)
{
	struct question *question = mem_alloc(sizeof(*question));

	question->explain = explain;
	question->poller = poller;
	question->poll = poller_lists(poller);
	question->bucket = mem_strdup(bucket);
	question->body.limit = EXPLAIN_BODY_MAX;
	question->next = explain->first;
	explain->first = question;
	return question;
}

bool explain_wants(struct explain *explain, const struct poller *poller, const struct event *event)
{
	const struct source_config *config = poller_config(poller);

	if (event->type != EVENT_FAILURE && event->type != EVENT_PARTIAL_SUCCESS)
		return false;
	if (!config->explain || event->bucket == NULL || event->message != NULL ||
		source_type_find(config->type)->reason_path == NULL)
		return false;
	if (question_find(explain, poller, event->bucket) != NULL)
		return true;
	if (questions_of_poll(explain, poller) >= EXPLAIN_BUCKETS_MAX)
		return false;
	/* asked when the first of its events is stored */
	(void)question_new(explain, poller, event->bucket);
	return true;
}

/* tells all its events, with the message if there is one; the question stays as the poll's memory
 */
static void question_tell(struct question *question)
{
	struct explain *explain = question->explain;

	for (size_t i = 0; i < question->count; i++) {
		explain->told(explain->arg, question->events[i], question->message);
		free(question->events[i]);
	}
	question->count = 0;
}

static bool question_body(void *arg, long status, const char *bytes, size_t len)
{
	struct question *question = arg;

	return status == 200 && buf_add(&question->body, bytes, len);
}

static void question_done(void *arg, const struct http_answer *answer)
{
	struct question *question = arg;
	cleanup_buf struct buf reason = { 0 };

	question->call = NULL;
	if (answer->status == 200 && answer->err.kind == ERR_NONE &&
		api_reason(buf_text(&question->body), question->body.len, &reason))
		question->message = buf_steal(&reason);
	buf_done(&question->body);
	question_tell(question);
}

static void question_ask(struct question *question, struct instant now)
{
	const struct source_config *config = poller_config(question->poller);
	cleanup_free char *url =
		api_reason_url(source_type_find(config->type), config->base_url, question->bucket);
	struct http_request request = poller_request(question->poller, url);

	request.body = question_body;
	request.done = question_done;
	request.arg = question;
	question->deadline_ms = now.mono_ms + EXPLAIN_WAIT_MS;
	question->call = http_start(question->explain->http, &request, now);
}

void explain_add(struct explain *explain, const struct poller *poller, const struct event *event,
	struct instant now)
{
	struct question *question = question_find(explain, poller, event->bucket);

	if (question == NULL) {
		explain->told(explain->arg, event, NULL);
		return;
	}
	question->events = mem_grow(
		question->events, &question->cap, question->count + 1, sizeof(*question->events));
	question->events[question->count++] = event_copy(event);
	if (question->call == NULL && question->deadline_ms == 0)
		question_ask(question, now);
	else if (question->call == NULL)
		question_tell(question);
}

static void question_give_up(struct question *question)
{
	if (question->call != NULL)
		http_cancel(question->explain->http, question->call);
	question->call = NULL;
	question_tell(question);
}

void explain_step(struct explain *explain, struct instant now)
{
	struct question **place = &explain->first;

	while (*place != NULL) {
		struct question *question = *place;

		if (question->call != NULL && now.mono_ms >= question->deadline_ms)
			question_give_up(question);
		if (question->call == NULL && question->poll != poller_lists(question->poller)) {
			*place = question->next;
			question_free(question);
		} else {
			place = &question->next;
		}
	}
}

int64_t explain_next(const struct explain *explain)
{
	int64_t next = INSTANT_NEVER;

	for (const struct question *q = explain->first; q != NULL; q = q->next)
		if (q->call != NULL && q->deadline_ms < next)
			next = q->deadline_ms;
	return next;
}

void explain_drop(struct explain *explain, const struct poller *poller)
{
	struct question **place = &explain->first;

	while (*place != NULL) {
		struct question *question = *place;

		if (question->poller != poller) {
			place = &question->next;
			continue;
		}
		question_give_up(question);
		*place = question->next;
		question_free(question);
	}
}
