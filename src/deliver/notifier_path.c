#include "deliver/notifier_path.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define NOTIFIER "taskbell-notify"

/* the directory of the running program, owned; NULL where the system does not say */
static char *program_dir(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (len <= 0)
		return NULL;
	path[len] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL)
		return NULL;
	*slash = '\0';
	return mem_strdup(path);
}

/* owned path when it is in dir + more; else NULL, and the place is added to `tried` */
static char *find_in(const char *dir, const char *more, struct buf *tried)
{
	char *path;

	if (dir == NULL || *dir == '\0')
		return NULL;
	path = mem_printf("%s%s/" NOTIFIER, dir, more);
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	(void)buf_addf(tried, "%s%s%s", tried->len != 0 ? ", " : "", dir, more);
	return NULL;
}

char *notifier_path(struct err *err)
{
	cleanup_buf struct buf tried = { 0 };
	cleanup_free char *here = program_dir();
	char *path = find_in(getenv("TASKBELL_LIBEXEC"), "", &tried);

	if (path == NULL)
		path = find_in(here, "", &tried);
	if (path == NULL)
		path = find_in(here, "/../libexec/taskbell", &tried);
	if (path == NULL)
		path = find_in(TASKBELL_LIBEXEC, "", &tried);
	if (path == NULL)
		(void)err_set(err, ERR_NOT_FOUND,
			NOTIFIER
			" is not installed; looked in %s. Install it, or remove the sink of "
			"type desktop",
			buf_text(&tried));
	return path;
}
