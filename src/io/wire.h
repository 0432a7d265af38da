/*
 * libcurl, from 7.81 on (the only file that sees it): moves the bytes of several transfers at once
 * and says what became of them. What an answer means and how long it may take is io/http's
 * business.
 */
#ifndef IO_WIRE_H
#define IO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/net_error.h"
#include "io/http.h"

#define WIRE_PLACE_MAX 320

struct wire; /* one multi handle and its connections */
struct transfer; /* one easy handle at work */

/* called from within libcurl: false ends the transfer */
struct transfer_taker {
	bool (*head)(void *arg, const char *line, size_t len);
	bool (*body)(void *arg, long status, const char *bytes, size_t len);
	void *arg;
};

struct transfer_info {
	bool ended; /* libcurl does no more with it */
	bool looking_up; /* the name is not resolved yet */
	bool connected; /* TLS included */
	long status; /* of the last status line; 0: none yet */
	uint64_t bytes; /* received: head, and body before decompression */
	int64_t resolve_us; /* microseconds from the start; 0: not yet, or no TLS */
	int64_t connect_us;
	int64_t tls_us;
};

struct wire *wire_new(void);
/* no transfer may be left in it */
void wire_free(struct wire *wire);
/* closes all connections; no transfer may be left in it */
void wire_renew(struct wire *wire);
/* no key is kept for a transfer to come */
void wire_forget(struct wire *wire);
/* moves what can be moved now; never blocks */
void wire_perform(struct wire *wire);
/* waits for its sockets and those of `fds`; see http_wait */
bool wire_wait(struct wire *wire, struct poll_fd *fds, size_t count, int64_t timeout_ms);
const char *wire_version(void);

/* starts it; one that libcurl refuses has ended at once. The environment names no proxy here: that
 * of the request is used, or none. `fresh`: on a connection of its own */
struct transfer *transfer_start(struct wire *wire, const struct http_request *request, bool fresh,
	const struct transfer_taker *taker);
/* its connection is not used again afterwards */
void transfer_forbid_reuse(struct transfer *transfer);
/* until libcurl was let work, figures may be those of an earlier transfer */
void transfer_read_info(const struct transfer *transfer, struct transfer_info *ret);
bool transfer_ended(const struct transfer *transfer); /* as transfer_read_info() says it */
/*
 * What went wrong with a transfer that has ended; false when libcurl knows of nothing. A limit of
 * time (NET_ERROR_LATE_CONNECT) leaves err to the caller, who knows the limits.
 */
bool transfer_error(const struct transfer *transfer, enum net_error *ret, struct err *err);
/* "host:port" of its URL, never a key, a query or the name and password of a URL */
void transfer_place(const struct transfer *transfer, char place[WIRE_PLACE_MAX]);
/*
 * To be said of each transfer, `elapsed_ms` after its start, before libcurl is let work: an old
 * libcurl would wait for the end of a name look-up when its own limit passes. There the limit moves
 * along, and only the caller's counts.
 */
void transfer_extend(struct transfer *transfer, int64_t elapsed_ms);
/*
 * Ends it and forgets it. False when that cannot be done now: from within libcurl, or when an old
 * libcurl would wait for the end of a name look-up. Then try again later; the taker is not called
 * any more.
 */
bool transfer_free(struct transfer *transfer);

#endif
