#include "io/wire_error.h"

#include <curl/curl.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* CURLE_TOO_LARGE of libcurl 8.6, by its number: the libcurl at hand may be newer than the header
 * that was built with */
#define TOO_LARGE ((CURLcode)100)

static const struct {
	CURLcode code;
	enum net_error error;
	bool detail; /* libcurl's own words add something */
} codes[] = {
	{ CURLE_URL_MALFORMAT, NET_ERROR_URL, true },
	{ CURLE_UNSUPPORTED_PROTOCOL, NET_ERROR_NOT_HTTP, true },
	{ CURLE_WEIRD_SERVER_REPLY, NET_ERROR_NOT_HTTP, true },
	{ CURLE_COULDNT_RESOLVE_HOST, NET_ERROR_LOOKUP, false },
	{ CURLE_COULDNT_RESOLVE_PROXY, NET_ERROR_PROXY_LOOKUP, false },
	{ CURLE_COULDNT_CONNECT, NET_ERROR_CONNECT, false },
	{ CURLE_PROXY, NET_ERROR_PROXY_REFUSED, true },
	{ CURLE_OPERATION_TIMEDOUT, NET_ERROR_LATE_CONNECT, false },
	{ CURLE_SSL_CONNECT_ERROR, NET_ERROR_TLS, true },
	{ CURLE_PEER_FAILED_VERIFICATION, NET_ERROR_UNTRUSTED, true },
	{ CURLE_SSL_CACERT_BADFILE, NET_ERROR_CA_FILE, true },
	{ CURLE_GOT_NOTHING, NET_ERROR_EMPTY, false },
	{ CURLE_SEND_ERROR, NET_ERROR_BROKEN, true },
	{ CURLE_RECV_ERROR, NET_ERROR_BROKEN, true },
	{ CURLE_HTTP2, NET_ERROR_BROKEN, true },
	{ CURLE_HTTP2_STREAM, NET_ERROR_BROKEN, true },
	{ CURLE_PARTIAL_FILE, NET_ERROR_CUT, true },
	{ CURLE_BAD_CONTENT_ENCODING, NET_ERROR_ENCODING, true },
	/* of a scheme of the proxy: libcurl's words have its URL in full, with the password */
	{ CURLE_NOT_BUILT_IN, NET_ERROR_OTHER, false },
	/* as memory is never wanting here, these are libcurl's own limits for a header line */
	{ CURLE_OUT_OF_MEMORY, NET_ERROR_HEADER, false },
	{ TOO_LARGE, NET_ERROR_HEADER, false },
};

/* a full table of descriptors also looks like a name that cannot be found */
static bool no_descriptors(const struct wire_end *end)
{
	cleanup_fd int probe = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	return end->socket_error == EMFILE || end->socket_error == ENFILE ||
	       (probe < 0 && errno == EMFILE);
}

/* libcurl's words without the head that our own words replace */
static const char *end_words(const struct wire_end *end)
{
	static const char *const heads[] = {
		"SSL certificate problem: ", "SSL: ", "Recv failure: ", "Send failure: "
	};
	const char *text =
		end->words[0] != '\0' ? end->words : curl_easy_strerror((CURLcode)end->code);

	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		if (strncmp(text, heads[i], strlen(heads[i])) == 0)
			return text + strlen(heads[i]);
	return text;
}

/* what libcurl could not connect to, and why */
static enum net_error connect_error(CURL *easy, const struct wire_end *end, const char **ret_detail)
{
	long number = 0;

	if (no_descriptors(end))
		return NET_ERROR_DESCRIPTORS;
	(void)curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
	if (number != 0)
		*ret_detail = strerror((int)number);
	return end->proxy ? NET_ERROR_PROXY_CONNECT : NET_ERROR_CONNECT;
}

/*
 * Does the proxy refuse our name and password? Some answer 401 to CONNECT instead of 407, and one
 * of SOCKS has no number to answer.
 */
static bool proxy_refuses_us(CURL *easy, long tunnel, const char **ret_detail)
{
	long why = CURLPX_OK;

	if (tunnel == 401 || tunnel == 407) {
		*ret_detail = tunnel == 401 ? "HTTP 401" : "HTTP 407";
		return true;
	}
	(void)curl_easy_getinfo(easy, CURLINFO_PROXY_ERROR, &why);
	return why == CURLPX_USER_REJECTED || why == CURLPX_NO_AUTH;
}

enum net_error wire_error(
	void *easy, const struct wire_end *end, const char *place, struct err *err)
{
	const char *detail = end_words(end);
	enum net_error error = NET_ERROR_OTHER;
	long tunnel = 0;

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if ((int)codes[i].code == end->code) {
			error = codes[i].error;
			detail = codes[i].detail ? detail : NULL;
		}
	(void)curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
	if (proxy_refuses_us(easy, tunnel, &detail))
		error = NET_ERROR_PROXY_AUTH;
	else if (tunnel >= 300)
		error = NET_ERROR_PROXY_REFUSED;
	else if (error == NET_ERROR_LOOKUP && no_descriptors(end))
		error = NET_ERROR_DESCRIPTORS;
	else if (error == NET_ERROR_CONNECT)
		error = connect_error(easy, end, &detail);
	if (error != NET_ERROR_LATE_CONNECT)
		net_error_describe(error, place, detail, err);
	return error;
}
