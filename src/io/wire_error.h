/* How a transfer of libcurl ended, in our words. Private to io/wire.c. */
#ifndef IO_WIRE_ERROR_H
#define IO_WIRE_ERROR_H

#include <stdbool.h>

#include "base/err.h"
#include "core/net_error.h"

struct wire_end {
	int code; /* CURLcode, not CURLE_OK */
	const char *words; /* borrowed; libcurl's own, "": none */
	int socket_error; /* errno of the last socket(2) that failed; 0: none did */
	bool proxy; /* it went through one */
};

/* of a handle (CURL *); err stays as it is where a limit of time has passed
 * (NET_ERROR_LATE_CONNECT) */
enum net_error wire_error(
	void *easy, const struct wire_end *end, const char *place, struct err *err);

#endif
