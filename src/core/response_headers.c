#include "core/response_headers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/stamp.h"

/* no header that is read is longer; the rest of a longer one is not looked at */
#define NAME_MAX_LEN 32
#define VALUE_MAX_LEN 256

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

void response_headers_start(struct response_headers *headers)
{
	*headers = (struct response_headers){ .retry = RETRY_INIT, .date_us = STAMP_NONE };
}

static bool ends_with(const char *text, size_t len, const char *end)
{
	size_t end_len = strlen(end);

	return len >= end_len && strncasecmp(text + len - end_len, end, end_len) == 0;
}

/* application/json, text/json, application/problem+json; with any parameters */
static bool is_json(const char *value)
{
	size_t len = strcspn(value, "; \t");

	return ends_with(value, len, "/json") || ends_with(value, len, "+json");
}

/* an id is shown to people and told to a vendor's support: what is not printable ASCII is left out
 */
static void take_id(struct response_headers *headers, const char *value, bool own)
{
	size_t n = 0;

	if (headers->own_id && !own)
		return;
	for (; *value != '\0' && n < HEADER_ID_MAX - 1; value++)
		if (*value >= ' ' && *value <= '~')
			headers->request_id[n++] = *value;
	headers->request_id[n] = '\0';
	headers->own_id = own && n != 0;
}

/* keeps the origin only: user name, password, path and query may be secrets */
static void take_origin(struct response_headers *headers, const char *value)
{
	size_t scheme = strcspn(value, ":/\\?#@");
	const char *host = value + scheme + 3;
	const char *at;
	size_t len;

	headers->origin[0] = '\0';
	if (strncmp(value + scheme, "://", 3) != 0)
		return;
	len = strcspn(host, "/\\?#");
	while ((at = memchr(host, '@', len)) != NULL) {
		len -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	if (len != 0 && scheme + 3 + len < sizeof(headers->origin))
		(void)snprintf(headers->origin, sizeof(headers->origin), "%.*s://%.*s", (int)scheme,
			value, (int)len, host);
	for (const char *c = headers->origin; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			headers->origin[0] = '\0';
}

/* does a Link name a next page? `<https://x/?page=2>; rel="next"`, however long it is */
static bool names_next(const char *value, const char *end)
{
	static const char *const words[] = { "rel=next", "rel=\"next\"" };

	for (; value < end; value++)
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			if ((size_t)(end - value) >= strlen(words[i]) &&
				strncasecmp(value, words[i], strlen(words[i])) == 0)
				return true;
	return false;
}

/* fits into an int64_t: libcurl takes a larger one for none, and would read to the connection's end
 */
static bool is_length(const char *value)
{
	int64_t length;

	return parse_int(value, 0, INT64_MAX, &length);
}

/* encodings are applied in the order of their names; two at once are not supported */
static void take_encoding(struct response_headers *headers, const char *value)
{
	if (value[0] == '\0' || strcasecmp(value, "identity") == 0)
		return;
	if (headers->encoding == ENCODING_NONE &&
		(strcasecmp(value, "gzip") == 0 || strcasecmp(value, "x-gzip") == 0))
		headers->encoding = ENCODING_GZIP;
	else
		headers->encoding = ENCODING_OTHER;
}

enum field {
	NO_FIELD,
	CODING,
	DATE,
	FRAMES,
	TYPE,
	LENGTH,
	LINK,
	LOCATION,
	REQUEST_ID,
	VENDOR_ID,
	RETRY
};

/* which of those that are read it is; most lines of a head are none, which the length tells */
static enum field field_of(const char *name, size_t len)
{
	static const struct {
		const char *name;
		size_t len;
		enum field field;
	} fields[] = {
#define FIELD(name, field) { name, sizeof(name) - 1, field }
		FIELD("date", DATE),
		FIELD("link", LINK),
		FIELD("location", LOCATION),
		FIELD("ratelimit", RETRY),
		FIELD("retry-after", RETRY),
		FIELD("content-type", TYPE),
		FIELD("x-request-id", REQUEST_ID),
		FIELD("content-length", LENGTH),
		FIELD("retry-after-ms", RETRY),
		FIELD("x-should-retry", RETRY),
		FIELD("ratelimit-reset", RETRY),
		FIELD("content-encoding", CODING),
		FIELD("transfer-encoding", FRAMES),
		FIELD("x-ratelimit-reset", RETRY),
		FIELD("ratelimit-remaining", RETRY),
		FIELD("x-telnyx-request-id", VENDOR_ID),
		FIELD("x-ratelimit-remaining", RETRY),
#undef FIELD
	};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (fields[i].len == len && strncasecmp(fields[i].name, name, len) == 0)
			return fields[i].field;
	return NO_FIELD;
}

static void header_field(struct response_headers *headers, enum field field, const char *name,
	const char *value, int64_t wall_ms)
{
	switch (field) {
	case NO_FIELD:
		break;
	case CODING:
		take_encoding(headers, value);
		break;
	case FRAMES: /* we have no TE header: nothing but chunks may come */
		if (strcasecmp(value, "chunked") == 0)
			headers->framed = true;
		else if (strcasecmp(value, "identity") != 0)
			headers->encoding = ENCODING_OTHER;
		break;
	case DATE:
		if (!http_date_parse(value, &headers->date_us))
			headers->date_us = STAMP_NONE;
		retry_after_header(&headers->retry, name, value, wall_ms);
		break;
	case TYPE:
		headers->json = is_json(value);
		break;
	case LENGTH:
		headers->odd_length = headers->odd_length || !is_length(value);
		headers->framed = true;
		break;
	case LINK: /* looked at whole, by response_headers_line */
		break;
	case LOCATION:
		take_origin(headers, value);
		break;
	case REQUEST_ID:
		take_id(headers, value, true);
		break;
	case VENDOR_ID:
		take_id(headers, value, false);
		break;
	case RETRY:
		retry_after_header(&headers->retry, name, value, wall_ms);
		break;
	}
}

void response_headers_line(
	struct response_headers *headers, const char *line, size_t len, int64_t wall_ms)
{
	char name[NAME_MAX_LEN];
	char value[VALUE_MAX_LEN];
	const char *colon;
	enum field field;
	size_t name_len;
	size_t value_len;

	while (len != 0 &&
		(line[len - 1] == '\n' || line[len - 1] == '\r' || is_blank(line[len - 1])))
		len--;
	if (headers->closed)
		return;
	if (len == 0) {
		headers->closed = !headers->interim;
		return;
	}
	if (len > 5 && memcmp(line, "HTTP/", 5) == 0) {
		/* "HTTP/1.1 103 Early Hints"; from HTTP/2 on every body has a frame */
		const char *blank = memchr(line, ' ', len);

		response_headers_start(headers);
		headers->framed = line[5] > '1';
		headers->interim = blank != NULL && blank + 1 < line + len && blank[1] == '1';
		return;
	}
	colon = memchr(line, ':', len);
	name_len = colon != NULL ? (size_t)(colon - line) : sizeof(name);
	if (name_len >= sizeof(name))
		return;
	field = field_of(line, name_len);
	if (field == NO_FIELD)
		return;
	headers->more = headers->more || (field == LINK && names_next(colon, line + len));
	memcpy(name, line, name_len);
	name[name_len] = '\0';
	for (colon++; colon < line + len && is_blank(*colon); colon++)
		continue;
	value_len = (size_t)(line + len - colon);
	if (value_len >= sizeof(value))
		value_len = sizeof(value) - 1;
	memcpy(value, colon, value_len);
	value[value_len] = '\0';
	header_field(headers, field, name, value, wall_ms);
}
