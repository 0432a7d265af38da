/* Real processes: what a child gets, what it gives back, and that nothing waits for anybody. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/signals.h"
#include "io/process.h"

static const char *const env[] = { "PATH=/usr/bin:/bin", "A=1", NULL };

static struct process *start(const char *script, const struct spawn *more)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct spawn spawn = more != NULL ? *more : (struct spawn){ .output_max = 4096 };
	struct process *process = NULL;
	struct err err = { 0 };

	spawn.argv = argv;
	spawn.env = env;
	if (!process_start(&process, &spawn, &err))
		fail_msg("%s", err.text);
	return process;
}

/* one wait, as the monitor does it */
static void wait_once(struct process *process)
{
	struct poll_fd fds[3];
	struct pollfd polls[4];
	size_t count = process_fds(process, fds, ARRAY_LEN(fds));

	for (size_t i = 0; i < count; i++)
		polls[i] = (struct pollfd){ .fd = fds[i].fd,
			.events = fds[i].write ? POLLOUT : POLLIN };
	polls[count] = (struct pollfd){ .fd = signals_fd(), .events = POLLIN };
	if (poll(polls, (nfds_t)count + 1, 20000) == 0)
		fail_msg("the child neither ends nor says anything");
	(void)signals_take(SIGCHLD);
	process_step(process);
}

static int finish(struct process *process)
{
	int status = -1;

	while (!process_ended(process, &status))
		wait_once(process);
	return status;
}

static void test_exit_codes(void **state)
{
	static const int codes[] = { 0, 1, 75, 126, 255 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		cleanup_free char *script = mem_printf("exit %d", codes[i]);
		struct process *process = start(script, NULL);
		int status = finish(process);

		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), codes[i]);
		process_free(process);
	}
}

static void test_ended_by_signal(void **state)
{
	struct process *process = start("kill -9 $$", NULL);
	int status = finish(process);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	process_free(process);
}

static void test_output_and_errors(void **state)
{
	struct process *process = start("echo out; echo err >&2; echo more", NULL);

	(void)state;
	(void)finish(process);
	assert_string_equal(buf_text(process_output(process)), "out\nmore\n");
	assert_string_equal(buf_text(process_errors(process)), "err\n");
	assert_false(process_truncated(process));
	process_free(process);
}

static void test_merged(void **state)
{
	struct spawn spawn = { .output_max = 4096, .merge = true };
	struct process *process = start("echo 1; echo 2 >&2; echo 3", &spawn);

	(void)state;
	(void)finish(process);
	assert_string_equal(buf_text(process_output(process)), "1\n2\n3\n");
	assert_string_equal(buf_text(process_errors(process)), "");
	process_free(process);
}

static void test_output_is_bounded(void **state)
{
	struct spawn spawn = { .output_max = 1000 };
	struct process *process = start("head -c 3000000 /dev/zero | tr '\\0' x", &spawn);

	(void)state;
	assert_int_equal(finish(process), 0);
	assert_int_equal(process_output(process)->len, 1000);
	assert_true(process_truncated(process));
	process_free(process);
	/* as much as fits is not cut, and the rest in the pipe at the end is noticed as cut */
	process = start("head -c 1000 /dev/zero", &spawn);
	(void)finish(process);
	assert_false(process_truncated(process));
	process_free(process);
	process = start("head -c 1001 /dev/zero", &spawn);
	(void)finish(process);
	assert_true(process_truncated(process));
	process_free(process);
}

static void test_endless_printer_does_not_hold_a_step(void **state)
{
	struct spawn spawn = { .output_max = 1000 };
	struct process *process = start("exec yes", &spawn);
	int status;

	(void)state;
	while (!process_truncated(process))
		wait_once(process);
	wait_once(process);
	assert_false(process_ended(process, &status));
	assert_true(process_signal(process, SIGTERM));
	status = finish(process);
	assert_int_equal(WTERMSIG(status), SIGTERM);
	process_free(process);
}

static void test_consumed_output_counts(void **state)
{
	struct spawn spawn = { .output_max = 6 };
	struct process *process = start("echo one; read x; echo two; exit 0", &spawn);

	(void)state;
	/* stdin is empty, so `read` returns at once */
	while (process_output(process)->len < 4)
		wait_once(process);
	buf_drop(process_output(process), 4);
	(void)finish(process);
	assert_string_equal(buf_text(process_output(process)), "tw");
	assert_true(process_truncated(process));
	process_free(process);
}

static void test_input(void **state)
{
	size_t len = 300000; /* more than a pipe holds */
	cleanup_free char *text = mem_alloc(len + 1);
	struct spawn spawn = { .output_max = 4096, .input = text, .input_len = len };
	struct process *process;

	(void)state;
	memset(text, 'a', len);
	process = start("wc -c", &spawn);
	(void)finish(process);
	assert_int_equal(strtol(buf_text(process_output(process)), NULL, 10), (long)len);
	process_free(process);
	/* a child that does not read it is no failure, small or big */
	process = start("exit 0", &spawn);
	assert_int_equal(finish(process), 0);
	process_free(process);
	spawn.input_len = 10;
	process = start("exit 3", &spawn);
	assert_int_equal(WEXITSTATUS(finish(process)), 3);
	process_free(process);
}

/* one that is spoken with: no end of file, and nothing to wait for while there is nothing to say */
static void test_input_that_stays_open(void **state)
{
	struct spawn spawn = { .output_max = SIZE_MAX, .input_open = true };
	struct process *process =
		start("while read line; do echo got $line; done; echo end", &spawn);
	cleanup_free char *line = mem_alloc(200001);
	struct poll_fd fds[3];

	(void)state;
	assert_int_equal(process_fds(process, fds, ARRAY_LEN(fds)), 2);
	process_write(process, "one\n", 4);
	while (process_output(process)->len < 8)
		wait_once(process);
	process_write(process, "two\n", 4);
	while (process_output(process)->len < 16)
		wait_once(process);
	assert_string_equal(buf_text(process_output(process)), "got one\ngot two\n");
	process_free(process);
	/* more than a pipe holds; and to one that ends meanwhile */
	process = start("wc -l; exec 0<&-; kill -STOP $$", &spawn);
	memset(line, '\n', 200000);
	process_write(process, line, 200000);
	assert_int_equal(process_fds(process, fds, ARRAY_LEN(fds)), 3);
	assert_true(process_signal(process, SIGKILL));
	(void)finish(process);
	process_write(process, "x\n", 2);
	process_step(process);
	process_free(process);
}

static void test_environment_is_exact(void **state)
{
	static const char *const argv[] = { "env", NULL };
	struct spawn spawn = { .argv = argv, .env = env, .output_max = 4096 };
	struct process *process = NULL;
	struct err err = { 0 };

	(void)state;
	assert_true(process_start(&process, &spawn, &err));
	(void)finish(process);
	assert_string_equal(buf_text(process_output(process)), "PATH=/usr/bin:/bin\nA=1\n");
	process_free(process);
}

static void test_directory(void **state)
{
	struct spawn spawn = { .output_max = 4096, .cwd = "/usr" };
	struct process *process = start("pwd", &spawn);

	(void)state;
	(void)finish(process);
	assert_string_equal(buf_text(process_output(process)), "/usr\n");
	process_free(process);
	spawn.cwd = "/nowhere/at/all";
	process = start("pwd", &spawn);
	(void)finish(process);
	assert_string_equal(buf_text(process_output(process)), "/\n");
	process_free(process);
}

/* descriptors that somebody forgot to mark, signals that are blocked or ignored here: none of it is
 * passed on */
static void test_nothing_is_inherited(void **state)
{
	int fd = open("/dev/null", O_RDONLY);
	int high = fcntl(fd, F_DUPFD, 200);
	sigset_t set;
	sigset_t old;
	struct process *process;

	/* the last seven digits of the masks are the signals up to 28 */
	(void)state;
	assert_true(fd >= 3 && high >= 200);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	process = start("cd /proc/self/fd; for f in *; do [ -e $f ] && echo $f; done;"
			"grep -E 'Sig(Blk|Ign)' /proc/self/status | sed 's/.*\\(.......\\)/\\1/'",
		NULL);
	(void)finish(process);
	assert_string_equal(buf_text(process_output(process)), "0\n1\n2\n0000000\n0000000\n");
	process_free(process);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	(void)close(fd);
	(void)close(high);
}

static void test_closed_standard_descriptors(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		struct spawn spawn = { .output_max = 100, .input = "hello", .input_len = 5 };
		struct process *process;
		bool good;

		(void)close(0);
		(void)close(1);
		(void)close(2);
		process = start("cat; echo e >&2", &spawn);
		good = finish(process) == 0 &&
		       strcmp(buf_text(process_output(process)), "hello") == 0 &&
		       strcmp(buf_text(process_errors(process)), "e\n") == 0;
		process_free(process);
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_own_group(void **state)
{
	struct process *process = start("sleep 1000 & echo; wait", NULL);
	int status;

	(void)state;
	assert_int_equal(getpgid(process_pid(process)), process_pid(process));
	/* the signal reaches what the child started, too */
	while (process_output(process)->len == 0)
		wait_once(process);
	assert_true(process_signal(process, SIGKILL));
	status = finish(process);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	while (process_held(process)) /* the grandchild is gone when nobody holds the pipe */
		wait_once(process);
	process_free(process);
}

/* the end is that of the process: what it left keeps the pipe open, may write to it, and is never
 * waited for */
static void test_left_in_background(void **state)
{
	struct spawn spawn = { .output_max = 4096, .merge = true };
	char path[] = "/tmp/taskbell-spawn-XXXXXX";
	cleanup_free char *script = NULL;
	struct process *process;
	int status;

	(void)state;
	assert_non_null(mkdtemp(path));
	assert_int_equal(chdir(path), 0);
	assert_int_equal(mkfifo("go", 0600), 0);
	script = mem_printf(
		"cd %s; (read x <go; echo late; echo late; echo alive >done) & echo early", path);
	process = start(script, &spawn);
	assert_int_equal(finish(process), 0);
	assert_string_equal(buf_text(process_output(process)), "early\n");
	assert_true(process_held(process));
	assert_true(process_signal(process, 0));
	status = open("go", O_WRONLY);
	assert_int_equal(write(status, "\n", 1), 1);
	(void)close(status);
	while (process_held(process))
		wait_once(process);
	/* what came after the end is dropped, and the writer did not die of SIGPIPE */
	assert_string_equal(buf_text(process_output(process)), "early\n");
	assert_false(process_truncated(process));
	assert_int_equal(access("done", F_OK), 0);
	process_free(process);
	assert_int_equal(unlink("go") | unlink("done") | chdir("/") | rmdir(path), 0);
}

static void start_fails(const char *program, enum err_kind kind, const char *words)
{
	const char *argv[] = { program, NULL };
	struct spawn spawn = {
		.argv = argv, .env = env, .output_max = 10, .input = "x", .input_len = 1
	};
	struct process *process = NULL;
	struct err err = { 0 };

	assert_false(process_start(&process, &spawn, &err));
	assert_null(process);
	assert_int_equal(err.kind, kind);
	if (strstr(err.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static int write_bytes(const char *path, const void *bytes, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	(void)close(fd);
	return chmod(path, mode);
}

static int write_file(const char *path, const char *text, mode_t mode)
{
	return write_bytes(path, text, strlen(text), mode);
}

/* under valgrind, where vfork is fork, nobody hears of a failed exec */
static bool hears_of_exec(void)
{
	return getenv("LD_PRELOAD") == NULL || strstr(getenv("LD_PRELOAD"), "vgpreload") == NULL;
}

/* as a shell runs it; also by a path from the child's directory, and one that looks like an option
 */
static void test_script_without_a_first_line(void **state)
{
	static const char *const names[] = { "hook", "-c" };
	char dir[] = "/tmp/taskbell-spawn-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < 2 * ARRAY_LEN(names) && hears_of_exec(); i++) {
		cleanup_free char *path = mem_printf("%s/%s", dir, names[i / 2]);
		cleanup_free char *relative =
			mem_printf("%s%s", i / 2 == 0 ? "./" : "", names[i / 2]);
		const char *argv[] = { i % 2 == 0 ? path : relative, "two words", "*", NULL };
		struct spawn spawn = { .argv = argv, .env = env, .cwd = dir, .output_max = 100 };
		struct process *process = NULL;
		struct err err = { 0 };
		int status;

		/* a bare name would be looked for in PATH */
		if (i == 3)
			argv[0] = "./-c";
		assert_int_equal(write_file(path, "printf '<%s>' \"$@\"; exit 75\n", 0700), 0);
		if (!process_start(&process, &spawn, &err))
			fail_msg("%s", err.text);
		status = finish(process);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 75);
		assert_string_equal(buf_text(process_output(process)), "<two words><*>");
		process_free(process);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rmdir(dir), 0);
}

static void test_not_startable(void **state)
{
	char dir[] = "/tmp/taskbell-spawn-XXXXXX";
	cleanup_free char *path = NULL;
	struct rlimit old;
	struct rlimit none;

	(void)state;
	start_fails("/nowhere/hook", ERR_NOT_FOUND, "/nowhere/hook: No such file");
	start_fails("taskbell-no-such-program", ERR_NOT_FOUND, "taskbell-no-such-program");
	start_fails("/usr", ERR_NOT_FOUND, "Permission denied");
	assert_non_null(mkdtemp(dir));
	path = mem_printf("%s/hook", dir);
	assert_int_equal(write_file(path, "#!/bin/sh\n", 0600), 0);
	start_fails(path, ERR_NOT_FOUND, "Permission denied");
	assert_int_equal(write_file(path, "#!/no/such/interpreter\n", 0700), 0);
	if (hears_of_exec())
		start_fails(path, ERR_NOT_FOUND, "interpreter");
	/* of another machine: no shell makes sense of it */
	assert_int_equal(write_bytes(path,
				 "\x7f"
				 "ELF\0\1\2\3echo\n",
				 13, 0700),
		0);
	if (hears_of_exec())
		start_fails(path, ERR_NOT_FOUND, "Exec format error");
	assert_int_equal(unlink(path) | rmdir(dir), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 4;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	start_fails("/bin/true", ERR_OS, "Too many open files");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

static void test_freed_while_running(void **state)
{
	struct process *process = start("sleep 1000 & sleep 1000", NULL);
	pid_t pid = process_pid(process);

	(void)state;
	process_free(process);
	/* its end is noticed and taken by whichever child is stepped next */
	process = start("read x", NULL);
	while (kill(pid, 0) == 0)
		wait_once(process);
	assert_int_equal(errno, ESRCH);
	process_free(process);
	/* … or by whoever is about to end */
	process = start("sleep 1000", NULL);
	pid = process_pid(process);
	process_free(process);
	process_reap_killed(20000);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static int setup(void **state)
{
	static const int wake[] = { SIGCHLD };
	struct err err;

	(void)state;
	return signals_open(wake, 1, &err) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_ended_by_signal),
		cmocka_unit_test(test_output_and_errors),
		cmocka_unit_test(test_merged),
		cmocka_unit_test(test_output_is_bounded),
		cmocka_unit_test(test_endless_printer_does_not_hold_a_step),
		cmocka_unit_test(test_consumed_output_counts),
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_input_that_stays_open),
		cmocka_unit_test(test_environment_is_exact),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_nothing_is_inherited),
		cmocka_unit_test(test_closed_standard_descriptors),
		cmocka_unit_test(test_own_group),
		cmocka_unit_test(test_left_in_background),
		cmocka_unit_test(test_script_without_a_first_line),
		cmocka_unit_test(test_not_startable),
		cmocka_unit_test(test_freed_while_running),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
