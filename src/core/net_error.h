/* What can go wrong between us and a server, in words: one line, the place, the remedy where there
 * is one. */
#ifndef CORE_NET_ERROR_H
#define CORE_NET_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* name, error kind, may pass by itself, text before the place, text after it, remedy */
#define NET_ERRORS(X)                                                                              \
	X(URL, CONFIG, false, "the URL of ", " cannot be used", "")                                \
	X(LOOKUP, UNREACHABLE, true, "cannot look up the name of ", "", "")                        \
	X(PROXY_LOOKUP, UNREACHABLE, true, "cannot look up the name of the proxy for ", "", "")    \
	X(CONNECT, UNREACHABLE, true, "cannot connect to ", "", "")                                \
	X(PROXY_CONNECT, UNREACHABLE, true, "cannot connect to the proxy for ", "", "")            \
	X(PROXY_REFUSED, UNREACHABLE, true, "the proxy does not connect us to ", "", "")           \
	X(PROXY_AUTH, UNREACHABLE, false, "the proxy for ",                                        \
		" wants another name and password than ours and is asked every 5 min at most", "") \
	X(TLS, UNREACHABLE, true, "no TLS connection to ", "", "")                                 \
	X(UNTRUSTED, UNREACHABLE, false, "the certificate of ", " is not trusted",                 \
		" (a private authority is named by ca_file)")                                      \
	X(CA_FILE, CONFIG, false, "cannot judge the certificate of ", "", " (see ca_file)")        \
	X(EMPTY, UNREACHABLE, true, "", " closed the connection without an answer", "")            \
	X(BROKEN, UNREACHABLE, true, "the connection to ", " broke", "")                           \
	X(CUT, UNREACHABLE, true, "the answer of ", " was cut short", "")                          \
	X(NOT_HTTP, UNREACHABLE, true, "", " does not answer in HTTP", "")                         \
	X(ENCODING, UNREACHABLE, true, "the answer of ", " cannot be decompressed", "")            \
	X(HEADER, PROTOCOL, false, "the answer of ", " has a header line over 64 KiB", "")         \
	X(LENGTH, UNREACHABLE, true, "the answer of ", " has a Content-Length that is none", "")   \
	X(TOO_LONG, PROTOCOL, false, "the answer of ", " is longer than 1 MiB", "")                \
	X(STOPPED, PROTOCOL, false, "the answer of ", " was not read to its end", "")              \
	X(DESCRIPTORS, OS, true, "cannot connect to ", ": too many open files", "")                \
	X(OTHER, UNREACHABLE, true, "the request to ", " failed", "")                              \
	X(LATE_LOOKUP, UNREACHABLE, true, "the name look-up for ", " did not end", "")             \
	X(LATE_CONNECT, UNREACHABLE, true, "no connection to ", "", "")                            \
	X(LATE_ANSWER, UNREACHABLE, true, "no answer from ", "", "")                               \
	X(LATE_SLOW, UNREACHABLE, true, "the answer of ", " did not reach 10 kB/s", "")            \
	X(LATE_END, UNREACHABLE, true, "the answer of ", " was not complete", "")

enum net_error {
#define NET_ERROR_ENUM(name, kind, passes, before, after, remedy) NET_ERROR_##name,
	NET_ERRORS(NET_ERROR_ENUM)
#undef NET_ERROR_ENUM
};

/* `place` is host:port; `detail` follows after ": ", its first letter small and without
 * a full stop; NULL or "": none */
void net_error_describe(
	enum net_error error, const char *place, const char *detail, struct err *err);
/* of the LATE_ ones: "no answer from host:443 within 30s" */
void net_error_late(enum net_error error, const char *place, int64_t limit_ms, struct err *err);
/* may it pass by itself? Then the request is worth another try */
bool net_error_passes(enum net_error error);

#endif
