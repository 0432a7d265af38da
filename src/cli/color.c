#include "cli/color.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL ? value : "";
}

bool color_wanted(enum color_when when, int fd)
{
	const char *force = variable("CLICOLOR_FORCE");
	const char *term = variable("TERM");

	if (when != COLOR_AUTO)
		return when == COLOR_ALWAYS;
	if (*variable("NO_COLOR") != '\0')
		return false;
	if (*force != '\0' && strcmp(force, "0") != 0)
		return true;
	return isatty(fd) == 1 && *term != '\0' && strcmp(term, "dumb") != 0;
}
