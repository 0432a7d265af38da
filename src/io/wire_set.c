#include "io/wire_set.h"

#include <curl/curl.h>

#include <limits.h>
#include <stdlib.h>

#include "base/mem.h"

/* CURLOPT_QUICK_EXIT by its number: the libcurl at hand may be newer than the header that was built
 * with */
#define EASY_QUICK_EXIT ((CURLoption)(CURLOPTTYPE_LONG + 322))

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* a list of certificates replaces the system's; the variables are those of curl(1) */
static bool set_trust(CURL *easy, const char *ca_file)
{
	const char *file = environment("CURL_CA_BUNDLE");
	const char *dir = file == NULL ? environment("SSL_CERT_DIR") : NULL;
	bool good = true;

	if (ca_file != NULL)
		return curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) == CURLE_OK &&
		       curl_easy_setopt(easy, CURLOPT_CAPATH, (char *)NULL) == CURLE_OK;
	if (file == NULL)
		file = environment("SSL_CERT_FILE");
	if (file != NULL)
		good = curl_easy_setopt(easy, CURLOPT_CAINFO, file) == CURLE_OK;
	if (dir != NULL)
		good = curl_easy_setopt(easy, CURLOPT_CAPATH, dir) == CURLE_OK && good;
	return good;
}

/* what all requests have in common */
static bool set_common(CURL *easy)
{
	static const struct {
		CURLoption option;
		long value;
	} common[] = {
		{ CURLOPT_NOSIGNAL, 1 },
		{ CURLOPT_FOLLOWLOCATION, 0 },
		{ CURLOPT_NETRC, CURL_NETRC_IGNORED },
		{ CURLOPT_SSL_VERIFYPEER, 1 },
		{ CURLOPT_SSL_VERIFYHOST, 2 },
		{ CURLOPT_HTTP09_ALLOWED, 0 },
		{ CURLOPT_PATH_AS_IS, 1 },
		{ CURLOPT_HTTP_CONTENT_DECODING, 0 }, /* see io/gunzip */
		{ CURLOPT_SUPPRESS_CONNECT_HEADERS, 1 },
#if LIBCURL_VERSION_NUM < 0x075500
		{ CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS },
#endif
	};
	bool good = true;

	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		good = curl_easy_setopt(easy, common[i].option, common[i].value) == CURLE_OK &&
		       good;
#if LIBCURL_VERSION_NUM >= 0x075500
	good = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK && good;
#endif
	return good;
}

/*
 * The key is a header of our own and not CURLOPT_XOAUTH2_BEARER, so that the one copy we keep can
 * be wiped. libcurl sends it to the URL's host only: not to a proxy that tunnels, and no redirect
 * is followed. CURLOPT_USERAGENT would be written out twice for each request.
 */
static bool set_headers(
	CURL *easy, const struct request_options *options, struct curl_slist *headers)
{
	static char accept[] = "Accept: application/json";
	static char encoding[] = "Accept-Encoding: gzip";
	static char agent[] = "User-Agent: taskbell/" TASKBELL_VERSION;

	headers[0] = (struct curl_slist){ .data = agent, .next = &headers[1] };
	headers[1] = (struct curl_slist){ .data = accept, .next = &headers[2] };
	headers[2] = (struct curl_slist){ .data = encoding };
	if (options->authorization != NULL) {
		headers[3] = (struct curl_slist){ .data = options->authorization };
		headers[2].next = &headers[3];
	}
	return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers) == CURLE_OK;
}

bool wire_set_connect_timeout(void *easy, int64_t ms)
{
	return curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
		       ms < LONG_MAX ? (long)ms : LONG_MAX) == CURLE_OK;
}

/*
 * A name that was looked up is not remembered: only a new connection asks for it, and what is asked
 * for after a connection failed may have moved.
 */
static bool set_lookup(CURL *easy, bool quick)
{
	if (quick && curl_easy_setopt(easy, EASY_QUICK_EXIT, 1L) != CURLE_OK)
		return false;
	return curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L) == CURLE_OK;
}

/*
 * A buffer is made at each request. That of most is just under what mem_setup() takes from the
 * system each time. With the large one a list of a million tasks is read by a quarter of the system
 * calls, and by far fewer changes between us and who sends it, each of which leaves the caches
 * cold: in a sweep that was a third of the time.
 */
static bool set_buffer(CURL *easy, bool bulky)
{
	return curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, bulky ? 512L * 1024 : 120L * 1024) ==
	       CURLE_OK;
}

/* what libcurl would read in the environment has been read already */
static bool set_proxy(CURL *easy, const char *proxy)
{
	return curl_easy_setopt(easy, CURLOPT_PROXY, proxy != NULL ? proxy : "") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NOPROXY, "") == CURLE_OK;
}

bool wire_set(
	void *easy, const struct request_options *options, struct curl_slist *headers, bool quick)
{
	return set_common(easy) && set_buffer(easy, options->bulky) &&
	       set_headers(easy, options, headers) && set_trust(easy, options->ca_file) &&
	       set_proxy(easy, options->proxy) &&
	       wire_set_connect_timeout(easy, options->connect_timeout_ms) &&
	       set_lookup(easy, quick);
}
