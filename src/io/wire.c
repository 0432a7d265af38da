#include "io/wire.h"

#include <curl/curl.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "io/request_options.h"
#include "io/wire_error.h"
#include "io/wire_set.h"

#define SPARE_MAX 8

/* CURLMOPT_QUICK_EXIT of libcurl 8.20, by its number: the libcurl at hand may be newer than the
 * header that was built with */
#define MULTI_QUICK_EXIT ((CURLMoption)(CURLOPTTYPE_LONG + 21))

struct wire {
	CURLM *multi; /* own */
	/* own; setting up a handle costs some 30 options, which the next poll has alike */
	struct transfer *spare[SPARE_MAX];
	size_t spare_count;
	bool quick; /* libcurl can leave a name look-up behind */
	bool inside; /* libcurl is at work: no handle can be taken out */
};

struct transfer {
	struct wire *wire; /* borrowed */
	CURL *easy; /* own */
	struct transfer_taker taker;
	struct request_options options; /* that the handle has */
	struct curl_slist headers[WIRE_HEADERS];
	bool set; /* libcurl took all options */
	bool no_reuse; /* its connection is not used again */
	CURLcode code; /* once it has ended */
	bool ended;
	bool forgotten; /* its owner is gone: the taker is not called any more */
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

static void transfer_destroy(struct transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	request_options_done(&transfer->options);
	free(transfer);
}

static CURLM *multi_new(void)
{
	CURLM *multi = curl_multi_init();

	if (multi == NULL)
		mem_die();
	/* its cleanup would wait for the threads that look names up; a libcurl without such threads
	 * does not know this and refuses it */
	(void)curl_multi_setopt(multi, MULTI_QUICK_EXIT, 1L);
	return multi;
}

struct wire *wire_new(void)
{
	struct wire *wire = mem_alloc(sizeof(*wire));

	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_alloc, free, curl_realloc, mem_strdup,
		    curl_calloc) != CURLE_OK)
		mem_die();
	wire->quick = curl_version_info(CURLVERSION_NOW)->version_num >= WIRE_QUICK_VERSION;
	wire->multi = multi_new();
	return wire;
}

void wire_forget(struct wire *wire)
{
	while (wire->spare_count > 0)
		transfer_destroy(wire->spare[--wire->spare_count]);
}

void wire_free(struct wire *wire)
{
	if (wire == NULL)
		return;
	(void)curl_multi_cleanup(wire->multi);
	wire_forget(wire);
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

	(void)purpose;
	if (fd < 0) {
		transfer->socket_error = errno;
		return CURL_SOCKET_BAD;
	}
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
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

/* a spare one that was made with the same options, which get another URL, or a new one */
static struct transfer *transfer_take(struct wire *wire, const struct http_request *request)
{
	struct transfer *transfer;

	for (size_t i = 0; i < wire->spare_count; i++) {
		transfer = wire->spare[i];
		if (!request_options_match(&transfer->options, request))
			continue;
		wire->spare[i] = wire->spare[--wire->spare_count];
		free(transfer->options.url);
		transfer->options.url = mem_strdup(request->url);
		return transfer;
	}
	transfer = mem_alloc(sizeof(*transfer));
	transfer->wire = wire;
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL)
		mem_die();
	request_options_set(&transfer->options, request);
	transfer->set = set_callbacks(transfer) && wire_set(transfer->easy, &transfer->options,
							   transfer->headers, wire->quick);
	return transfer;
}

struct transfer *transfer_start(struct wire *wire, const struct http_request *request, bool fresh,
	const struct transfer_taker *taker)
{
	struct transfer *transfer = transfer_take(wire, request);
	long no_reuse = fresh ? 1 : 0;
	CURL *easy = transfer->easy;

	transfer->taker = *taker;
	transfer->no_reuse = fresh;
	transfer->code = CURLE_OK;
	transfer->ended = false;
	transfer->forgotten = false;
	transfer->socket_error = 0;
	transfer->detail[0] = '\0';
	if (!transfer->set ||
		curl_easy_setopt(easy, CURLOPT_URL, transfer->options.url) != CURLE_OK ||
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, no_reuse) != CURLE_OK ||
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, no_reuse) != CURLE_OK ||
		curl_multi_add_handle(wire->multi, easy) != CURLM_OK) {
		transfer->ended = true;
		transfer->code = CURLE_FAILED_INIT;
	}
	return transfer;
}

void transfer_forbid_reuse(struct transfer *transfer)
{
	transfer->no_reuse = true;
	(void)curl_easy_setopt(transfer->easy, CURLOPT_FORBID_REUSE, 1L);
}

static int64_t info_number(const struct transfer *transfer, CURLINFO info)
{
	curl_off_t value = 0;

	(void)curl_easy_getinfo(transfer->easy, info, &value);
	return value;
}

void transfer_read_info(const struct transfer *transfer, struct transfer_info *ret)
{
	long header_bytes = 0;

	*ret = (struct transfer_info){ .ended = transfer->ended };
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &ret->status);
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_HEADER_SIZE, &header_bytes);
	ret->connected = info_number(transfer, CURLINFO_PRETRANSFER_TIME_T) != 0;
	ret->bytes =
		(uint64_t)header_bytes + (uint64_t)info_number(transfer, CURLINFO_SIZE_DOWNLOAD_T);
	ret->resolve_us = info_number(transfer, CURLINFO_NAMELOOKUP_TIME_T);
	ret->connect_us = info_number(transfer, CURLINFO_CONNECT_TIME_T);
	ret->tls_us = info_number(transfer, CURLINFO_APPCONNECT_TIME_T);
	ret->looking_up = ret->resolve_us == 0;
}

bool transfer_ended(const struct transfer *transfer)
{
	return transfer->ended;
}

void transfer_place(const struct transfer *transfer, char place[WIRE_PLACE_MAX])
{
	CURLU *url = curl_url();
	char *host = NULL;
	char *port = NULL;

	(void)snprintf(place, WIRE_PLACE_MAX, "the server");
	if (url != NULL &&
		curl_url_set(url, CURLUPART_URL, transfer->options.url, 0) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
		(void)snprintf(place, WIRE_PLACE_MAX, "%.255s:%s", host, port);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
}

bool transfer_error(const struct transfer *transfer, enum net_error *ret, struct err *err)
{
	struct wire_end end = {
		.code = (int)transfer->code,
		.words = transfer->detail,
		.socket_error = transfer->socket_error,
		.proxy = transfer->options.proxy != NULL,
	};
	char place[WIRE_PLACE_MAX];

	if (transfer->code == CURLE_OK)
		return false;
	transfer_place(transfer, place);
	*ret = wire_error(transfer->easy, &end, place, err);
	return true;
}

static bool looking_up(const struct transfer *transfer)
{
	return info_number(transfer, CURLINFO_NAMELOOKUP_TIME_T) == 0;
}

void transfer_extend(struct transfer *transfer, int64_t elapsed_ms)
{
	if (!transfer->wire->quick && !transfer->ended && looking_up(transfer))
		(void)wire_set_connect_timeout(
			transfer->easy, transfer->options.connect_timeout_ms + elapsed_ms);
}

bool transfer_free(struct transfer *transfer)
{
	struct wire *wire = transfer->wire;
	long status = 0;

	transfer->forgotten = true;
	if (wire->inside || (!wire->quick && !transfer->ended && looking_up(transfer)))
		return false;
	(void)curl_multi_remove_handle(wire->multi, transfer->easy);
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	/* what is not asked again just like that, as with a key that was refused, leaves no trace;
	 * and after a failed look-up a handle keeps its buffer, and takes no size for it */
	if (!transfer->ended || transfer->code != CURLE_OK || transfer->no_reuse || status != 200) {
		transfer_destroy(transfer);
		return true;
	}
	if (wire->spare_count == SPARE_MAX)
		transfer_destroy(wire->spare[--wire->spare_count]);
	wire->spare[wire->spare_count++] = transfer;
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

static short wait_events(const struct poll_fd *fd)
{
	if (fd->write)
		return CURL_WAIT_POLLOUT;
	return fd->hangup ? 0 : CURL_WAIT_POLLIN;
}

bool wire_wait(struct wire *wire, struct poll_fd *fds, size_t count, int64_t timeout_ms)
{
	struct curl_waitfd few[16];
	cleanup_free struct curl_waitfd *many = NULL;
	struct curl_waitfd *wait = few;
	int ms = timeout_ms < 0 || timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
	bool good;

	if (count > ARRAY_LEN(few)) {
		many = mem_array(count, sizeof(*many));
		wait = many;
	}
	for (size_t i = 0; i < count; i++)
		wait[i] = (struct curl_waitfd){ .fd = fds[i].fd, .events = wait_events(&fds[i]) };
	good = curl_multi_poll(wire->multi, wait, (unsigned int)count, ms, NULL) == CURLM_OK;
	for (size_t i = 0; i < count; i++)
		fds[i].ready = wait[i].revents != 0;
	return good;
}
