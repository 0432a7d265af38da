/*
 * Which proxy a request goes through, and where that is said: in the configuration, or in the
 * variables of the environment that curl(1) reads. Decided here and told to libcurl, so that what
 * an error names is what was used.
 */
#ifndef IO_PROXY_H
#define IO_PROXY_H

#include "base/err.h"

#define PROXY_TEXT_MAX 320

struct proxy {
	const char *url; /* borrowed, of the configuration or the environment; NULL: none */
	const char *from; /* "the configuration" or the name of a variable */
};

/*
 * `configured`: NULL or "": none is. no_proxy counts for both; plain http to this machine takes
 * none from the environment, where whoever stands behind it would see the key.
 */
struct proxy proxy_choose(const char *url, const char *configured);
/* "http://host:3128, from https_proxy", never a user or password; "" when there is none */
void proxy_describe(const struct proxy *proxy, char text[PROXY_TEXT_MAX]);
/* adds what was described, if anything, to what was wrong with an answer or with what it says */
void proxy_name(const char *described, struct err *err);

#endif
