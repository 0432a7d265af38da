#include "core/net_error.h"

#include <ctype.h>
#include <string.h>

#include "base/parse.h"

static const struct net_error_row {
	enum err_kind kind;
	bool passes;
	const char *before;
	const char *after;
	const char *remedy;
} rows[] = {
#define NET_ERROR_ROW(name, kind, passes, before, after, remedy)                                   \
	{ ERR_##kind, passes, before, after, remedy },
	NET_ERRORS(NET_ERROR_ROW)
#undef NET_ERROR_ROW
};

/* "Connection refused" goes on in small letters, "SSL" and "HTTP" do not */
static char first_letter(const char *text)
{
	return isupper((unsigned char)text[1]) ? text[0] : (char)tolower((unsigned char)text[0]);
}

void net_error_describe(
	enum net_error error, const char *place, const char *detail, struct err *err)
{
	const struct net_error_row *row = &rows[error];
	size_t len = detail != NULL ? strlen(detail) : 0;

	len -= len != 0 && detail[len - 1] == '.';
	if (len != 0)
		(void)err_set(err, row->kind, "%s%s%s: %c%.*s%s", row->before, place, row->after,
			first_letter(detail), (int)len - 1, detail + 1, row->remedy);
	else
		(void)err_set(
			err, row->kind, "%s%s%s%s", row->before, place, row->after, row->remedy);
}

void net_error_late(enum net_error error, const char *place, int64_t limit_ms, struct err *err)
{
	const struct net_error_row *row = &rows[error];
	char span[PARSE_DURATION_MAX];

	(void)err_set(err, row->kind, "%s%s%s within %s", row->before, place, row->after,
		duration_text(limit_ms, span));
}

bool net_error_passes(enum net_error error)
{
	return rows[error].passes;
}
