/* Requests against real sockets, in time that the test sets: no clock is read and nothing sleeps.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "io/http.h"
#include "io/wire_error.h"
#include "loopback.h"

#define KEY "KEY-secret-0123"
#define OK_EMPTY                                                                                   \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "                    \
	"11\r\n\r\n{\"data\":[]}"
#define GZIPPED                                                                                    \
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x4a\x49\x2c\x49\x54\xb2\x8a\x8e\xad\x05" \
	"\x00\x94\x64\xb2\x5e\x0b\x00\x00\x00"

/* one request of a test and what became of it */
struct ask {
	struct http_answer answer;
	struct buf body;
	struct http_call *call;
	unsigned int done;
	size_t stop_after; /* the taker has enough after so many bytes; 0: never */
};

struct fixture {
	struct http *http;
	struct loopback server;
	struct instant now;
	const char *reply; /* the default script: this, to every request */
	size_t reply_len;
	size_t reply_step;
	enum loopback_then then;
	struct ask *open[64]; /* requests that have not ended */
	size_t open_count;
};

static struct loopback_reply answer_default(struct loopback *server, struct loopback_peer *peer)
{
	struct fixture *f = server->arg;

	(void)peer;
	return (struct loopback_reply){ f->reply, f->reply_len, f->reply_step, f->then };
}

static int setup(void **state)
{
	static const char *const proxies[] = { "http_proxy", "https_proxy", "HTTPS_PROXY",
		"all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY" };
	struct fixture *f = mem_alloc(sizeof(*f));

	for (size_t i = 0; i < ARRAY_LEN(proxies); i++)
		assert_int_equal(unsetenv(proxies[i]), 0);
	f->http = http_new();
	f->now = (struct instant){ .mono_ms = 1000000, .wall_ms = INT64_C(784111767000) };
	f->reply = OK_EMPTY;
	loopback_open(&f->server);
	f->server.answer = answer_default;
	f->server.arg = f;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	http_free(f->http);
	loopback_close(&f->server);
	free(f);
	return 0;
}

static bool ask_body(void *arg, const char *bytes, size_t len)
{
	struct ask *ask = arg;

	assert_int_equal(ask->done, 0);
	assert_true(buf_add(&ask->body, bytes, len));
	return ask->stop_after == 0 || ask->body.len < ask->stop_after;
}

/* whatever has ended is taken in and released */
static void collect(struct fixture *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->open_count; i++) {
		struct ask *ask = f->open[i];
		const struct http_answer *answer = http_ended(ask->call);

		if (answer == NULL) {
			f->open[kept++] = ask;
			continue;
		}
		ask->answer = *answer;
		if (answer->body.len != 0)
			(void)buf_add(&ask->body, answer->body.data, answer->body.len);
		ask->done++;
		/* whatever is said to a user, the key is not in it */
		assert_null(strstr(answer->err.text, "KEY-secret"));
		assert_null(strstr(answer->err.text, "status=queued"));
		http_release(f->http, ask->call);
	}
	f->open_count = kept;
}

/* the request's arg is its struct ask */
static void ask_send(struct fixture *f, const struct http_request *request)
{
	struct ask *ask = request->arg;

	assert_true(f->open_count < ARRAY_LEN(f->open));
	ask->call = http_start(f->http, request, f->now);
	f->open[f->open_count++] = ask;
}

static void ask_cancel(struct fixture *f, const struct ask *ask)
{
	size_t i = 0;

	while (f->open[i] != ask)
		i++;
	f->open[i] = f->open[--f->open_count];
	http_release(f->http, ask->call);
}

static struct http_request request_to(struct ask *ask, const char *url)
{
	return (struct http_request){
		.url = url,
		.key = KEY,
		.timeout_ms = 30000,
		.connect_timeout_ms = 5000,
		.body = ask_body,
		.arg = ask,
	};
}

static char *url_of(const struct fixture *f)
{
	return mem_printf("http://127.0.0.1:%d/v2/ai/embeddings?status=queued", f->server.port);
}

static void ask_start(struct fixture *f, struct ask *ask)
{
	cleanup_free char *url = url_of(f);
	struct http_request request = request_to(ask, url);

	ask_send(f, &request);
}

static void step(struct fixture *f)
{
	loopback_step(&f->server);
	http_step(f->http, f->now);
	collect(f);
}

/* waits in real time until something can move; nothing for 20 s is a hang */
static void wait_both(struct fixture *f)
{
	struct poll_fd fds[LOOPBACK_PEERS + 1];
	size_t count = loopback_fds(&f->server, fds);

	assert_true(http_wait(f->http, fds, count, 20000));
}

static void finish(struct fixture *f, const struct ask *ask)
{
	step(f);
	for (int i = 0; !ask->done; i++) {
		assert_true(i < 100000);
		wait_both(f);
		step(f);
	}
	assert_int_equal(ask->done, 1);
}

/* goes on until the server has read so many requests, and a little more so that bytes arrive */
static void until_requests(struct fixture *f, unsigned int count)
{
	step(f);
	for (int i = 0; f->server.requests < count; i++) {
		assert_true(i < 100000);
		wait_both(f);
		step(f);
	}
	step(f);
}

static struct ask ask_once(struct fixture *f)
{
	struct ask ask = { 0 };

	ask_start(f, &ask);
	finish(f, &ask);
	return ask;
}

static struct ask ask_reply(struct fixture *f, const char *reply, enum loopback_then then)
{
	f->reply = reply;
	f->then = then;
	return ask_once(f);
}

static void assert_failed(const struct ask *ask, enum err_kind kind, const char *words)
{
	assert_int_equal(ask->answer.status, 0);
	assert_int_equal(ask->answer.err.kind, kind);
	if (strstr(ask->answer.err.text, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, ask->answer.err.text);
}

static void test_whole_answer(void **state)
{
	struct fixture *f = *state;
	struct ask ask = ask_once(f);

	assert_int_equal(ask.answer.status, 200);
	assert_int_equal(ask.answer.err.kind, ERR_NONE);
	assert_true(ask.answer.json);
	assert_int_equal(ask.answer.bytes, 11);
	assert_string_equal(buf_text(&ask.body), "{\"data\":[]}");
	assert_int_equal(ask.answer.date_us, STAMP_NONE);
	assert_string_equal(ask.answer.request_id, "");
	buf_done(&ask.body);
}

static void test_what_is_sent(void **state)
{
	struct fixture *f = *state;
	struct ask ask = ask_once(f);

	assert_non_null(strstr(f->server.last, "GET /v2/ai/embeddings?status=queued HTTP/1.1\r\n"));
	assert_non_null(strstr(f->server.last, "\r\nAuthorization: Bearer " KEY "\r\n"));
	assert_non_null(
		strstr(f->server.last, "\r\nUser-Agent: taskbell/" TASKBELL_VERSION "\r\n"));
	assert_non_null(strstr(f->server.last, "\r\nAccept: application/json\r\n"));
	assert_non_null(strstr(f->server.last, "\r\nAccept-Encoding: "));
	assert_non_null(strstr(f->server.last, "gzip"));
	buf_done(&ask.body);
}

static void test_no_key_no_header(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *url = url_of(f);
	struct ask ask = ask_once(f);
	struct ask second = { 0 };
	struct http_request request = request_to(&second, url);

	/* the handle of the first request is used again, its key is not */
	request.key = NULL;
	ask_send(f, &request);
	finish(f, &second);
	assert_int_equal(f->server.accepted, 1);
	assert_null(strstr(f->server.last, "Authorization"));
	buf_done(&ask.body);
	buf_done(&second.body);
}

/* a request that changes in one thing is sent with that, and with nothing of those before it */
static void assert_sent(
	struct fixture *f, const struct http_request *request, struct ask *ask, const char *path)
{
	cleanup_free char *line = mem_printf("GET %s HTTP/1.1\r\n", path);
	cleanup_free char *header = mem_printf("\r\nAuthorization: Bearer %s\r\n", request->key);

	*ask = (struct ask){ 0 };
	f->server.last[0] = '\0';
	ask_send(f, request);
	finish(f, ask);
	if (strncmp(f->server.last, line, strlen(line)) != 0 ||
		strstr(f->server.last, header) == NULL)
		fail_msg("not %s with %s: %s", path, request->key, f->server.last);
	buf_done(&ask->body);
}

static void test_each_its_own_terms(void **state)
{
	static const char path[] = "/v2/ai/embeddings?status=queued";
	struct fixture *f = *state;
	cleanup_free char *url = url_of(f);
	cleanup_free char *other = mem_printf("http://127.0.0.1:%d/v2/x", f->server.port);
	cleanup_free char *proxy = mem_printf("127.0.0.1:%d", f->server.port);
	cleanup_free char *nowhere = mem_printf("127.0.0.1:%d", loopback_free_port());
	char first[sizeof(f->server.last)];
	char key[] = KEY "-a";
	struct ask ask;
	struct http_request request = request_to(&ask, url);

	request.key = key;
	assert_sent(f, &request, &ask, path);
	memcpy(first, f->server.last, sizeof(first));
	assert_sent(f, &request, &ask, path);
	assert_string_equal(f->server.last, first);
	/* the caller's text is not what was kept */
	key[sizeof(key) - 2] = 'b';
	assert_sent(f, &request, &ask, path);
	request.url = other;
	assert_sent(f, &request, &ask, "/v2/x");
	http_forget_keys(f->http);
	assert_sent(f, &request, &ask, "/v2/x");
	request.url = url;
	request.proxy = proxy;
	assert_sent(f, &request, &ask, url);
	request.proxy = "";
	assert_sent(f, &request, &ask, path);
	request.proxy = nowhere;
	ask = (struct ask){ 0 };
	ask_send(f, &request);
	finish(f, &ask);
	assert_failed(&ask, ERR_UNREACHABLE, "proxy");
	request.proxy = NULL;
	request.connect_timeout_ms = 4000;
	key[sizeof(key) - 2] = 'a';
	assert_sent(f, &request, &ask, path);
	assert_string_equal(f->server.last, first);
}

/* whatever came of one request, the same again is as it was the first time */
static void test_nothing_stays_of_the_last_one(void **state)
{
	static const char *const replies[] = {
		"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
		"Content-Length: 0\r\n\r\n",
		"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nETag: \"x\"\r\nContent-Length: 0\r\n"
		"Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab",
		"garbage\r\n\r\n",
	};
	struct fixture *f = *state;
	struct ask ask = ask_once(f);
	char first[sizeof(f->server.last)];

	buf_done(&ask.body);
	memcpy(first, f->server.last, sizeof(first));
	for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
		ask = ask_reply(f, replies[i], i < 4 ? THEN_KEEP : THEN_CLOSE);
		buf_done(&ask.body);
		ask = ask_reply(f, OK_EMPTY, THEN_KEEP);
		assert_int_equal(ask.answer.status, 200);
		assert_int_equal(ask.answer.err.kind, ERR_NONE);
		assert_int_equal(ask.answer.advice.after_ms, -1);
		assert_string_equal(f->server.last, first);
		buf_done(&ask.body);
	}
}

/* a request that is repeated has its own time, whatever its handle has seen */
static void test_silence_after_an_answer(void **state)
{
	struct fixture *f = *state;
	struct ask ask = ask_once(f);
	int64_t started = f->now.mono_ms += 3600000;

	buf_done(&ask.body);
	ask = (struct ask){ 0 };
	f->reply = NULL;
	ask_start(f, &ask);
	assert_int_equal(http_next(f->http), started + 5000);
	until_requests(f, 2);
	assert_int_equal(f->server.accepted, 1);
	assert_int_equal(http_next(f->http), started + 30000);
	f->now.mono_ms = started + 30000;
	step(f);
	assert_int_equal(ask.done, 1);
	assert_failed(&ask, ERR_UNREACHABLE, "no answer from 127.0.0.1:");
	/* and one that was taken back before it began leaves the next one alone */
	ask = ask_reply(f, OK_EMPTY, THEN_KEEP);
	buf_done(&ask.body);
	ask_start(f, &ask);
	ask_cancel(f, &ask);
	ask = ask_once(f);
	assert_int_equal(ask.answer.status, 200);
	buf_done(&ask.body);
}

static void test_chunked_with_trailers(void **state)
{
	struct fixture *f = *state;
	struct ask ask = ask_reply(f,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-request-id\r\n\r\n"
		"4\r\n{\"da\r\n7;ext=1\r\nta\":[]}\r\n0\r\nx-request-id: late\r\n\r\n",
		THEN_KEEP);

	assert_int_equal(ask.answer.status, 200);
	assert_int_equal(ask.answer.err.kind, ERR_NONE);
	assert_string_equal(buf_text(&ask.body), "{\"data\":[]}");
	assert_string_equal(ask.answer.request_id, "");
	assert_false(ask.answer.json);
	buf_done(&ask.body);
}

/* whatever the byte after which the server goes away, that is no answer, and it is told once */
static void cut_everywhere(struct fixture *f, const char *reply, enum loopback_then then)
{
	for (size_t len = 0; len < strlen(reply); len++) {
		cleanup_free char *part = mem_strndup(reply, len);
		struct ask ask = { 0 };

		f->reply = len != 0 ? part : "\n";
		f->then = then;
		ask_start(f, &ask);
		finish(f, &ask);
		if (ask.answer.status != 0 || ask.answer.err.kind != ERR_UNREACHABLE ||
			!ask.answer.advice.retry || ask.answer.advice.after_ms != -1)
			fail_msg("cut after %zu bytes: status %ld, %s", len, ask.answer.status,
				ask.answer.err.text);
		buf_done(&ask.body);
	}
}

static void test_cut_length(void **state)
{
	cut_everywhere(*state, OK_EMPTY, THEN_CLOSE);
	cut_everywhere(*state, OK_EMPTY, THEN_RESET);
}

static void test_cut_chunked(void **state)
{
	cut_everywhere(*state,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
		"chunked\r\n\r\n4\r\n{\"da\r\n7\r\nta\":[]}\r\n0\r\n",
		THEN_CLOSE);
}

/* without a length the answer ends with its connection: its JSON says whether that was too soon */
static void test_cut_without_length(void **state)
{
	static const char *const whole[] = { "[]", "{\"detail\":\"}\"} \n", "<p>a page", "7x" };
	struct fixture *f = *state;

	cut_everywhere(f, "HTTP/1.1 200 OK\r\n\r\n{\"data\":[\"]}\"]}", THEN_CLOSE);
	cut_everywhere(
		f, "HTTP/1.0 200 OK\nContent-Type: text/json\n\n[1,\"\\\"\", 2]", THEN_CLOSE);
	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		cleanup_free char *reply = mem_printf("HTTP/1.1 200 OK\r\n\r\n%s", whole[i]);
		struct ask ask = ask_reply(f, reply, THEN_CLOSE);

		assert_int_equal(ask.answer.status, 200);
		assert_int_equal(ask.answer.err.kind, ERR_NONE);
		buf_done(&ask.body);
	}
}

/* of an answer other than 200 there need not be a body, but half of one is none */
static void test_errors_without_length(void **state)
{
	struct fixture *f = *state;
	struct ask ask = ask_reply(f, "HTTP/1.1 422 No\r\n\r\n", THEN_CLOSE);

	assert_int_equal(ask.answer.status, 422);
	ask = ask_reply(f, "HTTP/1.1 204 No\r\n\r\n", THEN_CLOSE);
	assert_int_equal(ask.answer.status, 204);
	ask = ask_reply(f, "HTTP/1.1 422 No\r\n\r\n \r\n", THEN_CLOSE);
	assert_int_equal(ask.answer.status, 422);
	buf_done(&ask.body);
	ask = ask_reply(f, "HTTP/1.1 422 No\r\n\r\n\n{\"detail\":", THEN_CLOSE);
	assert_failed(&ask, ERR_UNREACHABLE, "was cut short");
	buf_done(&ask.body);
	ask = ask_reply(f, "HTTP/1.1 200 OK\r\n\r\n\n", THEN_CLOSE);
	assert_failed(&ask, ERR_UNREACHABLE, "was cut short");
	buf_done(&ask.body);
}

/* some of libcurl's own words have a proxy's URL in them */
static void test_words_with_a_password(void **state)
{
	const struct wire_end end = {
		.code = 4, /* CURLE_NOT_BUILT_IN */
		.words = "Unsupported proxy 'https://me:S3CRET@p', libcurl is built without it",
		.proxy = true,
	};
	struct err err = { 0 };

	(void)state;
	assert_int_equal(wire_error(NULL, &end, "api.test:443", &err), NET_ERROR_OTHER);
	assert_string_equal(err.text, "the request to api.test:443 failed");
}

static void test_nothing_at_all(void **state)
{
	struct fixture *f = *state;
	struct ask ask = { 0 };

	ask_start(f, &ask);
	f->reply = NULL;
	until_requests(f, 1);
	loopback_close(&f->server);
	loopback_open(&f->server);
	finish(f, &ask);
	assert_failed(&ask, ERR_UNREACHABLE, "closed the connection without an answer");
	assert_true(ask.answer.advice.retry);
}

static void test_length_too_small(void **state)
{
	struct fixture *f = *state;
	struct ask ask = ask_reply(
		f, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{\"data\":[]}", THEN_KEEP);
	struct ask next;

	assert_string_equal(buf_text(&ask.body), "{\"d");
	/* and what was too much is not the begin of the next answer */
	next = ask_reply(f, OK_EMPTY, THEN_KEEP);
	assert_string_equal(buf_text(&next.body), "{\"data\":[]}");
	assert_int_equal(next.answer.status, 200);
	buf_done(&ask.body);
	buf_done(&next.body);
}

static void test_not_http(void **state)
{
	static const char *const replies[] = { "SSH-2.0-OpenSSH_9.2\r\n", "{\"data\":[]}",
		"HTTP/1.1 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
		struct ask ask = ask_reply(f, replies[i], THEN_CLOSE);

		if (ask.answer.status != 0 || ask.answer.err.kind != ERR_UNREACHABLE)
			fail_msg("%s: %ld %s", replies[i], ask.answer.status, ask.answer.err.text);
		buf_done(&ask.body);
	}
}

static void test_interim_answers(void **state)
{
	struct fixture *f = *state;
	struct ask ask = ask_reply(f,
		"HTTP/1.1 103 Early Hints\r\nx-request-id: early\r\nretry-after: 9\r\n\r\n"
		"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
		THEN_KEEP);
	struct ask alone;

	assert_int_equal(ask.answer.status, 503);
	assert_int_equal(ask.answer.advice.after_ms, -1);
	assert_string_equal(ask.answer.request_id, "");
	alone = ask_reply(f, "HTTP/1.1 103 Early Hints\r\n\r\n", THEN_CLOSE);
	assert_failed(&alone, ERR_UNREACHABLE, "");
	buf_done(&ask.body);
	buf_done(&alone.body);
}

static void test_redirect_is_not_followed(void **state)
{
	struct fixture *f = *state;
	struct ask ask = ask_reply(f,
		"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
		THEN_KEEP);

	assert_int_equal(ask.answer.status, 302);
	assert_int_equal(f->server.requests, 1);
	assert_false(ask.answer.advice.retry);
	buf_done(&ask.body);
}

static void test_gzip(void **state)
{
	static const char head[] =
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 31\r\n\r\n";
	struct fixture *f = *state;
	struct buf reply = { 0 };
	struct ask ask;

	(void)buf_add_text(&reply, head);
	(void)buf_add(&reply, GZIPPED, sizeof(GZIPPED) - 1);
	f->reply_len = reply.len;
	ask = ask_reply(f, buf_text(&reply), THEN_KEEP);
	assert_int_equal(ask.answer.status, 200);
	assert_string_equal(buf_text(&ask.body), "{\"data\":[]}");
	assert_int_equal(ask.answer.bytes, 11);
	buf_done(&ask.body);
	/* one bit of the checksum: all bytes have come by then, and are wrong */
	reply.data[strlen(head) + 24] ^= 0x10;
	ask = ask_reply(f, buf_text(&reply), THEN_KEEP);
	assert_failed(&ask, ERR_UNREACHABLE, "cannot be decompressed");
	buf_done(&ask.body);
	buf_done(&reply);
}

/* as some servers and pigz write it; libcurl reads the first member only, and fails */
static void test_gzip_of_several_members(void **state)
{
	static const char head[] =
		"HTTP/1.1 200 OK\r\nContent-Encoding: x-gzip\r\nContent-Length: 62\r\n\r\n";
	struct fixture *f = *state;
	struct buf reply = { 0 };
	struct ask ask;

	(void)buf_add_text(&reply, head);
	(void)buf_add(&reply, GZIPPED, sizeof(GZIPPED) - 1);
	(void)buf_add(&reply, GZIPPED, sizeof(GZIPPED) - 1);
	f->reply_len = reply.len;
	for (f->reply_step = 0; f->reply_step <= 31; f->reply_step += 31) {
		ask = ask_reply(f, buf_text(&reply), THEN_KEEP);
		assert_int_equal(ask.answer.status, 200);
		assert_string_equal(buf_text(&ask.body), "{\"data\":[]}{\"data\":[]}");
		assert_int_equal(ask.answer.bytes, 22);
		buf_done(&ask.body);
	}
	buf_done(&reply);
}

/* its length is as said, and still it is the begin of one */
static void test_gzip_that_ends_early(void **state)
{
	struct fixture *f = *state;
	struct buf reply = { 0 };
	struct ask ask;

	(void)buf_add_text(
		&reply, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 30\r\n\r\n");
	(void)buf_add(&reply, GZIPPED, sizeof(GZIPPED) - 2);
	f->reply_len = reply.len;
	ask = ask_reply(f, buf_text(&reply), THEN_KEEP);
	assert_failed(&ask, ERR_UNREACHABLE, "was cut short");
	assert_true(ask.answer.advice.retry);
	buf_done(&ask.body);
	buf_done(&reply);
}

static void test_encodings_that_were_not_asked_for(void **state)
{
	static const char *const encodings[] = { "br", "gzip, gzip",
		"gzip\r\nContent-Encoding: gzip", "identity\r\nTransfer-Encoding: gzip" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(encodings); i++) {
		cleanup_free char *reply = mem_printf("HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\n"
						      "Content-Length: 11\r\n\r\n{\"data\":[]}",
			encodings[i]);
		struct ask ask = ask_reply(f, reply, THEN_KEEP);

		assert_failed(&ask, ERR_UNREACHABLE, "cannot be decompressed");
		assert_int_equal(ask.body.len, 0);
		buf_done(&ask.body);
	}
}

static void test_body_function_ends_the_transfer(void **state)
{
	struct fixture *f = *state;
	struct buf reply = { 0 };
	struct ask ask = { .stop_after = 1000 };
	struct ask next;

	(void)buf_addf(
		&reply, "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n%0*d", 3000000, 0);
	f->reply = buf_text(&reply);
	f->then = THEN_KEEP;
	ask_start(f, &ask);
	finish(f, &ask);
	assert_int_equal(ask.answer.status, 200);
	assert_int_equal(ask.answer.err.kind, ERR_PROTOCOL);
	assert_false(ask.answer.advice.retry);
	assert_true(ask.body.len >= 1000 && ask.body.len < 1000000);
	buf_done(&ask.body);
	next = ask_reply(f, OK_EMPTY, THEN_KEEP);
	assert_int_equal(next.answer.status, 200);
	assert_int_equal(next.body.len, 11);
	buf_done(&next.body);
	buf_done(&reply);
}

/* of an error the first 64 KiB are kept, of an answer 200 what the request says; the rest is not
 * waited for */
static void test_kept_bodies_have_a_limit(void **state)
{
	static const struct {
		long status;
		size_t max;
		const char *said;
	} rows[] = {
		{ 500, 0, "was not read to its end" },
		{ 200, 100000, "is longer than 1 MiB" },
	};
	struct fixture *f = *state;
	cleanup_free char *url = url_of(f);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf reply = { 0 };
		struct ask ask = { 0 };
		struct http_request request = request_to(&ask, url);

		(void)buf_addf(&reply, "HTTP/1.1 %ld Said\r\nContent-Length: 3000000\r\n\r\n%0*d",
			rows[i].status, 3000000, 0);
		f->reply = buf_text(&reply);
		request.body = NULL;
		request.body_max = rows[i].max;
		ask_send(f, &request);
		finish(f, &ask);
		assert_int_equal(ask.answer.status, rows[i].status);
		assert_int_equal(ask.answer.err.kind, ERR_PROTOCOL);
		assert_non_null(strstr(ask.answer.err.text, rows[i].said));
		assert_int_equal(ask.answer.advice.retry, i == 0);
		assert_true(ask.body.len <= HTTP_ERROR_MAX + rows[i].max);
		buf_done(&ask.body);
		buf_done(&reply);
	}
}

static void test_large_answer_in_pieces(void **state)
{
	struct fixture *f = *state;
	struct buf reply = { 0 };
	struct ask ask;

	(void)buf_addf(&reply, "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n%0*d", 300000, 42);
	f->reply_step = 7001;
	ask = ask_reply(f, buf_text(&reply), THEN_CLOSE);
	assert_int_equal(ask.answer.status, 200);
	assert_int_equal(ask.body.len, 300000);
	assert_string_equal(buf_text(&ask.body) + 299998, "42");
	buf_done(&ask.body);
	buf_done(&reply);
}

static void test_byte_by_byte(void **state)
{
	struct fixture *f = *state;
	struct ask ask;

	f->reply_step = 1;
	ask = ask_once(f);
	assert_int_equal(ask.answer.status, 200);
	assert_string_equal(buf_text(&ask.body), "{\"data\":[]}");
	buf_done(&ask.body);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	int port = loopback_free_port();
	cleanup_free char *url = mem_printf("http://user:pw@127.0.0.1:%d/x?status=queued", port);
	cleanup_free char *words =
		mem_printf("cannot connect to 127.0.0.1:%d: connection refused", port);
	struct ask ask = { 0 };
	struct http_request request = request_to(&ask, url);

	ask_send(f, &request);
	finish(f, &ask);
	assert_failed(&ask, ERR_UNREACHABLE, words);
	assert_string_equal(ask.answer.err.text, words);
	assert_true(ask.answer.advice.retry);
	assert_int_equal(ask.answer.advice.after_ms, -1);
}

static void test_unknown_name(void **state)
{
	struct fixture *f = *state;
	struct ask ask = { 0 };
	/* RFC 6761: never resolved; and libcurl refuses .onion without asking anybody */
	struct http_request request = request_to(&ask, "http://taskbell.onion/");

	ask_send(f, &request);
	finish(f, &ask);
	assert_failed(&ask, ERR_UNREACHABLE, "taskbell.onion");
	assert_true(ask.answer.advice.retry);
}

static void test_bad_url(void **state)
{
	static const char *const urls[] = { "ftp://127.0.0.1/x", "http://a b/", "",
		"file:///etc/passwd" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		struct ask ask = { 0 };
		struct http_request request = request_to(&ask, urls[i]);

		ask_send(f, &request);
		assert_int_equal(ask.done, 0);
		finish(f, &ask);
		assert_int_equal(ask.answer.status, 0);
		assert_int_not_equal(ask.answer.err.kind, ERR_NONE);
	}
}

static void test_header_limit(void **state)
{
	static const int too_long[] = { 65536, 90000, 150000, 1000000 };
	struct fixture *f = *state;
	struct buf reply = { 0 };
	struct ask ask;

	(void)buf_addf(&reply, "HTTP/1.1 200 OK\r\nx: %0*d\r\nContent-Length: 0\r\n\r\n", 65000, 0);
	ask = ask_reply(f, buf_text(&reply), THEN_CLOSE);
	assert_int_equal(ask.answer.status, 200);
	for (size_t i = 0; i < ARRAY_LEN(too_long); i++) {
		buf_clear(&reply);
		(void)buf_addf(&reply, "HTTP/1.1 200 OK\r\nx: %0*d\r\nContent-Length: 0\r\n\r\n",
			too_long[i], 0);
		ask = ask_reply(f, buf_text(&reply), THEN_CLOSE);
		assert_failed(&ask, ERR_PROTOCOL, "header line over 64 KiB");
		assert_false(ask.answer.advice.retry);
	}
	buf_done(&reply);
}

static void test_silence(void **state)
{
	struct fixture *f = *state;
	struct ask ask = { 0 };
	int64_t started = f->now.mono_ms;

	ask_start(f, &ask);
	f->reply = NULL;
	until_requests(f, 1);
	assert_int_equal(http_next(f->http), started + 30000);
	f->now.mono_ms = started + 29999;
	step(f);
	assert_int_equal(ask.done, 0);
	f->now.mono_ms = started + 30000;
	step(f);
	assert_int_equal(ask.done, 1);
	assert_failed(&ask, ERR_UNREACHABLE, "no answer from 127.0.0.1:");
	assert_true(ask.answer.advice.retry);
	assert_int_equal(http_next(f->http), INSTANT_NEVER);
}

/* moves time on by `ms` for each piece of the answer */
static struct ask ask_in_time(struct fixture *f, const char *reply, size_t piece, int64_t ms)
{
	struct ask ask = { 0 };

	f->reply = reply;
	f->reply_step = piece;
	ask_start(f, &ask);
	until_requests(f, 1);
	for (int i = 0; !ask.done && i < 100000; i++) {
		f->now.mono_ms += ms;
		wait_both(f);
		step(f);
	}
	return ask;
}

static void test_trickle(void **state)
{
	struct fixture *f = *state;
	int64_t started = f->now.mono_ms;
	struct ask ask = ask_in_time(f,
		"HTTP/1.1 200 OK\r\nContent-Length: "
		"1000\r\n\r\n12345678901234567890123456789012345678901234567890",
		1, 1000);

	assert_failed(&ask, ERR_UNREACHABLE, "did not reach 10 kB/s within 30s");
	assert_true(f->now.mono_ms - started < 100000);
	buf_done(&ask.body);
}

static void test_slow_head(void **state)
{
	struct fixture *f = *state;
	struct ask ask = ask_in_time(f,
		"HTTP/1.1 200 OK\r\nServer: loris\r\nX: 123456789012345678901234567890", 1, 1000);

	assert_failed(&ask, ERR_UNREACHABLE, "within 30s");
	buf_done(&ask.body);
}

static void test_endless(void **state)
{
	struct fixture *f = *state;
	struct buf reply = { 0 };
	struct ask ask;

	(void)buf_addf(
		&reply, "HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n%0*d", 9000000, 0);
	ask = ask_in_time(f, buf_text(&reply), 15000, 1000);
	assert_failed(&ask, ERR_UNREACHABLE, "was not complete within 5m");
	assert_true(ask.body.len > 4000000);
	buf_done(&ask.body);
	buf_done(&reply);
}

static void test_no_connection(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int full = socket(AF_INET, SOCK_STREAM, 0);
	int waiting[4];
	struct ask ask = { 0 };
	struct http_request request;
	cleanup_free char *url = NULL;

	/* a queue that is full: what comes now is left unanswered */
	assert_int_equal(bind(full, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(full, 0), 0);
	assert_int_equal(getsockname(full, (struct sockaddr *)&address, &len), 0);
	for (size_t i = 0; i < ARRAY_LEN(waiting); i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM, 0);
		(void)fcntl(waiting[i], F_SETFL, O_NONBLOCK);
		(void)connect(waiting[i], (struct sockaddr *)&address, sizeof(address));
	}
	url = mem_printf("http://127.0.0.1:%d/", ntohs(address.sin_port));
	request = request_to(&ask, url);
	ask_send(f, &request);
	step(f);
	assert_int_equal(http_next(f->http), f->now.mono_ms + 5000);
	f->now.mono_ms += 4999;
	step(f);
	assert_int_equal(ask.done, 0);
	f->now.mono_ms++;
	step(f);
	assert_int_equal(ask.done, 1);
	assert_failed(&ask, ERR_UNREACHABLE, "no connection to 127.0.0.1:");
	for (size_t i = 0; i < ARRAY_LEN(waiting); i++)
		(void)close(waiting[i]);
	(void)close(full);
}

static void test_cancel(void **state)
{
	struct fixture *f = *state;
	struct ask gone = { 0 };
	struct ask stays = { 0 };

	f->reply = NULL;
	ask_start(f, &gone);
	ask_start(f, &stays);
	until_requests(f, 2);
	ask_cancel(f, &gone);
	f->reply = OK_EMPTY;
	for (size_t i = 0; i < LOOPBACK_PEERS; i++)
		if (f->server.peers[i].fd >= 0)
			loopback_reply(&f->server.peers[i], answer_default(&f->server, NULL));
	finish(f, &stays);
	assert_int_equal(stays.answer.status, 200);
	assert_int_equal(gone.done, 0);
	assert_int_equal(gone.body.len, 0);
	buf_done(&stays.body);
}

static void test_cancel_before_anything(void **state)
{
	struct fixture *f = *state;
	struct ask ask = { 0 };

	ask_start(f, &ask);
	ask_cancel(f, &ask);
	step(f);
	assert_int_equal(ask.done, 0);
	assert_int_equal(http_next(f->http), INSTANT_NEVER);
}

/* what a fetch does: an answer comes, the other requests are dropped, the next one is sent */
static void test_cancel_and_start_after_an_end(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *url = url_of(f);
	struct ask other = { 0 };
	struct ask first = { 0 };
	struct ask next = { 0 };
	struct http_request request = request_to(&first, url);

	ask_start(f, &other);
	request.body = NULL;
	ask_send(f, &request);
	/* both are answered within one step of the server */
	for (int i = 0; f->server.requests < 2; i++) {
		assert_true(i < 100000);
		http_step(f->http, f->now);
		wait_both(f);
		loopback_step(&f->server);
	}
	finish(f, &first);
	assert_int_equal(first.answer.status, 200);
	if (!other.done)
		ask_cancel(f, &other);
	ask_start(f, &next);
	finish(f, &next);
	assert_int_equal(first.done, 1);
	assert_true(other.done <= 1);
	assert_int_equal(next.answer.status, 200);
	buf_done(&other.body);
	buf_done(&next.body);
}

struct cutter {
	struct http *http;
	struct http_call *call;
	unsigned int bodies;
};

static bool cutter_body(void *arg, const char *bytes, size_t len)
{
	struct cutter *cutter = arg;

	(void)bytes;
	(void)len;
	cutter->bodies++;
	http_release(cutter->http, cutter->call);
	return true;
}

static void test_cancel_inside_body(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *url = url_of(f);
	struct cutter cutter = { .http = f->http };
	struct buf reply = { 0 };
	struct ask ask;
	struct http_request request = {
		.url = url,
		.timeout_ms = 1000,
		.connect_timeout_ms = 1000,
		.body = cutter_body,
		.arg = &cutter,
	};

	(void)buf_addf(&reply, "HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n%0*d", 500000, 0);
	f->reply = buf_text(&reply);
	cutter.call = http_start(f->http, &request, f->now);
	for (int i = 0; cutter.bodies == 0; i++) {
		assert_true(i < 100000);
		step(f);
		wait_both(f);
	}
	f->now.mono_ms += 100000;
	ask = ask_reply(f, OK_EMPTY, THEN_KEEP);
	assert_int_equal(ask.answer.status, 200);
	assert_int_equal(cutter.bodies, 1);
	buf_done(&ask.body);
	buf_done(&reply);
}

static void test_several_at_once(void **state)
{
	struct fixture *f = *state;
	struct ask asks[6] = { 0 };

	f->reply = NULL;
	for (size_t i = 0; i < ARRAY_LEN(asks); i++)
		ask_start(f, &asks[i]);
	until_requests(f, ARRAY_LEN(asks));
	assert_int_equal(f->server.accepted, ARRAY_LEN(asks));
	f->reply = OK_EMPTY;
	for (size_t i = LOOPBACK_PEERS; i-- > 0;)
		if (f->server.peers[i].fd >= 0)
			loopback_reply(&f->server.peers[i], answer_default(&f->server, NULL));
	for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
		finish(f, &asks[i]);
		assert_int_equal(asks[i].answer.status, 200);
		assert_string_equal(buf_text(&asks[i].body), "{\"data\":[]}");
		buf_done(&asks[i].body);
	}
}

static void test_one_connection_for_many(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 30; i++) {
		struct ask ask = ask_once(f);

		assert_int_equal(ask.answer.status, 200);
		buf_done(&ask.body);
	}
	assert_int_equal(f->server.requests, 30);
	assert_int_equal(f->server.accepted, 1);
}

static void test_dropped_connections(void **state)
{
	struct fixture *f = *state;
	struct ask early = { 0 };
	struct ask ask = ask_once(f);

	buf_done(&ask.body);
	http_drop_connections(f->http);
	ask = ask_once(f);
	assert_int_equal(f->server.accepted, 2);
	buf_done(&ask.body);
	/* one is under way: it may end, but nobody follows it on its connection */
	f->reply = NULL;
	ask_start(f, &early);
	until_requests(f, 3);
	assert_int_equal(f->server.accepted, 2);
	http_drop_connections(f->http);
	ask = ask_reply(f, OK_EMPTY, THEN_KEEP);
	assert_int_equal(f->server.accepted, 3);
	assert_int_equal(ask.answer.status, 200);
	buf_done(&ask.body);
	for (size_t i = 0; i < LOOPBACK_PEERS; i++)
		if (f->server.peers[i].fd >= 0)
			loopback_reply(&f->server.peers[i], answer_default(&f->server, NULL));
	finish(f, &early);
	assert_int_equal(early.answer.status, 200);
	buf_done(&early.body);
	/* and afterwards connections are kept again */
	ask = ask_once(f);
	buf_done(&ask.body);
	ask = ask_once(f);
	assert_int_equal(f->server.accepted, 4);
	buf_done(&ask.body);
}

static void test_kept_connection_closed_by_server(void **state)
{
	struct fixture *f = *state;
	struct ask ask = ask_reply(f, OK_EMPTY, THEN_CLOSE);

	buf_done(&ask.body);
	ask = ask_reply(f, OK_EMPTY, THEN_RESET);
	assert_int_equal(ask.answer.status, 200);
	buf_done(&ask.body);
	ask = ask_reply(f, OK_EMPTY, THEN_KEEP);
	assert_int_equal(ask.answer.status, 200);
	assert_int_equal(f->server.accepted, 3);
	buf_done(&ask.body);
}

static void test_advice(void **state)
{
	static const struct {
		const char *head;
		long status;
		bool retry;
		int64_t after_ms;
	} cases[] = {
		/* that of a page; what the API says of a key is not tried again (io/api) */
		{ "401 Unauthorized\r\nRetry-After: 1", 401, true, 1000 },
		{ "403 Forbidden", 403, true, -1 },
		{ "403 Forbidden\r\nx-should-retry: false", 403, false, -1 },
		{ "403 Forbidden\r\nx-ratelimit-remaining: 0\r\nx-ratelimit-reset: 60", 403, true,
			60000 },
		{ "422 No", 422, false, -1 },
		{ "429 Slow\r\nretry-after: 7", 429, true, 7000 },
		{ "429 Slow\r\nretry-after: 7\r\nRetry-After-Ms: 250", 429, true, 250 },
		{ "429 Slow\r\nretry-after: Sun, 06 Nov 1994 08:49:37 GMT", 429, true, 10000 },
		{ "429 Slow\r\nx-ratelimit-reset: 784111", 429, true, 300000 },
		{ "503 Busy\r\nretry-after: 0.2", 503, true, 200 },
		{ "503 Busy\r\nx-should-retry: false", 503, false, -1 },
		{ "500 Oops\r\nretry-after: 7", 500, true, -1 },
		{ "400 Bad\r\nx-should-retry: true", 400, true, -1 },
		{ "200 OK\r\nretry-after: 7\r\nx-ratelimit-reset: 30", 200, false, -1 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup_free char *reply =
			mem_printf("HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", cases[i].head);
		struct ask ask = ask_reply(f, reply, THEN_KEEP);

		assert_int_equal(ask.answer.status, cases[i].status);
		assert_int_equal(ask.answer.err.kind, ERR_NONE);
		assert_int_equal(ask.answer.advice.retry, cases[i].retry);
		assert_int_equal(ask.answer.advice.after_ms, cases[i].after_ms);
	}
}

/* GitHub says 403 to whoever has spent his requests, and to whoever is too fast */
static void test_a_403_that_is_a_429(void **state)
{
	static const struct {
		const char *head;
		bool limited;
	} cases[] = {
		{ "403 Forbidden\r\nX-RateLimit-Remaining: 0", true },
		{ "403 Forbidden\r\nx-ratelimit-remaining: 0, 5;w=1", true },
		{ "403 Forbidden\r\nRateLimit-Remaining: 0", true },
		{ "403 Forbidden\r\nRateLimit: \"a\";r=0;t=5", true },
		{ "403 Forbidden\r\nRetry-After: 60", true },
		{ "403 Forbidden\r\nretry-after-ms: 60", true },
		{ "403 Forbidden\r\nx-should-retry: true", true },
		{ "403 Forbidden\r\nx-ratelimit-remaining: 59\r\nx-ratelimit-reset: 60", false },
		{ "403 Forbidden\r\nx-ratelimit-remaining: none", false },
		{ "403 Forbidden", false },
		{ "401 Unauthorized\r\nx-ratelimit-remaining: 0", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup_free char *reply =
			mem_printf("HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", cases[i].head);
		struct ask ask = ask_reply(*state, reply, THEN_KEEP);

		if (ask.answer.limited != cases[i].limited ||
			ask.answer.wanted != (strstr(cases[i].head, "x-should-retry") != NULL))
			fail_msg("%s", cases[i].head);
	}
}

static void test_link_to_the_next_page(void **state)
{
	static const struct {
		const char *link;
		bool more;
	} cases[] = {
		{ "<https://x/?page=2>; rel=\"next\", <https://x/?page=9>; rel=\"last\"", true },
		{ "<https://x/?page=2>; REL=next", true },
		{ "<https://x/?page=1>; rel=\"prev\", <https://x/?page=3>; rel=\"first\"", false },
		{ "<https://x/rel=nex", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup_free char *reply = mem_printf(
			"HTTP/1.1 200 OK\r\nLink: %s\r\nContent-Length: 0\r\n\r\n", cases[i].link);
		struct ask ask = ask_reply(*state, reply, THEN_KEEP);

		assert_int_equal(ask.answer.more, cases[i].more);
	}
}

static void test_retry_after_of_a_cut_answer(void **state)
{
	struct ask ask = ask_reply(*state,
		"HTTP/1.1 429 Slow\r\nretry-after: 7\r\nContent-Length: 9\r\n\r\n{", THEN_CLOSE);

	assert_failed(&ask, ERR_UNREACHABLE, "cut short");
	assert_true(ask.answer.advice.retry);
	assert_int_equal(ask.answer.advice.after_ms, 7000);
	buf_done(&ask.body);
}

static void test_response_headers(void **state)
{
	struct ask ask = ask_reply(*state,
		"HTTP/1.1 404 No\r\nx-telnyx-request-id: 1\033[31m2\r\nContent-Type: "
		"application/json\r\n"
		"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\n{}",
		THEN_KEEP);

	assert_int_equal(ask.answer.status, 404);
	assert_string_equal(ask.answer.request_id, "1[31m2");
	assert_int_equal(ask.answer.date_us, INT64_C(784111777000000));
	assert_true(ask.answer.json);
	buf_done(&ask.body);
}

static void assert_refused_by_proxy(const struct ask *ask)
{
	assert_true(ask->answer.advice.refused);
	assert_false(ask->answer.advice.retry);
	assert_int_equal(ask->answer.advice.after_ms, 300000);
}

/* the tunnel through a proxy: its answers are not the API's, and it does not get the key */
static void test_proxy_that_refuses(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *proxy = mem_printf("http://name:S3CRET@127.0.0.1:%d", f->server.port);
	struct ask ask = { 0 };
	struct http_request request = request_to(&ask, "https://taskbell.example/v2?status=queued");

	f->reply = "HTTP/1.1 407 Proxy Authentication Required\r\nRetry-After: 9\r\nx-request-id: "
		   "proxy\r\n"
		   "Content-Length: 0\r\n\r\n";
	request.proxy = proxy;
	ask_send(f, &request);
	finish(f, &ask);
	assert_failed(&ask, ERR_UNREACHABLE,
		"the proxy for taskbell.example:443 wants another name and password than ours "
		"and is asked every 5 min at most: HTTP 407");
	assert_null(strstr(ask.answer.err.text, "S3CRET"));
	assert_non_null(strstr(f->server.last, "CONNECT taskbell.example:443"));
	assert_null(strstr(f->server.last, KEY));
	assert_refused_by_proxy(&ask);
	assert_string_equal(ask.answer.request_id, "");
	/* as tinyproxy says it */
	ask.done = 0;
	f->reply = "HTTP/1.0 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
	ask_send(f, &request);
	finish(f, &ask);
	assert_failed(&ask, ERR_UNREACHABLE, "at most: HTTP 401");
	assert_refused_by_proxy(&ask);
	/* it may not like the host, which is another matter */
	ask.done = 0;
	f->reply = "HTTP/1.1 403 Forbidden\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n";
	ask_send(f, &request);
	finish(f, &ask);
	assert_failed(
		&ask, ERR_UNREACHABLE, "the proxy does not connect us to taskbell.example:443");
	assert_int_equal(ask.answer.advice.after_ms, -1);
	assert_true(ask.answer.advice.retry);
	assert_false(ask.answer.advice.refused);
}

/* without a tunnel it is an answer as any other, which is not the API's all the same */
static void test_proxy_that_refuses_plain_http(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *proxy = mem_printf("http://name:S3CRET@127.0.0.1:%d", f->server.port);
	struct ask ask = { 0 };
	struct http_request request = request_to(&ask, "http://taskbell.example/v2");

	f->reply = "HTTP/1.1 407 Proxy Authentication Required\r\nRetry-After: 9\r\n"
		   "Content-Length: 2\r\n\r\nno";
	assert_int_equal(setenv("http_proxy", proxy, 1), 0);
	ask_send(f, &request);
	finish(f, &ask);
	assert_failed(&ask, ERR_UNREACHABLE, "and is asked every 5 min at most: HTTP 407");
	assert_refused_by_proxy(&ask);
	buf_done(&ask.body);
}

/* a spare handle has the proxy of another request */
static void test_each_host_its_own_proxy(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *own = url_of(f);
	cleanup_free char *proxy = mem_printf("http://127.0.0.1:%d", f->server.port);
	const char *const urls[] = { "http://taskbell.example/v2", own, "http://other.example/v2" };

	assert_int_equal(setenv("http_proxy", proxy, 1), 0);
	for (size_t i = 0; i < 2 * ARRAY_LEN(urls); i++) {
		const char *url = urls[i % ARRAY_LEN(urls)];
		cleanup_free char *line = mem_printf("GET %s HTTP/1.1", url);
		struct ask ask = { 0 };
		struct http_request request = request_to(&ask, url);

		ask_send(f, &request);
		finish(f, &ask);
		assert_int_equal(ask.answer.status, 200);
		if (url == own) {
			assert_non_null(strstr(f->server.last, "GET /v2/ai/embeddings"));
			assert_string_equal(ask.answer.proxy, "");
		} else {
			assert_non_null(strstr(f->server.last, line));
			assert_non_null(strstr(ask.answer.proxy, ", from http_proxy"));
		}
		buf_done(&ask.body);
	}
}

static void test_proxy_that_is_not_there(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *proxy = mem_printf("http://127.0.0.1:%d", loopback_free_port());
	struct ask ask = { 0 };
	struct http_request request = request_to(&ask, "http://taskbell.example/");

	assert_int_equal(setenv("http_proxy", proxy, 1), 0);
	ask_send(f, &request);
	finish(f, &ask);
	assert_failed(&ask, ERR_UNREACHABLE,
		"cannot connect to the proxy for taskbell.example:80: connection refused");
}

static void test_proxy_for_plain_http(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *proxy = mem_printf("127.0.0.1:%d", f->server.port);
	struct ask ask = { 0 };
	struct http_request request = request_to(&ask, "http://taskbell.example/v2");

	request.proxy = proxy;
	ask_send(f, &request);
	finish(f, &ask);
	assert_int_equal(ask.answer.status, 200);
	assert_non_null(strstr(f->server.last, "GET http://taskbell.example/v2 HTTP/1.1"));
	buf_done(&ask.body);
}

static void test_tls_with_a_server_that_has_none(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *url = mem_printf("https://127.0.0.1:%d/", f->server.port);
	struct ask ask = { 0 };
	struct http_request request = request_to(&ask, url);

	request.connect_timeout_ms =
		60000; /* reading all certificates takes a while under valgrind */
	ask_send(f, &request);
	for (int i = 0; f->server.accepted == 0 || f->server.peers[0].head_len == 0; i++) {
		assert_true(i < 100000);
		step(f);
		wait_both(f);
	}
	loopback_reply(&f->server.peers[0],
		(struct loopback_reply){
			.bytes = "HTTP/1.1 400 Bad Request\r\n\r\n", .then = THEN_CLOSE });
	finish(f, &ask);
	assert_failed(&ask, ERR_UNREACHABLE, "no TLS connection to 127.0.0.1:");
}

static void test_ca_file_that_is_not_there(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *url = mem_printf("https://127.0.0.1:%d/", f->server.port);
	struct ask ask = { 0 };
	struct http_request request = request_to(&ask, url);

	request.ca_file = "/nonexistent/ca.pem";
	ask_send(f, &request);
	finish(f, &ask);
	assert_failed(&ask, ERR_CONFIG, "/nonexistent/ca.pem");
	assert_false(ask.answer.advice.retry);
}

static void test_out_of_descriptors(void **state)
{
	struct fixture *f = *state;
	struct rlimit before;
	struct rlimit none;
	struct ask ask = { 0 };

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	ask_start(f, &ask);
	for (int i = 0; !ask.done && i < 10; i++) {
		http_step(f->http, f->now);
		collect(f);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(ask.done, 1);
	assert_failed(&ask, ERR_OS, "too many open files");
	assert_true(ask.answer.advice.retry);
	ask = ask_once(f);
	assert_int_equal(ask.answer.status, 200);
	buf_done(&ask.body);
}

static void test_waiting_for_others(void **state)
{
	struct fixture *f = *state;
	struct poll_fd fds[40];
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = (struct poll_fd){ .fd = pipes[0], .ready = true };
	fds[1] = (struct poll_fd){ .fd = pipes[1], .write = true };
	assert_true(http_wait(f->http, fds, ARRAY_LEN(fds), -1));
	assert_false(fds[0].ready);
	assert_true(fds[1].ready);
	assert_false(fds[39].ready);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_true(http_wait(f->http, fds, 1, -1));
	assert_true(fds[0].ready);
	assert_int_equal(read(pipes[0], &(char){ 0 }, 1), 1);
	assert_true(http_wait(f->http, fds, 1, 0));
	assert_false(fds[0].ready);
	/* the end of the other side wakes a reader as well */
	(void)close(pipes[1]);
	assert_true(http_wait(f->http, fds, 1, -1));
	assert_true(fds[0].ready);
	(void)close(pipes[0]);
}

static void test_free_with_calls_under_way(void **state)
{
	struct fixture *f = *state;
	struct ask asks[3] = { 0 };

	f->reply = NULL;
	for (size_t i = 0; i < ARRAY_LEN(asks); i++)
		ask_start(f, &asks[i]);
	until_requests(f, 2);
	http_free(f->http);
	for (size_t i = 0; i < ARRAY_LEN(asks); i++)
		assert_int_equal(asks[i].done, 0);
	http_free(NULL);
	f->http = http_new();
}

static void test_version(void **state)
{
	(void)state;
	assert_non_null(strstr(http_version(), "libcurl/"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole_answer),
		TEST(test_what_is_sent),
		TEST(test_no_key_no_header),
		TEST(test_each_its_own_terms),
		TEST(test_nothing_stays_of_the_last_one),
		TEST(test_silence_after_an_answer),
		TEST(test_chunked_with_trailers),
		TEST(test_cut_length),
		TEST(test_cut_chunked),
		TEST(test_cut_without_length),
		TEST(test_errors_without_length),
		TEST(test_words_with_a_password),
		TEST(test_nothing_at_all),
		TEST(test_length_too_small),
		TEST(test_not_http),
		TEST(test_interim_answers),
		TEST(test_redirect_is_not_followed),
		TEST(test_gzip),
		TEST(test_gzip_of_several_members),
		TEST(test_gzip_that_ends_early),
		TEST(test_encodings_that_were_not_asked_for),
		TEST(test_body_function_ends_the_transfer),
		TEST(test_kept_bodies_have_a_limit),
		TEST(test_large_answer_in_pieces),
		TEST(test_byte_by_byte),
		TEST(test_refused),
		TEST(test_unknown_name),
		TEST(test_bad_url),
		TEST(test_header_limit),
		TEST(test_silence),
		TEST(test_trickle),
		TEST(test_slow_head),
		TEST(test_endless),
		TEST(test_no_connection),
		TEST(test_cancel),
		TEST(test_cancel_before_anything),
		TEST(test_cancel_and_start_after_an_end),
		TEST(test_cancel_inside_body),
		TEST(test_several_at_once),
		TEST(test_one_connection_for_many),
		TEST(test_dropped_connections),
		TEST(test_kept_connection_closed_by_server),
		TEST(test_advice),
		TEST(test_a_403_that_is_a_429),
		TEST(test_link_to_the_next_page),
		TEST(test_retry_after_of_a_cut_answer),
		TEST(test_response_headers),
		TEST(test_proxy_that_refuses),
		TEST(test_proxy_that_refuses_plain_http),
		TEST(test_each_host_its_own_proxy),
		TEST(test_proxy_that_is_not_there),
		TEST(test_proxy_for_plain_http),
		TEST(test_tls_with_a_server_that_has_none),
		TEST(test_ca_file_that_is_not_there),
		TEST(test_out_of_descriptors),
		TEST(test_waiting_for_others),
		TEST(test_free_with_calls_under_way),
		TEST(test_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
