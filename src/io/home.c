#include "io/home.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

char *home_path(const char *path)
{
	const char *home = getenv("HOME");

	if (strncmp(path, "~/", 2) != 0)
		return mem_strdup(path);
	return home != NULL && home[0] == '/' ? mem_printf("%s%s", home, path + 1) : NULL;
}
