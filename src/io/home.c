#include "io/home.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* relative and empty ones do not count (XDG Base Directory Specification) */
static const char *absolute(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] == '/' ? value : NULL;
}

char *home_config(const char *below)
{
	const char *config = absolute("XDG_CONFIG_HOME");
	const char *home = absolute("HOME");

	if (config != NULL)
		return mem_printf("%s/%s", config, below);
	return home != NULL ? mem_printf("%s/.config/%s", home, below) : NULL;
}

char *home_path(const char *path)
{
	const char *home = absolute("HOME");

	if (strncmp(path, "~/", 2) != 0)
		return mem_strdup(path);
	return home != NULL ? mem_printf("%s%s", home, path + 1) : NULL;
}
