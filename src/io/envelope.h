/* What an answer says beside its list: errors, and that there is more. */
#ifndef IO_ENVELOPE_H
#define IO_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct envelope {
	bool errors; /* `errors` or `error` says something; error_body_words() puts it into words */
	bool more; /* a next page, more pages than this one, or has_more */
};

/* `bytes` is a document that was found valid, with or without its list of so many elements */
struct envelope envelope_read(const char *bytes, size_t len, uint64_t elements);

#endif
