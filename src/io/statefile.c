#include "io/statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "io/walcheck.h"

#define STATE_NAME "state.db"
#define MAKING_NAME "state.db.making"
#define NEW_NAME "state.db.new"

/* the database and what SQLite keeps beside it; the database last, so that it never lacks its log
 */
static const char *const sides[] = { "-journal", "-shm", "-wal", "" };

static char *path_of(const char *dir, const char *name, const char *side)
{
	return mem_printf("%s/%s%s", dir, name, side);
}

char *statefile_path(const char *dir)
{
	return path_of(dir, STATE_NAME, "");
}

char *statefile_new_path(const char *dir)
{
	return path_of(dir, NEW_NAME, "");
}

static uint32_t big32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool exists(const char *path)
{
	struct stat info;

	return lstat(path, &info) == 0;
}

/* false: not there, or refused when err says so */
static bool side_look(const char *path, bool writes, struct stat *info, struct err *err)
{
	if (lstat(path, info) != 0)
		return errno == ENOENT ? false
				       : err_errno(err, ERR_IO, errno, "cannot look at %s", path);
	if (S_ISLNK(info->st_mode))
		return err_set(err, ERR_IO, "%s is a link; put the file itself there", path);
	if (!S_ISREG(info->st_mode))
		return err_set(err, ERR_IO, "%s is not a plain file; move it away", path);
	if (info->st_uid != geteuid())
		return err_set(err, ERR_IO,
			"%s belongs to another user (%ld); give it back or move it away", path,
			(long)info->st_uid);
	if (writes && (info->st_mode & 077) != 0 && chmod(path, info->st_mode & 0700) != 0)
		return err_errno(
			err, ERR_IO, errno, "cannot take the rights of others on %s away", path);
	if (access(path, R_OK) != 0)
		return err_errno(
			err, ERR_IO, errno, "cannot read %s; give yourself the right", path);
	/* SQLite finds out at the first write, when hooks have run that nobody can mark as done */
	if (writes && access(path, W_OK) != 0)
		return err_errno(
			err, ERR_IO, errno, "cannot write %s; give yourself the right", path);
	return true;
}

enum statefile_look statefile_look(
	const char *dir, bool writes, const char **ret_reason, struct err *err)
{
	off_t sizes[ARRAY_LEN(sides)] = { 0 };
	cleanup_free char *log = path_of(dir, STATE_NAME, "-wal");
	bool there = false;

	*err = (struct err){ 0 };
	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		cleanup_free char *path = path_of(dir, STATE_NAME, sides[i]);
		struct stat info;

		there = side_look(path, writes, &info, err);
		if (err->kind != ERR_NONE)
			return STATEFILE_REFUSED;
		sizes[i] = there ? info.st_size : 0;
	}
	/* the last one looked at is the database, the one before it its log */
	*ret_reason = "it is empty";
	if (there && sizes[3] == 0)
		return STATEFILE_RUINED;
	*ret_reason = "its write-ahead log is there without it";
	if (!there)
		return sizes[2] > 0 ? STATEFILE_RUINED : STATEFILE_ABSENT;
	*ret_reason = "its write-ahead log is damaged";
	return sizes[2] > 0 && !walcheck_file(log) ? STATEFILE_RUINED : STATEFILE_THERE;
}

/* https://www.sqlite.org/fileformat2.html#the_database_header */
bool statefile_head(const char *dir, uint32_t *ret_application, uint32_t *ret_version)
{
	cleanup_free char *path = statefile_path(dir);
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint8_t head[100];

	if (fd < 0 || pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
		memcmp(head, "SQLite format 3", 16) != 0)
		return false;
	*ret_version = big32(head + 60);
	*ret_application = big32(head + 68);
	return true;
}

bool statefile_cut(const char *dir)
{
	cleanup_free char *path = statefile_path(dir);
	cleanup_free char *log = path_of(dir, STATE_NAME, "-wal");
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat info;
	uint8_t size[2];
	uint32_t page;

	if ((lstat(log, &info) == 0 && info.st_size > 0) || fd < 0 || fstat(fd, &info) != 0 ||
		pread(fd, size, sizeof(size), 16) != (ssize_t)sizeof(size))
		return false;
	page = (uint32_t)size[0] << 8 | size[1];
	if (page == 1) /* so 65536 is written */
		page = 65536;
	return page != 0 && info.st_size % page != 0;
}

int64_t statefile_changed(const char *dir)
{
	int64_t changed_ms = 0;

	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		cleanup_free char *path = path_of(dir, STATE_NAME, sides[i]);
		struct stat info;
		int64_t ms;

		/* the shared memory changes when the file is only read */
		if (strcmp(sides[i], "-shm") == 0 || lstat(path, &info) != 0)
			continue;
		ms = (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000;
		if (ms > changed_ms)
			changed_ms = ms;
	}
	return changed_ms;
}

/* these names hold nothing but what we were about to begin: no state is lost with them */
static void remove_all(const char *dir, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		cleanup_free char *path = path_of(dir, name, sides[i]);

		(void)unlink(path);
	}
}

bool statefile_waiting(const char *dir)
{
	cleanup_free char *path = statefile_new_path(dir);

	return exists(path);
}

void statefile_sweep(const char *dir, bool waiting)
{
	remove_all(dir, MAKING_NAME);
	if (waiting)
		remove_all(dir, NEW_NAME);
}

char *statefile_make(const char *dir, struct err *err)
{
	cleanup_free char *path = path_of(dir, MAKING_NAME, "");
	cleanup_fd int fd = -1;

	remove_all(dir, MAKING_NAME);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	/* the umask may have taken away even our own rights */
	if (fd < 0 || fchmod(fd, 0600) != 0) {
		(void)err_errno(err, ERR_CANT_CREATE, errno,
			"cannot create %s; the state directory must be writable, --state-dir names "
			"another",
			path);
		return NULL;
	}
	return mem_steal(&path);
}

static bool move(const char *from, const char *to, struct err *err)
{
	if (rename(from, to) == 0)
		return true;
	return err_errno(err, ERR_CANT_CREATE, errno, "cannot move %s to %s", from, to);
}

/* a rename is on disk when its directory is */
static bool dir_sync(const char *dir, struct err *err)
{
	cleanup_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		return err_errno(err, ERR_CANT_CREATE, errno, "cannot write %s to disk", dir);
	return true;
}

bool statefile_finish(const char *dir, bool aside, struct err *err)
{
	cleanup_free char *making = path_of(dir, MAKING_NAME, "");
	cleanup_free char *log = path_of(dir, MAKING_NAME, "-wal");
	cleanup_free char *path = aside ? statefile_new_path(dir) : statefile_path(dir);
	struct stat info;

	/* closing it must have written all of it into the file itself */
	if (lstat(log, &info) == 0 && info.st_size > 0)
		return err_set(err, ERR_IO, "cannot write %s; is its disk full?", making);
	return move(making, path, err) && dir_sync(dir, err);
}

char *statefile_aside_name(const char *dir, int64_t wall_ms)
{
	char stamp[STAMP_TEXT_MAX];
	char digits[STAMP_TEXT_MAX];
	size_t len = 0;

	for (const char *p = stamp_text(wall_ms / 1000 * 1000000, stamp); *p != '\0'; p++)
		if (*p != '-' && *p != ':')
			digits[len++] = *p;
	digits[len] = '\0';
	for (int n = 1;; n++) {
		char more[16] = "";
		cleanup_free char *name = NULL;
		bool taken = false;

		if (n > 1)
			(void)snprintf(more, sizeof(more), ".%d", n);
		name = mem_printf("%s/%s.damaged-%s%s", dir, STATE_NAME, digits, more);
		for (size_t i = 0; i < ARRAY_LEN(sides) && !taken; i++) {
			cleanup_free char *path = mem_printf("%s%s", name, sides[i]);

			taken = exists(path);
		}
		if (!taken)
			return mem_steal(&name);
	}
}

bool statefile_replace(const char *dir, const char *aside, struct err *err)
{
	cleanup_free char *fresh = statefile_new_path(dir);
	cleanup_free char *path = statefile_path(dir);

	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		cleanup_free char *from = path_of(dir, STATE_NAME, sides[i]);
		cleanup_free char *to = mem_printf("%s%s", aside, sides[i]);

		if (exists(from) && !exists(to) && !move(from, to, err))
			return false;
	}
	return dir_sync(dir, err) && move(fresh, path, err) && dir_sync(dir, err);
}
