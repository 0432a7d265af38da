#include "io/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/clock.h"
#include "io/launch.h"

extern char **environ;

enum {
	STEP_READ_MAX =
		256 * 1024, /* one step, so that an endless printer cannot hold up the loop */
	END_READ_MAX = 1024 * 1024, /* what a pipe can hold when its writer ends (pipe-max-size) */
};

/* stdout or stderr of a child, our end */
struct stream {
	int fd; /* own; -1: closed */
	struct buf kept;
	size_t room; /* bytes that may still be kept */
};

struct child {
	pid_t pid;
	bool reaped;
	bool closed; /* its output was taken in to the end */
	int status;
	int input_fd; /* own; -1: all was written, or nobody reads it */
	bool input_open;
	struct buf input;
	struct stream streams[2]; /* stdout, stderr */
	bool truncated;
};

/* killed by child_free and not yet seen to end; reaped at the next occasion, because nothing here
 * waits */
static struct {
	pid_t *pids; /* own */
	size_t count;
	size_t cap;
} killed;

static void killed_reap(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < killed.count; i++)
		if (waitpid(killed.pids[i], NULL, WNOHANG) == 0)
			killed.pids[kept++] = killed.pids[i];
	killed.count = kept;
}

static void fd_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* a pipe whose ends are not 0, 1 or 2, also where those were closed when we were started */
static bool pipe_open(int ends[2])
{
	if (pipe(ends) != 0) {
		ends[0] = ends[1] = -1;
		return false;
	}
	for (int i = 0; i < 2; i++) {
		int low = ends[i];

		ends[i] = fcntl(low, F_DUPFD_CLOEXEC, 3);
		(void)close(low);
	}
	return ends[0] >= 0 && ends[1] >= 0;
}

/* our ends do not block; the child's do, as programs expect */
static bool child_pipes(struct child *child, const struct spawn *spawn, int far[3])
{
	int ends[2];

	for (int i = 0; i < 3; i++) {
		int *near = i == 0 ? &child->input_fd : &child->streams[i - 1].fd;
		int ours = i == 0 ? 1 : 0;

		if ((i == 0 && spawn->input_len == 0 && !spawn->input_open) ||
			(i == 2 && spawn->merge))
			continue;
		if (!pipe_open(ends)) {
			fd_close(&ends[0]);
			fd_close(&ends[1]);
			return false;
		}
		*near = ends[ours];
		far[i] = ends[1 - ours];
		if (fcntl(*near, F_SETFL, O_NONBLOCK) != 0)
			return false;
	}
	return true;
}

static void child_feed(struct child *child)
{
	while (child->input_fd >= 0 && child->input.len > 0) {
		ssize_t len = write(child->input_fd, child->input.data, child->input.len);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return;
		if (len < 0) {
			/* EPIPE: it does not care what is on its stdin */
			child->input_open = false;
			break;
		}
		buf_drop(&child->input, (size_t)len);
	}
	if (child->input_open)
		return;
	fd_close(&child->input_fd);
	buf_done(&child->input);
}

static struct child *child_new(const struct spawn *spawn)
{
	struct child *child = mem_alloc(sizeof(*child));

	child->input_fd = -1;
	child->input_open = spawn->input_open;
	for (size_t i = 0; i < ARRAY_LEN(child->streams); i++) {
		child->streams[i].fd = -1;
		child->streams[i].room = spawn->output_max;
	}
	if (spawn->input_len > 0)
		(void)buf_add(&child->input, spawn->input, spawn->input_len);
	return child;
}

bool child_start(struct child **ret, const struct spawn *spawn, struct err *err)
{
	struct child *child = child_new(spawn);
	const char *const *env = spawn->env != NULL ? spawn->env : (const char *const *)environ;
	cleanup_free char *program = launch_find(spawn->argv[0], env);
	int far[3] = { -1, -1, -1 };
	int num;

	killed_reap();
	num = child_pipes(child, spawn, far) ? launch(&child->pid, spawn, program, far) : errno;
	for (int i = 0; i < 3; i++)
		fd_close(&far[i]);
	if (num != 0) {
		child->reaped = true; /* there is nobody */
		child_free(child);
		launch_failed(err, num, program);
		return false;
	}
	child_feed(child);
	*ret = child;
	return true;
}

void child_write(struct child *child, const char *bytes, size_t len)
{
	if (child->input_fd < 0)
		return;
	(void)buf_add(&child->input, bytes, len);
	child_feed(child);
}

/* what comes after the end is of no interest, but whoever writes it shall not die of a closed pipe
 */
static void stream_keep(struct child *child, struct stream *stream, const char *bytes, size_t len)
{
	size_t take = len < stream->room ? len : stream->room;

	if (child->closed)
		return;
	(void)buf_add(&stream->kept, bytes, take);
	stream->room -= take;
	if (take < len)
		child->truncated = true;
}

static void stream_read(struct child *child, struct stream *stream, size_t max)
{
	char chunk[16384];

	for (size_t total = 0; stream->fd >= 0 && total < max;) {
		ssize_t len = read(stream->fd, chunk, sizeof(chunk));

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return;
		if (len <= 0) {
			fd_close(&stream->fd);
			return;
		}
		stream_keep(child, stream, chunk, (size_t)len);
		total += (size_t)len;
	}
}

void child_step(struct child *child)
{
	pid_t pid = 0;

	killed_reap();
	/* first the end, then the bytes: what it wrote before its end is then in the pipe */
	if (!child->reaped)
		pid = waitpid(child->pid, &child->status, WNOHANG);
	if (pid < 0 && errno == ECHILD)
		child->status =
			SIGKILL; /* somebody else took it: how it ended is not known, so not well */
	child->reaped = child->reaped || pid == child->pid || (pid < 0 && errno == ECHILD);
	child_feed(child);
	for (size_t i = 0; i < ARRAY_LEN(child->streams); i++)
		stream_read(child, &child->streams[i],
			child->reaped && !child->closed ? END_READ_MAX : STEP_READ_MAX);
	if (child->reaped) {
		child->closed = true;
		fd_close(&child->input_fd);
		buf_done(&child->input);
	}
}

bool child_ended(const struct child *child, int *ret_status)
{
	if (child->reaped)
		*ret_status = child->status;
	return child->reaped;
}

struct buf *child_output(struct child *child)
{
	return &child->streams[0].kept;
}

struct buf *child_errors(struct child *child)
{
	return &child->streams[1].kept;
}

bool child_truncated(const struct child *child)
{
	return child->truncated;
}

bool child_signal(const struct child *child, int number)
{
	return kill(-child->pid, number) == 0;
}

bool child_held(const struct child *child)
{
	return child->streams[0].fd >= 0 || child->streams[1].fd >= 0;
}

pid_t child_pid(const struct child *child)
{
	return child->pid;
}

size_t child_fds(const struct child *child, struct poll_fd *fds, size_t cap)
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(child->streams); i++)
		if (child->streams[i].fd >= 0 && count < cap)
			fds[count++] = (struct poll_fd){ .fd = child->streams[i].fd };
	/* an open one with nothing to write would be ready all the time */
	if (child->input_fd >= 0 && child->input.len > 0 && count < cap)
		fds[count++] = (struct poll_fd){ .fd = child->input_fd, .write = true };
	return count;
}

void child_free(struct child *child)
{
	if (child == NULL)
		return;
	if (!child->reaped) {
		(void)child_signal(child, SIGKILL);
		killed.pids =
			mem_grow(killed.pids, &killed.cap, killed.count + 1, sizeof(*killed.pids));
		killed.pids[killed.count++] = child->pid;
		killed_reap();
	}
	fd_close(&child->input_fd);
	buf_done(&child->input);
	for (size_t i = 0; i < ARRAY_LEN(child->streams); i++) {
		fd_close(&child->streams[i].fd);
		buf_done(&child->streams[i].kept);
	}
	free(child);
}

void child_reap_killed(int64_t most_ms)
{
	int64_t end_ms = clock_now().mono_ms + most_ms;

	for (killed_reap(); killed.count > 0 && clock_now().mono_ms < end_ms; killed_reap())
		(void)poll(NULL, 0, 1);
}
