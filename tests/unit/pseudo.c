#define _XOPEN_SOURCE 700 /* posix_openpt() */
#include "pseudo.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

int pseudo_open(char **ret_name)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	const char *name = NULL;

	if (master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0)
		name = ptsname(master);
	if (name == NULL || access(name, R_OK | W_OK) != 0) {
		print_message("no pseudo-terminal to be had here\n");
		if (master >= 0)
			(void)close(master);
		skip();
	}
	*ret_name = mem_strdup(name);
	return master;
}
