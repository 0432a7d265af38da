/* Whole lines or none: crashes, moves, full disks, and files that are no files. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/logfile.h"
#include "pseudo.h"

struct place {
	char dir[40];
	char path[64];
};

static int place_make(void **state)
{
	struct place *place = mem_alloc(sizeof(*place));

	(void)snprintf(place->dir, sizeof(place->dir), "/tmp/taskbell-log-XXXXXX");
	if (mkdtemp(place->dir) == NULL)
		return -1;
	(void)snprintf(place->path, sizeof(place->path), "%s/log", place->dir);
	*state = place;
	return 0;
}

static int place_remove(void **state)
{
	static const char *const names[] = { "log", "old", "fifo", "link", "target" };
	struct place *place = *state;
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		cleanup_free char *path = mem_printf("%s/%s", place->dir, names[i]);

		(void)unlink(path);
	}
	failed = rmdir(place->dir);
	free(place);
	return failed;
}

static void put(const char *path, const char *text)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void expect(const char *path, const char *text)
{
	char has[4096] = "";
	cleanup_fd int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_true(read(fd, has, sizeof(has) - 1) >= 0);
	assert_string_equal(has, text);
}

static struct logfile *open_log(const char *path)
{
	struct logfile *file;
	struct err err = { 0 };

	if (!logfile_open(&file, path, false, &err))
		fail_msg("%s", err.text);
	return file;
}

static bool add(struct logfile *file, const char *line, struct err *err)
{
	size_t whole;

	return logfile_begin(file, err) && logfile_lines(file, line, strlen(line), &whole, err) &&
	       logfile_sync(file, err);
}

static void test_appends(void **state)
{
	struct place *place = *state;
	struct logfile *file = open_log(place->path);
	struct err err = { 0 };
	struct stat info;

	assert_true(add(file, "one\n", &err) && add(file, "two\n", &err));
	logfile_close(file);
	file = open_log(place->path);
	assert_true(add(file, "three\n", &err));
	logfile_close(file);
	expect(place->path, "one\ntwo\nthree\n");
	assert_int_equal(stat(place->path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
}

static void test_torn_line_is_completed(void **state)
{
	struct place *place = *state;
	struct logfile *file;
	struct err err = { 0 };

	put(place->path, "whole\nhal");
	file = open_log(place->path);
	/* opening alone changes nothing */
	expect(place->path, "whole\nhal");
	assert_true(add(file, "next\n", &err));
	expect(place->path, "whole\nhal\nnext\n");
	assert_true(add(file, "more\n", &err));
	expect(place->path, "whole\nhal\nnext\nmore\n");
	logfile_close(file);
}

static void test_moved_and_removed(void **state)
{
	struct place *place = *state;
	struct logfile *file = open_log(place->path);
	cleanup_free char *old = mem_printf("%s/old", place->dir);
	struct err err = { 0 };

	assert_true(add(file, "one\n", &err));
	assert_int_equal(rename(place->path, old), 0);
	assert_true(add(file, "two\n", &err));
	expect(old, "one\n");
	expect(place->path, "two\n");
	assert_int_equal(unlink(place->path), 0);
	assert_true(add(file, "three\n", &err));
	expect(place->path, "three\n");
	logfile_close(file);
}

static void test_directory_gone_and_back(void **state)
{
	struct place *place = *state;
	struct logfile *file = open_log(place->path);
	struct err err = { 0 };

	assert_int_equal(unlink(place->path) | rmdir(place->dir), 0);
	assert_false(add(file, "one\n", &err));
	assert_int_equal(err.kind, ERR_CANT_CREATE);
	assert_non_null(strstr(err.text, place->path));
	assert_int_equal(mkdir(place->dir, 0700), 0);
	assert_true(add(file, "two\n", &err));
	expect(place->path, "two\n");
	logfile_close(file);
}

/* a disk that is full in the middle of a line: nothing of it stays */
static void test_short_write_is_cut_off(void **state)
{
	struct place *place = *state;
	struct logfile *file = open_log(place->path);
	struct rlimit old;
	struct rlimit small;
	struct err err = { 0 };

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_true(add(file, "0123456\n", &err));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 12;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_false(add(file, "89abcdef\n", &err));
	assert_int_equal(err.kind, ERR_IO);
	small.rlim_cur = 8;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_false(add(file, "89abcdef\n", &err));
	assert_non_null(strstr(err.text, strerror(EFBIG)));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	expect(place->path, "0123456\n");
	assert_true(add(file, "89abcdef\n", &err));
	expect(place->path, "0123456\n89abcdef\n");
	logfile_close(file);
}

/* … and what was whole before it does */
static void test_short_write_of_lines(void **state)
{
	static const char lines[] = "one\ntwo\nthree\nfour\n";
	static const struct {
		rlim_t room;
		const char *left;
	} cases[] = {
		{ 1, "" },
		{ 3, "" },
		{ 4, "one\n" },
		{ 7, "one\n" },
		{ 8, "one\ntwo\n" },
		{ 13, "one\ntwo\n" },
		{ 14, "one\ntwo\nthree\n" },
		{ 18, "one\ntwo\nthree\n" },
		{ 19, lines },
	};
	struct place *place = *state;
	struct rlimit old;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct logfile *file = open_log(place->path);
		struct rlimit small = { cases[i].room, old.rlim_max };
		cleanup_free char *whole_text = NULL;
		struct err err = { 0 };
		size_t whole = 0;
		bool good;

		assert_true(logfile_begin(file, &err));
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		good = logfile_lines(file, lines, strlen(lines), &whole, &err);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_int_equal(good, cases[i].left == lines);
		assert_int_equal(whole, strlen(cases[i].left));
		expect(place->path, cases[i].left);
		/* nothing is torn that would want a newline of its own */
		assert_true(add(file, "more\n", &err));
		whole_text = mem_printf("%smore\n", cases[i].left);
		expect(place->path, whole_text);
		logfile_close(file);
		assert_int_equal(unlink(place->path), 0);
	}
}

/* lines of all lengths, one of which is more than a page: the same at every place where room ends
 */
static void test_pages(void **state)
{
	struct place *place = *state;
	char lines[40000];
	size_t len = 0;
	struct rlimit old;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	for (size_t i = 0; len < 30000; i++) {
		size_t width = i == 20 ? 9000 : i * 37 % 400;

		memset(lines + len, 'a' + (int)(i % 26), width);
		len += width;
		lines[len++] = '\n';
	}
	for (size_t room = 97; room < len + 1000; room += 997) {
		struct logfile *file = open_log(place->path);
		struct rlimit small = { room, old.rlim_max };
		cleanup_fd int fd = -1;
		char has[sizeof(lines)];
		struct err err = { 0 };
		size_t left = room < len ? room : len;
		size_t whole;
		bool good;

		while (left > 0 && lines[left - 1] != '\n')
			left--;
		assert_true(logfile_begin(file, &err));
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		good = logfile_lines(file, lines, len, &whole, &err);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_int_equal(good, left == len);
		assert_int_equal(whole, left);
		fd = open(place->path, O_RDONLY);
		assert_int_equal(read(fd, has, sizeof(has)), (ssize_t)left);
		assert_memory_equal(has, lines, left);
		logfile_close(file);
		assert_int_equal(unlink(place->path), 0);
	}
}

static void refuse(const char *path, bool own, const char *words)
{
	struct logfile *file = NULL;
	struct err err = { 0 };

	assert_false(logfile_open(&file, path, own, &err));
	assert_null(file);
	assert_int_equal(err.kind, ERR_CANT_CREATE);
	if (strstr(err.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static void test_what_is_no_file(void **state)
{
	struct place *place = *state;
	cleanup_free char *fifo = mem_printf("%s/fifo", place->dir);
	cleanup_fd int reader = -1;

	refuse(place->dir, false, "Is a directory");
	refuse("/dev/full", false, "neither");
	refuse("/nowhere/log", false, "No such file");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	refuse(fifo, false, "neither");
	reader = open(fifo, O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	refuse(fifo, false, "neither");
}

static void test_links(void **state)
{
	struct place *place = *state;
	cleanup_free char *link = mem_printf("%s/link", place->dir);
	cleanup_free char *target = mem_printf("%s/target", place->dir);
	struct logfile *file;
	struct err err = { 0 };

	assert_int_equal(symlink(target, link), 0);
	/* a user's own choice, also one that points to nothing yet; but none in the state directory
	 */
	refuse(link, true, "symbolic link");
	file = open_log(link);
	assert_true(add(file, "one\n", &err));
	expect(target, "one\n");
	logfile_close(file);
	refuse(link, true, "symbolic link");
}

static void test_null(void **state)
{
	struct logfile *file = open_log("/dev/null");
	struct err err = { 0 };

	(void)state;
	assert_true(add(file, "one\n", &err));
	logfile_close(file);
}

static void test_terminal(void **state)
{
	cleanup_free char *name = NULL;
	cleanup_fd int master = pseudo_open(&name);
	struct logfile *file = open_log(name);
	cleanup_free char *long_line = mem_alloc(100001);
	struct err err = { 0 };
	char has[64] = "";

	(void)state;
	assert_true(add(file, "one\n", &err));
	assert_true(read(master, has, sizeof(has) - 1) > 0);
	assert_string_equal(has, "one\r\n");
	/* nobody reads: an error, never a wait */
	memset(long_line, 'x', 100000);
	long_line[99999] = '\n';
	assert_false(add(file, long_line, &err));
	assert_false(add(file, long_line, &err));
	logfile_close(file);
}

#define with_place(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_place(test_appends),
		with_place(test_torn_line_is_completed),
		with_place(test_moved_and_removed),
		with_place(test_directory_gone_and_back),
		with_place(test_short_write_is_cut_off),
		with_place(test_short_write_of_lines),
		with_place(test_pages),
		with_place(test_what_is_no_file),
		with_place(test_links),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
