/* What the body of an error answer says, in words for people. */
#ifndef IO_ERROR_BODY_H
#define IO_ERROR_BODY_H

#include <stddef.h>

#include "base/buf.h"

/*
 * Adds what the body says, as one line fit for a terminal, as long as it takes; nothing when it
 * says nothing. Knows Telnyx's `errors` (a list, or an object keyed by field), FastAPI's `detail`,
 * problem+json and the usual `error` and `message`; of HTML its title, of anything else its first
 * bytes.
 */
void error_body_words(const char *body, size_t len, struct buf *out);

#endif
