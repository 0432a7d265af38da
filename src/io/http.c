#include "io/http.h"

#include <curl/curl.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/parse.h"
#include "core/fault.h"
#include "core/head.h"
#include "core/pace.h"

#if LIBCURL_VERSION_NUM < 0x074200
#error "libcurl 7.66 or newer is needed, for curl_multi_poll"
#endif

#define VERSION_QUICK_EXIT 0x075700 /* 7.87 */
#define SPARE_MAX 8
#define PLACE_MAX 320 /* "host:port" */

enum call_state {
	CALL_RUNNING,
	CALL_FAILED, /* could not be started: ends at the next step */
	CALL_ENDED, /* its answer is to be told */
	CALL_LEFT, /* forgotten, but libcurl cannot let go of it now */
};

struct http_call {
	struct http *http; /* borrowed */
	struct http_call *next;
	struct http_call *prev;
	enum call_state state;
	CURL *easy; /* own; in http->multi while state is RUNNING or LEFT */
	http_body_fn body;
	http_done_fn done;
	void *arg;
	struct pace pace;
	struct head head;
	struct http_answer answer;
	struct curl_slist headers[2];
	char *authorization; /* own; NULL: none. Wiped */
	bool over; /* libcurl has ended with it, or never began */
	bool proxy; /* one is configured */
	bool stopped; /* by the taker of the body */
	bool long_line; /* a header line passed its limit */
	int port; /* that was connected to last; differs from the URL's for a proxy */
	int socket_error; /* errno of the last socket(2) that failed */
	char detail[CURL_ERROR_SIZE];
};

struct http {
	CURLM *multi; /* own */
	struct http_call *calls; /* own; all of them */
	CURL *spare[SPARE_MAX]; /* own; handles cost more to make than to reset */
	size_t spare_count;
	int64_t wall_ms; /* of the current step */
	bool quick; /* libcurl can leave a name look-up behind */
	bool stale; /* the connections of multi are not to be used again */
	bool inside; /* libcurl is at work: no handle can be taken out */
};

/* libcurl's memory is ours: no want of it comes back as an error that looks like one of the network
 */
static void *curl_alloc(size_t size)
{
	return mem_resize(NULL, size, 1);
}

static void *curl_realloc(void *ptr, size_t size)
{
	return mem_resize(ptr, size, 1);
}

static void *curl_calloc(size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size)
		mem_die();
	return mem_alloc(count * size);
}

static void multi_open(struct http *http)
{
	http->multi = curl_multi_init();
	if (http->multi == NULL)
		mem_die();
	http->stale = false;
}

struct http *http_new(void)
{
	struct http *http = mem_alloc(sizeof(*http));

	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_alloc, free, curl_realloc, mem_strdup,
		    curl_calloc) != CURLE_OK)
		mem_die();
	http->quick = LIBCURL_VERSION_NUM >= VERSION_QUICK_EXIT &&
		      curl_version_info(CURLVERSION_NOW)->version_num >= VERSION_QUICK_EXIT;
	multi_open(http);
	return http;
}

static int64_t call_time(const struct http_call *call, CURLINFO info)
{
	curl_off_t value = 0;

	(void)curl_easy_getinfo(call->easy, info, &value);
	return value;
}

static bool in_lookup(const struct http_call *call)
{
	return call_time(call, CURLINFO_NAMELOOKUP_TIME_T) == 0;
}

/* would taking it out of multi wait for the end of its name look-up? */
static bool removal_blocks(const struct http_call *call)
{
	return !call->http->quick && !call->over && in_lookup(call);
}

/* gives the handle back; nothing of the call may be used by libcurl afterwards */
static void call_drop_easy(struct http_call *call)
{
	struct http *http = call->http;

	(void)curl_multi_remove_handle(http->multi, call->easy);
	if (http->spare_count < SPARE_MAX) {
		curl_easy_reset(call->easy);
		http->spare[http->spare_count++] = call->easy;
	} else {
		curl_easy_cleanup(call->easy);
	}
	call->easy = NULL;
}

/* frees the call, or leaves it to a later step when libcurl cannot let go of it now */
static void call_release(struct http_call *call)
{
	struct http *http = call->http;

	if (http->inside || removal_blocks(call)) {
		call->state = CALL_LEFT;
		return;
	}
	call_drop_easy(call);
	if (call->next != NULL)
		call->next->prev = call->prev;
	if (call->prev != NULL)
		call->prev->next = call->next;
	else
		http->calls = call->next;
	if (call->authorization != NULL)
		mem_wipe(call->authorization, strlen(call->authorization));
	free(call->authorization);
	free(call);
}

void http_cancel(struct http *http, struct http_call *call)
{
	(void)http;
	call_release(call);
}

void http_free(struct http *http)
{
	if (http == NULL)
		return;
	for (struct http_call *call = http->calls, *next; call != NULL; call = next) {
		next = call->next;
		call_release(call);
	}
	/* an old libcurl would wait here for a name look-up; the program is about to end anyway */
	if (http->calls != NULL)
		return;
	(void)curl_multi_cleanup(http->multi);
	while (http->spare_count > 0)
		curl_easy_cleanup(http->spare[--http->spare_count]);
	curl_global_cleanup();
	free(http);
}

/* a new multi has no connections; the old one is kept as long as something is under way in it */
static void http_renew(struct http *http)
{
	if (!http->stale || http->calls != NULL)
		return;
	(void)curl_multi_cleanup(http->multi);
	multi_open(http);
}

void http_drop_connections(struct http *http)
{
	http->stale = true;
	for (struct http_call *call = http->calls; call != NULL; call = call->next)
		(void)curl_easy_setopt(call->easy, CURLOPT_FORBID_REUSE, 1L);
	http_renew(http);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;
	size_t len = size * count;

	if (len > HEAD_LINE_MAX) {
		call->long_line = true;
		return 0;
	}
	head_line(&call->head, bytes, len, call->http->wall_ms);
	return len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;
	size_t len = size * count;

	if (call->state != CALL_RUNNING)
		return 0;
	if (call->answer.bytes == 0)
		(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &call->answer.status);
	call->answer.bytes += len;
	if (call->body == NULL || call->body(call->arg, call->answer.status, bytes, len))
		return len;
	call->stopped = true;
	return 0;
}

/* makes libcurl's sockets as libcurl would, but knows why that failed and leaves none to a child */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *peer)
{
	struct http_call *call = arg;
	int fd = socket(peer->family, peer->socktype, peer->protocol);
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	(void)purpose;
	if (fd < 0) {
		call->socket_error = errno;
		return CURL_SOCKET_BAD;
	}
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (peer->family == AF_INET) {
		memcpy(&in4, &peer->addr, sizeof(in4));
		call->port = ntohs(in4.sin_port);
	} else if (peer->family == AF_INET6) {
		memcpy(&in6, &peer->addr, sizeof(in6));
		call->port = ntohs(in6.sin6_port);
	}
	return fd;
}

/* "host:port" of the URL: never a key, a query or the name and password of a URL */
static int call_place(const struct http_call *call, char place[PLACE_MAX])
{
	CURLU *url = curl_url();
	char *effective = NULL;
	char *host = NULL;
	char *port = NULL;
	int64_t number = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_EFFECTIVE_URL, &effective);
	(void)snprintf(place, PLACE_MAX, "the server");
	if (url != NULL && effective != NULL &&
		curl_url_set(url, CURLUPART_URL, effective, 0) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		parse_int(port, 0, 65535, &number))
		(void)snprintf(place, PLACE_MAX, "%.255s:%s", host, port);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
	return (int)number;
}

static const struct {
	CURLcode code;
	enum fault fault;
	bool detail; /* libcurl's own words add something */
} fault_codes[] = {
	{ CURLE_URL_MALFORMAT, FAULT_URL, true },
	{ CURLE_UNSUPPORTED_PROTOCOL, FAULT_NOT_HTTP, true },
	{ CURLE_WEIRD_SERVER_REPLY, FAULT_NOT_HTTP, true },
	{ CURLE_COULDNT_RESOLVE_HOST, FAULT_LOOKUP, false },
	{ CURLE_COULDNT_RESOLVE_PROXY, FAULT_PROXY_LOOKUP, false },
	{ CURLE_COULDNT_CONNECT, FAULT_CONNECT, false },
	{ CURLE_SSL_CONNECT_ERROR, FAULT_TLS, true },
	{ CURLE_PEER_FAILED_VERIFICATION, FAULT_UNTRUSTED, true },
	{ CURLE_SSL_ISSUER_ERROR, FAULT_UNTRUSTED, true },
	{ CURLE_SSL_CACERT_BADFILE, FAULT_CA_FILE, true },
	{ CURLE_GOT_NOTHING, FAULT_EMPTY, false },
	{ CURLE_SEND_ERROR, FAULT_BROKEN, true },
	{ CURLE_RECV_ERROR, FAULT_BROKEN, true },
	{ CURLE_HTTP2, FAULT_BROKEN, true },
	{ CURLE_HTTP2_STREAM, FAULT_BROKEN, true },
	{ CURLE_PARTIAL_FILE, FAULT_CUT, true },
	{ CURLE_OK, FAULT_CUT, false }, /* libcurl takes the half of a head for an answer */
	{ CURLE_BAD_CONTENT_ENCODING, FAULT_ENCODING, true },
	/* as memory is never wanting here, these are libcurl's own limits for a header line */
	{ CURLE_OUT_OF_MEMORY, FAULT_HEADER, false },
#if LIBCURL_VERSION_NUM >= 0x080600
	{ CURLE_TOO_LARGE, FAULT_HEADER, false },
#endif
};

/* a full table of descriptors also looks like a name that cannot be found */
static bool no_descriptors(const struct http_call *call)
{
	cleanup_fd int probe = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	return call->socket_error == EMFILE || call->socket_error == ENFILE ||
	       (probe < 0 && errno == EMFILE);
}

/* libcurl's words without the head that our own words replace */
static const char *call_detail(const struct http_call *call, CURLcode code)
{
	static const char *const heads[] = {
		"SSL certificate problem: ", "SSL: ", "Recv failure: ", "Send failure: "
	};
	const char *text = call->detail[0] != '\0' ? call->detail : curl_easy_strerror(code);

	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		if (strncmp(text, heads[i], strlen(heads[i])) == 0)
			return text + strlen(heads[i]);
	return text;
}

/* what libcurl could not connect to, and why */
static enum fault connect_fault(const struct http_call *call, bool proxy, const char **ret_detail)
{
	long number = 0;

	if (no_descriptors(call))
		return FAULT_DESCRIPTORS;
	(void)curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &number);
	if (number != 0)
		*ret_detail = strerror((int)number);
	return proxy ? FAULT_PROXY_CONNECT : FAULT_CONNECT;
}

static enum fault call_fault(
	const struct http_call *call, CURLcode code, int port, const char **ret_detail)
{
	enum fault fault = FAULT_OTHER;
	const char *detail = call_detail(call, code);
	long tunnel = 0;

	*ret_detail = NULL;
	if (call->stopped)
		return FAULT_STOPPED;
	if (call->long_line)
		return FAULT_HEADER;
	for (size_t i = 0; i < ARRAY_LEN(fault_codes); i++)
		if (fault_codes[i].code == code) {
			fault = fault_codes[i].fault;
			detail = fault_codes[i].detail ? detail : NULL;
		}
	(void)curl_easy_getinfo(call->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
	if (tunnel >= 300)
		fault = FAULT_PROXY_REFUSED;
	else if (fault == FAULT_LOOKUP && no_descriptors(call))
		fault = FAULT_DESCRIPTORS;
	else if (fault == FAULT_CONNECT)
		fault = connect_fault(
			call, call->proxy || (call->port != 0 && call->port != port), &detail);
	*ret_detail = detail;
	return fault;
}

static double seconds(const struct http_call *call, CURLINFO info)
{
	return (double)call_time(call, info) / 1e6;
}

/* the answer is as it is; `fault` and err are set when it is not whole */
static void call_conclude(struct http_call *call, bool whole, enum fault fault)
{
	struct http_answer *answer = &call->answer;
	const struct retry *retry = &call->head.retry;
	long status = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	answer->status = whole || call->stopped ? status : 0;
	answer->advice.retry = answer->status != 0 ? retry_worth(retry, status)
						   : fault_passes(fault) && retry->word != RETRY_NO;
	answer->advice.after_ms = retry_wait(retry, status);
	answer->json = call->head.json;
	answer->date_us = call->head.date_us;
	memcpy(answer->request_id, call->head.request_id, sizeof(answer->request_id));
	answer->resolve_s = seconds(call, CURLINFO_NAMELOOKUP_TIME_T);
	answer->connect_s = seconds(call, CURLINFO_CONNECT_TIME_T);
	answer->tls_s = seconds(call, CURLINFO_APPCONNECT_TIME_T);
	call->state = CALL_ENDED;
}

static void call_late(struct http_call *call, enum pace_limit limit)
{
	static const enum fault faults[] = {
		[PACE_CONNECT] = FAULT_LATE_CONNECT,
		[PACE_FIRST_BYTE] = FAULT_LATE_ANSWER,
		[PACE_SLOW] = FAULT_LATE_SLOW,
		[PACE_TOTAL] = FAULT_LATE_END,
	};
	enum fault fault = faults[limit];
	int64_t ms = call->pace.timeout_ms;
	char place[PLACE_MAX];

	if (limit == PACE_CONNECT)
		ms = call->pace.connect_ms;
	else if (limit == PACE_TOTAL)
		ms *= PACE_WHOLE;
	if (limit == PACE_CONNECT && in_lookup(call))
		fault = FAULT_LATE_LOOKUP;
	(void)call_place(call, place);
	fault_late(fault, place, ms, &call->answer.err);
	call_conclude(call, false, fault);
}

/* libcurl has ended with the call */
static void call_end(struct http_call *call, CURLcode code)
{
	char place[PLACE_MAX];
	const char *detail;
	enum fault fault;
	int port;

	call->over = true;
	if (call->state != CALL_RUNNING)
		return;
	if (code == CURLE_OK && call->head.closed) {
		call_conclude(call, true, FAULT_OTHER);
		return;
	}
	if (code == CURLE_OPERATION_TIMEDOUT) {
		call_late(call, PACE_CONNECT);
		return;
	}
	port = call_place(call, place);
	fault = call_fault(call, code, port, &detail);
	fault_describe(fault, place, detail, &call->answer.err);
	call_conclude(call, false, fault);
}

static void call_watch_time(struct http_call *call, int64_t now_ms)
{
	enum pace_limit limit;
	long head_bytes = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_HEADER_SIZE, &head_bytes);
	pace_see(&call->pace, call_time(call, CURLINFO_PRETRANSFER_TIME_T) > 0,
		(uint64_t)head_bytes + (uint64_t)call_time(call, CURLINFO_SIZE_DOWNLOAD_T), now_ms);
	if (now_ms >= pace_end(&call->pace, &limit))
		call_late(call, limit);
}

static struct http_call *call_in(const struct http *http, enum call_state state)
{
	struct http_call *call = http->calls;

	while (call != NULL && call->state != state)
		call = call->next;
	return call;
}

/* each `done` may start and cancel calls, so the list is looked at anew after it */
static void calls_tell(struct http *http)
{
	struct http_call *call;

	while ((call = call_in(http, CALL_ENDED)) != NULL) {
		struct http_answer answer = call->answer;
		http_done_fn done = call->done;
		void *arg = call->arg;

		call_release(call);
		done(arg, &answer);
	}
}

void http_step(struct http *http, struct instant now)
{
	CURLMsg *message;
	int count;

	http->wall_ms = now.wall_ms;
	for (struct http_call *call = http->calls; call != NULL; call = call->next)
		if (call->state == CALL_FAILED)
			call->state = CALL_ENDED;
	http->inside = true;
	(void)curl_multi_perform(http->multi, &count);
	http->inside = false;
	while ((message = curl_multi_info_read(http->multi, &count)) != NULL) {
		char *call = NULL;

		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
		call_end((struct http_call *)(void *)call, message->data.result);
	}
	for (struct http_call *call = http->calls, *next; call != NULL; call = next) {
		next = call->next;
		if (call->state == CALL_RUNNING)
			call_watch_time(call, now.mono_ms);
		else if (call->state == CALL_LEFT)
			call_release(call);
	}
	calls_tell(http);
	http_renew(http);
}

int64_t http_next(const struct http *http)
{
	int64_t next = INSTANT_NEVER;

	for (const struct http_call *call = http->calls; call != NULL; call = call->next) {
		int64_t end = call->state == CALL_RUNNING ? pace_end(&call->pace, NULL) : next;

		if (call->state == CALL_FAILED)
			end = 0;
		next = end < next ? end : next;
	}
	return next;
}

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* a list of certificates replaces the system's; the variables are those of curl(1) */
static bool set_trust(CURL *easy, const char *ca_file)
{
	const char *file = environment("CURL_CA_BUNDLE");
	const char *dir = file == NULL ? environment("SSL_CERT_DIR") : NULL;
	bool good = true;

	if (ca_file != NULL && ca_file[0] != '\0')
		return curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) == CURLE_OK &&
		       curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
	if (file == NULL)
		file = environment("SSL_CERT_FILE");
	if (file != NULL)
		good = curl_easy_setopt(easy, CURLOPT_CAINFO, file) == CURLE_OK;
	if (dir != NULL)
		good = curl_easy_setopt(easy, CURLOPT_CAPATH, dir) == CURLE_OK && good;
	return good;
}

/* what all requests have in common */
static bool set_manners(CURL *easy)
{
	static const struct {
		CURLoption option;
		long value;
	} manners[] = {
		{ CURLOPT_NOSIGNAL, 1 },
		{ CURLOPT_FOLLOWLOCATION, 0 },
		{ CURLOPT_NETRC, CURL_NETRC_IGNORED },
		{ CURLOPT_SSL_VERIFYPEER, 1 },
		{ CURLOPT_SSL_VERIFYHOST, 2 },
		{ CURLOPT_HTTP09_ALLOWED, 0 },
		{ CURLOPT_PATH_AS_IS, 1 },
		{ CURLOPT_SUPPRESS_CONNECT_HEADERS, 1 },
#if LIBCURL_VERSION_NUM < 0x075500
		{ CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS },
#endif
	};
	bool good = true;

	for (size_t i = 0; i < ARRAY_LEN(manners); i++)
		good = curl_easy_setopt(easy, manners[i].option, manners[i].value) == CURLE_OK &&
		       good;
#if LIBCURL_VERSION_NUM >= 0x075500
	good = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK && good;
#endif
	return good && curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_USERAGENT, "taskbell/" TASKBELL_VERSION) == CURLE_OK;
}

static bool set_callbacks(struct http_call *call)
{
	CURL *easy = call->easy;

	return curl_easy_setopt(easy, CURLOPT_PRIVATE, call) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->detail) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HEADERDATA, call) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call) == CURLE_OK;
}

/*
 * The key is a header of our own and not CURLOPT_XOAUTH2_BEARER, so that the one copy we keep can
 * be wiped. libcurl sends it to the URL's host only: not to a proxy that tunnels, and no redirect
 * is followed.
 */
static bool set_headers(struct http_call *call, const char *key)
{
	static char accept[] = "Accept: application/json";

	call->headers[0] = (struct curl_slist){ .data = accept };
	if (key != NULL) {
		call->authorization = mem_printf("Authorization: Bearer %s", key);
		call->headers[1] = (struct curl_slist){ .data = call->authorization };
		call->headers[0].next = &call->headers[1];
	}
	return curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
}

/* where a look-up cannot be left behind, libcurl's own limit would wait for it: then only ours
 * counts */
static bool set_quick_exit(CURL *easy, int64_t connect_timeout_ms)
{
#if LIBCURL_VERSION_NUM >= VERSION_QUICK_EXIT
	long ms = connect_timeout_ms < LONG_MAX ? (long)connect_timeout_ms : LONG_MAX;

	return curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, ms) == CURLE_OK;
#else
	(void)easy;
	(void)connect_timeout_ms;
	return true;
#endif
}

static bool set_request(struct http_call *call, const struct http_request *request)
{
	CURL *easy = call->easy;
	long fresh = call->http->stale ? 1 : 0;

	call->proxy = request->proxy != NULL && request->proxy[0] != '\0';
	return set_callbacks(call) && set_manners(easy) && set_headers(call, request->key) &&
	       set_trust(easy, request->ca_file) &&
	       (!call->proxy ||
		       curl_easy_setopt(easy, CURLOPT_PROXY, request->proxy) == CURLE_OK) &&
	       (!call->http->quick || set_quick_exit(easy, request->connect_timeout_ms)) &&
	       curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, fresh) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, fresh) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK;
}

struct http_call *http_start(
	struct http *http, const struct http_request *request, struct instant now)
{
	struct http_call *call = mem_alloc(sizeof(*call));

	call->http = http;
	call->body = request->body;
	call->done = request->done;
	call->arg = request->arg;
	head_start(&call->head);
	pace_start(&call->pace, request->timeout_ms, request->connect_timeout_ms, now.mono_ms);
	call->next = http->calls;
	if (http->calls != NULL)
		http->calls->prev = call;
	http->calls = call;
	call->easy = http->spare_count > 0 ? http->spare[--http->spare_count] : curl_easy_init();
	if (call->easy == NULL)
		mem_die();
	if (!set_request(call, request) ||
		curl_multi_add_handle(http->multi, call->easy) != CURLM_OK) {
		call_end(call, CURLE_FAILED_INIT);
		call->state = CALL_FAILED;
	}
	return call;
}

bool http_wait(struct http *http, struct http_fd *fds, size_t count, int64_t timeout_ms)
{
	struct curl_waitfd few[16];
	cleanup_free struct curl_waitfd *many = NULL;
	struct curl_waitfd *wait = few;
	int ms = timeout_ms < 0 || timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
	bool good;

	if (count > ARRAY_LEN(few))
		wait = many = mem_alloc(count * sizeof(*many));
	for (size_t i = 0; i < count; i++)
		wait[i] = (struct curl_waitfd){ .fd = fds[i].fd,
			.events = fds[i].write ? CURL_WAIT_POLLOUT : CURL_WAIT_POLLIN };
	good = curl_multi_poll(http->multi, wait, (unsigned int)count, ms, NULL) == CURLM_OK;
	for (size_t i = 0; i < count; i++)
		fds[i].ready = wait[i].revents != 0;
	return good;
}

const char *http_version(void)
{
	return curl_version();
}

char *http_escape(const char *text, size_t len)
{
	struct buf out = { 0 };

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x80 && (isalnum(c) || strchr("-._~", c) != NULL) && c != '\0')
			(void)buf_add_char(&out, text[i]);
		else
			(void)buf_addf(&out, "%%%02X", c);
	}
	return buf_steal(&out);
}
