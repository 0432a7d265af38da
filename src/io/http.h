/* HTTP requests, several at once, and the one blocking call of the program. */
#ifndef IO_HTTP_H
#define IO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "core/response_headers.h"
#include "io/proxy.h"

#define HTTP_ERROR_MAX (64 * 1024) /* bytes of the body of an answer other than 200 */

struct http; /* one curl_multi and its connections */
struct http_call; /* one request under way */

/*
 * How a server wants to be asked again; times in milliseconds. That of a 401 or 403 is as for a
 * 503: whether it is the API that refuses, only the body says (io/api).
 */
struct http_advice {
	bool retry; /* worth another try: connection error, 408, 409, 429, 5xx, or x-should-retry */
	int64_t after_ms; /* the server's own wish, clamped to 100 ms .. 5 min; -1: none said */
	bool refused; /* by the proxy, as our password is wrong; a directory locks the account of
			 who tries it often */
};

struct http_answer {
	long status; /* 0: no complete answer, see err; set too where not all of it was wanted */
	struct buf body; /* own; what the request's function did not get */
	bool json; /* the Content-Type names JSON */
	bool limited; /* a 403 whose headers make it a 429 */
	bool wanted; /* x-should-retry: true */
	bool more; /* a Link names a next page */
	struct err err; /* ERR_NONE: the answer is whole. Else why not: ERR_UNREACHABLE, ERR_OS for
			   want of descriptors, ERR_PROTOCOL for an answer past a limit, ERR_CONFIG
			   for a ca_file */
	struct http_advice advice;
	char request_id[HEADER_ID_MAX]; /* x-request-id or x-telnyx-request-id, printable; "" when
					 absent */
	char origin[HEADER_ORIGIN_MAX]; /* scheme://host:port that a Location names; "" when there
					 is none */
	char proxy[PROXY_TEXT_MAX]; /* it was asked through, as proxy_describe() says it; "": none
				     */
	int64_t date_us; /* the Date header; STAMP_NONE when absent or unreadable */
	uint64_t bytes; /* decompressed bytes of the body */
	double tls_s; /* seconds until TLS was up; 0 for plain http */
	double resolve_s; /* seconds until the name was resolved */
	double connect_s;
};

/* body bytes of an answer 200 as they come; false ends the transfer: the taker has seen enough and
 * knows why */
typedef bool (*http_body_fn)(void *arg, const char *bytes, size_t len);

struct http_request {
	const char *url; /* borrowed until http_start returns, as all texts here */
	const char *key; /* Bearer token; NULL: no Authorization header */
	const char *ca_file; /* "" or NULL: the system's, or $SSL_CERT_FILE, $CURL_CA_BUNDLE */
	const char *proxy; /* "" or NULL: what the environment says, see io/proxy */
	int64_t timeout_ms; /* to the first byte, and any stretch under 10 kB/s; whole answer ten
			       times */
	int64_t connect_timeout_ms;
	bool bulky; /* the answer may have megabytes: it is read in large pieces */
	http_body_fn body; /* NULL: the body is kept with the answer */
	void *arg;
	size_t body_max; /* bytes of an answer 200 that are kept; more end it. 0: none are kept */
};

struct http *http_new(void);
void http_free(struct http *http); /* ends every call; NULL is fine */
CLEANUP_DEFINE(http_cleanup, struct http *, http_free)
/* starts a request, which is the caller's to release; it ends in a later step, even when it fails
 * at once */
struct http_call *http_start(
	struct http *http, const struct http_request *request, struct instant now);
/* the answer of a call that has ended, borrowed until it is released; NULL: it is under way */
const struct http_answer *http_ended(const struct http_call *call);
/* forgets a call, ended or not: its body is not called again */
void http_release(struct http *http, struct http_call *call);
/* after a suspend or a new key: no connection made before now is used again */
void http_drop_connections(struct http *http);
/* a key that requests were made with is not to be used again: no copy of it is kept */
void http_forget_keys(struct http *http);
/* lets libcurl work, ends calls that are past their time */
void http_step(struct http *http, struct instant now);
/* was a call started since the last http_step()? Then another one sends it now */
bool http_started(const struct http *http);
/* when http_step must be called again at the latest, for our own time limits; INSTANT_NEVER: none.
 * A call that has ended waits for nobody */
int64_t http_next(const struct http *http);

struct poll_fd {
	int fd;
	bool write; /* wait for writable, else for readable */
	bool hangup; /* wait for neither: only its end wakes, as of a pipe that nobody reads */
	bool ready; /* result */
};
/*
 * The one blocking call of the program: waits until a socket, one of `fds` or the time is ready.
 * `timeout_ms` < 0: no limit. It ends sooner while there is no connection. False only on a
 * failure of poll itself.
 */
bool http_wait(struct http *http, struct poll_fd *fds, size_t count, int64_t timeout_ms);
/* "libcurl/7.88.1 …" for --version */
const char *http_version(void);

#endif
