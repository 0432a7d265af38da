#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/conf.h"
#include "io/home.h"

#define FILE_NAME "taskbell/taskbell.conf"

/* a variable that holds something */
static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* a link that leads nowhere counts: to pass it over in silence would be a surprise */
static char *candidate(char *path)
{
	struct stat st;

	if (path != NULL && lstat(path, &st) == 0)
		return path;
	free(path);
	return NULL;
}

static char *find_in_dirs(const char *dirs)
{
	while (*dirs != '\0') {
		size_t len = strcspn(dirs, ":");
		char *path = dirs[0] == '/'
				     ? candidate(mem_printf("%.*s/" FILE_NAME, (int)len, dirs))
				     : NULL;

		if (path != NULL)
			return path;
		dirs += len;
		dirs += *dirs == ':';
	}
	return NULL;
}

char *conf_find(const char *path)
{
	const char *named = path != NULL ? path : variable("TASKBELL_CONFIG");
	const char *dirs = variable("XDG_CONFIG_DIRS");
	char *found;

	if (named != NULL) {
		cleanup_free char *dir = NULL;

		if (named[0] == '/')
			return mem_strdup(named);
		for (size_t size = 256; size <= 65536; size *= 2) {
			dir = mem_resize(dir, size, 1);
			if (getcwd(dir, size) != NULL)
				return mem_printf("%s/%s", strcmp(dir, "/") == 0 ? "" : dir, named);
		}
		/* without a directory to start from the name is as good as any */
		return mem_strdup(named);
	}
	found = candidate(home_config(FILE_NAME));
	return found != NULL ? found : find_in_dirs(dirs != NULL ? dirs : "/etc/xdg");
}
