/*
 * meter FILE PROGRAM ARG…: runs it and writes to FILE when it started (monotonic), how long it
 * took, its CPU time (all in microseconds), the largest memory of it or one of its children in KiB,
 * and its exit code. A small program of its own, because a child counts the memory of who started
 * it as its own.
 */
#define _DEFAULT_SOURCE /* wait4 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t span_us(struct timeval span)
{
	return (int64_t)span.tv_sec * 1000000 + span.tv_usec;
}

int main(int argc, char **argv)
{
	struct rusage usage = { 0 };
	int status = 0;
	int64_t start = now_us();
	int64_t end;
	pid_t pid = argc < 3 ? -1 : fork();
	FILE *file;

	if (pid == 0) {
		(void)execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
		return 71;
	end = now_us();
	file = fopen(argv[1], "w");
	if (file == NULL)
		return 73;
	(void)fprintf(file, "%" PRId64 " %" PRId64 " %" PRId64 " %ld %d\n", start, end - start,
		span_us(usage.ru_utime) + span_us(usage.ru_stime), usage.ru_maxrss,
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return fclose(file) == 0 ? 0 : 74;
}
