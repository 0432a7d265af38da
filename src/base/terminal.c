/* TIOCGWINSZ is older than every POSIX name for it: tcgetwinsize(3) came with the issue of 2024. */
#include "base/terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/parse.h"

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

void terminal_add_colored(struct buf *out, const char *text, const char *sgr)
{
	if (sgr != NULL)
		(void)buf_addf(out, "\033[%sm%s\033[0m", sgr, text);
	else
		(void)buf_add_text(out, text);
}
