#include "core/authority.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/parse.h"

static bool port_valid(const char *text)
{
	int64_t port;

	return isdigit((unsigned char)text[0]) && parse_int(text, 1, 65535, &port);
}

bool authority_read(const char *text, size_t len, struct authority *ret)
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
	if (host[0] == '\0' || strlen(host) > AUTHORITY_HOST_MAX ||
		strpbrk(host, "[]@,;!$&'()*+=") != NULL)
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

bool authority_is_loopback(const struct authority *authority)
{
	if (authority->bracketed)
		return strcmp(authority->host, "::1") == 0;
	return strcasecmp(authority->host, "localhost") == 0 || is_loopback4(authority->host);
}
