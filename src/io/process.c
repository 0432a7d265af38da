#include "io/process.h"

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

struct process {
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

/* killed by process_free and not yet seen to end; reaped at the next occasion, because nothing here
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
static bool process_pipes(struct process *process, const struct spawn *spawn, int far[3])
{
	int ends[2];

	for (int i = 0; i < 3; i++) {
		int *near = i == 0 ? &process->input_fd : &process->streams[i - 1].fd;
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

static void process_feed(struct process *process)
{
	while (process->input_fd >= 0 && process->input.len > 0) {
		ssize_t len = write(process->input_fd, process->input.data, process->input.len);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return;
		if (len < 0) {
			/* EPIPE: it does not care what is on its stdin */
			process->input_open = false;
			break;
		}
		buf_drop(&process->input, (size_t)len);
	}
	if (process->input_open)
		return;
	fd_close(&process->input_fd);
	buf_done(&process->input);
}

static struct process *process_new(const struct spawn *spawn)
{
	struct process *process = mem_alloc(sizeof(*process));

	process->input_fd = -1;
	process->input_open = spawn->input_open;
	for (size_t i = 0; i < ARRAY_LEN(process->streams); i++) {
		process->streams[i].fd = -1;
		process->streams[i].room = spawn->output_max;
	}
	if (spawn->input_len > 0)
		(void)buf_add(&process->input, spawn->input, spawn->input_len);
	return process;
}

bool process_start(struct process **ret, const struct spawn *spawn, struct err *err)
{
	struct process *process = process_new(spawn);
	const char *const *env = spawn->env != NULL ? spawn->env : (const char *const *)environ;
	cleanup_free char *program = launch_find(spawn->argv[0], env);
	int far[3] = { -1, -1, -1 };
	int num;

	killed_reap();
	num = process_pipes(process, spawn, far) ? launch(&process->pid, spawn, program, far)
						 : errno;
	for (int i = 0; i < 3; i++)
		fd_close(&far[i]);
	if (num != 0) {
		process->reaped = true; /* there is nobody */
		process_free(process);
		launch_failed(err, num, program);
		return false;
	}
	process_feed(process);
	*ret = process;
	return true;
}

void process_write(struct process *process, const char *bytes, size_t len)
{
	if (process->input_fd < 0)
		return;
	(void)buf_add(&process->input, bytes, len);
	process_feed(process);
}

/* what comes after the end is of no interest, but whoever writes it shall not die of a closed pipe
 */
static void stream_keep(
	struct process *process, struct stream *stream, const char *bytes, size_t len)
{
	size_t take = len < stream->room ? len : stream->room;

	if (process->closed)
		return;
	(void)buf_add(&stream->kept, bytes, take);
	stream->room -= take;
	if (take < len)
		process->truncated = true;
}

static void stream_read(struct process *process, struct stream *stream, size_t max)
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
		stream_keep(process, stream, chunk, (size_t)len);
		total += (size_t)len;
	}
}

void process_step(struct process *process)
{
	pid_t pid = 0;

	killed_reap();
	/* first the end, then the bytes: what it wrote before its end is then in the pipe */
	if (!process->reaped)
		pid = waitpid(process->pid, &process->status, WNOHANG);
	if (pid < 0 && errno == ECHILD)
		process->status =
			SIGKILL; /* somebody else took it: how it ended is not known, so not well */
	process->reaped = process->reaped || pid == process->pid || (pid < 0 && errno == ECHILD);
	process_feed(process);
	for (size_t i = 0; i < ARRAY_LEN(process->streams); i++)
		stream_read(process, &process->streams[i],
			process->reaped && !process->closed ? END_READ_MAX : STEP_READ_MAX);
	if (process->reaped) {
		process->closed = true;
		fd_close(&process->input_fd);
		buf_done(&process->input);
	}
}

bool process_ended(const struct process *process, int *ret_status)
{
	if (process->reaped)
		*ret_status = process->status;
	return process->reaped;
}

struct buf *process_output(struct process *process)
{
	return &process->streams[0].kept;
}

struct buf *process_errors(struct process *process)
{
	return &process->streams[1].kept;
}

bool process_truncated(const struct process *process)
{
	return process->truncated;
}

bool process_signal(const struct process *process, int number)
{
	return kill(-process->pid, number) == 0;
}

bool process_held(const struct process *process)
{
	return process->streams[0].fd >= 0 || process->streams[1].fd >= 0;
}

pid_t process_pid(const struct process *process)
{
	return process->pid;
}

size_t process_fds(const struct process *process, struct poll_fd *fds, size_t cap)
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(process->streams); i++)
		if (process->streams[i].fd >= 0 && count < cap)
			fds[count++] = (struct poll_fd){ .fd = process->streams[i].fd };
	/* an open one with nothing to write would be ready all the time */
	if (process->input_fd >= 0 && process->input.len > 0 && count < cap)
		fds[count++] = (struct poll_fd){ .fd = process->input_fd, .write = true };
	return count;
}

void process_free(struct process *process)
{
	if (process == NULL)
		return;
	if (!process->reaped) {
		(void)process_signal(process, SIGKILL);
		killed.pids =
			mem_grow(killed.pids, &killed.cap, killed.count + 1, sizeof(*killed.pids));
		killed.pids[killed.count++] = process->pid;
		killed_reap();
	}
	fd_close(&process->input_fd);
	buf_done(&process->input);
	for (size_t i = 0; i < ARRAY_LEN(process->streams); i++) {
		fd_close(&process->streams[i].fd);
		buf_done(&process->streams[i].kept);
	}
	free(process);
}

void process_reap_killed(int64_t most_ms)
{
	int64_t end_ms = clock_now().mono_ms + most_ms;

	for (killed_reap(); killed.count > 0 && clock_now().mono_ms < end_ms; killed_reap())
		(void)poll(NULL, 0, 1);
}

bool timed_process_start(struct timed_process *timed, const struct spawn *spawn, int64_t timeout_ms,
	struct instant now, struct err *err)
{
	*timed = (struct timed_process){
		.term_ms = timeout_ms > 0 ? now.mono_ms + timeout_ms : INSTANT_NEVER,
		.kill_ms = INSTANT_NEVER,
		.kill_after_ms = TIMED_PROCESS_TIMEOUT_KILL_MS,
		.asleep_ms = now.asleep_ms,
	};
	return process_start(&timed->process, spawn, err);
}

bool timed_process_step(struct timed_process *timed, struct instant now, int *ret_status)
{
	int64_t slept = now.asleep_ms - timed->asleep_ms;
	bool ended;

	process_step(timed->process);
	ended = process_ended(timed->process, ret_status);
	/* a program does not run while the machine sleeps, so its limits wait as well; the two
	 * clocks are read one after the other, and a few ms are no sleep */
	if (slept >= 100) {
		if (timed->term_ms != INSTANT_NEVER)
			timed->term_ms += slept;
		if (timed->kill_ms != INSTANT_NEVER)
			timed->kill_ms += slept;
		timed->asleep_ms = now.asleep_ms;
	}
	if (now.mono_ms >= timed->term_ms && !ended) {
		timed->timed_out = !timed->stopping;
		timed->stopped = timed->stopping;
		(void)process_signal(timed->process, SIGTERM);
		timed->term_ms = INSTANT_NEVER;
		timed->kill_ms = now.mono_ms + timed->kill_after_ms;
	} else if (now.mono_ms >= timed->kill_ms) {
		(void)process_signal(timed->process, SIGKILL);
		timed->kill_ms = INSTANT_NEVER;
	}
	if (ended)
		timed->term_ms = INSTANT_NEVER;
	/* once its group is empty there is nobody to kill, and its number may become another's */
	if (ended && timed->kill_ms != INSTANT_NEVER && !process_signal(timed->process, 0))
		timed->kill_ms = INSTANT_NEVER;
	return ended;
}

bool timed_process_lingers(const struct timed_process *timed)
{
	return timed->kill_ms != INSTANT_NEVER ||
	       (!timed->stopping && process_held(timed->process));
}

void timed_process_stop(struct timed_process *timed, struct instant now, int64_t grace_ms)
{
	int64_t term_ms = now.mono_ms + grace_ms;
	int64_t kill_ms = now.mono_ms + grace_ms + TIMED_PROCESS_STOP_KILL_MS;

	timed->kill_after_ms = TIMED_PROCESS_STOP_KILL_MS;
	if (timed->kill_ms != INSTANT_NEVER) {
		/* past its timeout already: only not longer than a stop may take */
		timed->stopping = true;
		if (kill_ms < timed->kill_ms)
			timed->kill_ms = kill_ms;
		return;
	}
	timed->stopping = true;
	if (term_ms < timed->term_ms)
		timed->term_ms = term_ms;
}

int64_t timed_process_next(const struct timed_process *timed)
{
	return timed->term_ms < timed->kill_ms ? timed->term_ms : timed->kill_ms;
}

void timed_process_done(struct timed_process *timed)
{
	if (timed->process != NULL && timed->kill_ms != INSTANT_NEVER)
		(void)process_signal(timed->process, SIGKILL);
	process_free(timed->process);
	*timed = (struct timed_process){ .term_ms = INSTANT_NEVER, .kill_ms = INSTANT_NEVER };
}
