#include "io/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"

/* as much as a pipe that says it is writable takes without waiting */
#define TAP_PIECE 4096
_Static_assert(TAP_PIECE <= 8 * _POSIX_PIPE_BUF,
	"a piece has to fit into PIPE_BUF of the systems we know");

struct tap {
	int fd; /* borrowed, or own when `reopened` */
	bool reopened;
	bool terminal;
	bool claimed; /* we may draw there, and hold the lock */
	int failed; /* errno */
	size_t piece; /* most that is written at once */
	struct buf waiting;
	uint64_t dropped;
};

/*
 * A terminal says that it takes something also when a single byte is all it takes, and the write
 * would wait for the rest. It is opened once more, so that others who have it from us do not find
 * it nonblocking. By its name, which may be another's (su(1), a container), else as the terminal of
 * our session. -1: it cannot be.
 */
static int terminal_open(int fd)
{
	const int flags = O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
	char path[256];
	int own = -1;

	if (ttyname_r(fd, path, sizeof(path)) == 0)
		own = open(path, flags);
	if (own < 0 && tcgetpgrp(fd) >= 0)
		own = open("/dev/tty", flags);
	return own;
}

struct tap *tap_new(int fd, size_t max)
{
	struct tap *tap = mem_alloc(sizeof(*tap));
	int own;

	tap->terminal = isatty(fd) == 1;
	own = tap->terminal ? terminal_open(fd) : -1;
	tap->reopened = own >= 0;
	tap->fd = tap->reopened ? own : fd;
	/* a byte is what any terminal takes that says it takes something */
	tap->piece = tap->terminal && !tap->reopened ? 1 : TAP_PIECE;
	tap->waiting.limit = max;
	return tap;
}

void tap_free(struct tap *tap)
{
	if (tap == NULL)
		return;
	if (tap->reopened)
		(void)close(tap->fd);
	buf_done(&tap->waiting);
	free(tap);
}

bool tap_terminal(const struct tap *tap)
{
	return tap->terminal;
}

/* does it take something now? Notes when nobody is left who reads it */
static bool tap_takes(struct tap *tap)
{
	struct pollfd one = { .fd = tap->fd, .events = tap->waiting.len != 0 ? POLLOUT : 0 };

	if (poll(&one, 1, 0) != 1)
		return false;
	if ((one.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
		tap->failed = tap->terminal ? EIO : EPIPE;
	return tap->failed == 0 && (one.revents & POLLOUT) != 0;
}

/* whole lines where they fit, so that nobody finds half a line when the rest is never taken */
static size_t tap_piece(const struct tap *tap, size_t done)
{
	const char *text = tap->waiting.data + done;
	size_t len = tap->waiting.len - done;

	if (len <= tap->piece)
		return len;
	for (len = tap->piece; len > 0 && text[len - 1] != '\n';)
		len--;
	return len != 0 ? len : tap->piece;
}

void tap_step(struct tap *tap)
{
	size_t done = 0;

	while (tap->failed == 0 && tap_takes(tap) && done < tap->waiting.len) {
		ssize_t len = write(tap->fd, tap->waiting.data + done, tap_piece(tap, done));

		if (len >= 0)
			done += (size_t)len;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			break;
		else if (errno != EINTR)
			tap->failed = errno;
	}
	buf_drop(&tap->waiting, tap->failed != 0 ? tap->waiting.len : done);
}

void tap_gather(struct tap *tap, const char *line, size_t len)
{
	if (tap->failed != 0)
		return;
	if (!buf_add(&tap->waiting, line, len))
		tap->dropped++;
	if (tap->waiting.len > TAP_WAITING_MAX / 2)
		tap_step(tap);
}

void tap_add(struct tap *tap, const char *line, size_t len)
{
	tap_gather(tap, line, len);
	tap_step(tap);
}

bool tap_waits(const struct tap *tap)
{
	return tap->waiting.len != 0;
}

size_t tap_fds(const struct tap *tap, struct poll_fd *fds, size_t cap)
{
	if (tap->failed != 0 || cap == 0)
		return 0;
	fds[0] = (struct poll_fd){
		.fd = tap->fd,
		.write = tap->waiting.len != 0,
		.hangup = tap->waiting.len == 0,
	};
	return 1;
}

uint64_t tap_take_dropped(struct tap *tap)
{
	uint64_t dropped = tap->dropped;

	/* a line about lost lines would be lost as well */
	if (tap->waiting.len > TAP_WAITING_MAX / 2)
		return 0;
	tap->dropped = 0;
	return dropped;
}

uint64_t tap_close(struct tap *tap)
{
	uint64_t dropped;

	tap_step(tap);
	dropped = tap->dropped;
	for (size_t i = 0; i < tap->waiting.len; i++)
		dropped += tap->waiting.data[i] == '\n';
	buf_drop(&tap->waiting, tap->waiting.len);
	tap->dropped = 0;
	return dropped;
}

int tap_failed(const struct tap *tap)
{
	return tap->failed;
}

/* the lock is on the terminal itself, so that it needs no file and leaves none */
static bool terminal_lock(const struct tap *tap)
{
	return flock(tap->fd, LOCK_EX | LOCK_NB) == 0;
}

bool tap_claim(struct tap *tap)
{
	if (!tap->reopened || tcgetpgrp(tap->fd) != getpgrp())
		tap_yield(tap);
	else
		tap->claimed = terminal_lock(tap);
	return tap->claimed;
}

bool tap_claimed(const struct tap *tap)
{
	bool others = tap->reopened && !tap->claimed && !terminal_lock(tap);

	if (tap->reopened && !tap->claimed && !others)
		(void)flock(tap->fd, LOCK_UN);
	return others;
}

void tap_yield(struct tap *tap)
{
	if (tap->claimed)
		(void)flock(tap->fd, LOCK_UN);
	tap->claimed = false;
}
