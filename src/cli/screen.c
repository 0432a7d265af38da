/* TIOCGWINSZ is older than every POSIX name for it: tcgetwinsize(3) came with the issue of 2024. */
#include "cli/screen.h"

#include <sys/ioctl.h>
#include <termios.h>

bool screen_size(int fd, struct screen *ret)
{
	struct winsize size = { 0 };
	bool known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 && size.ws_row != 0;

	*ret = (struct screen){ 80, 24 };
	if (known)
		*ret = (struct screen){ size.ws_col, size.ws_row };
	return known;
}
