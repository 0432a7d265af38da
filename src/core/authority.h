/* The authority of a URL, host[:port], as far as it is judged here. */
#ifndef CORE_AUTHORITY_H
#define CORE_AUTHORITY_H

#include <stdbool.h>
#include <stddef.h>

#define AUTHORITY_HOST_MAX 255

struct authority {
	char host[AUTHORITY_HOST_MAX + 1]; /* without the brackets of an IPv6 address */
	bool bracketed;
};

/* reads host[:port] of `len` bytes; false: it is none */
bool authority_read(const char *text, size_t len, struct authority *ret);
/* is it this machine: 127.0.0.0/8, ::1 or localhost? */
bool authority_is_loopback(const struct authority *authority);

#endif
