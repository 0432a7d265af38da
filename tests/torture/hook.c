/*
 * The hook of the torture: appends one line for each run, on the disk before it says so. Its
 * argument is the file.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *value(const char *name)
{
	const char *text = getenv(name);

	return text != NULL && *text != '\0' ? text : "-";
}

int main(int argc, char **argv)
{
	char line[512];
	int fd = argc == 2 ? open(argv[1], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
	int len = snprintf(line, sizeof(line), "%s %s %s %s\n", value("TASKBELL_EVENT_ID"),
		value("TASKBELL_TASK_ID"), value("TASKBELL_EVENT"), value("TASKBELL_ATTEMPT"));

	if (fd < 0 || write(fd, line, (size_t)len) != len || fsync(fd) != 0)
		return 75;
	return close(fd) == 0 ? 0 : 75;
}
