/*
 * bench_frame FILE: a list of tasks read in pieces as they come from a socket. Says how long
 * splitting takes alone, and with every element decoded, in seconds of CPU time, and the memory it
 * took.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "json/frame.h"
#include "io/api.h"

#define PIECE 16384

static size_t count;

static double cpu_seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool take_element(
	void *arg, const char *bytes, size_t len, const struct flat *flat, struct err *err)
{
	(void)arg;
	(void)bytes;
	(void)len;
	(void)err;
	count += flat != NULL;
	return true;
}

static bool take_task(void *arg, const struct task *view, const char *bytes, size_t len)
{
	(void)arg;
	(void)bytes;
	(void)len;
	count += view->status != STATUS_UNKNOWN;
	return true;
}

/* feeds the file to one of both; the other one is NULL */
static bool feed_file(int fd, struct frame *frame, struct api_list *list, struct err *err)
{
	char piece[PIECE];
	ssize_t len;

	count = 0;
	(void)lseek(fd, 0, SEEK_SET);
	while ((len = read(fd, piece, sizeof(piece))) > 0)
		if (frame != NULL ? !frame_feed(frame, piece, (size_t)len, err)
				  : !api_list_feed(list, piece, (size_t)len, err))
			return false;
	return frame != NULL ? frame_end(frame, err) : api_list_end(list, err);
}

int main(int argc, char **argv)
{
	cleanup_fd int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	struct frame_taker elements = { .element = take_element };
	struct api_taker tasks = { .task = take_task };
	struct frame *frame = frame_new("data", &elements);
	struct api_list *list = api_list_new(source_type_find("telnyx-embeddings"), &tasks);
	double start = cpu_seconds();
	struct rusage usage = { 0 };
	struct err err = { 0 };
	bool good = fd >= 0 && feed_file(fd, frame, NULL, &err);

	printf("split   %.3f s, %zu in plain form\n", cpu_seconds() - start, count);
	start = cpu_seconds();
	good = good && feed_file(fd, NULL, list, &err);
	(void)getrusage(RUSAGE_SELF, &usage);
	printf("decode  %.3f s, %zu of known status\nmemory  %ld KiB\n", cpu_seconds() - start,
		count, usage.ru_maxrss);
	if (!good)
		fprintf(stderr, "bench_frame FILE: %s\n", err.text);
	frame_free(frame);
	api_list_free(list);
	return good ? 0 : 1;
}
