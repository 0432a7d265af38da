/*
 * bench_list FILE: a list of tasks read in pieces as they come from a socket. Says how long
 * splitting takes alone, and with every element decoded, in seconds of CPU time, and the memory it
 * took.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/task_reader.h"
#include "json/split.h"

#define PIECE 16384

static size_t count;

static double cpu_seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* feeds the file to one of both; the other one is NULL */
static bool feed_file(int fd, struct json_split *split, struct task_reader *reader, struct err *err)
{
	struct json_value values[FIELD_COUNT];
	struct json_element element;
	struct task_element task;
	char piece[PIECE];
	ssize_t len;

	count = 0;
	(void)lseek(fd, 0, SEEK_SET);
	while ((len = read(fd, piece, sizeof(piece))) > 0) {
		if (split != NULL)
			json_split_feed(split, piece, (size_t)len);
		else
			task_reader_feed(reader, piece, (size_t)len);
		while (split != NULL && json_split_next(split, values, &element))
			count += values[FIELD_ID].type == JSON_STRING;
		while (reader != NULL && task_reader_next(reader, &task))
			count += task_reader_view(reader, &task)->status != STATUS_UNKNOWN;
	}
	return split != NULL ? json_split_end(split, err) : task_reader_end(reader, err);
}

int main(int argc, char **argv)
{
	cleanup_fd int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	const struct source_type *type = source_type_find("telnyx-embeddings");
	static struct json_pick pick;
	struct json_split *split = json_split_new(SPLIT_LIST, type->list_pointer, &pick);
	struct task_reader *reader = task_reader_new(type);
	double start = cpu_seconds();
	struct rusage usage = { 0 };
	struct err err = { 0 };
	bool good = fd >= 0 && json_pick_init(&pick, "", type->fields, FIELD_COUNT) &&
		    feed_file(fd, split, NULL, &err);

	printf("split   %.3f s, %zu with an id\n", cpu_seconds() - start, count);
	start = cpu_seconds();
	good = good && feed_file(fd, NULL, reader, &err);
	(void)getrusage(RUSAGE_SELF, &usage);
	printf("decode  %.3f s, %zu of known status\nmemory  %ld KiB\n", cpu_seconds() - start,
		count, usage.ru_maxrss);
	if (!good)
		fprintf(stderr, "bench_list FILE: %s\n", err.text);
	json_split_free(split);
	task_reader_free(reader);
	return good ? 0 : 1;
}
