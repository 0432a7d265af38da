/* TIOCGWINSZ is older than every POSIX name for it: tcgetwinsize(3) came with the issue of 2024. */
#include "base/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"

/* serial lines and some containers know no size: then it is what the user says it is */
static size_t columns_said(void)
{
	const char *said = getenv("COLUMNS");
	int64_t columns;

	return said != NULL && parse_int(said, 1, 10000, &columns) ? (size_t)columns : 80;
}

size_t terminal_columns(int fd)
{
	struct winsize size = { 0 };
	size_t columns;

	if (isatty(fd) != 1)
		return 0;
	columns = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? size.ws_col
									: columns_said();
	return columns > TERMINAL_COLUMNS_MIN ? columns : TERMINAL_COLUMNS_MIN;
}

bool terminal_same(int a, int b)
{
	struct stat one;
	struct stat other;

	return isatty(a) == 1 && isatty(b) == 1 && fstat(a, &one) == 0 && fstat(b, &other) == 0 &&
	       one.st_rdev == other.st_rdev;
}

/*
 * As setlocale(3) looks for the encoding, but by the names alone: a session may come from another
 * machine, and its locale need not be installed here.
 */
static bool speaks_utf8(void)
{
	const char *const set[] = { getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG") };
	const char *locale = NULL;
	const char *encoding;
	const char *dot;

	for (size_t i = 0; i < ARRAY_LEN(set) && (locale == NULL || *locale == '\0'); i++)
		locale = set[i];
	if (locale == NULL)
		return false;
	/* "de_DE.UTF-8@euro", and "UTF-8" alone as some terminals have it */
	dot = strchr(locale, '.');
	encoding = dot != NULL ? dot + 1 : locale;
	return strncasecmp(encoding, "UTF-8", strlen("UTF-8")) == 0 ||
	       strncasecmp(encoding, "UTF8", strlen("UTF8")) == 0;
}

const char *terminal_sign(const char *sign)
{
	static const struct {
		const char *sign;
		const char *ascii;
	} signs[] = {
		{ "\xc2\xb7", "-" },
		{ "\xe2\x9c\x93", "+" },
		{ "\xe2\x9c\x97", "x" },
		{ TEXT_ELLIPSIS, "~" },
	};

	for (size_t i = 0; i < ARRAY_LEN(signs) && !speaks_utf8(); i++)
		if (strcmp(signs[i].sign, sign) == 0)
			return signs[i].ascii;
	return sign;
}

void terminal_add_cut(struct buf *out, const char *text, size_t columns)
{
	text_add_cut_by(out, text, columns, terminal_sign(TEXT_ELLIPSIS));
}

void terminal_add_colored(struct buf *out, const char *text, const char *sgr)
{
	if (sgr != NULL)
		(void)buf_addf(out, "\033[%sm%s\033[0m", sgr, text);
	else
		(void)buf_add_text(out, text);
}
