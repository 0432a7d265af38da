#include "core/fault.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

static const struct fault_row {
	enum err_kind kind;
	bool passes;
	const char *before;
	const char *after;
	const char *remedy;
} rows[] = {
#define FAULT_ROW(name, kind, passes, before, after, remedy)                                       \
	{ ERR_##kind, passes, before, after, remedy },
	FAULTS(FAULT_ROW)
#undef FAULT_ROW
};

/* "Connection refused" goes on in small letters, "SSL" and "HTTP" do not */
static char first_letter(const char *text)
{
	return isupper((unsigned char)text[1]) ? text[0] : (char)tolower((unsigned char)text[0]);
}

void fault_describe(enum fault fault, const char *place, const char *detail, struct err *err)
{
	const struct fault_row *row = &rows[fault];
	size_t len = detail != NULL ? strlen(detail) : 0;

	len -= len != 0 && detail[len - 1] == '.';
	if (len != 0)
		(void)err_set(err, row->kind, "%s%s%s: %c%.*s%s", row->before, place, row->after,
			first_letter(detail), (int)len - 1, detail + 1, row->remedy);
	else
		(void)err_set(
			err, row->kind, "%s%s%s%s", row->before, place, row->after, row->remedy);
}

void fault_late(enum fault fault, const char *place, int64_t limit_ms, struct err *err)
{
	const struct fault_row *row = &rows[fault];
	char span[PARSE_DURATION_MAX];

	(void)err_set(err, row->kind, "%s%s%s within %s", row->before, place, row->after,
		duration_text(limit_ms, span));
}

bool fault_passes(enum fault fault)
{
	return rows[fault].passes;
}
