#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/conf.h"

#define FILE_NAME "taskbell/taskbell.conf"

/* a variable that holds something; those of XDG count only when absolute */
static const char *variable(const char *name, bool absolute)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' && (!absolute || value[0] == '/') ? value : NULL;
}

static char *absolute_path(const char *path)
{
	cleanup_free char *dir = NULL;

	if (path[0] == '/')
		return mem_strdup(path);
	for (size_t size = 256; size <= 65536; size *= 2) {
		dir = mem_resize(dir, size, 1);
		if (getcwd(dir, size) != NULL)
			return mem_printf("%s/%s", strcmp(dir, "/") == 0 ? "" : dir, path);
	}
	/* without a directory to start from the name is as good as any */
	return mem_strdup(path);
}

/* a link that leads nowhere counts: to pass it over in silence would be a surprise */
static char *candidate(const char *dir, size_t len, const char *below)
{
	char *path = mem_printf("%.*s/%s" FILE_NAME, (int)len, dir, below);
	struct stat st;

	if (lstat(path, &st) == 0)
		return path;
	free(path);
	return NULL;
}

static char *find_in_dirs(const char *dirs)
{
	while (*dirs != '\0') {
		size_t len = strcspn(dirs, ":");
		char *path = dirs[0] == '/' ? candidate(dirs, len, "") : NULL;

		if (path != NULL)
			return path;
		dirs += len;
		dirs += *dirs == ':';
	}
	return NULL;
}

char *conf_find(const char *path)
{
	const char *named = path != NULL ? path : variable("TASKBELL_CONFIG", false);
	const char *home = variable("HOME", true);
	const char *xdg = variable("XDG_CONFIG_HOME", true);
	const char *dirs = variable("XDG_CONFIG_DIRS", false);
	char *found = NULL;

	if (named != NULL)
		return absolute_path(named);
	if (xdg != NULL)
		found = candidate(xdg, strlen(xdg), "");
	else if (home != NULL)
		found = candidate(home, strlen(home), ".config/");
	return found != NULL ? found : find_in_dirs(dirs != NULL ? dirs : "/etc/xdg");
}
