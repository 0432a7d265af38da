/*
 * Preloaded into taskbell by the torture: counts the places where it asks the system for something,
 * and at the n-th kills it, fails the call, or cuts a write short. The plan and the counters lie in
 * a file that both sides map, so that nothing is lost with the process.
 *
 * For power cuts it also keeps, of every file of the state directory, the bytes that were synced
 * last, and of the directory the names: what a disk is certain to have.
 *
 * Where off_t and time_t can have 32 bits, a program and its libraries call either form of a
 * function; both are here, and all that is done is done with 64 bits.
 */
#define _GNU_SOURCE
#undef _FORTIFY_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* in the order of plan.py */
enum place_class {
	PLACE_WRITE, /* to a regular file */
	PLACE_SYNC,
	PLACE_OPEN,
	PLACE_CREATE, /* open with O_CREAT */
	PLACE_NAME, /* rename, unlink, mkdir, ftruncate */
	PLACE_COMMIT,
	PLACE_FORK,
	PLACE_REAP, /* a child's end was taken */
	PLACE_SEND, /* to sockets and pipes */
	PLACE_SOCKET, /* also to connect, bind or accept one */
	PLACE_DESCRIPTOR, /* pipe, timerfd, eventfd, epoll, duplicates, directories */
	PLACE_ALLOC,
	PLACE_MAP,
	PLACE_READ, /* of a regular file */
	PLACE_THREAD,
	PLACE_RECEIVE, /* from sockets and pipes */
	PLACE_WAIT, /* poll */
	PLACE_COUNT
};

enum action {
	ACTION_COUNT,
	ACTION_KILL_BEFORE,
	ACTION_KILL_WITHIN, /* half of the bytes are written, of a database whole sectors; other
			       calls: as before */
	ACTION_KILL_AFTER,
	ACTION_FAIL,
	ACTION_SHORT, /* half of the bytes are written, and the call says so; other calls go well */
};

#define SECTOR 512
#define TRACE_MAX 16384
#define TRACE_TEXT 56

struct shared {
	uint32_t action;
	uint32_t classes; /* bits */
	uint64_t at; /* the first of these classes that is hit, from 1 */
	uint64_t count; /* how many are hit; 0: all from then on */
	int32_t error; /* errno of failed calls */
	uint32_t trace; /* also note what is counted */
	uint64_t seen; /* of these classes */
	uint64_t hits;
	uint64_t seen_of[24]; /* by class */
	char traced[TRACE_MAX][TRACE_TEXT];
};

static struct shared *shared;
static const char *state_dir; /* what is kept for power cuts; NULL: nothing */
static const char *shadow_dir;
static __thread bool inside;

#define REAL(ret, name, params)                                                                    \
	static ret(*real_##name) params;                                                           \
	static void find_##name(void)                                                              \
	{                                                                                          \
		if (real_##name == NULL) {                                                         \
			void *found = dlsym(RTLD_NEXT, #name);                                     \
                                                                                                   \
			memcpy(&real_##name, &found, sizeof(found));                               \
		}                                                                                  \
	}

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *ptr, size_t size);

REAL(ssize_t, write, (int, const void *, size_t))
REAL(ssize_t, pwrite64, (int, const void *, size_t, off64_t))
REAL(ssize_t, read, (int, void *, size_t))
REAL(ssize_t, pread64, (int, void *, size_t, off64_t))
REAL(int, fsync, (int))
REAL(int, fdatasync, (int))
REAL(int, ftruncate64, (int, off64_t))
REAL(int, open64, (const char *, int, ...))
REAL(int, openat64, (int, const char *, int, ...))
REAL(FILE *, fopen64, (const char *, const char *))
REAL(ssize_t, writev, (int, const struct iovec *, int))
REAL(ssize_t, recv, (int, void *, size_t, int))
REAL(ssize_t, recvfrom, (int, void *, size_t, int, __SOCKADDR_ARG, socklen_t *))
REAL(ssize_t, recvmsg, (int, struct msghdr *, int))
REAL(ssize_t, sendmsg, (int, const struct msghdr *, int))
REAL(int, connect, (int, __CONST_SOCKADDR_ARG, socklen_t))
REAL(int, bind, (int, __CONST_SOCKADDR_ARG, socklen_t))
REAL(int, accept, (int, __SOCKADDR_ARG, socklen_t *))
REAL(int, pipe2, (int[2], int))
REAL(int, eventfd, (unsigned int, int))
REAL(int, epoll_create1, (int))
REAL(int, dup, (int))
REAL(pid_t, fork, (void))
REAL(int, poll, (struct pollfd *, nfds_t, int))
REAL(int, rename, (const char *, const char *))
REAL(int, unlink, (const char *))
REAL(int, mkdir, (const char *, mode_t))
REAL(int, posix_spawn,
	(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
		char *const[], char *const[]))
REAL(pid_t, waitpid, (pid_t, int *, int))
REAL(ssize_t, send, (int, const void *, size_t, int))
REAL(ssize_t, sendto, (int, const void *, size_t, int, __CONST_SOCKADDR_ARG, socklen_t))
REAL(int, socket, (int, int, int))
REAL(int, socketpair, (int, int, int, int[2]))
REAL(int, pipe, (int[2]))
REAL(int, timerfd_create, (int, int))
REAL(int, fcntl64, (int, int, ...))
REAL(DIR *, opendir, (const char *))
REAL(void *, mmap64, (void *, size_t, int, int, int, off64_t))
REAL(int, pthread_create, (pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))
REAL(int, sqlite3_exec,
	(void *, const char *, int (*)(void *, int, char **, char **), void *, char **))

static _Noreturn void die(void)
{
	(void)kill(getpid(), SIGKILL);
	for (;;)
		(void)pause();
}

/* notes a place for the report: what, and which file */
static void note(
	const struct shared *plan, uint64_t number, const char *what, int fd, const char *path)
{
	char link[64];
	char name[256] = "";
	const char *base = path;
	ssize_t len;

	if (plan->trace == 0 || number > TRACE_MAX)
		return;
	if (fd >= 0) {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		len = readlink(link, name, sizeof(name) - 1);
		name[len > 0 ? len : 0] = '\0';
		base = name;
	}
	if (base != NULL && strrchr(base, '/') != NULL && strrchr(base, '/')[1] != '\0')
		base = strrchr(base, '/') + 1;
	(void)snprintf(
		shared->traced[number - 1], TRACE_TEXT, "%s %s", what, base != NULL ? base : "");
}

/*
 * An allocation is told by the calls that led to it, in a form that is the same in every run: the
 * last of them that is not a wrapper's would be hard to tell, so all of them go into one number.
 */
static void note_caller(uint64_t number, const char *what)
{
	void *frames[40];
	uint32_t all = 2166136261U;
	char last[32] = "";
	int count;

	if (number > TRACE_MAX)
		return;
	inside = true;
	count = backtrace(frames, (int)(sizeof(frames) / sizeof(frames[0])));
	for (int i = 0; i < count; i++) {
		Dl_info info = { 0 };
		uintptr_t offset;
		const char *file;

		if (dladdr(frames[i], &info) == 0 || info.dli_fname == NULL)
			continue;
		offset = (uintptr_t)frames[i] - (uintptr_t)info.dli_fbase;
		all = (all ^ (uint32_t)offset) * 16777619U;
		file = strrchr(info.dli_fname, '/');
		file = file != NULL ? file + 1 : info.dli_fname;
		if (last[0] == '\0' && strcmp(file, "shim.so") != 0 &&
			strncmp(file, "libc.so", 7) != 0)
			(void)snprintf(
				last, sizeof(last), "%.16s+%lx", file, (unsigned long)offset);
	}
	(void)snprintf(shared->traced[number - 1], TRACE_TEXT, "%s %s #%08x", what, last, all);
	inside = false;
}

/* counts a place; true when it is one of those that the plan means */
static bool hit(enum place_class class, const char *what, int fd, const char *path)
{
	uint64_t number;

	if (shared == NULL || inside)
		return false;
	(void)__atomic_add_fetch(&shared->seen_of[class], 1, __ATOMIC_SEQ_CST);
	if ((shared->classes & 1U << class) == 0)
		return false;
	number = __atomic_add_fetch(&shared->seen, 1, __ATOMIC_SEQ_CST);
	if (class != PLACE_ALLOC)
		note(shared, number, what, fd, path);
	else if (shared->trace != 0 && (shared->action == ACTION_COUNT || number == shared->at))
		note_caller(number, what);
	if (shared->action == ACTION_COUNT || number < shared->at ||
		(shared->count != 0 && number >= shared->at + shared->count))
		return false;
	(void)__atomic_add_fetch(&shared->hits, 1, __ATOMIC_SEQ_CST);
	return true;
}

/* what is to be done at a place */
struct fate {
	bool fails; /* the caller returns -1 with errno as it is */
	bool half;
	bool dies; /* after the call */
};

static struct fate fate_of(enum place_class class, const char *what, int fd, const char *path)
{
	int saved = errno;
	struct fate fate = { 0 };

	if (!hit(class, what, fd, path)) {
		errno = saved;
		return fate;
	}
	errno = saved;
	switch (shared->action) {
	case ACTION_KILL_BEFORE:
		die();
	case ACTION_KILL_WITHIN:
		if (class != PLACE_WRITE)
			die();
		fate.half = fate.dies = true;
		break;
	case ACTION_KILL_AFTER:
		fate.dies = true;
		break;
	case ACTION_FAIL:
		fate.fails = true;
		errno = shared->error;
		break;
	case ACTION_SHORT:
		fate.half = class == PLACE_WRITE;
		break;
	default:
		break;
	}
	return fate;
}

static void after(struct fate fate)
{
	if (fate.dies)
		die();
}

/* --- what a disk is certain to have */

static bool of_state(int fd)
{
	char link[64];
	char name[512];
	ssize_t len;
	size_t base = state_dir != NULL ? strlen(state_dir) : 0;

	if (base == 0)
		return false;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, name, sizeof(name) - 1);
	return len >= (ssize_t)base && memcmp(name, state_dir, base) == 0;
}

/* inode numbers are used again: with its time of birth it is one for ever */
static void key_of(int dir, const char *name, char key[64])
{
	struct statx info = { 0 };

	(void)statx(dir, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &info);
	(void)snprintf(key, 64, "%llu-%lld.%u", (unsigned long long)info.stx_ino,
		(long long)info.stx_btime.tv_sec, info.stx_btime.tv_nsec);
}

static int new_open(void)
{
	char path[600];

	(void)snprintf(path, sizeof(path), "%s/new", shadow_dir);
	return real_open64(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static void new_becomes(const char *name)
{
	char from[600];
	char to[600];

	(void)snprintf(from, sizeof(from), "%s/new", shadow_dir);
	(void)snprintf(to, sizeof(to), "%s/%s", shadow_dir, name);
	(void)real_rename(from, to);
}

static void keep_file(int fd)
{
	char key[64];
	char bytes[65536];
	off64_t pos = 0;
	ssize_t len;
	int out = new_open();

	while (out >= 0 && (len = real_pread64(fd, bytes, sizeof(bytes), pos)) > 0) {
		(void)!real_write(out, bytes, (size_t)len);
		pos += len;
	}
	(void)close(out);
	key_of(fd, "", key);
	new_becomes(key);
}

static void keep_names(void)
{
	char key[64];
	char line[400];
	DIR *dir = real_opendir(state_dir);
	const struct dirent64 *entry;
	int out = new_open();

	while (dir != NULL && out >= 0 && (entry = readdir64(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		key_of(dirfd(dir), entry->d_name, key);
		(void)!real_write(out, line,
			(size_t)snprintf(line, sizeof(line), "%s %s\n", key, entry->d_name));
	}
	if (dir != NULL)
		(void)closedir(dir);
	(void)close(out);
	new_becomes("names");
}

/* at the start all that is there has long been on the disk */
static void keep_all(void)
{
	DIR *dir = state_dir != NULL ? real_opendir(state_dir) : NULL;
	const struct dirent64 *entry;

	while (dir != NULL && (entry = readdir64(dir)) != NULL) {
		char path[600];
		int fd;

		(void)snprintf(path, sizeof(path), "%s/%s", state_dir, entry->d_name);
		fd = entry->d_name[0] == '.' ? -1 : real_open64(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		keep_file(fd);
		(void)close(fd);
	}
	if (dir != NULL)
		(void)closedir(dir);
	if (state_dir != NULL)
		keep_names();
}

static void keep(int fd)
{
	int saved = errno;
	struct stat64 info;

	if (inside || !of_state(fd) || fstat64(fd, &info) != 0)
		return;
	inside = true;
	if (S_ISREG(info.st_mode))
		keep_file(fd);
	else if (S_ISDIR(info.st_mode))
		keep_names();
	inside = false;
	errno = saved;
}

/* --- the calls */

static bool is_regular(int fd)
{
	struct stat64 info;
	int saved = errno;
	bool regular = fstat64(fd, &info) == 0 && S_ISREG(info.st_mode);

	errno = saved;
	return regular;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t len)
{
	struct fate fate;
	ssize_t wrote;

	find_write();
	fate = fate_of(is_regular(fd) ? PLACE_WRITE : PLACE_SEND, "write", fd, NULL);
	if (fate.fails)
		return -1;
	wrote = real_write(fd, bytes, fate.half && len > 1 ? len / 2 : len);
	after(fate);
	return wrote;
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset)
{
	struct fate fate;
	ssize_t wrote;

	find_pwrite64();
	fate = fate_of(PLACE_WRITE, "pwrite", fd, NULL);
	if (fate.fails)
		return -1;
	/* what SQLite relies on: a sector is written or not */
	wrote = real_pwrite64(fd, bytes, fate.half ? len / 2 / SECTOR * SECTOR : len, offset);
	after(fate);
	return wrote;
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	return pwrite64(fd, bytes, len, offset);
}

EXPORT ssize_t read(int fd, void *bytes, size_t len)
{
	find_read();
	if (fate_of(is_regular(fd) ? PLACE_READ : PLACE_RECEIVE, "read", fd, NULL).fails)
		return -1;
	return real_read(fd, bytes, len);
}

EXPORT ssize_t pread64(int fd, void *bytes, size_t len, off64_t offset)
{
	find_pread64();
	if (fate_of(PLACE_READ, "pread", fd, NULL).fails)
		return -1;
	return real_pread64(fd, bytes, len, offset);
}

EXPORT ssize_t pread(int fd, void *bytes, size_t len, off_t offset)
{
	return pread64(fd, bytes, len, offset);
}

EXPORT int fsync(int fd)
{
	struct fate fate;
	int rc;

	find_fsync();
	fate = fate_of(PLACE_SYNC, "fsync", fd, NULL);
	if (fate.fails)
		return -1;
	rc = real_fsync(fd);
	keep(fd);
	after(fate);
	return rc;
}

EXPORT int fdatasync(int fd)
{
	struct fate fate;
	int rc;

	find_fdatasync();
	fate = fate_of(PLACE_SYNC, "fdatasync", fd, NULL);
	if (fate.fails)
		return -1;
	rc = real_fdatasync(fd);
	keep(fd);
	after(fate);
	return rc;
}

EXPORT int ftruncate64(int fd, off64_t size)
{
	struct fate fate;
	int rc;

	find_ftruncate64();
	fate = fate_of(PLACE_NAME, "ftruncate", fd, NULL);
	if (fate.fails)
		return -1;
	rc = real_ftruncate64(fd, size);
	after(fate);
	return rc;
}

EXPORT int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}

static int open_any(const char *path, int flags, mode_t mode)
{
	struct fate fate;
	int fd;

	find_open64();
	if ((flags & O_CREAT) != 0)
		fate = fate_of(PLACE_CREATE, "create", -1, path);
	else
		fate = fate_of(PLACE_OPEN, "open", -1, path);
	if (fate.fails)
		return -1;
	fd = real_open64(path, flags, mode);
	after(fate);
	return fd;
}

EXPORT int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return open_any(path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return open_any(path, flags, mode);
}

extern int __open_2(const char *path, int flags);
extern int __open64_2(const char *path, int flags);

EXPORT int __open_2(const char *path, int flags)
{
	return open_any(path, flags, 0);
}

EXPORT int __open64_2(const char *path, int flags)
{
	return open_any(path, flags, 0);
}

EXPORT int openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	find_openat64();
	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (fate_of((flags & O_CREAT) != 0 ? PLACE_CREATE : PLACE_OPEN, "openat", -1, path).fails)
		return -1;
	return real_openat64(dir, path, flags, mode);
}

EXPORT int openat64(int dir, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return openat(dir, path, flags, mode);
}

EXPORT FILE *fopen(const char *path, const char *mode)
{
	find_fopen64();
	if (fate_of(mode[0] == 'r' ? PLACE_OPEN : PLACE_CREATE, "fopen", -1, path).fails)
		return NULL;
	return real_fopen64(path, mode);
}

EXPORT FILE *fopen64(const char *path, const char *mode)
{
	return fopen(path, mode);
}

EXPORT int rename(const char *from, const char *to)
{
	struct fate fate;
	int rc;

	find_rename();
	fate = fate_of(PLACE_NAME, "rename", -1, to);
	if (fate.fails)
		return -1;
	rc = real_rename(from, to);
	after(fate);
	return rc;
}

EXPORT int unlink(const char *path)
{
	struct fate fate;
	int rc;

	find_unlink();
	fate = fate_of(PLACE_NAME, "unlink", -1, path);
	if (fate.fails)
		return -1;
	rc = real_unlink(path);
	after(fate);
	return rc;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
	struct fate fate;
	int rc;

	find_mkdir();
	fate = fate_of(PLACE_NAME, "mkdir", -1, path);
	if (fate.fails)
		return -1;
	rc = real_mkdir(path, mode);
	after(fate);
	return rc;
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
	const posix_spawnattr_t *attr, char *const argv[], char *const env[])
{
	struct fate fate;
	int rc;

	find_posix_spawn();
	fate = fate_of(PLACE_FORK, "spawn", -1, path);
	if (fate.fails)
		return shared->error;
	rc = real_posix_spawn(pid, path, actions, attr, argv, env);
	after(fate);
	return rc;
}

EXPORT pid_t waitpid(pid_t pid, int *status, int options)
{
	pid_t ended;

	find_waitpid();
	ended = real_waitpid(pid, status, options);
	if (ended > 0)
		after(fate_of(PLACE_REAP, "reap", -1, NULL));
	return ended;
}

EXPORT ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
	struct fate fate;
	ssize_t sent;

	find_send();
	fate = fate_of(PLACE_SEND, "send", fd, NULL);
	if (fate.fails)
		return -1;
	sent = real_send(fd, bytes, len, flags);
	after(fate);
	return sent;
}

EXPORT ssize_t sendto(
	int fd, const void *bytes, size_t len, int flags, __CONST_SOCKADDR_ARG to, socklen_t to_len)
{
	struct fate fate;
	ssize_t sent;

	find_sendto();
	fate = fate_of(PLACE_SEND, "send", fd, NULL);
	if (fate.fails)
		return -1;
	sent = real_sendto(fd, bytes, len, flags, to, to_len);
	after(fate);
	return sent;
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct fate fate;
	ssize_t sent;

	find_sendmsg();
	fate = fate_of(PLACE_SEND, "sendmsg", fd, NULL);
	if (fate.fails)
		return -1;
	sent = real_sendmsg(fd, message, flags);
	after(fate);
	return sent;
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
	struct fate fate;
	ssize_t wrote;

	find_writev();
	fate = fate_of(is_regular(fd) ? PLACE_WRITE : PLACE_SEND, "writev", fd, NULL);
	if (fate.fails)
		return -1;
	wrote = real_writev(fd, parts, fate.half && count > 1 ? count / 2 : count);
	after(fate);
	return wrote;
}

EXPORT ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
	find_recv();
	if (fate_of(PLACE_RECEIVE, "recv", fd, NULL).fails)
		return -1;
	return real_recv(fd, bytes, len, flags);
}

EXPORT ssize_t recvfrom(
	int fd, void *bytes, size_t len, int flags, __SOCKADDR_ARG from, socklen_t *from_len)
{
	find_recvfrom();
	if (fate_of(PLACE_RECEIVE, "recvfrom", fd, NULL).fails)
		return -1;
	return real_recvfrom(fd, bytes, len, flags, from, from_len);
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	find_recvmsg();
	if (fate_of(PLACE_RECEIVE, "recvmsg", fd, NULL).fails)
		return -1;
	return real_recvmsg(fd, message, flags);
}

EXPORT int connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t to_len)
{
	find_connect();
	if (fate_of(PLACE_SOCKET, "connect", fd, NULL).fails)
		return -1;
	return real_connect(fd, to, to_len);
}

EXPORT int bind(int fd, __CONST_SOCKADDR_ARG to, socklen_t to_len)
{
	find_bind();
	if (fate_of(PLACE_SOCKET, "bind", fd, NULL).fails)
		return -1;
	return real_bind(fd, to, to_len);
}

EXPORT int accept(int fd, __SOCKADDR_ARG from, socklen_t *from_len)
{
	find_accept();
	if (fate_of(PLACE_SOCKET, "accept", fd, NULL).fails)
		return -1;
	return real_accept(fd, from, from_len);
}

EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	find_poll();
	if (fate_of(PLACE_WAIT, "poll", -1, NULL).fails)
		return -1;
	return real_poll(fds, count, timeout);
}

EXPORT pid_t fork(void)
{
	find_fork();
	if (fate_of(PLACE_FORK, "fork", -1, NULL).fails)
		return -1;
	return real_fork();
}

EXPORT int socket(int family, int type, int protocol)
{
	find_socket();
	if (fate_of(PLACE_SOCKET, "socket", -1, NULL).fails)
		return -1;
	return real_socket(family, type, protocol);
}

EXPORT int socketpair(int family, int type, int protocol, int ends[2])
{
	find_socketpair();
	if (fate_of(PLACE_SOCKET, "socketpair", -1, NULL).fails)
		return -1;
	return real_socketpair(family, type, protocol, ends);
}

EXPORT int pipe(int ends[2])
{
	find_pipe();
	if (fate_of(PLACE_DESCRIPTOR, "pipe", -1, NULL).fails)
		return -1;
	return real_pipe(ends);
}

EXPORT int pipe2(int ends[2], int flags)
{
	find_pipe2();
	if (fate_of(PLACE_DESCRIPTOR, "pipe2", -1, NULL).fails)
		return -1;
	return real_pipe2(ends, flags);
}

EXPORT int eventfd(unsigned int value, int flags)
{
	find_eventfd();
	if (fate_of(PLACE_DESCRIPTOR, "eventfd", -1, NULL).fails)
		return -1;
	return real_eventfd(value, flags);
}

EXPORT int epoll_create1(int flags)
{
	find_epoll_create1();
	if (fate_of(PLACE_DESCRIPTOR, "epoll", -1, NULL).fails)
		return -1;
	return real_epoll_create1(flags);
}

EXPORT int dup(int fd)
{
	find_dup();
	if (fate_of(PLACE_DESCRIPTOR, "duplicate", fd, NULL).fails)
		return -1;
	return real_dup(fd);
}

EXPORT int timerfd_create(int clock, int flags)
{
	find_timerfd_create();
	if (fate_of(PLACE_DESCRIPTOR, "timerfd", -1, NULL).fails)
		return -1;
	return real_timerfd_create(clock, flags);
}

EXPORT DIR *opendir(const char *path)
{
	find_opendir();
	if (fate_of(PLACE_DESCRIPTOR, "opendir", -1, path).fails)
		return NULL;
	return real_opendir(path);
}

static int control(int fd, int command, void *arg)
{
	find_fcntl64();
	if ((command == F_DUPFD || command == F_DUPFD_CLOEXEC) &&
		fate_of(PLACE_DESCRIPTOR, "duplicate", fd, NULL).fails)
		return -1;
	return real_fcntl64(fd, command, arg);
}

EXPORT int fcntl(int fd, int command, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, command);
	arg = va_arg(ap, void *);
	va_end(ap);
	return control(fd, command, arg);
}

EXPORT int fcntl64(int fd, int command, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, command);
	arg = va_arg(ap, void *);
	va_end(ap);
	return control(fd, command, arg);
}

#if __TIMESIZE == 32
/* what a program with _TIME_BITS=64 calls */
extern int __fcntl_time64(int fd, int command, ...);
extern ssize_t __sendmsg64(int fd, const struct msghdr *message, int flags);
extern ssize_t __recvmsg64(int fd, struct msghdr *message, int flags);

EXPORT int __fcntl_time64(int fd, int command, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, command);
	arg = va_arg(ap, void *);
	va_end(ap);
	return control(fd, command, arg);
}

EXPORT ssize_t __sendmsg64(int fd, const struct msghdr *message, int flags)
{
	return sendmsg(fd, message, flags);
}

EXPORT ssize_t __recvmsg64(int fd, struct msghdr *message, int flags)
{
	return recvmsg(fd, message, flags);
}
#endif

EXPORT void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t offset)
{
	find_mmap64();
	if (fate_of(PLACE_MAP, "mmap", fd, NULL).fails)
		return MAP_FAILED;
	return real_mmap64(addr, len, prot, flags, fd, offset);
}

EXPORT void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	return mmap64(addr, len, prot, flags, fd, offset);
}

EXPORT int pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	find_pthread_create();
	if (fate_of(PLACE_THREAD, "thread", -1, NULL).fails)
		return shared->error;
	return real_pthread_create(thread, attr, run, arg);
}

extern int sqlite3_exec(void *db, const char *sql, int (*row)(void *, int, char **, char **),
	void *arg, char **message);

EXPORT int sqlite3_exec(void *db, const char *sql, int (*row)(void *, int, char **, char **),
	void *arg, char **message)
{
	struct fate fate = { 0 };
	int rc;

	find_sqlite3_exec();
	if (sql != NULL &&
		strcmp(sql, "COMMIT") == 0) /* SQLite itself calls without, short of memory */
		fate = fate_of(PLACE_COMMIT, "commit", -1, NULL);
	rc = real_sqlite3_exec(db, sql, row, arg, message);
	after(fate);
	return rc;
}

/* no dlsym here: it may need memory itself */
EXPORT void *malloc(size_t size)
{
	return fate_of(PLACE_ALLOC, "malloc", -1, NULL).fails ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
	return fate_of(PLACE_ALLOC, "calloc", -1, NULL).fails ? NULL : __libc_calloc(count, size);
}

EXPORT void *realloc(void *ptr, size_t size)
{
	return fate_of(PLACE_ALLOC, "realloc", -1, NULL).fails ? NULL : __libc_realloc(ptr, size);
}

/* --- the start: what libraries do before main is not ours to judge */

static void find_all(void)
{
	void *frames[1];

	(void)backtrace(frames, 1); /* loads what it needs */
	find_openat64();
	find_fopen64();
	find_writev();
	find_recv();
	find_recvfrom();
	find_recvmsg();
	find_sendmsg();
	find_connect();
	find_bind();
	find_accept();
	find_pipe2();
	find_eventfd();
	find_epoll_create1();
	find_dup();
	find_fork();
	find_poll();
	find_write();
	find_pwrite64();
	find_read();
	find_pread64();
	find_fsync();
	find_fdatasync();
	find_ftruncate64();
	find_open64();
	find_rename();
	find_unlink();
	find_mkdir();
	find_posix_spawn();
	find_waitpid();
	find_send();
	find_sendto();
	find_socket();
	find_socketpair();
	find_pipe();
	find_timerfd_create();
	find_fcntl64();
	find_opendir();
	find_mmap64();
	find_pthread_create();
	find_sqlite3_exec();
}

static void begin(void)
{
	const char *path = getenv("TORTURE_PLAN");
	int fd = path != NULL ? real_open64(path, O_RDWR | O_CLOEXEC) : -1;
	void *map;

	state_dir = getenv("TORTURE_STATE");
	shadow_dir = getenv("TORTURE_SHADOW");
	if (fd < 0)
		return;
	map = real_mmap64(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	/* the helper for the desktop gets our whole environment; it is not the one to be tortured
	 */
	(void)unsetenv("LD_PRELOAD");
	(void)unsetenv("TORTURE_PLAN");
	keep_all();
	if (map != MAP_FAILED)
		shared = map;
}

typedef int (*main_fn)(int, char **, char **);

extern int __libc_start_main(main_fn main, int argc, char **argv, void (*init)(void),
	void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

static main_fn real_main;

static int main_begin(int argc, char **argv, char **env)
{
	find_all();
	begin();
	return real_main(argc, argv, env);
}

EXPORT int __libc_start_main(main_fn main, int argc, char **argv, void (*init)(void),
	void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
	int (*start)(main_fn, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);
	void *found = dlsym(RTLD_NEXT, "__libc_start_main");

	memcpy(&start, &found, sizeof(found));
	real_main = main;
	return start(main_begin, argc, argv, init, fini, rtld_fini, stack_end);
}
