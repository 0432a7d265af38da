/* glibc shows realpath() to XSI programs only, though POSIX has it in its base */
#define _XOPEN_SOURCE 700
#include "io/statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

char *statedir_real(const char *path)
{
	char *real = realpath(path, NULL);

	if (real == NULL && errno == ENOMEM)
		mem_die();
	return real;
}

static char *absolute(const char *path, struct err *err)
{
	cleanup_free char *cwd = NULL;

	if (path[0] == '/')
		return mem_strdup(path);
	cwd = statedir_real(".");
	if (cwd == NULL) {
		(void)err_errno(err, ERR_CANT_CREATE, errno,
			"cannot tell where %s is: the working directory is gone; name an absolute "
			"path",
			path);
		return NULL;
	}
	return mem_printf("%s/%s", cwd, path);
}

/* "DIR/" names the directory behind a link, "DIR" the link itself: one form for both */
static char *without_slashes(char *path)
{
	size_t len = path != NULL ? strlen(path) : 0;

	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	return path;
}

char *statedir_find(const char *option, struct err *err)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	if (option != NULL && option[0] == '\0') {
		(void)err_set(err, ERR_CANT_CREATE, "the state directory has an empty name");
		return NULL;
	}
	if (option != NULL)
		return without_slashes(absolute(option, err));
	if (state != NULL && state[0] == '/')
		return mem_printf("%s/taskbell", state);
	if (home != NULL && home[0] == '/')
		return mem_printf("%s/.local/state/taskbell", home);
	(void)err_set(err, ERR_CANT_CREATE,
		"HOME is not set to a directory, so there is no place for the state; set it, or "
		"use --state-dir");
	return NULL;
}

/* makes what is missing above the path; what is there already is not touched, links are fine */
static bool make_parents(const char *path, struct err *err)
{
	cleanup_free char *part = mem_strdup(path);

	for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0700) == 0) {
			/* the umask may have taken away even our own rights */
			if (chmod(part, 0700) != 0)
				return err_errno(err, ERR_CANT_CREATE, errno,
					"cannot use the new directory %s", part);
		} else if (errno != EEXIST) {
			int num = errno;
			struct stat info;

			/* a read-only file system says so even of what is there */
			if (stat(part, &info) != 0 || !S_ISDIR(info.st_mode))
				return err_errno(err, ERR_CANT_CREATE, num,
					"cannot create the directory %s; --state-dir names another "
					"place",
					part);
		}
		*slash = '/';
	}
	return true;
}

static bool dir_check(const char *path, enum err_kind missing, struct stat *info, struct err *err)
{
	if (lstat(path, info) != 0)
		return err_errno(err,
			errno == ENOENT || errno == ENOTDIR ? missing : ERR_CANT_CREATE, errno,
			"cannot use the state directory %s", path);
	if (S_ISLNK(info->st_mode))
		return err_set(err, ERR_CANT_CREATE,
			"the state directory %s is a link; name the directory itself", path);
	if (!S_ISDIR(info->st_mode))
		return err_set(err, ERR_CANT_CREATE,
			"the state directory %s is not a directory; move it away or name another "
			"with --state-dir",
			path);
	if (info->st_uid != geteuid())
		return err_set(err, ERR_CANT_CREATE,
			"the state directory %s belongs to another user (%ld); name another with "
			"--state-dir",
			path, (long)info->st_uid);
	return true;
}

bool statedir_make(const char *path, struct err *err)
{
	struct stat info;
	bool made;

	if (!make_parents(path, err))
		return false;
	made = mkdir(path, 0700) == 0;
	if (!made && errno != EEXIST)
		return err_errno(err, ERR_CANT_CREATE, errno,
			"cannot create the state directory %s; --state-dir names another place",
			path);
	if (!dir_check(path, ERR_CANT_CREATE, &info, err))
		return false;
	/* of ours the umask may have taken too much; of what was there only the rights of others
	 * are taken */
	if ((made || (info.st_mode & 077) != 0) &&
		chmod(path, made ? 0700 : info.st_mode & 0700) != 0)
		return err_errno(err, ERR_CANT_CREATE, errno,
			"cannot make the state directory %s yours alone", path);
	return true;
}

bool statedir_check(const char *path, struct err *err)
{
	struct stat info;

	return dir_check(path, ERR_NOT_FOUND, &info, err);
}

bool dir_sync(const char *path, struct err *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return (fd >= 0 && fsync(fd) == 0) ||
	       err_errno(err, ERR_CANT_CREATE, errno, "cannot write %s to disk", path);
}

static struct flock whole_file(void)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
}

/* *ret_pid is 0 where the kernel cannot say (a lock over the network, another pid namespace) */
static bool held_by(int fd, int64_t *ret_pid)
{
	struct flock lock = whole_file();

	*ret_pid = 0;
	if (fcntl(fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
		return false;
	*ret_pid = lock.l_pid > 0 ? lock.l_pid : 0;
	return true;
}

static bool lock_file_check(const char *file, int fd, struct err *err)
{
	struct stat info;

	if (fstat(fd, &info) != 0)
		return err_errno(err, ERR_CANT_CREATE, errno, "cannot look at %s", file);
	if (!S_ISREG(info.st_mode) || info.st_uid != geteuid())
		return err_set(err, ERR_CANT_CREATE,
			"%s is not a plain file of yours; move it away", file);
	if ((info.st_mode & 0777) != 0600 && fchmod(fd, 0600) != 0)
		return err_errno(err, ERR_CANT_CREATE, errno, "cannot make %s yours alone", file);
	return true;
}

/* hands the descriptor over, so that leaving the scope does not close it */
static int fd_give(int *fd)
{
	int given = *fd;

	*fd = -1;
	return given;
}

bool statedir_lock(const char *path, int *ret_fd, struct err *err)
{
	cleanup_free char *file = mem_printf("%s/lock", path);
	/* not blocking: a fifo in its place must not hold us up */
	cleanup_fd int fd =
		open(file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
	struct flock lock = whole_file();

	*ret_fd = -1;
	if (fd < 0)
		return err_errno(err, ERR_CANT_CREATE, errno,
			"cannot create %s; the state directory must be writable, --state-dir names "
			"another",
			file);
	if (!lock_file_check(file, fd, err))
		return false;
	if (fcntl(fd, F_SETLK, &lock) != 0) {
		if (errno == EAGAIN || errno == EACCES) {
			int64_t pid;

			if (held_by(fd, &pid) && pid > 0)
				return err_set(err, ERR_TEMPORARY,
					"another monitor (process %lld) holds %s", (long long)pid,
					file);
			return err_set(err, ERR_TEMPORARY, "another monitor holds %s", file);
		}
		return err_errno(err, ERR_CANT_CREATE, errno,
			"cannot lock %s; the state must be on a file system that has locks", file);
	}
	*ret_fd = fd_give(&fd);
	return true;
}

bool statedir_held(const char *path, int64_t *ret_pid, struct err *err)
{
	cleanup_free char *file = mem_printf("%s/lock", path);
	cleanup_fd int fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	*ret_pid = 0;
	if (fd >= 0)
		return held_by(fd, ret_pid);
	/* that we have no descriptor for it says nothing about who has */
	if (errno != ENOENT && errno != ENOTDIR)
		(void)err_errno(err, ERR_IO, errno, "cannot look at %s", file);
	return false;
}
