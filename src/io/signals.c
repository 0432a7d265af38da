#include "io/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/mem.h"

#define SIGNALS_MAX 65 /* past the last number of every system we know */

static volatile sig_atomic_t counts[SIGNALS_MAX];
static int highest; /* of those that are counted: every turn of a loop looks through them */
static volatile sig_atomic_t piped; /* something may be in the pipe */
static int pipe_fds[2] = { -1, -1 };

static void count_one(int number)
{
	int saved = errno;

	counts[number]++;
	piped = 1;
	/* a full pipe wakes as well as a fuller one would */
	if (write(pipe_fds[1], "", 1) < 0)
		errno = saved;
	errno = saved;
}

static bool pipe_open(struct err *err)
{
	if (pipe(pipe_fds) != 0)
		return err_errno(err, ERR_OS, errno, "cannot make a pipe");
	for (int i = 0; i < 2; i++)
		if (fcntl(pipe_fds[i], F_SETFD, FD_CLOEXEC) != 0 ||
			fcntl(pipe_fds[i], F_SETFL, O_NONBLOCK) != 0)
			return err_errno(err, ERR_OS, errno, "cannot set up a pipe");
	return true;
}

bool signals_open(const int *numbers, size_t count, struct err *err)
{
	struct sigaction action = { .sa_handler = count_one, .sa_flags = SA_RESTART };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	if (pipe_fds[0] < 0 && !pipe_open(err))
		return false;
	(void)sigemptyset(&action.sa_mask);
	(void)sigemptyset(&ignore.sa_mask);
	(void)sigemptyset(&set);
	for (size_t i = 0; i < count; i++) {
		if (sigaction(numbers[i], &action, NULL) != 0)
			return err_errno(err, ERR_OS, errno, "cannot catch signal %d", numbers[i]);
		(void)sigaddset(&set, numbers[i]);
		highest = numbers[i] > highest ? numbers[i] : highest;
	}
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGXFSZ, &ignore, NULL);
	(void)sigaction(SIGTTOU, &ignore, NULL);
	/* whoever started us may have blocked them */
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	return true;
}

int signals_fd(void)
{
	return pipe_fds[0];
}

/* every turn of a loop asks for several signals, nearly always in vain: that costs no call */
unsigned int signals_take(int number)
{
	sigset_t one;
	sigset_t old;
	unsigned int taken;

	if (piped != 0) {
		char drain[64];

		piped = 0;
		while (read(pipe_fds[0], drain, sizeof(drain)) > 0)
			;
	}
	if (counts[number] == 0)
		return 0;
	(void)sigemptyset(&one);
	(void)sigaddset(&one, number);
	(void)sigprocmask(SIG_BLOCK, &one, &old);
	taken = (unsigned int)counts[number];
	counts[number] = 0;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return taken;
}

bool signals_waiting(void)
{
	/* a byte in the pipe would end every wait until a signal is taken */
	if (piped != 0)
		return true;
	for (int number = 1; number <= highest; number++)
		if (counts[number] != 0)
			return true;
	return false;
}

static void raise_default(int number, struct sigaction *old)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t set;

	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(number, &action, old);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, number);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)raise(number);
}

void signals_stop(int number)
{
	struct sigaction old;

	raise_default(number, &old);
	(void)sigaction(number, &old, NULL);
}

void signals_die(int number)
{
	raise_default(number, NULL);
	_exit(128 + number);
}
