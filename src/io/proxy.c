#include "io/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/parse.h"
#include "core/authority.h"

/* the value of the first that is set; an empty one is not */
static const char *variable(const char *const *names, const char **ret_name)
{
	for (; *names != NULL; names++) {
		const char *value = getenv(*names);

		if (value != NULL && value[0] != '\0') {
			*ret_name = *names;
			return value;
		}
	}
	return NULL;
}

/* where the authority of a URL begins; a user and password before it may hold any character but
 * these */
static const char *authority_of(const char *url, size_t *ret_len)
{
	const char *scheme = strstr(url, "://");
	const char *at = scheme != NULL ? scheme + strlen("://") : url;
	size_t len = strcspn(at, "/?#");

	for (size_t i = len; i-- > 0;)
		if (at[i] == '@') {
			at += i + 1;
			len -= i + 1;
			break;
		}
	*ret_len = len;
	return at;
}

/* is the address in the network, "10.0.0.0/8" or one address? */
static bool network_holds(const char *network, const char *address)
{
	unsigned char net[sizeof(struct in6_addr)];
	unsigned char own[sizeof(struct in6_addr)];
	int family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
	int64_t bits = family == AF_INET6 ? 128 : 32;
	const char *slash = strchr(network, '/');
	cleanup_free char *base =
		mem_strndup(network, slash != NULL ? (size_t)(slash - network) : strlen(network));

	if ((slash != NULL && !parse_int(slash + 1, 0, bits, &bits)) ||
		inet_pton(family, base, net) != 1 || inet_pton(family, address, own) != 1)
		return false;
	for (int64_t i = 0; i < bits; i++)
		if (((net[i / 8] ^ own[i / 8]) << (i % 8) & 0x80) != 0)
			return false;
	return true;
}

/* is the host the domain or in it? A dot before or after a name says nothing */
static bool domain_holds(const char *domain, const char *host)
{
	size_t host_len = strlen(host);
	size_t len;

	domain += domain[0] == '.';
	len = strlen(domain);
	len -= len != 0 && domain[len - 1] == '.';
	host_len -= host[host_len - 1] == '.';
	if (len == 0 || len > host_len || strncasecmp(host + host_len - len, domain, len) != 0)
		return false;
	return len == host_len || host[host_len - len - 1] == '.';
}

/* as libcurl from 7.86 on reads it: domains, addresses and networks between commas or blanks, or *
 */
static bool in_no_proxy(const struct authority *host)
{
	static const char *const names[] = { "no_proxy", "NO_PROXY", NULL };
	struct in_addr ignored;
	const char *name;
	const char *list = variable(names, &name);
	bool address = host->bracketed || inet_pton(AF_INET, host->host, &ignored) == 1;

	if (list == NULL || strcmp(list, "*") == 0)
		return list != NULL;
	for (list += strspn(list, ", \t"); *list != '\0'; list += strspn(list, ", \t")) {
		size_t len = strcspn(list, ", \t");
		cleanup_free char *entry = mem_strndup(list, len);

		if (address ? network_holds(entry, host->host) : domain_holds(entry, host->host))
			return true;
		list += len;
	}
	return false;
}

struct proxy proxy_choose(const char *url, const char *configured)
{
	static const char *const plain[] = { "http_proxy", "all_proxy", "ALL_PROXY", NULL };
	static const char *const secure[] = { "https_proxy", "HTTPS_PROXY", "all_proxy",
		"ALL_PROXY", NULL };
	struct proxy none = { 0 };
	struct proxy proxy = { .url = configured, .from = "the configuration" };
	bool tls = strncasecmp(url, "https:", strlen("https:")) == 0;
	struct authority host;
	const char *at;
	size_t len;

	at = authority_of(url, &len);
	if (!authority_read(at, len, &host) || in_no_proxy(&host))
		return none;
	if (configured != NULL && configured[0] != '\0')
		return proxy;
	if (!tls && authority_is_loopback(&host))
		return none;
	proxy.url = variable(tls ? secure : plain, &proxy.from);
	return proxy;
}

void proxy_describe(const struct proxy *proxy, char text[PROXY_TEXT_MAX])
{
	const char *scheme;
	const char *at;
	struct authority host;
	size_t len;

	text[0] = '\0';
	if (proxy->url == NULL)
		return;
	scheme = strstr(proxy->url, "://");
	at = authority_of(proxy->url, &len);
	/* a password with a / in it ends what looks like a host and its port */
	if (!authority_read(at, len, &host) || strchr(at + len, '@') != NULL) {
		(void)snprintf(
			text, PROXY_TEXT_MAX, "of a URL that cannot be read, from %s", proxy->from);
		return;
	}
	(void)snprintf(text, PROXY_TEXT_MAX, "%.*s%.*s, from %s",
		scheme != NULL ? (int)(scheme + strlen("://") - proxy->url) : 0, proxy->url,
		len < 255 ? (int)len : 255, at, proxy->from);
}

void proxy_name(const char *described, struct err *err)
{
	if (described[0] != '\0')
		(void)err_suffix(err, " (proxy %s)", described);
}
