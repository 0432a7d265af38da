/*
 * An API without a network, for tests of what asks it: io/http and io/clock are faked, time is a
 * number, and a few tasks answer. Included once by a test program; the fakes take the
 * place of the library's.
 */
#ifndef TEST_FAKE_API_H
#define TEST_FAKE_API_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "core/task.h"
#include "io/clock.h"
#include "io/http.h"

#define FAKE_START_MS 1000000
#define FAKE_TASKS 64
#define FAKE_CALLS 64
#define FAKE_KEY "KEY_right"

struct fake_task {
	const char *source; /* the host that has it */
	const char *id;
	const char *status; /* NULL: it is not there (any more) */
};

/* what answers instead of the tasks; consumed by the requests that match */
struct fake_fault {
	const char *part; /* of the URL; NULL: any */
	int times; /* 0: none left; < 0: for ever */
	long status; /* 0: no connection; < 0: no answer at all */
	const char *body;
	int64_t after_ms; /* the server's wish; 0: none */
};

struct http {
	int unused;
};

struct http_call {
	struct http_request request;
	char *url; /* own; NULL: free */
	char *key; /* own */
	bool silent; /* its answer never comes */
	bool ended;
	struct http_answer answer;
};

static struct {
	int64_t now_ms;
	struct http http;
	struct http_call calls[FAKE_CALLS];
	struct fake_task tasks[FAKE_TASKS];
	size_t task_count;
	struct fake_fault faults[8];
	bool by_id; /* look-ups by id know the tasks */
	size_t requests;
	size_t most_at_once;
	char *urls[1024]; /* own; what was asked, in order */
} fake;

static void fake_reset(void)
{
	for (size_t i = 0; i < fake.requests; i++)
		free(fake.urls[i]);
	memset(&fake, 0, sizeof(fake));
	fake.now_ms = FAKE_START_MS;
	fake.by_id = true;
}

static void fake_put(const char *source, const char *id, const char *status)
{
	for (size_t i = 0; i < fake.task_count; i++)
		if (strcmp(fake.tasks[i].id, id) == 0 &&
			strcmp(fake.tasks[i].source, source) == 0) {
			fake.tasks[i].status = status;
			return;
		}
	fake.tasks[fake.task_count++] = (struct fake_task){ source, id, status };
}

static struct fake_fault *fake_fault_of(const char *url)
{
	for (size_t i = 0; i < sizeof(fake.faults) / sizeof(fake.faults[0]); i++) {
		struct fake_fault *fault = &fake.faults[i];

		if (fault->times != 0 &&
			(fault->part == NULL || strstr(url, fault->part) != NULL)) {
			fault->times -= fault->times > 0;
			return fault;
		}
	}
	return NULL;
}

/* requests whose URL has this part, since the start */
static size_t fake_asked(const char *part)
{
	size_t count = 0;

	for (size_t i = 0; i < fake.requests; i++)
		count += strstr(fake.urls[i], part) != NULL;
	return count;
}

static bool fake_lists(const char *url, const char *status)
{
	char part[80];
	const char *at;

	(void)snprintf(part, sizeof(part), "status=%s", status);
	at = strstr(url, part);
	return at != NULL && (at[strlen(part)] == '\0' || at[strlen(part)] == '&');
}

static void fake_element(struct buf *body, const struct fake_task *task, bool whole)
{
	(void)buf_addf(body, "{\"task_id\":\"%s\",\"task_name\":\"name %s\",\"status\":\"%s\"",
		task->id, task->id, task->status);
	if (whole)
		(void)buf_addf(body, ",\"bucket\":\"bucket %s\",\"user_id\":\"user\"", task->id);
	(void)buf_addf(body, ",\"created_at\":\"2026-01-01T00:00:00Z\"}");
}

static void fake_list(const char *url, struct buf *body)
{
	bool some = false;

	(void)buf_add_text(body, "{\"data\":[");
	for (size_t i = 0; i < fake.task_count; i++) {
		const struct fake_task *task = &fake.tasks[i];

		if (strstr(url, task->source) == NULL || task->status == NULL ||
			!fake_lists(url, task->status))
			continue;
		(void)buf_add_text(body, some ? "," : "");
		fake_element(body, task, true);
		some = true;
	}
	(void)buf_add_text(body, "]}");
}

static long fake_by_id(const char *url, struct buf *body)
{
	for (size_t i = 0; fake.by_id && i < fake.task_count; i++) {
		const struct fake_task *task = &fake.tasks[i];

		if (strstr(url, task->source) == NULL || task->status == NULL ||
			strcmp(strrchr(url, '/') + 1, task->id) != 0)
			continue;
		(void)buf_add_text(body, "{\"data\":");
		fake_element(body, task, false);
		(void)buf_add_text(body, "}");
		return 200;
	}
	(void)buf_add_text(
		body, "{\"errors\":[{\"code\":\"10005\",\"title\":\"Resource not found\"}]}");
	return 404;
}

static void fake_answer(struct http_call *call)
{
	struct http_request request = call->request;
	struct http_answer answer = { .advice.after_ms = -1, .date_us = INT64_MIN };
	const struct fake_fault *fault = fake_fault_of(call->url);
	struct buf body = { 0 };

	call->silent = fault != NULL && fault->status < 0;
	if (call->silent)
		return;
	if (fault != NULL) {
		answer.status = fault->status;
		(void)buf_add_text(&body, fault->body != NULL ? fault->body
					  : fault->status == 401 || fault->status == 403
						  ? "{\"errors\":[]}"
						  : "");
		answer.advice.after_ms = fault->after_ms != 0 ? fault->after_ms : -1;
	} else if (call->key == NULL || strcmp(call->key, FAKE_KEY) != 0) {
		answer.status = 401;
		(void)buf_add_text(&body, "{\"errors\":[{\"code\":\"10009\"}]}");
	} else if (strchr(call->url, '?') != NULL) {
		answer.status = 200;
		fake_list(call->url, &body);
	} else {
		answer.status = fake_by_id(call->url, &body);
	}
	answer.advice.retry = answer.status == 0 || answer.status == 401 || answer.status == 403 ||
			      answer.status == 408 || answer.status == 409 ||
			      answer.status == 429 || answer.status >= 500;
	answer.json = true;
	if (answer.status == 0)
		(void)err_set(&answer.err, ERR_UNREACHABLE, "cannot connect");
	if (answer.status != 200 || request.body == NULL) {
		answer.body = body;
	} else {
		if (body.len != 0 && !request.body(request.arg, body.data, body.len)) {
			answer.status = 0;
			(void)err_set(&answer.err, ERR_UNREACHABLE, "the taker has seen enough");
		}
		buf_done(&body);
	}
	call->answer = answer;
	call->ended = true;
}

struct http *http_new(void)
{
	return &fake.http;
}

void http_free(struct http *http)
{
	(void)http;
}

struct http_call *http_start(
	struct http *http, const struct http_request *request, struct instant now)
{
	size_t open = 1;
	struct http_call *call = NULL;

	(void)http;
	(void)now;
	for (size_t i = 0; i < FAKE_CALLS; i++) {
		open += fake.calls[i].url != NULL && !fake.calls[i].ended;
		if (call == NULL && fake.calls[i].url == NULL)
			call = &fake.calls[i];
	}
	assert_non_null(call);
	assert_true(fake.requests < sizeof(fake.urls) / sizeof(fake.urls[0]));
	call->request = *request;
	call->url = mem_strdup(request->url);
	call->key = mem_strdup(request->key);
	fake.urls[fake.requests++] = mem_strdup(request->url);
	if (open > fake.most_at_once)
		fake.most_at_once = open;
	return call;
}

void http_forget_keys(struct http *http)
{
	(void)http;
}

const struct http_answer *http_ended(const struct http_call *call)
{
	assert_non_null(call->url);
	return call->ended ? &call->answer : NULL;
}

void http_release(struct http *http, struct http_call *call)
{
	(void)http;
	free(call->url);
	free(call->key);
	buf_done(&call->answer.body);
	*call = (struct http_call){ 0 };
}

void http_drop_connections(struct http *http)
{
	(void)http;
}

/* answers what was under way; what that starts is answered the next time */
void http_step(struct http *http, struct instant now)
{
	bool due[FAKE_CALLS];

	(void)http;
	(void)now;
	for (size_t i = 0; i < FAKE_CALLS; i++)
		due[i] = fake.calls[i].url != NULL && !fake.calls[i].silent && !fake.calls[i].ended;
	for (size_t i = 0; i < FAKE_CALLS; i++)
		if (due[i] && fake.calls[i].url != NULL)
			fake_answer(&fake.calls[i]);
}

int64_t http_next(const struct http *http)
{
	(void)http;
	for (size_t i = 0; i < FAKE_CALLS; i++)
		if (fake.calls[i].url != NULL && !fake.calls[i].silent)
			return fake.now_ms;
	return INSTANT_NEVER;
}

/* time passes here and nowhere else */
bool http_wait(struct http *http, struct poll_fd *fds, size_t count, int64_t timeout_ms)
{
	(void)http;
	(void)fds;
	(void)count;
	assert_true(timeout_ms >= 0);
	fake.now_ms += timeout_ms;
	return true;
}

const char *http_version(void)
{
	return "fake";
}

struct instant clock_now(void)
{
	return (struct instant){ .mono_ms = fake.now_ms, .wall_ms = 1767225600000 + fake.now_ms };
}

struct clock_timer clock_timer_new(void)
{
	return (struct clock_timer){ .fd = -1 };
}

void clock_timer_done(struct clock_timer *timer)
{
	(void)timer;
}

void clock_timer_arm(struct clock_timer *timer, int64_t mono_ms)
{
	(void)timer;
	(void)mono_ms;
}

int64_t clock_monotonic_us(void)
{
	return fake.now_ms * 1000;
}

#endif
