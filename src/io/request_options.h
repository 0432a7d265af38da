/*
 * The options of a request that are set in a handle of libcurl, which the next request with the
 * same ones takes as it is. Private to io/wire.
 */
#ifndef IO_REQUEST_OPTIONS_H
#define IO_REQUEST_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "io/http.h"

struct request_options {
	char *url; /* own */
	char *authorization; /* own, wiped; the whole header line; NULL: none */
	char *ca_file; /* own; NULL: none is named */
	char *proxy; /* own; NULL: none is named */
	int64_t connect_timeout_ms;
	bool bulky;
};

/* takes copies of the request's; `options` is zeroed */
void request_options_set(struct request_options *options, const struct http_request *request);
/* does the request have the same, but for the URL? */
bool request_options_match(
	const struct request_options *options, const struct http_request *request);
/* forgets them; the key is wiped */
void request_options_done(struct request_options *options);

#endif
