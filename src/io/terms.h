/*
 * The terms of a request, as far as they are set in a handle of the wire: a repeated request finds
 * a handle with the same terms and need not set them again.
 */
#ifndef IO_TERMS_H
#define IO_TERMS_H

#include <stdbool.h>
#include <stdint.h>

#include "io/http.h"

struct terms {
	char *url; /* own; NULL: no terms are set */
	char *authorization; /* own, wiped; the whole header line; NULL: none */
	char *ca_file; /* own; NULL: none is named */
	char *proxy; /* own; NULL: none is named */
	int64_t connect_timeout_ms;
	bool bulky;
};

enum terms_match {
	TERMS_OTHER,
	TERMS_OTHER_URL, /* all but that is the same */
	TERMS_SAME,
};

/* takes copies of the request's, for what was set before */
void terms_set(struct terms *terms, const struct http_request *request);
void terms_set_url(struct terms *terms, const char *url);
enum terms_match terms_match(const struct terms *terms, const struct http_request *request);
/* forgets them; the key is wiped */
void terms_done(struct terms *terms);

#endif
