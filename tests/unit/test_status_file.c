/* The status file: what a monitor wrote is read back equal, anything else is nothing. */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/status_file.h"
#include "io/statedir.h"
#include "tmpdir.h"

static char *dir; /* the state directory */
static char *runtime; /* XDG_RUNTIME_DIR */
static int lock_fd;

static int set_up(void **state)
{
	struct err err = { 0 };

	(void)state;
	dir = tmpdir_new();
	runtime = tmpdir_new();
	assert_true(statedir_lock(dir, &lock_fd, &err));
	return setenv("XDG_RUNTIME_DIR", runtime, 1);
}

static int tear_down(void **state)
{
	(void)state;
	(void)close(lock_fd);
	tmpdir_free(dir);
	tmpdir_free(runtime);
	return unsetenv("XDG_RUNTIME_DIR");
}

#define FULL_ERROR "two\nlines and a \\n that is none, \u00fcnd: \t\r\x01 end:\nsource: x"

/* owned by `status` */
static void add_full(struct monitor_status *status)
{
	struct source_status *source = status_add_source(status, "telnyx");

	source->last_good_ms = 1700000000123;
	source->next_ms = 1700000010123;
	source->failing_ms = 5;
	source->active = 100000;
	source->down_after_ms = 120000;
	source->refused = true;
	source->error = mem_strdup(FULL_ERROR);
}

static void write_one(struct status_file *file, int64_t started_ms)
{
	struct monitor_status status = { .pid = 1234, .started_ms = started_ms };

	add_full(&status);
	(void)status_add_source(&status, "second");
	status_add_sink(&status, "desktop")->waits = mem_strdup("nobody:\nsink: y");
	(void)status_add_sink(&status, "log\nsource: x");
	status_file_write(file, &status);
	monitor_status_done(&status);
}

static void assert_read(int64_t started_ms)
{
	struct monitor_status status;
	const struct source_status *read;

	assert_true(status_file_read(dir, &status, &(struct err){ 0 }));
	assert_int_equal(status.pid, 1234);
	assert_int_equal(status.started_ms, started_ms);
	assert_int_equal(status.source_count, 2);
	assert_int_equal(status.sink_count, 2);
	assert_string_equal(status.sinks[0].stored.name, "desktop");
	assert_string_equal(status.sinks[0].waits, "nobody:\nsink: y");
	assert_string_equal(status.sinks[1].stored.name, "log\nsource: x");
	assert_null(status.sinks[1].waits);
	read = &status.sources[0];
	assert_string_equal(read->name, "telnyx");
	assert_string_equal(read->error, FULL_ERROR);
	assert_int_equal(read->last_good_ms, 1700000000123);
	assert_int_equal(read->next_ms, 1700000010123);
	assert_int_equal(read->failing_ms, 5);
	assert_int_equal(read->active, 100000);
	assert_int_equal(read->down_after_ms, 120000);
	assert_true(read->refused);
	assert_string_equal(status.sources[1].name, "second");
	assert_null(status.sources[1].error);
	assert_false(status.sources[1].refused);
	monitor_status_done(&status);
	assert_null(status.sources);
}

static void assert_none(void)
{
	struct monitor_status status;

	assert_false(status_file_read(dir, &status, &(struct err){ 0 }));
	assert_null(status.sources);
	assert_int_equal(status.source_count, 0);
}

static off_t lock_size(void)
{
	struct stat info;

	assert_int_equal(fstat(lock_fd, &info), 0);
	return info.st_size;
}

/* the one file in the runtime directory; owned */
static char *only_file(void)
{
	cleanup_free char *inner = tmpdir_path(runtime, "taskbell");
	cleanup_free char *names = tmpdir_names(inner);

	assert_non_null(strchr(names, ' '));
	assert_ptr_equal(strchr(names, ' '), strrchr(names, ' '));
	*strchr(names, ' ') = '\0';
	return mem_printf("%s/%s", inner, names);
}

static void test_runtime(void **state)
{
	cleanup_free char *inner = tmpdir_path(runtime, "taskbell");
	mode_t mask = umask(0);
	struct status_file *file = status_file_open(dir, lock_fd);
	cleanup_free char *path = NULL;
	struct stat info;

	(void)state;
	assert_none();
	write_one(file, 77);
	write_one(file, 78);
	(void)umask(mask);
	assert_read(78);
	assert_int_equal(lock_size(), 0);
	path = only_file();
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	assert_int_equal(stat(inner, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0700);
	status_file_close(file);
	assert_none();
	assert_int_equal(access(path, F_OK), -1);
	status_file_close(NULL);
}

static void test_two_state_directories(void **state)
{
	char *other = tmpdir_new();
	cleanup_free char *link = tmpdir_path(other, "link");
	struct status_file *file = status_file_open(dir, lock_fd);
	struct monitor_status status;

	(void)state;
	write_one(file, 77);
	assert_false(status_file_read(other, &status, &(struct err){ 0 }));
	/* by another way it is the same directory */
	assert_int_equal(symlink(dir, link), 0);
	assert_true(status_file_read(link, &status, &(struct err){ 0 }));
	monitor_status_done(&status);
	status_file_close(file);
	tmpdir_free(other);
}

static void test_runtime_vanishes(void **state)
{
	cleanup_free char *inner = tmpdir_path(runtime, "taskbell");
	struct status_file *file = status_file_open(dir, lock_fd);
	cleanup_free char *path = NULL;

	(void)state;
	write_one(file, 77);
	path = only_file();
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(inner), 0);
	write_one(file, 78);
	assert_read(78);
	assert_int_equal(lock_size(), 0);
	/* and with nothing that could be made anew, the lock file is there */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(inner), 0);
	tmpdir_write(inner, "x", 1);
	write_one(file, 79);
	assert_true(lock_size() > 0);
	assert_read(79);
	status_file_close(file);
	assert_int_equal(lock_size(), 0);
}

static void test_without_runtime(void **state)
{
	static const char *const values[] = { NULL, "", "relative/run", "/nonexistent/run" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct monitor_status shorter = { .pid = 1 };
		struct status_file *file;
		struct monitor_status status;
		off_t size;

		assert_int_equal(values[i] != NULL ? setenv("XDG_RUNTIME_DIR", values[i], 1)
						   : unsetenv("XDG_RUNTIME_DIR"),
			0);
		add_full(&shorter);
		file = status_file_open(dir, lock_fd);
		write_one(file, 77);
		assert_read(77);
		size = lock_size();
		assert_true(size > 0);
		status_file_write(file, &shorter);
		assert_true(lock_size() < size);
		assert_true(status_file_read(dir, &status, &(struct err){ 0 }));
		assert_int_equal(status.source_count, 1);
		monitor_status_done(&status);
		status_file_close(file);
		monitor_status_done(&shorter);
		assert_int_equal(lock_size(), 0);
		assert_none();
	}
}

static void test_replaced(void **state)
{
	struct status_file *file = status_file_open(dir, lock_fd);
	struct monitor_status shorter = { .pid = 1234, .started_ms = 79 };
	cleanup_free char *path = NULL;
	struct monitor_status status;

	(void)state;
	write_one(file, 77);
	path = only_file();
	write_one(file, 78);
	assert_read(78);
	status_file_write(file, &shorter);
	assert_true(status_file_read(dir, &status, &(struct err){ 0 }));
	assert_int_equal(status.source_count, 0);
	monitor_status_done(&status);
	/* somebody puts another file in its place, or takes it away */
	assert_int_equal(unlink(path), 0);
	tmpdir_write(path, "x", 1);
	write_one(file, 80);
	assert_read(80);
	assert_int_equal(unlink(path), 0);
	write_one(file, 81);
	assert_read(81);
	status_file_close(file);
	assert_none();
}

/* a reader comes at any moment of a write and never finds half of one and half of another */
static void read_while_written(void)
{
	struct status_file *file = status_file_open(dir, lock_fd);
	int go_on[2];
	pid_t process;

	write_one(file, 77);
	assert_int_equal(pipe(go_on), 0);
	process = fork();
	if (process == 0) {
		struct pollfd end = { .fd = go_on[0], .events = POLLIN };
		struct monitor_status none = { .pid = 5, .started_ms = 5 };

		(void)close(go_on[1]);
		while (poll(&end, 1, 0) == 0) {
			status_file_write(file, &none);
			write_one(file, 77);
		}
		_exit(0);
	}
	assert_true(process > 0);
	for (int good = 0; good < 500;) {
		struct monitor_status status;

		/* the writer may be halted in the midst of it for long, by a busy machine */
		if (!status_file_read(dir, &status, &(struct err){ 0 }))
			continue;
		good++;
		assert_int_equal(status.started_ms, status.source_count == 2 ? 77 : 5);
		if (status.source_count != 0)
			assert_string_equal(status.sources[0].error, FULL_ERROR);
		monitor_status_done(&status);
	}
	(void)close(go_on[1]);
	(void)close(go_on[0]);
	assert_int_equal(waitpid(process, NULL, 0), process);
	status_file_close(file);
}

static void test_read_while_written(void **state)
{
	(void)state;
	read_while_written();
	assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
	read_while_written();
}

/* a monitor that was killed left one, the next runs in another environment: the later start counts
 */
static void test_the_later_one_counts(void **state)
{
	struct status_file *first = status_file_open(dir, lock_fd);
	struct status_file *second;

	(void)state;
	write_one(first, 100);
	assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
	second = status_file_open(dir, lock_fd);
	write_one(second, 200);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", runtime, 1), 0);
	assert_read(200);
	write_one(first, 300);
	assert_read(300);
	status_file_close(second);
	status_file_close(first);
}

#define HEAD "{\"write\":1,\"format\":4,\"pid\":1,\"started_ms\":2,"
#define SOURCE(number, error)                                                                      \
	"{\"name\":\"s\",\"last_good_ms\":" number                                                 \
	",\"next_ms\":0,\"failing_ms\":0,\"active\":0,\"down_after_ms\":0,"                        \
	"\"refused\":false,\"error\":" error "}"
#define WHOLE(sinks, sources)                                                                      \
	HEAD "\"sinks\":[" sinks "],\"sources\":[" sources "],\"written\":1}\n"

static void test_garbage(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"garbage\n",
		"taskbell-pulse: 3\npid: 1\nstarted_ms: 2\nend: 1000000000000000000\n",
		"{}",
		"[]",
		"{\"write\":1,\"format\":3,\"pid\":1,\"started_ms\":2,\"sinks\":[],"
		"\"sources\":[],\"written\":1}",
		"{\"write\":1,\"format\":4,\"pid\":-1,\"started_ms\":2,\"sinks\":[],"
		"\"sources\":[],\"written\":1}",
		"{\"write\":1,\"format\":4,\"pid\":\"1\",\"started_ms\":2,\"sinks\":[],"
		"\"sources\":[],\"written\":1}",
		HEAD "\"sinks\":[],\"sources\":[]}", /* cut, and closed by chance */
		HEAD "\"sinks\":[],\"sources\":[],\"written\":2}", /* of two writes */
		HEAD "\"sinks\":[],\"written\":1}",
		HEAD "\"sinks\":{},\"sources\":[],\"written\":1}",
		WHOLE("", SOURCE("1e3", "null")),
		WHOLE("", SOURCE("99999999999999999999", "null")),
		WHOLE("", SOURCE("0", "\"\\x\"")),
		WHOLE("", SOURCE("0", "null") ","),
		WHOLE("", "{\"name\":\"s\"}"),
		WHOLE("", "1"),
		WHOLE("{\"waits\":\"w\"}", ""),
		WHOLE("", "") "more",
	};
	static const char good[] = WHOLE("{\"name\":\"t\",\"waits\":null}", SOURCE("0", "\"e\""));
	struct status_file *file = status_file_open(dir, lock_fd);
	cleanup_free char *path = NULL;
	struct monitor_status status;

	(void)state;
	write_one(file, 77);
	path = only_file();
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		tmpdir_write(path, texts[i], strlen(texts[i]));
		if (status_file_read(dir, &status, &(struct err){ 0 }))
			fail_msg("taken for a status file: %s", texts[i]);
	}
	for (size_t len = 0; len + 2 < sizeof(good); len += 7) {
		tmpdir_write(path, good, len);
		assert_none();
	}
	tmpdir_write(path, good, sizeof(good)); /* with its NUL */
	assert_none();
	tmpdir_write(path, good, strlen(good));
	assert_true(status_file_read(dir, &status, &(struct err){ 0 }));
	assert_string_equal(status.sources[0].error, "e");
	monitor_status_done(&status);
	/* neither a link nor a pipe is followed or waited for */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_none();
	status_file_close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_runtime, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_two_state_directories, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_runtime_vanishes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_runtime, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_later_one_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read_while_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_garbage, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
