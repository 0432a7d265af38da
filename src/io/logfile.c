#include "io/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/statedir.h"

enum { PAGE = 4096 }; /* of the file in memory: the smallest there is */

enum logfile_kind { LOGFILE_REGULAR, LOGFILE_NULL, LOGFILE_TERMINAL };

struct logfile {
	char *path; /* own */
	bool own;
	int fd;
	enum logfile_kind kind;
	bool torn; /* of a terminal: the last line was cut and cannot be taken back */
};

static bool source_type_find(int fd, enum logfile_kind *ret)
{
	struct stat info;
	struct stat null;

	if (fstat(fd, &info) != 0)
		return false;
	if (S_ISREG(info.st_mode))
		*ret = LOGFILE_REGULAR;
	else if (S_ISCHR(info.st_mode) && stat("/dev/null", &null) == 0 &&
		 info.st_rdev == null.st_rdev)
		*ret = LOGFILE_NULL;
	else if (isatty(fd))
		*ret = LOGFILE_TERMINAL;
	else
		return false;
	return true;
}

/* Read access is for the look at the last byte; not blocking is for a FIFO (then refused) and a
 * stopped terminal. */
static int path_open(const char *path, bool own)
{
	int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (own ? O_NOFOLLOW : 0);
	int fd = open(path, flags);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	fd = open(path, flags | O_CREAT, 0600);
	/* the umask may have taken away even our own rights, and the next open would fail */
	if (fd >= 0 && own)
		(void)fchmod(fd, 0600);
	if (fd >= 0) {
		/* a new file outlives a power cut only when its directory was written too; where
		 * that is not to be had, so be it */
		const char *slash = strrchr(path, '/');
		cleanup_free char *dir =
			slash == NULL
				? mem_strdup(".")
				: mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
		struct err ignored = { 0 };

		(void)dir_sync(dir, &ignored);
	}
	return fd;
}

static bool file_open(struct logfile *file, struct err *err)
{
	int fd = path_open(file->path, file->own);
	enum logfile_kind kind;

	if (fd < 0 && errno == ELOOP && file->own)
		return err_set(err, ERR_CANT_CREATE,
			"%s is a symbolic link; remove it, or set `path`", file->path);
	if (fd < 0)
		return err_errno(err, ERR_CANT_CREATE, errno, "cannot open the log %s", file->path);
	if (!source_type_find(fd, &kind)) {
		(void)close(fd);
		return err_set(err, ERR_CANT_CREATE,
			"%s is neither a regular file, /dev/null nor a terminal", file->path);
	}
	if (file->fd >= 0)
		(void)close(file->fd);
	file->fd = fd;
	file->kind = kind;
	file->torn = false;
	return true;
}

bool logfile_open(struct logfile **ret, const char *path, bool own, struct err *err)
{
	struct logfile *file = mem_alloc(sizeof(*file));

	file->path = mem_strdup(path);
	file->own = own;
	file->fd = -1;
	if (!file_open(file, err)) {
		logfile_close(file);
		return false;
	}
	*ret = file;
	return true;
}

void logfile_close(struct logfile *file)
{
	if (file == NULL)
		return;
	if (file->fd >= 0)
		(void)close(file->fd);
	free(file->path);
	free(file);
}

static bool is_where_it_was(const struct logfile *file)
{
	struct stat there;
	struct stat open;

	return stat(file->path, &there) == 0 && fstat(file->fd, &open) == 0 &&
	       there.st_dev == open.st_dev && there.st_ino == open.st_ino;
}

static bool is_torn(const struct logfile *file)
{
	struct stat info;
	char last;

	if (file->kind != LOGFILE_REGULAR)
		return file->torn;
	return fstat(file->fd, &info) == 0 && info.st_size > 0 &&
	       pread(file->fd, &last, 1, info.st_size - 1) == 1 && last != '\n';
}

bool logfile_begin(struct logfile *file, struct err *err)
{
	size_t whole;

	if (!is_where_it_was(file) && !file_open(file, err))
		return false;
	if (!is_torn(file))
		return true;
	file->torn = false;
	return logfile_lines(file, "\n", 1, &whole, err);
}

/* takes back what a short write has left, unless somebody wrote behind it */
static void take_back(struct logfile *file, size_t len)
{
	off_t end = lseek(file->fd, 0, SEEK_CUR);
	struct stat info;

	file->torn = true;
	if (file->kind == LOGFILE_REGULAR && end >= (off_t)len && fstat(file->fd, &info) == 0 &&
		info.st_size == end)
		file->torn = ftruncate(file->fd, end - (off_t)len) != 0;
}

/* how many bytes of the lines are whole ones */
static size_t whole_len(const char *lines, size_t len)
{
	while (len > 0 && lines[len - 1] != '\n')
		len--;
	return len;
}

/* How much is written at once. The kernel looks for a SIGKILL between two pages of a write, and a
 * write of many pages was torn by half of the kills that came while a log grew: so the lines of a
 * page are one, and a line that goes over its end is one. */
static size_t piece_len(const struct logfile *file, const char *lines, size_t len)
{
	off_t end = file->kind == LOGFILE_REGULAR ? lseek(file->fd, 0, SEEK_END) : -1;
	size_t room = end < 0 ? len : PAGE - (size_t)end % PAGE;
	size_t whole;

	if (len <= room)
		return len;
	whole = whole_len(lines, room);
	return whole > 0 ? whole : (size_t)((const char *)memchr(lines, '\n', len) - lines) + 1;
}

static bool piece_write(
	struct logfile *file, const char *lines, size_t len, size_t *ret_whole, struct err *err)
{
	ssize_t wrote;

	*ret_whole = 0;
	do
		wrote = write(file->fd, lines, len);
	while (wrote < 0 && errno == EINTR);
	if (wrote < 0)
		return err_errno(err, ERR_IO, errno, "cannot write to %s", file->path);
	*ret_whole = whole_len(lines, (size_t)wrote);
	if ((size_t)wrote == len)
		return true;
	if ((size_t)wrote > *ret_whole)
		take_back(file, (size_t)wrote - *ret_whole);
	return err_set(err, ERR_IO, "cannot write to %s: no room for a whole line", file->path);
}

bool logfile_lines(
	struct logfile *file, const char *lines, size_t len, size_t *ret_whole, struct err *err)
{
	bool good = true;

	*ret_whole = 0;
	while (good && *ret_whole < len) {
		const char *rest = lines + *ret_whole;
		size_t piece = piece_len(file, rest, len - *ret_whole);
		size_t whole;

		good = piece_write(file, rest, piece, &whole, err);
		*ret_whole += whole;
	}
	return good;
}

bool logfile_sync(struct logfile *file, struct err *err)
{
	if (file->kind == LOGFILE_REGULAR && fdatasync(file->fd) != 0)
		return err_errno(err, ERR_IO, errno, "cannot write to %s", file->path);
	return true;
}
