/* The head of an HTTP answer: what taskbell reads of it, line by line as it comes. */
#ifndef CORE_RESPONSE_HEADERS_H
#define CORE_RESPONSE_HEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/retry_after.h"

#define HEADER_LINE_MAX (64 * 1024)
#define HEADER_ID_MAX 128
#define HEADER_ORIGIN_MAX 128

enum content_encoding { ENCODING_NONE, ENCODING_GZIP, ENCODING_OTHER };

struct response_headers {
	struct retry_after retry;
	int64_t date_us; /* Date; STAMP_NONE: absent or not readable */
	char request_id[HEADER_ID_MAX]; /* printable ASCII; "" when absent */
	bool own_id; /* it is from x-request-id, which goes before the vendor's own name */
	char origin[HEADER_ORIGIN_MAX]; /* Location as scheme://host:port, printable ASCII without
					 blanks; "" when absent, relative or longer */
	bool odd_length; /* a Content-Length that is no length */
	bool framed; /* it says where the body ends: else that is the end of the connection */
	enum content_encoding encoding; /* Content-Encoding */
	bool json; /* Content-Type names JSON */
	bool more; /* a Link names a next page */
	bool interim; /* these lines belong to a 1xx answer; another one follows */
	bool closed; /* the head has ended: what comes now are trailers, and do not count */
};

/* forgets everything */
void response_headers_start(struct response_headers *headers);
/* one whole line, with or without its line end; a status line starts the head anew */
void response_headers_line(
	struct response_headers *headers, const char *line, size_t len, int64_t wall_ms);

#endif
