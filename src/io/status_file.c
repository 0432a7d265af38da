#include "io/status_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/parse.h"
#include "io/statedir.h"
#include "io/tree.h"
#include "json/check.h"
#include "json/write.h"

#define FORMAT 4 /* 1 to 3 were no JSON */
#define SIZE_MAX_BYTES (1024 * 1024)
#define LOCK_READS 100 /* 1 ms apart, while a write to the lock file is under way */

struct status_file {
	char *path; /* own; NULL: there is no runtime directory */
	char *temp; /* own; what is renamed to `path` */
	int lock_fd; /* borrowed */
	int64_t writes;
	struct buf text; /* kept for the next time */
};

void monitor_status_done(struct monitor_status *status)
{
	for (size_t i = 0; i < status->source_count; i++) {
		free(status->sources[i].name);
		free(status->sources[i].error);
	}
	for (size_t i = 0; i < status->sink_count; i++) {
		store_sink_done(&status->sinks[i].stored);
		free(status->sinks[i].waits);
	}
	free(status->sources);
	free(status->sinks);
	status->sources = NULL;
	status->sinks = NULL;
	status->source_count = 0;
	status->sink_count = 0;
}

struct source_status *status_add_source(struct monitor_status *status, const char *name)
{
	struct source_status *source;

	status->sources =
		mem_resize(status->sources, status->source_count + 1, sizeof(*status->sources));
	source = &status->sources[status->source_count++];
	*source = (struct source_status){ .name = mem_strdup(name) };
	return source;
}

struct sink_status *status_add_sink(struct monitor_status *status, const char *name)
{
	struct sink_status *sink;

	status->sinks = mem_resize(status->sinks, status->sink_count + 1, sizeof(*status->sinks));
	sink = &status->sinks[status->sink_count++];
	*sink = (struct sink_status){ .stored.name = mem_strdup(name) };
	return sink;
}

/* own; NULL: XDG_RUNTIME_DIR is not set to an absolute path */
static char *runtime_dir(void)
{
	const char *base = getenv("XDG_RUNTIME_DIR");

	return base != NULL && base[0] == '/' ? mem_printf("%s/taskbell", base) : NULL;
}

/* own; NULL without a runtime directory. One file for each state directory, however it is reached
 */
static char *runtime_path(const char *state_dir)
{
	static const struct hash_key key = { 0 }; /* a name, not a secret */
	cleanup_free char *real = statedir_real(state_dir);
	cleanup_free char *dir = runtime_dir();
	struct hash hash;

	if (dir == NULL || real == NULL)
		return NULL;
	hash = hash_bytes(&key, real, strlen(real));
	return mem_printf("%s/%016" PRIx64 ".status", dir, hash.lo);
}

/* is it a directory that only we can write in? Made if it is missing */
static bool runtime_ready(void)
{
	cleanup_free char *dir = runtime_dir();
	struct stat info;

	if (dir == NULL || (mkdir(dir, 0700) != 0 && errno != EEXIST))
		return false;
	if (lstat(dir, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid())
		return false;
	return (info.st_mode & 0777) == 0700 || chmod(dir, 0700) == 0;
}

struct status_file *status_file_open(const char *state_dir, int lock_fd)
{
	struct status_file *file = mem_alloc(sizeof(*file));

	file->lock_fd = lock_fd;
	if (runtime_ready())
		file->path = runtime_path(state_dir);
	if (file->path != NULL)
		file->temp = mem_printf("%s.new", file->path);
	return file;
}

static void add_source(struct buf *out, const struct source_status *source)
{
	struct json_writer json = json_begin(out);

	json_text(&json, "name", source->name);
	json_int(&json, "last_good_ms", source->last_good_ms);
	json_int(&json, "next_ms", source->next_ms);
	json_int(&json, "failing_ms", source->failing_ms);
	json_int(&json, "active", source->active);
	json_int(&json, "down_after_ms", source->down_after_ms);
	json_bool(&json, "refused", source->refused);
	json_text(&json, "error", source->error);
	json_end(&json);
}

static void add_sink(struct buf *out, const struct sink_status *sink)
{
	struct json_writer json = json_begin(out);

	json_text(&json, "name", sink->stored.name);
	json_text(&json, "waits", sink->waits);
	json_end(&json);
}

/* `write` stands first and last: where the lock file is read while it is written, they differ */
static void add_status(struct buf *out, const struct monitor_status *status, int64_t write)
{
	struct json_writer json = json_begin(out);

	json_int(&json, "write", write);
	json_int(&json, "format", FORMAT);
	json_int(&json, "pid", status->pid);
	json_int(&json, "started_ms", status->started_ms);
	json_name(&json, "sinks");
	(void)buf_add_char(out, '[');
	for (size_t i = 0; i < status->sink_count; i++) {
		if (i > 0)
			(void)buf_add_char(out, ',');
		add_sink(out, &status->sinks[i]);
	}
	(void)buf_add_char(out, ']');
	json_name(&json, "sources");
	(void)buf_add_char(out, '[');
	for (size_t i = 0; i < status->source_count; i++) {
		if (i > 0)
			(void)buf_add_char(out, ',');
		add_source(out, &status->sources[i]);
	}
	(void)buf_add_char(out, ']');
	json_int(&json, "written", write);
	json_end(&json);
	(void)buf_add_char(out, '\n');
}

static bool write_whole(int fd, const struct buf *text)
{
	size_t done = 0;

	while (done < text->len) {
		ssize_t n = pwrite(fd, text->data + done, text->len - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool replace_file(const struct status_file *file)
{
	/* one monitor a state directory: what lies under this name is a leftover of ours */
	cleanup_fd int fd = open(file->temp,
		O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);

	if (fd < 0)
		return false;
	if (fchmod(fd, 0600) == 0 && write_whole(fd, &file->text) &&
		rename(file->temp, file->path) == 0)
		return true;
	(void)unlink(file->temp);
	return false;
}

void status_file_write(struct status_file *file, const struct monitor_status *status)
{
	buf_clear(&file->text);
	add_status(&file->text, status, ++file->writes);
	/* logind clears the runtime directory at the last logout: it may have to be made anew */
	if (file->path != NULL && (replace_file(file) || (runtime_ready() && replace_file(file))))
		return;
	if (file->path != NULL)
		(void)unlink(file->path); /* what it says is old */
	if (file->lock_fd < 0)
		return;
	if (write_whole(file->lock_fd, &file->text))
		(void)!ftruncate(file->lock_fd, (off_t)file->text.len);
	else
		(void)!ftruncate(file->lock_fd, 0);
}

void status_file_close(struct status_file *file)
{
	if (file == NULL)
		return;
	if (file->path != NULL)
		(void)unlink(file->path);
	if (file->lock_fd >= 0)
		(void)!ftruncate(file->lock_fd, 0);
	buf_done(&file->text);
	free(file->path);
	free(file->temp);
	free(file);
}

/* false: no such file, or none that we wrote; err when it may be one */
static bool read_bytes(const char *path, struct buf *text, struct err *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char bytes[4096];
	struct stat info;
	ssize_t n = 0;

	if (fd < 0 && (err_is_exhausted(errno) || errno == EIO))
		(void)err_errno(err, ERR_IO, errno, "cannot read %s", path);
	if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid())
		return false;
	buf_clear(text);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		if (!buf_add(text, bytes, (size_t)n))
			return false;
	if (n < 0)
		(void)err_errno(err, ERR_IO, errno, "cannot read %s", path);
	return n == 0 && text->len > 0;
}

static bool take_int(const struct node *object, const char *name, int64_t *ret)
{
	const char *number = node_number(node_member(object, name));

	return number != NULL && parse_int(number, 0, INT64_MAX, ret);
}

/* own; NULL: there is none */
static char *take_text(const struct node *object, const char *name)
{
	const char *text = node_text(node_member(object, name));

	return text != NULL ? mem_strdup(text) : NULL;
}

static bool take_sink(const struct node *node, struct monitor_status *ret)
{
	const char *name = node_text(node_member(node, "name"));

	if (name != NULL)
		status_add_sink(ret, name)->waits = take_text(node, "waits");
	return name != NULL;
}

static bool take_source(const struct node *node, struct monitor_status *ret)
{
	const char *name = node_text(node_member(node, "name"));
	struct source_status *source;

	if (name == NULL)
		return false;
	source = status_add_source(ret, name);
	source->refused = node_is_true(node_member(node, "refused"));
	source->error = take_text(node, "error");
	return take_int(node, "last_good_ms", &source->last_good_ms) &&
	       take_int(node, "next_ms", &source->next_ms) &&
	       take_int(node, "failing_ms", &source->failing_ms) &&
	       take_int(node, "active", &source->active) &&
	       take_int(node, "down_after_ms", &source->down_after_ms);
}

static bool take_each(const struct node *array, struct monitor_status *ret,
	bool (*take)(const struct node *node, struct monitor_status *ret))
{
	bool good = node_is_array(array);

	for (const struct node *node = node_first(array); good && node != NULL;
		node = node_next(node))
		good = take(node, ret);
	return good;
}

static bool take_status(const struct buf *text, struct monitor_status *ret)
{
	struct err err = { 0 };
	const struct node *root = json_is_valid(text->data, text->len, &err)
					  ? tree_read(text->data, text->len)
					  : NULL;
	int64_t format, write, written;
	bool good = take_int(root, "format", &format) && format == FORMAT &&
		    take_int(root, "write", &write) && take_int(root, "written", &written) &&
		    write == written && take_int(root, "pid", &ret->pid) &&
		    take_int(root, "started_ms", &ret->started_ms) &&
		    take_each(node_member(root, "sinks"), ret, take_sink) &&
		    take_each(node_member(root, "sources"), ret, take_source);

	tree_clear();
	return good;
}

static bool read_status(const char *path, struct monitor_status *ret, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(SIZE_MAX_BYTES);

	*ret = (struct monitor_status){ 0 };
	for (int i = 0; path != NULL && i < LOCK_READS; i++) {
		if (!read_bytes(path, &text, err))
			return false;
		if (take_status(&text, ret))
			return true;
		monitor_status_done(ret);
		(void)poll(NULL, 0, 1);
	}
	return false;
}

bool status_file_read(const char *state_dir, struct monitor_status *ret, struct err *err)
{
	cleanup_free char *path = runtime_path(state_dir);
	cleanup_free char *lock = mem_printf("%s/lock", state_dir);
	struct monitor_status other;
	bool found = read_status(path, ret, err);

	if (!read_status(lock, &other, err))
		return found;
	/* a monitor with another environment may have left either of them */
	if (found && ret->started_ms >= other.started_ms) {
		monitor_status_done(&other);
		return true;
	}
	monitor_status_done(ret);
	*ret = other;
	return true;
}
