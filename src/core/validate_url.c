#include "core/validate.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "core/authority.h"

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

bool validate_base_url(const char *text, bool allow_http, struct err *err)
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
	if (!secure && !allow_http && !authority_is_loopback(&authority))
		return err_set(err, ERR_CONFIG,
			"is plain http to another host: the key would be sent in clear; use https, "
			"or set "
			"allow_http = true");
	return true;
}

bool validate_proxy(const char *text, struct err *err)
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
