#include "io/wire.h"

#include <curl/curl.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"

#define VERSION_QUICK_EXIT 0x075700 /* 7.87 */
#define SPARE_MAX 8

struct wire {
	CURLM *multi; /* own */
	CURL *spare[SPARE_MAX]; /* own; a handle costs more to make than to reset */
	size_t spare_count;
	bool quick; /* libcurl can leave a name look-up behind */
	bool inside; /* libcurl is at work: no handle can be taken out */
};

struct transfer {
	struct wire *wire; /* borrowed */
	CURL *easy; /* own */
	struct transfer_taker taker;
	struct curl_slist headers[2];
	char *authorization; /* own; NULL: none. Wiped */
	CURLcode code; /* once it has ended */
	bool ended;
	bool forgotten; /* its owner is gone: the taker is not called any more */
	bool proxy; /* one is configured */
	int port; /* that was connected to last; not the URL's when it is a proxy's */
	int socket_error; /* errno of the last socket(2) that failed */
	char detail[CURL_ERROR_SIZE];
};

/* libcurl's memory is ours: want of it never looks like an error of the network */
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

static CURLM *multi_new(void)
{
	CURLM *multi = curl_multi_init();

	if (multi == NULL)
		mem_die();
	return multi;
}

struct wire *wire_new(void)
{
	struct wire *wire = mem_alloc(sizeof(*wire));

	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_alloc, free, curl_realloc, mem_strdup,
		    curl_calloc) != CURLE_OK)
		mem_die();
	wire->quick = LIBCURL_VERSION_NUM >= VERSION_QUICK_EXIT &&
		      curl_version_info(CURLVERSION_NOW)->version_num >= VERSION_QUICK_EXIT;
	wire->multi = multi_new();
	return wire;
}

void wire_free(struct wire *wire)
{
	if (wire == NULL)
		return;
	(void)curl_multi_cleanup(wire->multi);
	while (wire->spare_count > 0)
		curl_easy_cleanup(wire->spare[--wire->spare_count]);
	curl_global_cleanup();
	free(wire);
}

void wire_renew(struct wire *wire)
{
	(void)curl_multi_cleanup(wire->multi);
	wire->multi = multi_new();
}

const char *wire_version(void)
{
	return curl_version();
}

static size_t on_head(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t len = size * count;

	if (transfer->forgotten || !transfer->taker.head(transfer->taker.arg, bytes, len))
		return 0;
	return len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t len = size * count;
	long status = 0;

	(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (transfer->forgotten || !transfer->taker.body(transfer->taker.arg, status, bytes, len))
		return 0;
	return len;
}

/* makes libcurl's sockets as libcurl would, but knows why that failed and leaves none to a child */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *peer)
{
	struct transfer *transfer = arg;
	int fd = socket(peer->family, peer->socktype, peer->protocol);
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	(void)purpose;
	if (fd < 0) {
		transfer->socket_error = errno;
		return CURL_SOCKET_BAD;
	}
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (peer->family == AF_INET) {
		memcpy(&in4, &peer->addr, sizeof(in4));
		transfer->port = ntohs(in4.sin_port);
	} else if (peer->family == AF_INET6) {
		memcpy(&in6, &peer->addr, sizeof(in6));
		transfer->port = ntohs(in6.sin6_port);
	}
	return fd;
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
		       curl_easy_setopt(easy, CURLOPT_CAPATH, (char *)NULL) == CURLE_OK;
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
		{ CURLOPT_BUFFERSIZE, 128 * 1024 },
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

/*
 * The key is a header of our own and not CURLOPT_XOAUTH2_BEARER, so that the one copy we keep can
 * be wiped. libcurl sends it to the URL's host only: not to a proxy that tunnels, and no redirect
 * is followed.
 */
static bool set_headers(struct transfer *transfer, const char *key)
{
	static char accept[] = "Accept: application/json";

	transfer->headers[0] = (struct curl_slist){ .data = accept };
	if (key != NULL) {
		transfer->authorization = mem_printf("Authorization: Bearer %s", key);
		transfer->headers[1] = (struct curl_slist){ .data = transfer->authorization };
		transfer->headers[0].next = &transfer->headers[1];
	}
	return curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK;
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

static bool set_callbacks(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	return curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->detail) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer) == CURLE_OK;
}

static bool set_request(struct transfer *transfer, const struct http_request *request, long fresh)
{
	CURL *easy = transfer->easy;

	transfer->proxy = request->proxy != NULL && request->proxy[0] != '\0';
	return set_callbacks(transfer) && set_manners(easy) &&
	       set_headers(transfer, request->key) && set_trust(easy, request->ca_file) &&
	       (!transfer->proxy ||
		       curl_easy_setopt(easy, CURLOPT_PROXY, request->proxy) == CURLE_OK) &&
	       (!transfer->wire->quick || set_quick_exit(easy, request->connect_timeout_ms)) &&
	       curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, fresh) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, fresh) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK;
}

struct transfer *transfer_start(struct wire *wire, const struct http_request *request, bool fresh,
	const struct transfer_taker *taker)
{
	struct transfer *transfer = mem_alloc(sizeof(*transfer));

	transfer->wire = wire;
	transfer->taker = *taker;
	transfer->easy =
		wire->spare_count > 0 ? wire->spare[--wire->spare_count] : curl_easy_init();
	if (transfer->easy == NULL)
		mem_die();
	if (!set_request(transfer, request, fresh ? 1 : 0) ||
		curl_multi_add_handle(wire->multi, transfer->easy) != CURLM_OK) {
		transfer->ended = true;
		transfer->code = CURLE_FAILED_INIT;
	}
	return transfer;
}

void transfer_spend(struct transfer *transfer)
{
	(void)curl_easy_setopt(transfer->easy, CURLOPT_FORBID_REUSE, 1L);
}

static int64_t info_number(const struct transfer *transfer, CURLINFO info)
{
	curl_off_t value = 0;

	(void)curl_easy_getinfo(transfer->easy, info, &value);
	return value;
}

void transfer_see(const struct transfer *transfer, struct transfer_sight *ret)
{
	long head_bytes = 0;

	*ret = (struct transfer_sight){ .ended = transfer->ended };
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &ret->status);
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_HEADER_SIZE, &head_bytes);
	ret->connected = info_number(transfer, CURLINFO_PRETRANSFER_TIME_T) != 0;
	ret->bytes =
		(uint64_t)head_bytes + (uint64_t)info_number(transfer, CURLINFO_SIZE_DOWNLOAD_T);
	ret->resolve_us = info_number(transfer, CURLINFO_NAMELOOKUP_TIME_T);
	ret->connect_us = info_number(transfer, CURLINFO_CONNECT_TIME_T);
	ret->tls_us = info_number(transfer, CURLINFO_APPCONNECT_TIME_T);
	ret->looking_up = ret->resolve_us == 0;
}

int transfer_place(const struct transfer *transfer, char place[WIRE_PLACE_MAX])
{
	CURLU *url = curl_url();
	char *effective = NULL;
	char *host = NULL;
	char *port = NULL;
	int64_t number = 0;

	(void)snprintf(place, WIRE_PLACE_MAX, "the server");
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &effective);
	if (url != NULL && effective != NULL &&
		curl_url_set(url, CURLUPART_URL, effective, 0) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		parse_int(port, 0, 65535, &number))
		(void)snprintf(place, WIRE_PLACE_MAX, "%.255s:%s", host, port);
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
	{ CURLE_OPERATION_TIMEDOUT, FAULT_LATE_CONNECT, false },
	{ CURLE_SSL_CONNECT_ERROR, FAULT_TLS, true },
	{ CURLE_PEER_FAILED_VERIFICATION, FAULT_UNTRUSTED, true },
	{ CURLE_SSL_CACERT_BADFILE, FAULT_CA_FILE, true },
	{ CURLE_GOT_NOTHING, FAULT_EMPTY, false },
	{ CURLE_SEND_ERROR, FAULT_BROKEN, true },
	{ CURLE_RECV_ERROR, FAULT_BROKEN, true },
	{ CURLE_HTTP2, FAULT_BROKEN, true },
	{ CURLE_HTTP2_STREAM, FAULT_BROKEN, true },
	{ CURLE_PARTIAL_FILE, FAULT_CUT, true },
	{ CURLE_BAD_CONTENT_ENCODING, FAULT_ENCODING, true },
	/* as memory is never wanting here, these are libcurl's own limits for a header line */
	{ CURLE_OUT_OF_MEMORY, FAULT_HEADER, false },
#if LIBCURL_VERSION_NUM >= 0x080600
	{ CURLE_TOO_LARGE, FAULT_HEADER, false },
#endif
};

/* a full table of descriptors also looks like a name that cannot be found */
static bool no_descriptors(const struct transfer *transfer)
{
	cleanup_fd int probe = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	return transfer->socket_error == EMFILE || transfer->socket_error == ENFILE ||
	       (probe < 0 && errno == EMFILE);
}

/* libcurl's words without the head that our own words replace */
static const char *transfer_detail(const struct transfer *transfer)
{
	static const char *const heads[] = {
		"SSL certificate problem: ", "SSL: ", "Recv failure: ", "Send failure: "
	};
	const char *text =
		transfer->detail[0] != '\0' ? transfer->detail : curl_easy_strerror(transfer->code);

	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		if (strncmp(text, heads[i], strlen(heads[i])) == 0)
			return text + strlen(heads[i]);
	return text;
}

/* what libcurl could not connect to, and why; `port` is the URL's */
static enum fault connect_fault(const struct transfer *transfer, int port, const char **ret_detail)
{
	bool proxy = transfer->proxy || (transfer->port != 0 && transfer->port != port);
	long number = 0;

	if (no_descriptors(transfer))
		return FAULT_DESCRIPTORS;
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
	if (number != 0)
		*ret_detail = strerror((int)number);
	return proxy ? FAULT_PROXY_CONNECT : FAULT_CONNECT;
}

bool transfer_fault(const struct transfer *transfer, enum fault *ret, struct err *err)
{
	const char *detail = transfer_detail(transfer);
	char place[WIRE_PLACE_MAX];
	long tunnel = 0;
	int port;

	if (transfer->code == CURLE_OK)
		return false;
	*ret = FAULT_OTHER;
	for (size_t i = 0; i < ARRAY_LEN(fault_codes); i++)
		if (fault_codes[i].code == transfer->code) {
			*ret = fault_codes[i].fault;
			detail = fault_codes[i].detail ? detail : NULL;
		}
	port = transfer_place(transfer, place);
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
	if (tunnel >= 300)
		*ret = FAULT_PROXY_REFUSED;
	else if (*ret == FAULT_LOOKUP && no_descriptors(transfer))
		*ret = FAULT_DESCRIPTORS;
	else if (*ret == FAULT_CONNECT)
		*ret = connect_fault(transfer, port, &detail);
	if (*ret != FAULT_LATE_CONNECT)
		fault_describe(*ret, place, detail, err);
	return true;
}

bool transfer_free(struct transfer *transfer)
{
	struct wire *wire = transfer->wire;

	transfer->forgotten = true;
	if (wire->inside || (!wire->quick && !transfer->ended &&
				    info_number(transfer, CURLINFO_NAMELOOKUP_TIME_T) == 0))
		return false;
	(void)curl_multi_remove_handle(wire->multi, transfer->easy);
	/* after a failed look-up a handle keeps its buffer, and takes no size for it */
	if (transfer->ended && transfer->code == CURLE_OK && wire->spare_count < SPARE_MAX) {
		curl_easy_reset(transfer->easy);
		wire->spare[wire->spare_count++] = transfer->easy;
	} else {
		curl_easy_cleanup(transfer->easy);
	}
	if (transfer->authorization != NULL)
		mem_wipe(transfer->authorization, strlen(transfer->authorization));
	free(transfer->authorization);
	free(transfer);
	return true;
}

void wire_perform(struct wire *wire)
{
	CURLMsg *message;
	int count;

	wire->inside = true;
	(void)curl_multi_perform(wire->multi, &count);
	wire->inside = false;
	while ((message = curl_multi_info_read(wire->multi, &count)) != NULL) {
		char *private = NULL; /* libcurl hands the pointer back as a char * */
		struct transfer *transfer;

		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		transfer = (struct transfer *)(void *)private;
		transfer->ended = true;
		transfer->code = message->data.result;
	}
}

bool wire_wait(struct wire *wire, struct http_fd *fds, size_t count, int64_t timeout_ms)
{
	struct curl_waitfd few[16];
	cleanup_free struct curl_waitfd *many = NULL;
	struct curl_waitfd *wait = few;
	int ms = timeout_ms < 0 || timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
	bool good;

	if (count > ARRAY_LEN(few)) {
		many = mem_alloc(count * sizeof(*many));
		wait = many;
	}
	for (size_t i = 0; i < count; i++)
		wait[i] = (struct curl_waitfd){ .fd = fds[i].fd,
			.events = fds[i].write ? CURL_WAIT_POLLOUT : CURL_WAIT_POLLIN };
	good = curl_multi_poll(wire->multi, wait, (unsigned int)count, ms, NULL) == CURLM_OK;
	for (size_t i = 0; i < count; i++)
		fds[i].ready = wait[i].revents != 0;
	return good;
}
