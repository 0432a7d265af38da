#include "core/vet.h"

#include <ctype.h>
#include <string.h>

#include "base/parse.h"

#define HOST_MAX 255

/* The authority of a URL, as far as it is judged here. */
struct authority {
	char host[HOST_MAX + 1]; /* without the brackets of an IPv6 address */
	bool bracketed;
};

static bool printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (!isgraph((unsigned char)*text) || strchr("\"<>\\^`{|}", *text) != NULL)
			return false;
	return true;
}

/* does the text begin with the prefix, in any case? */
static bool begins(const char *text, const char *prefix)
{
	for (; *prefix != '\0'; text++, prefix++)
		if (tolower((unsigned char)*text) != *prefix)
			return false;
	return true;
}

static bool port_valid(const char *text)
{
	int64_t port;

	return isdigit((unsigned char)text[0]) && parse_int(text, 1, 65535, &port);
}

/* reads host[:port] of `len` bytes */
static bool authority_read(const char *text, size_t len, struct authority *ret)
{
	cleanup_free char *copy = mem_strndup(text, len);
	char *host = copy;
	char *end;

	ret->bracketed = copy[0] == '[';
	if (ret->bracketed) {
		host++;
		end = strchr(host, ']');
		if (end == NULL || host[strspn(host, "0123456789abcdefABCDEF:.")] != ']')
			return false;
		*end++ = '\0';
	} else {
		end = host + strcspn(host, ":");
	}
	if (*end != '\0' && (*end != ':' || !port_valid(end + 1)))
		return false;
	if (!ret->bracketed)
		*end = '\0';
	if (host[0] == '\0' || strlen(host) > HOST_MAX || strpbrk(host, "[]@,;!$&'()*+=") != NULL)
		return false;
	memcpy(ret->host, host, strlen(host) + 1);
	return true;
}

/* 127.0.0.0/8 in full; a name that only begins like it may be anybody's */
static bool is_loopback4(const char *host)
{
	int dots = 0;

	if (strncmp(host, "127.", 4) != 0)
		return false;
	for (const char *p = host; *p != '\0'; dots++) {
		size_t len = strspn(p, "0123456789");
		cleanup_free char *octet = mem_strndup(p, len);
		int64_t value;

		if (!parse_int(octet, 0, 255, &value) || (octet[0] == '0' && len > 1))
			return false;
		p += len;
		if (*p == '.' && p[1] != '\0')
			p++;
		else if (*p != '\0')
			return false;
	}
	return dots == 4;
}

static bool is_loopback(const struct authority *authority)
{
	if (authority->bracketed)
		return strcmp(authority->host, "::1") == 0;
	return (begins(authority->host, "localhost") && strlen(authority->host) == 9) ||
	       is_loopback4(authority->host);
}

bool vet_base_url(const char *text, bool allow_http, struct err *err)
{
	struct authority authority;
	bool secure = begins(text, "https://");
	const char *rest = text + strlen(secure ? "https://" : "http://");
	size_t len;

	if (!secure && !begins(text, "http://"))
		return err_set(err, ERR_CONFIG, "must begin with https://");
	len = strcspn(rest, "/?#");
	if (memchr(rest, '@', len) != NULL)
		return err_set(err, ERR_CONFIG,
			"must not hold a user or password; the key belongs to api_key");
	if (strpbrk(rest, "?#") != NULL)
		return err_set(err, ERR_CONFIG, "must not hold a query or fragment (? or #)");
	if (!printable(text))
		return err_set(
			err, ERR_CONFIG, "is no URL: blanks and such must be percent-encoded");
	if (!authority_read(rest, len, &authority))
		return err_set(err, ERR_CONFIG,
			"is no URL: after %s a host is needed, and no more than a "
			"port after that",
			secure ? "https://" : "http://");
	if (!secure && !allow_http && !is_loopback(&authority))
		return err_set(err, ERR_CONFIG,
			"is plain http to another host: the key would be sent in clear; use https, "
			"or set "
			"allow_http = true");
	return true;
}

bool vet_proxy(const char *text, struct err *err)
{
	static const char *const schemes[] = { "http", "https", "socks4", "socks4a", "socks5",
		"socks5h" };
	const char *rest = strstr(text, "://");
	const char *at;
	struct authority authority;
	bool known = rest == NULL;
	size_t len;

	if (text[0] == '\0')
		return true;
	for (size_t i = 0; i < ARRAY_LEN(schemes) && !known; i++)
		known = begins(text, schemes[i]) && strlen(schemes[i]) == (size_t)(rest - text);
	if (!known)
		return err_set(err, ERR_CONFIG,
			"must begin with http://, https://, socks4://, socks4a://, socks5:// or "
			"socks5h://");
	rest = rest != NULL ? rest + strlen("://") : text;
	len = strcspn(rest, "/?#");
	/* libcurl, too, takes the last @ for the end of the password */
	for (at = rest + len; at != rest && at[-1] != '@';)
		at--;
	if (!printable(text) || !authority_read(at, len - (size_t)(at - rest), &authority) ||
		(rest[len] != '\0' && strcmp(rest + len, "/") != 0))
		return err_set(err, ERR_CONFIG,
			"is no proxy: it is [scheme://][user:password@]host[:port]");
	return true;
}
