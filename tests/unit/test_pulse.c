/* The pulse: what a monitor wrote is read back equal, anything else is nothing. */
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

#include "base/hash.h"
#include "base/mem.h"
#include "io/pulse.h"
#include "io/statedir.h"
#include "scratch.h"

static char *dir; /* the state directory */
static char *runtime; /* XDG_RUNTIME_DIR */
static int lock_fd;

static int set_up(void **state)
{
	struct err err = { 0 };

	(void)state;
	dir = scratch_new();
	runtime = scratch_new();
	assert_true(statedir_lock(dir, &lock_fd, &err));
	return setenv("XDG_RUNTIME_DIR", runtime, 1);
}

static int tear_down(void **state)
{
	(void)state;
	(void)close(lock_fd);
	scratch_free(dir);
	scratch_free(runtime);
	return unsetenv("XDG_RUNTIME_DIR");
}

static struct pulse_source source_full(void)
{
	struct pulse_source source = {
		.name = "telnyx",
		.last_good_ms = 1700000000123,
		.next_ms = 1700000010123,
		.failing_ms = 5,
		.active = 100000,
		.down_after_ms = 120000,
		.refused = true,
		.error = "two\nlines and a \\n that is none, ünd: \t\r\x01 end:\nsource: x",
	};

	return source;
}

static void write_one(struct pulse_file *file, int64_t started_ms)
{
	struct pulse_source sources[2] = { source_full(), { .name = "second" } };
	char *sinks[] = { "desktop", "log\nsource: x" };
	char *waits[] = { "nobody:\nsink: y", "" };
	struct pulse pulse = { .pid = 1234,
		.started_ms = started_ms,
		.sinks = { sinks, 2 },
		.waits = { waits, 2 },
		.sources = sources,
		.source_count = 2 };

	pulse_write(file, &pulse);
}

static void assert_read(int64_t started_ms)
{
	struct pulse_source full = source_full();
	struct pulse pulse;
	const struct pulse_source *read;

	assert_true(pulse_read(dir, &pulse, &(struct err){ 0 }));
	assert_int_equal(pulse.pid, 1234);
	assert_int_equal(pulse.started_ms, started_ms);
	assert_int_equal(pulse.source_count, 2);
	assert_int_equal(pulse.sinks.count, 2);
	assert_string_equal(pulse.sinks.items[0], "desktop");
	assert_string_equal(pulse.sinks.items[1], "log\nsource: x");
	assert_int_equal(pulse.waits.count, 2);
	assert_string_equal(pulse.waits.items[0], "nobody:\nsink: y");
	assert_string_equal(pulse.waits.items[1], "");
	read = &pulse.sources[0];
	assert_string_equal(read->name, full.name);
	assert_string_equal(read->error, full.error);
	assert_int_equal(read->last_good_ms, full.last_good_ms);
	assert_int_equal(read->next_ms, full.next_ms);
	assert_int_equal(read->failing_ms, full.failing_ms);
	assert_int_equal(read->active, full.active);
	assert_int_equal(read->down_after_ms, full.down_after_ms);
	assert_true(read->refused);
	assert_string_equal(pulse.sources[1].name, "second");
	assert_string_equal(pulse.sources[1].error, "");
	assert_false(pulse.sources[1].refused);
	pulse_done(&pulse);
	assert_null(pulse.sources);
}

static void assert_none(void)
{
	struct pulse pulse;

	assert_false(pulse_read(dir, &pulse, &(struct err){ 0 }));
	assert_null(pulse.sources);
	assert_int_equal(pulse.source_count, 0);
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
	cleanup_free char *inner = scratch_path(runtime, "taskbell");
	cleanup_free char *names = scratch_names(inner);

	assert_non_null(strchr(names, ' '));
	assert_ptr_equal(strchr(names, ' '), strrchr(names, ' '));
	*strchr(names, ' ') = '\0';
	return mem_printf("%s/%s", inner, names);
}

static void test_runtime(void **state)
{
	cleanup_free char *inner = scratch_path(runtime, "taskbell");
	mode_t mask = umask(0);
	struct pulse_file *file = pulse_open(dir, lock_fd);
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
	pulse_close(file);
	assert_none();
	assert_int_equal(access(path, F_OK), -1);
	pulse_close(NULL);
}

static void test_two_state_directories(void **state)
{
	char *other = scratch_new();
	cleanup_free char *link = scratch_path(other, "link");
	struct pulse_file *file = pulse_open(dir, lock_fd);
	struct pulse pulse;

	(void)state;
	write_one(file, 77);
	assert_false(pulse_read(other, &pulse, &(struct err){ 0 }));
	/* by another way it is the same directory */
	assert_int_equal(symlink(dir, link), 0);
	assert_true(pulse_read(link, &pulse, &(struct err){ 0 }));
	pulse_done(&pulse);
	pulse_close(file);
	scratch_free(other);
}

static void test_runtime_vanishes(void **state)
{
	cleanup_free char *inner = scratch_path(runtime, "taskbell");
	struct pulse_file *file = pulse_open(dir, lock_fd);
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
	scratch_write(inner, "x", 1);
	write_one(file, 79);
	assert_true(lock_size() > 0);
	assert_read(79);
	pulse_close(file);
	assert_int_equal(lock_size(), 0);
}

static void test_without_runtime(void **state)
{
	static const char *const values[] = { NULL, "", "relative/run", "/nonexistent/run" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct pulse_source sources[2] = { source_full(), { .name = "second" } };
		struct pulse shorter = { .pid = 1, .sources = sources, .source_count = 1 };
		struct pulse_file *file;
		struct pulse pulse;
		off_t size;

		assert_int_equal(values[i] != NULL ? setenv("XDG_RUNTIME_DIR", values[i], 1)
						   : unsetenv("XDG_RUNTIME_DIR"),
			0);
		file = pulse_open(dir, lock_fd);
		write_one(file, 77);
		assert_read(77);
		size = lock_size();
		assert_true(size > 0);
		pulse_write(file, &shorter);
		assert_true(lock_size() < size);
		assert_true(pulse_read(dir, &pulse, &(struct err){ 0 }));
		assert_int_equal(pulse.source_count, 1);
		pulse_done(&pulse);
		pulse_close(file);
		assert_int_equal(lock_size(), 0);
		assert_none();
	}
}

static ino_t inode_of(const char *path)
{
	struct stat info;

	assert_int_equal(stat(path, &info), 0);
	return info.st_ino;
}

static void test_in_place(void **state)
{
	struct pulse_file *file = pulse_open(dir, lock_fd);
	struct pulse shorter = { .pid = 1234, .started_ms = 79 };
	cleanup_free char *path = NULL;
	struct pulse pulse;
	ino_t inode;

	(void)state;
	write_one(file, 77);
	path = only_file();
	inode = inode_of(path);
	write_one(file, 78);
	assert_read(78);
	assert_int_equal(inode_of(path), inode);
	pulse_write(file, &shorter);
	assert_true(pulse_read(dir, &pulse, &(struct err){ 0 }));
	assert_int_equal(pulse.source_count, 0);
	pulse_done(&pulse);
	/* somebody puts another file in its place, or takes it away */
	assert_int_equal(unlink(path), 0);
	scratch_write(path, "x", 1);
	write_one(file, 80);
	assert_read(80);
	assert_int_equal(unlink(path), 0);
	write_one(file, 81);
	assert_read(81);
	pulse_close(file);
	assert_none();
}

/* a reader comes at any moment of a write and never finds half of one and half of another */
static void test_read_while_written(void **state)
{
	struct pulse_file *file = pulse_open(dir, lock_fd);
	int go_on[2];
	pid_t process;

	(void)state;
	write_one(file, 77);
	assert_int_equal(pipe(go_on), 0);
	process = fork();
	if (process == 0) {
		struct pollfd end = { .fd = go_on[0], .events = POLLIN };
		struct pulse none = { .pid = 5, .started_ms = 5 };

		(void)close(go_on[1]);
		while (poll(&end, 1, 0) == 0) {
			pulse_write(file, &none);
			write_one(file, 77);
		}
		_exit(0);
	}
	assert_true(process > 0);
	for (int good = 0; good < 500;) {
		struct pulse pulse;

		/* the writer may be halted in the midst of it for long, by a busy machine */
		if (!pulse_read(dir, &pulse, &(struct err){ 0 }))
			continue;
		good++;
		assert_int_equal(pulse.started_ms, pulse.source_count == 2 ? 77 : 5);
		if (pulse.source_count != 0)
			assert_string_equal(pulse.sources[0].error, source_full().error);
		pulse_done(&pulse);
	}
	(void)close(go_on[1]);
	(void)close(go_on[0]);
	assert_int_equal(waitpid(process, NULL, 0), process);
	pulse_close(file);
}

/* a monitor that was killed left one, the next runs in another environment: the later start counts
 */
static void test_the_later_one_counts(void **state)
{
	struct pulse_file *first = pulse_open(dir, lock_fd);
	struct pulse_file *second;

	(void)state;
	write_one(first, 100);
	assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
	second = pulse_open(dir, lock_fd);
	write_one(second, 200);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", runtime, 1), 0);
	assert_read(200);
	write_one(first, 300);
	assert_read(300);
	pulse_close(second);
	pulse_close(first);
}

#define HEAD "taskbell-pulse: 3\npid: 1\nstarted_ms: 2\n"
#define SOURCE(number, error)                                                                      \
	"source: s\nlast_good_ms: " number "\nnext_ms: 0\nfailing_ms: 0\nactive: 0\n"              \
	"down_after_ms: 0\nrefused: 0\nerror: " error "\n"

/* with its right sum, owned */
static char *summed(const char *text)
{
	static const struct hash_key key = { 0 };
	cleanup_free char *whole = mem_printf("%send: ", text);
	uint64_t sum = hash_bytes(&key, whole, strlen(whole)).lo % 1000000000000000000;

	return mem_printf("%s1%018" PRIu64 "\n", whole, sum);
}

static void write_summed(const char *path, const char *text)
{
	cleanup_free char *whole = summed(text);

	scratch_write(path, whole, strlen(whole));
}

static void test_garbage(void **state)
{
	static const char *const texts[] = {
		"",
		"garbage\n",
		"taskbell-pulse: 1\npid: 1\nstarted_ms: 2\n",
		"taskbell-pulse: 3\npid: -1\nstarted_ms: 2\n",
		"taskbell-pulse: 3\npid: 1x\nstarted_ms: 2\n",
		"taskbell-pulse: 3\nstarted_ms: 2\npid: 1\n",
		HEAD "source: s\n",
		HEAD SOURCE("1e3", ""),
		HEAD SOURCE("99999999999999999999", ""),
		HEAD SOURCE("0", "\\x"),
		HEAD SOURCE("0", "\\"),
		HEAD SOURCE("0", "") "half",
		HEAD "source:s\n",
		HEAD "waits: w\n",
		HEAD "sink: s\nsink: t\nwaits: w\n",
		HEAD "sink: s\nwaits: \\x\n",
		HEAD "unknown: 1\n",
	};
	static const char *const unsummed[] = {
		"",
		"\n",
		":",
		"garbage",
		HEAD,
		HEAD "end:",
		HEAD "end:\n",
		HEAD "end: \n",
		HEAD "end: 1\n",
		HEAD "end: 1000000000000000000\n",
	};
	struct pulse_file *file = pulse_open(dir, lock_fd);
	cleanup_free char *path = NULL;
	cleanup_free char *great = NULL;
	cleanup_free char *good = summed(HEAD SOURCE("0", ""));
	cleanup_free char *more = mem_printf("%smore\n", good);
	struct pulse pulse;

	(void)state;
	write_one(file, 77);
	path = only_file();
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		write_summed(path, texts[i]);
		if (pulse_read(dir, &pulse, &(struct err){ 0 }))
			fail_msg("taken for a pulse: %s", texts[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(unsummed); i++) {
		scratch_write(path, unsummed[i], strlen(unsummed[i]));
		if (pulse_read(dir, &pulse, &(struct err){ 0 }))
			fail_msg("taken for a whole pulse: %s", unsummed[i]);
	}
	great = mem_printf(HEAD "source: %0300d\n", 0);
	write_summed(path, great);
	assert_none();
	scratch_write(path, more, strlen(more));
	assert_none();
	scratch_write(path, good, strlen(good));
	assert_true(pulse_read(dir, &pulse, &(struct err){ 0 }));
	pulse_done(&pulse);
	good[strlen(HEAD)]++;
	scratch_write(path, good, strlen(good));
	assert_none();
	good[strlen(HEAD)] = '\0';
	scratch_write(path, good, strlen(more) - strlen("more\n"));
	assert_none();
	/* neither a link nor a pipe is followed or waited for */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_none();
	pulse_close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_runtime, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_two_state_directories, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_runtime_vanishes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_runtime, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_later_one_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_in_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read_while_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_garbage, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
