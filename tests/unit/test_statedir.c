/* Where the state lies, that it is ours alone, and who holds its lock. */
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/statedir.h"
#include "tmpdir.h"

static char *dir;

static int set_up(void **state)
{
	(void)state;
	dir = tmpdir_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tmpdir_free(dir);
	return 0;
}

static void set_env(const char *name, const char *value)
{
	assert_int_equal(value != NULL ? setenv(name, value, 1) : unsetenv(name), 0);
}

static void assert_found(
	const char *option, const char *xdg, const char *home, const char *expected)
{
	struct err err = { 0 };
	cleanup_free char *path = NULL;

	set_env("XDG_STATE_HOME", xdg);
	set_env("HOME", home);
	path = statedir_find(option, &err);
	if (expected != NULL) {
		assert_non_null(path);
		assert_string_equal(path, expected);
	} else {
		assert_null(path);
		assert_int_equal(err.kind, ERR_CANT_CREATE);
	}
}

static void test_find(void **state)
{
	cleanup_free char *old_home = mem_strdup(getenv("HOME"));
	cleanup_free char *old_xdg = mem_strdup(getenv("XDG_STATE_HOME"));
	char cwd[4096];
	cleanup_free char *relative = NULL;

	(void)state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	relative = mem_printf("%s/here", cwd);
	assert_found("/a/b", "/xdg", "/home/u", "/a/b");
	assert_found("/a/b//", "/xdg", "/home/u", "/a/b");
	assert_found("/", "/xdg", "/home/u", "/");
	assert_found("here", "/xdg", "/home/u", relative);
	assert_found("here/", "/xdg", "/home/u", relative);
	assert_found("", "/xdg", "/home/u", NULL);
	assert_found(NULL, "/xdg", "/home/u", "/xdg/taskbell");
	assert_found(NULL, "/xdg", NULL, "/xdg/taskbell");
	/* empty and relative ones do not count */
	assert_found(NULL, "", "/home/u", "/home/u/.local/state/taskbell");
	assert_found(NULL, "xdg", "/home/u", "/home/u/.local/state/taskbell");
	assert_found(NULL, NULL, "/home/u", "/home/u/.local/state/taskbell");
	assert_found(NULL, NULL, "home/u", NULL);
	assert_found(NULL, NULL, "", NULL);
	assert_found(NULL, NULL, NULL, NULL);
	set_env("HOME", old_home);
	set_env("XDG_STATE_HOME", old_xdg);
}

static mode_t mode_of(const char *path)
{
	struct stat info;

	assert_int_equal(lstat(path, &info), 0);
	return info.st_mode & 07777;
}

static void make(const char *path)
{
	struct err err = { 0 };

	if (!statedir_make(path, &err))
		fail_msg("%s", err.text);
	assert_true(statedir_check(path, &err));
}

static void test_make(void **state)
{
	static const mode_t masks[] = { 0, 022, 0777 };
	cleanup_free char *middle = tmpdir_path(dir, "x");
	cleanup_free char *path = tmpdir_path(dir, "x/state");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		mode_t mask = umask(masks[i]);

		make(path);
		(void)umask(mask);
		assert_int_equal(mode_of(path), 0700);
		assert_int_equal(mode_of(middle), 0700);
		make(path);
		assert_int_equal(rmdir(path), 0);
		assert_int_equal(rmdir(middle), 0);
	}
}

static void test_make_narrows(void **state)
{
	cleanup_free char *middle = tmpdir_path(dir, "x");
	cleanup_free char *path = tmpdir_path(dir, "x/state");

	(void)state;
	assert_int_equal(mkdir(middle, 0700), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(middle, 0755), 0);
	assert_int_equal(chmod(path, 0777), 0);
	make(path);
	assert_int_equal(mode_of(path), 0700);
	/* what lies above is somebody else's business */
	assert_int_equal(mode_of(middle), 0755);
	/* nothing is given that its owner took away */
	assert_int_equal(chmod(path, 0555), 0);
	make(path);
	assert_int_equal(mode_of(path), 0500);
}

static void refuse(const char *path, const char *word)
{
	struct err err = { 0 };

	assert_false(statedir_make(path, &err));
	if (err.kind != ERR_CANT_CREATE || strstr(err.text, word) == NULL ||
		strstr(err.text, path) == NULL)
		fail_msg("%d: %s", (int)err.kind, err.text);
	assert_false(statedir_check(path, &err));
}

static void test_links(void **state)
{
	cleanup_free char *real = tmpdir_path(dir, "real");
	cleanup_free char *link = tmpdir_path(dir, "link");
	cleanup_free char *behind = tmpdir_path(dir, "link/state");
	cleanup_free char *resolved = NULL;
	cleanup_free char *expected = NULL;
	cleanup_free char *top = statedir_real(dir);
	struct err err = { 0 };

	(void)state;
	assert_int_equal(mkdir(real, 0700), 0);
	assert_int_equal(symlink(real, link), 0);
	/* it may lie behind a link … */
	make(behind);
	resolved = statedir_real(behind);
	expected = mem_printf("%s/real/state", top);
	assert_string_equal(resolved, expected);
	/* … but may not be one */
	refuse(link, "link");
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink("nowhere", link), 0);
	refuse(link, "link");
	assert_false(statedir_check(link, &err));
	assert_int_equal(err.kind, ERR_CANT_CREATE);
}

static void test_not_a_directory(void **state)
{
	cleanup_free char *file = tmpdir_path(dir, "file");
	cleanup_free char *below = tmpdir_path(dir, "file/state");
	cleanup_free char *missing = tmpdir_path(dir, "missing");
	struct err err = { 0 };

	(void)state;
	tmpdir_write(file, "x", 1);
	refuse(file, "not a directory");
	assert_false(statedir_make(below, &err));
	assert_int_equal(err.kind, ERR_CANT_CREATE);
	assert_false(statedir_check(missing, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(access(missing, F_OK), -1);
}

static bool foreign_refused(void *arg)
{
	struct err err = { 0 };
	cleanup_free char *below = tmpdir_path(arg, "new/state");

	return !statedir_make(arg, &err) && err.kind == ERR_CANT_CREATE &&
	       strstr(err.text, "another user") != NULL && !statedir_make(below, &err) &&
	       err.kind == ERR_CANT_CREATE;
}

/* as another user when root runs the tests; else a directory of root */
static void test_foreign(void **state)
{
	(void)state;
	assert_int_equal(chmod(dir, 0755), 0);
	assert_true(tmpdir_unprivileged(foreign_refused, geteuid() == 0 ? dir : "/usr"));
}

/* a process of its own that takes the lock, says how that went, and lives until its input ends */
static pid_t hold(int *ret_in, char ret_word[600])
{
	int in[2];
	int out[2];
	pid_t pid;
	ssize_t n;

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct err err = { 0 };
		int fd;
		bool taken = statedir_lock(dir, &fd, &err);
		const char *word = taken ? "taken" : err.text;

		(void)close(in[1]);
		(void)!write(out[1], word, strlen(word));
		(void)!read(in[0], &fd, 1);
		_exit(taken ? 0 : err_exit_code(err.kind));
	}
	(void)close(in[0]);
	(void)close(out[1]);
	n = read(out[0], ret_word, 599);
	assert_true(n > 0);
	ret_word[n] = '\0';
	(void)close(out[0]);
	*ret_in = in[1];
	return pid;
}

static int let_go(pid_t pid, int in)
{
	int status;

	(void)close(in);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void test_lock(void **state)
{
	cleanup_free char *file = tmpdir_path(dir, "lock");
	cleanup_free char *holder = NULL;
	char word[600];
	int64_t held_pid = -1;
	pid_t pid;
	pid_t other;
	int in;
	int in_other;

	(void)state;
	assert_false(statedir_held(dir, &held_pid, &(struct err){ 0 }));
	assert_int_equal(access(file, F_OK), -1);
	pid = hold(&in, word);
	assert_string_equal(word, "taken");
	assert_int_equal(mode_of(file), 0600);
	assert_true(statedir_held(dir, &held_pid, &(struct err){ 0 }));
	assert_int_equal(held_pid, pid);
	other = hold(&in_other, word);
	assert_int_equal(let_go(other, in_other), 75);
	holder = mem_printf("another monitor (process %d) holds %s", (int)pid, file);
	assert_string_equal(word, holder);
	/* looking at it and failing to get it has not taken it away */
	assert_true(statedir_held(dir, &held_pid, &(struct err){ 0 }));
	assert_int_equal(kill(pid, SIGKILL), 0);
	(void)let_go(pid, in);
	/* the kernel lets go of it when the holder dies, and the file may stay */
	assert_false(statedir_held(dir, &held_pid, &(struct err){ 0 }));
	assert_int_equal(held_pid, 0);
	pid = hold(&in, word);
	assert_string_equal(word, "taken");
	assert_int_equal(let_go(pid, in), 0);
}

static void lock_refused(void)
{
	struct err err = { 0 };
	int fd = 7;

	assert_false(statedir_lock(dir, &fd, &err));
	assert_int_equal(fd, -1);
	assert_int_equal(err.kind, ERR_CANT_CREATE);
}

static void test_lock_in_the_way(void **state)
{
	cleanup_free char *file = tmpdir_path(dir, "lock");
	cleanup_free char *other = tmpdir_path(dir, "other");
	int64_t pid;
	mode_t mask;
	struct err err = { 0 };
	int fd;

	(void)state;
	tmpdir_write(other, "mine", 4);
	assert_int_equal(symlink(other, file), 0);
	lock_refused();
	assert_false(statedir_held(dir, &pid, &(struct err){ 0 }));
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkfifo(file, 0600), 0);
	lock_refused();
	assert_false(statedir_held(dir, &pid, &(struct err){ 0 }));
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkdir(file, 0700), 0);
	lock_refused();
	assert_int_equal(rmdir(file), 0);
	tmpdir_write(file, "", 0);
	assert_int_equal(chmod(file, 0666), 0);
	mask = umask(0);
	assert_true(statedir_lock(dir, &fd, &err));
	(void)umask(mask);
	assert_int_equal(mode_of(file), 0600);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test_setup_teardown(test_make, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_make_narrows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_links, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_a_directory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_foreign, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lock_in_the_way, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
