/* How large the terminal is. */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

struct screen {
	size_t columns;
	size_t lines;
};

/* the size of the terminal behind `fd`; false, and 80 by 24, when it is none or will not say */
bool screen_size(int fd, struct screen *ret);

#endif
