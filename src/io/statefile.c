#include "io/statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "io/statedir.h"

#define STATE_NAME "state.db"
#define TEMPORARY_NAME "state.db.making"
#define NEW_NAME "state.db.new"

/* https://www.sqlite.org/fileformat2.html#the_write_ahead_log */
#define WAL_HEAD 32
#define WAL_SUMMED 24
#define WAL_FRAME_LEAST (24 + 512) /* a frame's head and the smallest page */
#define WAL_MAGIC 0x377f0682u /* the last bit: checksums are of big-endian words */

/* of the database and what SQLite keeps beside it, which moves first: it never lacks its log */
static const char *const suffixes[] = { "-journal", "-shm", "-wal", "" };

static char *path_of(const char *dir, const char *name, const char *suffix)
{
	return mem_printf("%s/%s%s", dir, name, suffix);
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

static uint32_t little32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static bool wal_head_valid(const uint8_t head[WAL_HEAD])
{
	uint32_t (*word)(const uint8_t *) = (big32(head) & 1) != 0 ? big32 : little32;
	uint32_t a = 0;
	uint32_t b = 0;

	if ((big32(head) & ~1u) != WAL_MAGIC)
		return false;
	for (size_t i = 0; i < WAL_SUMMED; i += 8) {
		a += word(head + i) + b;
		b += word(head + i + 4) + a;
	}
	return a == big32(head + WAL_SUMMED) && b == big32(head + WAL_SUMMED + 4);
}

/*
 * False when the log holds frames and its head is not valid. No crash and no power cut leaves that:
 * the head is on disk before the first frame is written. (Damage further on can not be told from
 * the torn end that a power cut leaves.) A file that cannot be read is fine: SQLite will say why.
 */
static bool wal_valid(const char *path)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint8_t bytes[WAL_HEAD + WAL_FRAME_LEAST];

	if (fd < 0 || pread(fd, bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return true;
	return wal_head_valid(bytes);
}

/* does state.db of `size` bytes end within a page? */
static bool page_cut(const char *path, off_t size)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint8_t bytes[2];
	uint32_t page;

	if (fd < 0 || pread(fd, bytes, sizeof(bytes), 16) != (ssize_t)sizeof(bytes))
		return false;
	page = (uint32_t)bytes[0] << 8 | bytes[1];
	if (page == 1) /* so 65536 is written */
		page = 65536;
	return page != 0 && size % page != 0;
}

static bool exists(const char *path)
{
	struct stat info;

	return lstat(path, &info) == 0;
}

/* false: not there, or refused when err says so */
static bool file_check(const char *path, bool writes, struct stat *info, struct err *err)
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

enum statefile_check statefile_check(
	const char *dir, bool writes, const char **ret_reason, struct err *err)
{
	cleanup_free char *db = statefile_path(dir);
	cleanup_free char *wal = path_of(dir, STATE_NAME, "-wal");
	off_t sizes[ARRAY_LEN(suffixes)] = { 0 };
	bool present = false;

	*err = (struct err){ 0 };
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		cleanup_free char *path = path_of(dir, STATE_NAME, suffixes[i]);
		struct stat info;

		present = file_check(path, writes, &info, err);
		if (err->kind != ERR_NONE)
			return STATEFILE_UNUSABLE;
		sizes[i] = present ? info.st_size : 0;
	}
	/* the last one checked is the database, the one before it its log */
	if (!present && sizes[2] == 0)
		return STATEFILE_ABSENT;
	if (!present)
		*ret_reason = "its write-ahead log is there without it";
	else if (sizes[3] == 0)
		*ret_reason = "it is empty";
	else if (sizes[2] > 0 && !wal_valid(wal))
		*ret_reason = "its write-ahead log is damaged";
	else if (sizes[2] == 0 && page_cut(db, sizes[3])) /* no log could complete it */
		*ret_reason = "its last page is cut short";
	else
		return STATEFILE_PRESENT;
	return STATEFILE_CORRUPT;
}

/* https://www.sqlite.org/fileformat2.html#the_database_header */
bool statefile_header(const char *dir, uint32_t *ret_application, uint32_t *ret_version)
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

int64_t statefile_modified(const char *dir)
{
	int64_t changed_ms = 0;

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		cleanup_free char *path = path_of(dir, STATE_NAME, suffixes[i]);
		struct stat info;
		int64_t ms;

		/* the shared memory changes when the file is only read */
		if (strcmp(suffixes[i], "-shm") == 0 || lstat(path, &info) != 0)
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
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		cleanup_free char *path = path_of(dir, name, suffixes[i]);

		(void)unlink(path);
	}
}

void statefile_remove_unfinished(const char *dir, bool new_too)
{
	remove_all(dir, TEMPORARY_NAME);
	if (new_too)
		remove_all(dir, NEW_NAME);
}

char *statefile_create_temporary(const char *dir, struct err *err)
{
	cleanup_free char *path = path_of(dir, TEMPORARY_NAME, "");
	cleanup_fd int fd = -1;

	remove_all(dir, TEMPORARY_NAME);
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

bool statefile_install(const char *dir, bool as_new, struct err *err)
{
	cleanup_free char *temporary = path_of(dir, TEMPORARY_NAME, "");
	cleanup_free char *wal = path_of(dir, TEMPORARY_NAME, "-wal");
	cleanup_free char *path = as_new ? statefile_new_path(dir) : statefile_path(dir);
	struct stat info;

	/* closing it must have written all of it into the file itself */
	if (lstat(wal, &info) == 0 && info.st_size > 0)
		return err_set(err, ERR_IO, "cannot write %s; is its disk full?", temporary);
	return move(temporary, path, err) && dir_sync(dir, err);
}

char *statefile_quarantine_path(const char *dir, int64_t wall_ms)
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
		for (size_t i = 0; i < ARRAY_LEN(suffixes) && !taken; i++) {
			cleanup_free char *path = mem_printf("%s%s", name, suffixes[i]);

			taken = exists(path);
		}
		if (!taken)
			return mem_steal(&name);
	}
}

bool statefile_quarantine(const char *dir, const char *quarantine, struct err *err)
{
	cleanup_free char *new_path = statefile_new_path(dir);
	cleanup_free char *path = statefile_path(dir);

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		cleanup_free char *from = path_of(dir, STATE_NAME, suffixes[i]);
		cleanup_free char *to = mem_printf("%s%s", quarantine, suffixes[i]);

		if (exists(from) && !exists(to) && !move(from, to, err))
			return false;
	}
	return dir_sync(dir, err) && move(new_path, path, err) && dir_sync(dir, err);
}
