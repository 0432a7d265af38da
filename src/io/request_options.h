/*
 * The terms of a request, as far as they are set in a handle of the wire: a repeated request finds
 * a handle with the same terms and need not set them again.
 */
#ifndef IO_REQUEST_OPTIONS_H
#define IO_REQUEST_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "io/http.h"

struct request_options {
	char *url; /* own; NULL: no terms are set */
	char *authorization; /* own, wiped; the whole header line; NULL: none */
	char *ca_file; /* own; NULL: none is named */
	char *proxy; /* own; NULL: none is named */
	int64_t connect_timeout_ms;
	bool bulky;
};

enum request_options_match {
	OPTIONS_OTHER,
	OPTIONS_OTHER_URL, /* all but that is the same */
	OPTIONS_SAME,
};

/* takes copies of the request's, for what was set before */
void request_options_set(struct request_options *options, const struct http_request *request);
void request_options_set_url(struct request_options *options, const char *url);
enum request_options_match request_options_match(
	const struct request_options *options, const struct http_request *request);
/* forgets them; the key is wiped */
void request_options_done(struct request_options *options);

#endif
