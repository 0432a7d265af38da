/*
 * posix_spawn instead of fork: a monitor that knows a million tasks has a big address space, and a
 * hook should not pay for a copy of its page tables. chdir in the child is an extension of glibc,
 * musl, the BSDs and macOS until POSIX.1-2024 is everywhere; it is the only one here.
 */
#define _GNU_SOURCE
#include "io/launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"

#define PATH_DEFAULT "/usr/local/bin:/usr/bin:/bin"
#define SHELL "/bin/sh"
#define DESCRIPTORS_MAX 1024 /* closed one by one where they cannot be listed */

/*
 * Nothing of ours is for a child, and not every library marks what it opens. Threads that open
 * something between this and the exec are those of name look-up, and they mark it.
 */
static void descriptors_seal(void)
{
	DIR *dir = opendir("/dev/fd");
	const struct dirent *entry;
	int64_t fd;

	for (int i = 3; dir == NULL && i < DESCRIPTORS_MAX; i++)
		(void)fcntl(i, F_SETFD, FD_CLOEXEC);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (parse_int(entry->d_name, 3, INT_MAX, &fd))
			(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	if (dir != NULL)
		(void)closedir(dir);
}

/* 0 or the errno of why this path cannot be a program */
static int program_check(const char *path)
{
	struct stat info;

	if (stat(path, &info) != 0 || access(path, X_OK) != 0)
		return errno;
	return S_ISREG(info.st_mode) ? 0 : EACCES;
}

static const char *env_path(const char *const *env)
{
	for (; *env != NULL; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	return PATH_DEFAULT;
}

char *launch_find(const char *name, const char *const *env)
{
	const char *dirs = env_path(env);

	/* relative directories would mean another place after the change of directory */
	for (; strchr(name, '/') == NULL && *dirs != '\0'; dirs += *dirs == ':') {
		size_t len = strcspn(dirs, ":");
		cleanup_free char *path = mem_printf("%.*s/%s", (int)len, dirs, name);

		if (*dirs == '/' && program_check(path) == 0)
			return mem_steal(&path);
		dirs += len;
	}
	return mem_strdup(name);
}

void launch_failed(struct err *err, int num, const char *program)
{
	bool want = num == EAGAIN || err_is_exhausted(num);

	if (num == ENOENT && program_check(program) == 0)
		(void)err_set(err, ERR_NOT_FOUND,
			"%s: the interpreter its first line names is missing", program);
	else
		(void)err_errno(
			err, want ? ERR_OS : ERR_NOT_FOUND, num, "cannot start %s", program);
}

/* what is to be done in the child before exec */
struct plan {
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
};

static int plan_attr(struct plan *plan)
{
	sigset_t set;
	int num = posix_spawnattr_setflags(&plan->attr,
		POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);

	(void)sigemptyset(&set);
	if (num == 0)
		num = posix_spawnattr_setsigmask(&plan->attr, &set);
	(void)sigfillset(&set);
	(void)sigdelset(&set, SIGKILL);
	(void)sigdelset(&set, SIGSTOP);
	if (num == 0)
		num = posix_spawnattr_setsigdefault(&plan->attr, &set);
	return num != 0 ? num : posix_spawnattr_setpgroup(&plan->attr, 0);
}

static int plan_actions(
	struct plan *plan, const struct spawn *spawn, int input, int output, int errors)
{
	posix_spawn_file_actions_t *actions = &plan->actions;
	struct stat info;
	int num;

	if (input >= 0)
		num = posix_spawn_file_actions_adddup2(actions, input, STDIN_FILENO);
	else
		num = posix_spawn_file_actions_addopen(
			actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (num == 0)
		num = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
	if (num == 0)
		num = posix_spawn_file_actions_adddup2(actions, errors, STDERR_FILENO);
	if (num == 0 && spawn->cwd != NULL) {
		bool there = stat(spawn->cwd, &info) == 0 && S_ISDIR(info.st_mode) &&
			     access(spawn->cwd, X_OK) == 0;

		num = posix_spawn_file_actions_addchdir_np(actions, there ? spawn->cwd : "/");
	}
	return num;
}

/* as a shell looks whether a file that the kernel does not know is for it: no NUL in its first line
 */
static bool is_script(const char *path)
{
	char bytes[256];
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t len = fd >= 0 ? read(fd, bytes, sizeof(bytes)) : -1;
	const char *end = len > 0 ? memchr(bytes, '\n', (size_t)len) : NULL;

	return len >= 0 &&
	       memchr(bytes, '\0', end != NULL ? (size_t)(end - bytes) : (size_t)len) == NULL;
}

/* posix_spawn takes its vectors without const and changes nothing */
static int program_exec(pid_t *pid, const struct plan *plan, const char *program,
	const char *const *vector, const struct spawn *spawn)
{
	char *const *argv;
	char *const *env;

	memcpy(&argv, &vector, sizeof(argv));
	memcpy(&env, &spawn->env, sizeof(env));
	return posix_spawn(
		pid, program, &plan->actions, &plan->attr, argv, env != NULL ? env : environ);
}

static int program_start(
	pid_t *pid, const struct plan *plan, const char *program, const struct spawn *spawn)
{
	const char *dir = *program == '/' ? "" : spawn->cwd != NULL ? spawn->cwd : ".";
	cleanup_free char *path = NULL;
	cleanup_free const char **argv = NULL;
	size_t count = 1;
	int num;

	descriptors_seal();
	num = program_exec(pid, plan, program, spawn->argv, spawn);
	if (num != ENOEXEC)
		return num;
	path = mem_printf("%s%s%s", dir, *dir != '\0' ? "/" : "", program);
	if (!is_script(path))
		return num;
	while (spawn->argv[count] != NULL)
		count++;
	argv = mem_resize(NULL, count + 2, sizeof(*argv));
	argv[0] = SHELL;
	argv[1] = path;
	memcpy(argv + 2, spawn->argv + 1, count * sizeof(*argv));
	return program_exec(pid, plan, SHELL, argv, spawn);
}

int launch(pid_t *pid, const struct spawn *spawn, const char *program, const int far[3])
{
	struct plan plan;
	/* a relative path is one in the child's directory; under valgrind exec itself cannot tell
	 * us */
	int num = strchr(program, '/') == NULL ? ENOENT
		  : *program == '/'            ? program_check(program)
					       : 0;

	if (num == 0)
		num = posix_spawn_file_actions_init(&plan.actions);
	if (num != 0)
		return num;
	num = posix_spawnattr_init(&plan.attr);
	if (num != 0) {
		(void)posix_spawn_file_actions_destroy(&plan.actions);
		return num;
	}
	num = plan_attr(&plan);
	if (num == 0)
		num = plan_actions(&plan, spawn, far[0], far[1], spawn->merge ? far[1] : far[2]);
	if (num == 0)
		num = program_start(pid, &plan, program, spawn);
	(void)posix_spawn_file_actions_destroy(&plan.actions);
	(void)posix_spawnattr_destroy(&plan.attr);
	return num;
}
