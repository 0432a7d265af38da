#include "io/sdnotify.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/parse.h"

static struct {
	int fd;
	struct sockaddr_un address;
	socklen_t address_len;
	int64_t watchdog_ms;
} sd = { .fd = -1 };

static void socket_open(const char *path)
{
	size_t len = strlen(path);

	/* "@" stands for the NUL that begins an abstract name */
	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(sd.address.sun_path))
		return;
	sd.fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (sd.fd < 0)
		return;
	(void)fcntl(sd.fd, F_SETFD, FD_CLOEXEC);
	sd.address.sun_family = AF_UNIX;
	memcpy(sd.address.sun_path, path, len);
	if (path[0] == '@')
		sd.address.sun_path[0] = '\0';
	sd.address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static void watchdog_read(const char *usec, const char *pid)
{
	int64_t value;
	int64_t owner;

	if (pid != NULL && (!parse_int(pid, 1, INT64_MAX, &owner) || owner != (int64_t)getpid()))
		return;
	if (usec != NULL && parse_int(usec, 2000, INT64_MAX, &value))
		sd.watchdog_ms = value / 2000;
}

void sd_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	if (path != NULL)
		socket_open(path);
	watchdog_read(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
}

bool sd_listens(void)
{
	return sd.fd >= 0;
}

void sd_tell(const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int len;

	if (sd.fd < 0)
		return;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len <= 0)
		return;
	if ((size_t)len >= sizeof(text))
		len = (int)sizeof(text) - 1;
	(void)sendto(sd.fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL,
		(const struct sockaddr *)&sd.address, sd.address_len);
}

int64_t sd_watchdog_ms(void)
{
	return sd.fd >= 0 ? sd.watchdog_ms : 0;
}

bool sd_stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char mine[64];

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	(void)snprintf(mine, sizeof(mine), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	return strcmp(stream, mine) == 0;
}
