#include "tmpdir.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

#define NOBODY 65534

char *tmpdir_new(void)
{
	const char *base = getenv("TMPDIR");
	char *dir = mem_printf("%s/taskbell-test-XXXXXX", base != NULL ? base : "/var/tmp");

	assert_non_null(mkdtemp(dir));
	return dir;
}

char *tmpdir_path(const char *dir, const char *name)
{
	return mem_printf("%s/%s", dir, name);
}

static void remove_tree(const char *path)
{
	DIR *stream = NULL;
	struct dirent *entry;
	struct stat info;

	if (lstat(path, &info) != 0)
		return;
	if (S_ISDIR(info.st_mode)) {
		(void)chmod(path, 0700);
		stream = opendir(path);
	}
	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		cleanup_free char *inner = tmpdir_path(path, entry->d_name);

		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove_tree(inner);
	}
	if (stream != NULL)
		(void)closedir(stream);
	assert_int_equal(remove(path), 0);
}

void tmpdir_free(char *dir)
{
	remove_tree(dir);
	free(dir);
}

static int name_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *tmpdir_names(const char *dir)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;
	char *names[64];
	size_t count = 0;
	size_t len = 0;
	char *text;

	assert_non_null(stream);
	while ((entry = readdir(stream)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		assert_true(count < ARRAY_LEN(names));
		len += strlen(entry->d_name) + 1;
		names[count++] = mem_strdup(entry->d_name);
	}
	(void)closedir(stream);
	qsort(names, count, sizeof(*names), name_order);
	text = mem_alloc(len + 1);
	len = 0;
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(names[i]);

		memcpy(text + len, names[i], size);
		text[len + size] = ' ';
		len += size + 1;
		free(names[i]);
	}
	return text;
}

char *tmpdir_read(const char *path, size_t *ret_len)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat info;
	char *bytes;

	if (fd < 0 || fstat(fd, &info) != 0)
		return NULL;
	*ret_len = (size_t)info.st_size;
	bytes = mem_alloc(*ret_len + 1);
	assert_int_equal(read(fd, bytes, *ret_len), (ssize_t)*ret_len);
	return bytes;
}

void tmpdir_write(const char *path, const void *bytes, size_t len)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
}

bool tmpdir_unprivileged(bool (*check)(void *arg), void *arg)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
			_exit(2);
		_exit(check(arg) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}
