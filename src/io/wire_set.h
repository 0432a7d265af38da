/* The options of a handle of libcurl. Private to io/wire.c; with io/wire_error they are all that
 * sees libcurl.
 */
#ifndef IO_WIRE_SET_H
#define IO_WIRE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "io/request_options.h"

#define WIRE_QUICK_VERSION 0x075700 /* 7.87, the first that can leave a name look-up behind */
#define WIRE_HEADERS 4 /* of our own, at most */

struct curl_slist;

/*
 * Sets the options of a request in a new handle (CURL *), and those of all requests. `options` and
 * `headers` (room for WIRE_HEADERS) have to stay where they are as long as the handle has them.
 * `quick`: this libcurl has QUICK_EXIT. False: libcurl refuses something.
 */
bool wire_set(
	void *easy, const struct request_options *options, struct curl_slist *headers, bool quick);
/* from the start of the transfer; half of what is left of it is each address's */
bool wire_set_connect_timeout(void *easy, int64_t ms);

#endif
