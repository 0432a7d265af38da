/* The writer: on a terminal that nobody reads it never waits, and later nothing is missing. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/nb_writer.h"
#include "pseudo.h"

#define LINES 3000
#define LINE "a line that is as long as those of events mostly are, or nearly so, and no longer\n"

/* takes what is there; returns how many lines that were */
static size_t drain(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };
	char bytes[4096];
	size_t lines = 0;

	while (poll(&one, 1, 0) == 1) {
		ssize_t len = read(fd, bytes, sizeof(bytes));

		assert_true(len > 0);
		for (ssize_t i = 0; i < len; i++)
			lines += bytes[i] == '\n';
	}
	return lines;
}

static void test_terminal_that_nobody_reads(void **state)
{
	cleanup_free char *name = NULL;
	int master = pseudo_open(&name);
	size_t lines = 0;
	struct nb_writer *writer;
	int fd;

	(void)state;
	fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(fd >= 0);
	writer = nb_writer_new(fd, NB_WRITER_WAITING_MAX);
	/* a write that waits here waits for ever: the alarm makes that a failure */
	(void)alarm(20);
	for (int i = 0; i < LINES; i++)
		nb_writer_add(writer, LINE, strlen(LINE));
	(void)alarm(0);
	assert_true(nb_writer_waits(writer));
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	for (int i = 0; i < 10000 && lines < LINES; i++) {
		lines += drain(master);
		nb_writer_step(writer);
	}
	assert_int_equal(lines, LINES);
	assert_false(nb_writer_waits(writer));
	assert_int_equal(nb_writer_close(writer), 0);
	nb_writer_free(writer);
	(void)close(fd);
	(void)close(master);
}

static void test_many_lines_at_once(void **state)
{
	char bytes[4 * sizeof(LINE)];
	struct nb_writer *writer;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	writer = nb_writer_new(ends[1], NB_WRITER_WAITING_MAX);
	for (int i = 0; i < 3; i++)
		nb_writer_gather(writer, LINE, strlen(LINE));
	assert_true(nb_writer_waits(writer));
	assert_int_equal(read(ends[0], bytes, sizeof(bytes)), -1);
	nb_writer_step(writer);
	assert_false(nb_writer_waits(writer));
	assert_int_equal(read(ends[0], bytes, sizeof(bytes)), 3 * strlen(LINE));
	/* what would be too much to keep is written at once */
	for (size_t i = 0; i <= NB_WRITER_WAITING_MAX / strlen(LINE) / 2; i++)
		nb_writer_gather(writer, LINE, strlen(LINE));
	assert_int_equal(read(ends[0], bytes, sizeof(bytes)), sizeof(bytes));
	nb_writer_free(writer);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_lines_at_once),
		cmocka_unit_test(test_terminal_that_nobody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
