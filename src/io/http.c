#include "io/http.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "core/net_error.h"
#include "core/transfer_deadline.h"
#include "json/check.h"
#include "base/scan.h"
#include "io/gunzip.h"
#include "io/wire.h"

/* as libcurl's own from 8.3 on */
#define HEADERS_MAX (300 * 1024)
/*
 * libcurl gives each address of a host half of the time that is left to connect, but that limit is
 * in no timer that its poll knows: it is asked to go on several times in each half.
 */
#define ADDRESS_LOOKS 8
#define ADDRESS_MIN_MS 10
#define ADDRESS_MAX_MS 250

enum call_state {
	CALL_RUNNING,
	CALL_ENDED, /* its answer is there */
	CALL_LEFT, /* forgotten, but the wire cannot let go of it now */
};

struct http_call {
	struct http *http; /* borrowed */
	struct http_call *next;
	enum call_state state;
	struct transfer *transfer; /* own */
	http_body_fn body;
	void *arg;
	size_t body_max;
	struct transfer_deadline deadline;
	struct response_headers headers;
	struct http_answer answer;
	long status; /* while the body comes */
	struct gunzip *gunzip; /* own; NULL: nothing was to be decoded yet */
	bool garbled; /* it cannot be decoded */
	struct json_check *document; /* own; of a body that ends with its connection */
	bool stopped; /* no more of the body is wanted */
	size_t header_bytes; /* of all its heads, and trailers */
	bool long_line; /* a header line passed its limit, or all of them together */
};

struct http {
	struct wire *wire; /* own */
	struct http_call *calls; /* own; all of them */
	int64_t wall_ms; /* of the current step */
	int64_t now_ms; /* mono; of the last step or start */
	bool stale; /* the wire's connections are not to be used again */
	bool started; /* a call that the wire has not moved yet */
};

struct http *http_new(void)
{
	struct http *http = mem_alloc(sizeof(*http));

	http->wire = wire_new();
	return http;
}

/* frees the call, or leaves it to a later step when the wire cannot let go of it now */
static void call_release(struct http *http, struct http_call *call)
{
	struct http_call **at = &http->calls;

	if (!transfer_free(call->transfer)) {
		call->state = CALL_LEFT;
		return;
	}
	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	if (call->gunzip != NULL)
		gunzip_free(call->gunzip);
	free(call->document);
	buf_done(&call->answer.body);
	free(call);
}

const struct http_answer *http_ended(const struct http_call *call)
{
	return call->state == CALL_ENDED ? &call->answer : NULL;
}

void http_free(struct http *http)
{
	if (http == NULL)
		return;
	for (struct http_call *call = http->calls, *next; call != NULL; call = next) {
		next = call->next;
		call_release(http, call);
	}
	/* an old libcurl would wait here for a name look-up; the program is about to end anyway */
	if (http->calls != NULL)
		return;
	wire_free(http->wire);
	free(http);
}

/* connections that are not to be used again are closed as soon as nothing is under way on them */
static void http_renew(struct http *http)
{
	if (!http->stale || http->calls != NULL)
		return;
	wire_renew(http->wire);
	http->stale = false;
}

void http_release(struct http *http, struct http_call *call)
{
	call_release(http, call);
	http_renew(http);
}

void http_drop_connections(struct http *http)
{
	http->stale = true;
	for (struct http_call *call = http->calls; call != NULL; call = call->next)
		transfer_forbid_reuse(call->transfer);
	http_renew(http);
}

void http_forget_keys(struct http *http)
{
	wire_forget(http->wire);
}

static bool on_head(void *arg, const char *line, size_t len)
{
	struct http_call *call = arg;

	call->header_bytes += len;
	call->long_line = len > HEADER_LINE_MAX || call->header_bytes > HEADERS_MAX;
	/* what came of a line when the connection closed is none: half of the last "\r\n" would end
	 * the head */
	if (!call->long_line && len != 0 && line[len - 1] == '\n')
		response_headers_line(&call->headers, line, len, call->http->wall_ms);
	return !call->long_line;
}

/* false: no more of the body is wanted */
static bool body_take(struct http_call *call, const char *bytes, size_t len)
{
	size_t max = call->status == 200 ? call->body_max : HTTP_ERROR_MAX;

	if (call->status == 200 && call->body != NULL)
		return call->body(call->arg, bytes, len);
	if (max == 0)
		return true;
	return len <= max - call->answer.body.len && buf_add(&call->answer.body, bytes, len);
}

static bool on_plain(void *arg, const char *bytes, size_t len)
{
	struct http_call *call = arg;

	call->answer.bytes += len;
	/* before its first character there is none: blanks alone say no more than nothing */
	if (!call->headers.framed && call->document == NULL &&
		scan_blanks(bytes, bytes + len) < bytes + len)
		call->document = mem_alloc(sizeof(*call->document));
	if (call->document != NULL)
		json_check_read(call->document, bytes, len);
	call->stopped = !body_take(call, bytes, len);
	return !call->stopped;
}

static bool on_body(void *arg, long status, const char *bytes, size_t len)
{
	struct http_call *call = arg;

	call->status = status;
	if (call->headers.encoding == ENCODING_NONE)
		return on_plain(call, bytes, len);
	if (call->gunzip == NULL)
		call->gunzip = gunzip_new();
	call->garbled = call->headers.encoding == ENCODING_OTHER ||
			(!gunzip_feed(call->gunzip, bytes, len, on_plain, call) && !call->stopped);
	return !call->garbled && !call->stopped;
}

/*
 * Is the body only the begin of one? What ends with its connection looks whole wherever that
 * breaks: there the JSON tells, and an answer that is a page is none in the first place.
 */
static bool body_cut(struct http_call *call, long status)
{
	struct err ignored;

	if (call->gunzip != NULL && !gunzip_whole(call->gunzip))
		return true;
	if (call->document == NULL)
		return status == 200 && !call->headers.framed;
	return json_check_good(call->document, &ignored) &&
	       !json_check_end(call->document, &ignored);
}

/* the status by which the advice counts */
static long advised_status(const struct http_answer *answer, long status)
{
	if (answer->limited)
		return 429;
	return status == 401 || status == 403 ? 503 : status;
}

/* the answer is as whole as it will be; `error` says why it is not, when it is not */
static void call_conclude(
	struct http_call *call, const struct transfer_info *info, bool whole, enum net_error error)
{
	struct http_answer *answer = &call->answer;
	const struct retry_after *retry = &call->headers.retry;
	bool known = whole || call->stopped;
	long status;

	answer->wanted = retry->word == RETRY_YES;
	answer->status = known ? info->status : 0;
	answer->advice = (struct http_advice){ .retry = answer->wanted, .after_ms = -1 };
	if (answer->status != 200) {
		answer->limited = info->status == 403 && retry_after_limited(retry);
		status = advised_status(answer, info->status);
		answer->advice.retry = known ? retry_after_worth(retry, status)
					     : net_error_passes(error) && retry->word != RETRY_NO;
		answer->advice.refused = !known && error == NET_ERROR_PROXY_AUTH;
		answer->advice.after_ms = answer->advice.refused ? RETRY_WAIT_MAX_MS
								 : retry_after_wait(retry, status);
	}
	answer->json = call->headers.json;
	answer->more = call->headers.more;
	answer->date_us = call->headers.date_us;
	memcpy(answer->origin, call->headers.origin, sizeof(answer->origin));
	memcpy(answer->request_id, call->headers.request_id, sizeof(answer->request_id));
	answer->resolve_s = (double)info->resolve_us / 1e6;
	answer->connect_s = (double)info->connect_us / 1e6;
	answer->tls_s = (double)info->tls_us / 1e6;
	call->state = CALL_ENDED;
}

static void call_fail(
	struct http_call *call, const struct transfer_info *info, enum net_error error)
{
	char place[WIRE_PLACE_MAX];

	transfer_place(call->transfer, place);
	net_error_describe(
		error, place, error == NET_ERROR_PROXY_AUTH ? "HTTP 407" : NULL, &call->answer.err);
	call_conclude(call, info, false, error);
}

static void call_late(
	struct http_call *call, const struct transfer_info *info, enum transfer_limit limit)
{
	static const enum net_error errors[] = {
		[LIMIT_CONNECT] = NET_ERROR_LATE_CONNECT,
		[LIMIT_FIRST_BYTE] = NET_ERROR_LATE_ANSWER,
		[LIMIT_SLOW] = NET_ERROR_LATE_SLOW,
		[LIMIT_TOTAL] = NET_ERROR_LATE_END,
	};
	enum net_error error = errors[limit];
	int64_t ms = call->deadline.timeout_ms;
	char place[WIRE_PLACE_MAX];

	if (limit == LIMIT_CONNECT)
		ms = call->deadline.connect_ms;
	else if (limit == LIMIT_TOTAL)
		ms *= LIMIT_WHOLE_TIMEOUTS;
	if (limit == LIMIT_CONNECT && info->looking_up)
		error = NET_ERROR_LATE_LOOKUP;
	transfer_place(call->transfer, place);
	net_error_late(error, place, ms, &call->answer.err);
	call_conclude(call, info, false, error);
}

/* the wire has ended with the call */
static void call_end(struct http_call *call, const struct transfer_info *info)
{
	enum net_error error = NET_ERROR_CUT;
	bool faulty;

	if (call->stopped || call->long_line || call->garbled) {
		call_fail(call, info,
			call->stopped
				? (info->status == 200 && call->body == NULL ? NET_ERROR_TOO_LONG
									     : NET_ERROR_STOPPED)
			: call->long_line ? NET_ERROR_HEADER
					  : NET_ERROR_ENCODING);
		return;
	}
	faulty = transfer_error(call->transfer, &error, &call->answer.err);
	if (!faulty && call->headers.odd_length)
		call_fail(call, info, NET_ERROR_LENGTH);
	else if (!faulty && call->headers.closed && info->status == 407)
		call_fail(call, info, NET_ERROR_PROXY_AUTH);
	else if (!faulty && call->headers.closed && !body_cut(call, info->status))
		call_conclude(call, info, true, error);
	else if (!faulty) /* libcurl takes half a head for an answer, too */
		call_fail(call, info, NET_ERROR_CUT);
	else if (error == NET_ERROR_LATE_CONNECT)
		call_late(call, info, LIMIT_CONNECT);
	else
		call_conclude(call, info, false, error);
}

static void call_step(struct http_call *call, int64_t now_ms)
{
	struct transfer_info info;
	enum transfer_limit limit;

	transfer_read_info(call->transfer, &info);
	if (info.ended) {
		call_end(call, &info);
		return;
	}
	transfer_deadline_see(&call->deadline, info.connected, info.bytes, now_ms);
	if (now_ms >= transfer_deadline_at(&call->deadline, &limit))
		call_late(call, &info, limit);
}

void http_step(struct http *http, struct instant now)
{
	http->wall_ms = now.wall_ms;
	http->now_ms = now.mono_ms;
	http->started = false;
	for (struct http_call *call = http->calls; call != NULL; call = call->next)
		transfer_extend(call->transfer, now.mono_ms - call->deadline.started_ms);
	wire_perform(http->wire);
	for (struct http_call *call = http->calls, *next; call != NULL; call = next) {
		next = call->next;
		if (call->state == CALL_RUNNING)
			call_step(call, now.mono_ms);
		else if (call->state == CALL_LEFT)
			call_release(http, call);
	}
	http_renew(http);
}

bool http_started(const struct http *http)
{
	return http->started;
}

int64_t http_next(const struct http *http)
{
	int64_t next = INSTANT_NEVER;

	for (const struct http_call *call = http->calls; call != NULL; call = call->next) {
		int64_t end;

		if (call->state != CALL_RUNNING)
			continue;
		end = transfer_ended(call->transfer) ? 0
						     : transfer_deadline_at(&call->deadline, NULL);
		next = end < next ? end : next;
	}
	return next;
}

struct http_call *http_start(
	struct http *http, const struct http_request *request, struct instant now)
{
	struct http_call *call = mem_alloc(sizeof(*call));
	struct transfer_taker taker = { on_head, on_body, call };
	struct proxy proxy = proxy_choose(request->url, request->proxy);
	struct http_request chosen = *request;

	call->http = http;
	call->body = request->body;
	call->arg = request->arg;
	call->body_max = request->body_max;
	response_headers_start(&call->headers);
	transfer_deadline_start(
		&call->deadline, request->timeout_ms, request->connect_timeout_ms, now.mono_ms);
	chosen.proxy = proxy.url;
	proxy_describe(&proxy, call->answer.proxy);
	call->transfer = transfer_start(http->wire, &chosen, http->stale, &taker);
	call->next = http->calls;
	http->calls = call;
	http->now_ms = now.mono_ms;
	http->started = true;
	return call;
}

/* how long libcurl may be left alone while there are connections to be made */
static int64_t http_patience(const struct http *http)
{
	int64_t patience = INSTANT_NEVER;

	for (const struct http_call *call = http->calls; call != NULL; call = call->next) {
		int64_t left = call->deadline.started_ms + call->deadline.connect_ms - http->now_ms;
		int64_t ms = left / ADDRESS_LOOKS;

		if (call->state != CALL_RUNNING || call->deadline.connected)
			continue;
		ms = ms < ADDRESS_MIN_MS ? ADDRESS_MIN_MS : ms;
		ms = ms > ADDRESS_MAX_MS ? ADDRESS_MAX_MS : ms;
		patience = ms < patience ? ms : patience;
	}
	return patience;
}

bool http_wait(struct http *http, struct poll_fd *fds, size_t count, int64_t timeout_ms)
{
	int64_t patience = http_patience(http);

	/* what was just started goes out now; libcurl would only return at once for another step */
	if (http->started)
		wire_perform(http->wire);
	http->started = false;
	if (timeout_ms < 0 || timeout_ms > patience)
		timeout_ms = patience;
	/* and may have failed already, which the next step has to tell */
	return wire_wait(http->wire, fds, count, http_next(http) == 0 ? 0 : timeout_ms);
}

const char *http_version(void)
{
	return wire_version();
}
