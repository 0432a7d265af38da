#include "io/nb_writer.h"

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
#define NB_WRITER_PIECE 4096
_Static_assert(NB_WRITER_PIECE <= 8 * _POSIX_PIPE_BUF,
	"a piece has to fit into PIPE_BUF of the systems we know");

struct nb_writer {
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

struct nb_writer *nb_writer_new(int fd, size_t max)
{
	struct nb_writer *writer = mem_alloc(sizeof(*writer));
	int own;

	writer->terminal = isatty(fd) == 1;
	own = writer->terminal ? terminal_open(fd) : -1;
	writer->reopened = own >= 0;
	writer->fd = writer->reopened ? own : fd;
	/* a byte is what any terminal takes that says it takes something */
	writer->piece = writer->terminal && !writer->reopened ? 1 : NB_WRITER_PIECE;
	writer->waiting.limit = max;
	return writer;
}

void nb_writer_free(struct nb_writer *writer)
{
	if (writer == NULL)
		return;
	if (writer->reopened)
		(void)close(writer->fd);
	buf_done(&writer->waiting);
	free(writer);
}

bool nb_writer_terminal(const struct nb_writer *writer)
{
	return writer->terminal;
}

/* does it take something now? Notes when nobody is left who reads it */
static bool nb_writer_takes(struct nb_writer *writer)
{
	struct pollfd one = { .fd = writer->fd, .events = writer->waiting.len != 0 ? POLLOUT : 0 };

	if (poll(&one, 1, 0) != 1)
		return false;
	if ((one.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
		writer->failed = writer->terminal ? EIO : EPIPE;
	return writer->failed == 0 && (one.revents & POLLOUT) != 0;
}

/* whole lines where they fit, so that nobody finds half a line when the rest is never taken */
static size_t nb_writer_piece(const struct nb_writer *writer, size_t done)
{
	const char *text = writer->waiting.data + done;
	size_t len = writer->waiting.len - done;

	if (len <= writer->piece)
		return len;
	for (len = writer->piece; len > 0 && text[len - 1] != '\n';)
		len--;
	return len != 0 ? len : writer->piece;
}

void nb_writer_step(struct nb_writer *writer)
{
	size_t done = 0;

	while (writer->failed == 0 && nb_writer_takes(writer) && done < writer->waiting.len) {
		ssize_t len = write(
			writer->fd, writer->waiting.data + done, nb_writer_piece(writer, done));

		if (len >= 0)
			done += (size_t)len;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			break;
		else if (errno != EINTR)
			writer->failed = errno;
	}
	buf_drop(&writer->waiting, writer->failed != 0 ? writer->waiting.len : done);
}

void nb_writer_gather(struct nb_writer *writer, const char *line, size_t len)
{
	if (writer->failed != 0)
		return;
	if (!buf_add(&writer->waiting, line, len))
		writer->dropped++;
	if (writer->waiting.len > NB_WRITER_WAITING_MAX / 2)
		nb_writer_step(writer);
}

void nb_writer_add(struct nb_writer *writer, const char *line, size_t len)
{
	nb_writer_gather(writer, line, len);
	nb_writer_step(writer);
}

bool nb_writer_waits(const struct nb_writer *writer)
{
	return writer->waiting.len != 0;
}

size_t nb_writer_fds(const struct nb_writer *writer, struct poll_fd *fds, size_t cap)
{
	if (writer->failed != 0 || cap == 0)
		return 0;
	fds[0] = (struct poll_fd){
		.fd = writer->fd,
		.write = writer->waiting.len != 0,
		.hangup = writer->waiting.len == 0,
	};
	return 1;
}

uint64_t nb_writer_take_dropped(struct nb_writer *writer)
{
	uint64_t dropped = writer->dropped;

	/* a line about lost lines would be lost as well */
	if (writer->waiting.len > NB_WRITER_WAITING_MAX / 2)
		return 0;
	writer->dropped = 0;
	return dropped;
}

uint64_t nb_writer_close(struct nb_writer *writer)
{
	uint64_t dropped;

	nb_writer_step(writer);
	dropped = writer->dropped;
	for (size_t i = 0; i < writer->waiting.len; i++)
		dropped += writer->waiting.data[i] == '\n';
	buf_drop(&writer->waiting, writer->waiting.len);
	writer->dropped = 0;
	return dropped;
}

int nb_writer_failed(const struct nb_writer *writer)
{
	return writer->failed;
}

/* the lock is on the terminal itself, so that it needs no file and leaves none */
static bool terminal_lock(const struct nb_writer *writer)
{
	return flock(writer->fd, LOCK_EX | LOCK_NB) == 0;
}

bool nb_writer_claim(struct nb_writer *writer)
{
	if (!writer->reopened || tcgetpgrp(writer->fd) != getpgrp())
		nb_writer_yield(writer);
	else
		writer->claimed = terminal_lock(writer);
	return writer->claimed;
}

bool nb_writer_claimed(const struct nb_writer *writer)
{
	bool others = writer->reopened && !writer->claimed && !terminal_lock(writer);

	if (writer->reopened && !writer->claimed && !others)
		(void)flock(writer->fd, LOCK_UN);
	return others;
}

void nb_writer_yield(struct nb_writer *writer)
{
	if (writer->claimed)
		(void)flock(writer->fd, LOCK_UN);
	writer->claimed = false;
}
