/*
 * Lines of `key: value`: a `sink:` and a `waits:` line for each sink (older monitors had but the
 * first), a `source:` line beginning each source, and `end:` with a sum of all before it. A file is
 * written in place, which costs a third of making a new one at each poll; what a reader finds in
 * the midst of it has another sum, and is read again.
 */
#include "io/pulse.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
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

#define PULSE_HEAD "taskbell-pulse: 3"
#define PULSE_END "end: "
#define PULSE_READS 100 /* 1 ms apart, of a file that never makes sense */
#define PULSE_MAX (1024 * 1024)
#define PULSE_SOURCES_MAX 1000 /* as many sinks */

struct pulse_file {
	char *path; /* own; NULL: there is no runtime directory */
	int fd; /* own; the file as long as it is in its place; -1: to be made */
	int lock_fd; /* borrowed */
	struct buf text; /* kept for the next time */
};

enum value_type { VALUE_NUMBER, VALUE_SWITCH, VALUE_TEXT };

/* the fields of a source in the file; `name` is the line that begins one */
static const struct pulse_field {
	const char *key;
	enum value_type type;
	size_t offset;
	size_t size; /* of a text */
} fields[] = {
#define TEXT_FIELD(key, member)                                                                    \
	{                                                                                          \
		key, VALUE_TEXT, offsetof(struct pulse_source, member),                            \
			sizeof(((struct pulse_source *)0)->member)                                 \
	}
#define NUMBER_FIELD(key, member)                                                                  \
	{                                                                                          \
		key, VALUE_NUMBER, offsetof(struct pulse_source, member), 0                        \
	}
	TEXT_FIELD("source", name),
	NUMBER_FIELD("last_good_ms", last_good_ms),
	NUMBER_FIELD("next_ms", next_ms),
	NUMBER_FIELD("failing_ms", failing_ms),
	NUMBER_FIELD("active", active),
	NUMBER_FIELD("down_after_ms", down_after_ms),
	{ "refused", VALUE_SWITCH, offsetof(struct pulse_source, refused), 0 },
	TEXT_FIELD("error", error),
#undef TEXT_FIELD
#undef NUMBER_FIELD
};

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
	return mem_printf("%s/%016" PRIx64 ".pulse", dir, hash.lo);
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

struct pulse_file *pulse_open(const char *state_dir, int lock_fd)
{
	struct pulse_file *file = mem_alloc(sizeof(*file));

	file->fd = -1;
	file->lock_fd = lock_fd;
	if (runtime_ready())
		file->path = runtime_path(state_dir);
	return file;
}

/* texts are the only values that may hold a line's end */
static void add_text(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			(void)buf_add_text(out, "\\n");
		else if (*text == '\\')
			(void)buf_add_text(out, "\\\\");
		else
			(void)buf_add_char(out, *text);
	}
}

static void add_text_line(struct buf *out, const char *key, const char *text)
{
	(void)buf_add_text(out, key);
	add_text(out, text);
	(void)buf_add_char(out, '\n');
}

static void add_source(struct buf *out, const struct pulse_source *source)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *value = (const char *)source + fields[i].offset;
		int64_t number = 0;

		(void)buf_add_text(out, fields[i].key);
		(void)buf_add(out, ": ", 2);
		switch (fields[i].type) {
		case VALUE_TEXT:
			add_text(out, value);
			break;
		case VALUE_NUMBER:
			memcpy(&number, value, sizeof(number));
			(void)buf_add_int(out, number);
			break;
		case VALUE_SWITCH:
			(void)buf_add_char(out, *(const bool *)value ? '1' : '0');
			break;
		}
		(void)buf_add_char(out, '\n');
	}
}

/* always of 19 digits, so that a file mostly keeps its length */
static int64_t sum_of(const char *text, size_t len)
{
	static const struct hash_key key = { 0 }; /* against accidents alone */
	static const int64_t place = 1000000000000000000;

	return place + (int64_t)(hash_bytes(&key, text, len).lo % (uint64_t)place);
}

static void add_pulse(struct buf *out, const struct pulse *pulse)
{
	/* at each poll, where a format would cost as much as all the rest */
	(void)buf_add_text(out, PULSE_HEAD "\npid: ");
	(void)buf_add_int(out, pulse->pid);
	(void)buf_add_text(out, "\nstarted_ms: ");
	(void)buf_add_int(out, pulse->started_ms);
	(void)buf_add_char(out, '\n');
	for (size_t i = 0; i < pulse->sinks.count; i++) {
		add_text_line(out, "sink: ", pulse->sinks.items[i]);
		add_text_line(out, "waits: ", pulse->waits.items[i]);
	}
	for (size_t i = 0; i < pulse->source_count; i++)
		add_source(out, &pulse->sources[i]);
	(void)buf_add_text(out, PULSE_END);
	(void)buf_add_int(out, sum_of(out->data, out->len));
	(void)buf_add_char(out, '\n');
}

static bool write_whole(int fd, const struct buf *text)
{
	struct stat info;
	size_t done = 0;

	while (done < text->len) {
		ssize_t n = pwrite(fd, text->data + done, text->len - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	/* a file that is not linked any more is nobody's to read */
	return fstat(fd, &info) == 0 && info.st_nlink != 0 &&
	       (info.st_size == (off_t)text->len || ftruncate(fd, (off_t)text->len) == 0);
}

static void forget_runtime(struct pulse_file *file)
{
	if (file->fd >= 0)
		(void)close(file->fd);
	file->fd = -1;
}

/* makes the file anew */
static bool make_runtime(struct pulse_file *file)
{
	cleanup_free char *temp = mem_printf("%s.new", file->path);

	/* one monitor a state directory: what lies under this name is a leftover */
	(void)unlink(temp);
	file->fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file->fd < 0)
		return false;
	if (fchmod(file->fd, 0600) == 0 && write_whole(file->fd, &file->text) &&
		rename(temp, file->path) == 0)
		return true;
	(void)unlink(temp);
	forget_runtime(file);
	return false;
}

static void clear_lock(struct pulse_file *file)
{
	if (file->lock_fd >= 0)
		(void)!ftruncate(file->lock_fd, 0);
}

void pulse_write(struct pulse_file *file, const struct pulse *pulse)
{
	buf_clear(&file->text);
	add_pulse(&file->text, pulse);
	if (file->fd >= 0 && write_whole(file->fd, &file->text))
		return;
	forget_runtime(file);
	/* logind clears the runtime directory at the last logout: it may have to be made anew */
	if (file->path != NULL && (make_runtime(file) || (runtime_ready() && make_runtime(file))))
		return;
	if (file->path != NULL)
		(void)unlink(file->path); /* what it says is old */
	if (file->lock_fd < 0 || !write_whole(file->lock_fd, &file->text))
		clear_lock(file);
}

void pulse_close(struct pulse_file *file)
{
	if (file == NULL)
		return;
	if (file->path != NULL)
		(void)unlink(file->path);
	forget_runtime(file);
	clear_lock(file);
	buf_done(&file->text);
	free(file->path);
	free(file);
}

/* own; NULL: no such file, or not one that a monitor of ours wrote */
static char *read_file(const char *path, struct err *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	cleanup_buf struct buf text = BUF_INIT(PULSE_MAX);
	char bytes[4096];
	struct stat info;
	ssize_t n = 0;

	if (fd < 0 && (err_is_want(errno) || errno == EIO))
		(void)err_errno(err, ERR_IO, errno, "cannot read %s", path);
	if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid())
		return NULL;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		if (memchr(bytes, '\0', (size_t)n) != NULL || !buf_add(&text, bytes, (size_t)n))
			return NULL;
	if (n < 0)
		(void)err_errno(err, ERR_IO, errno, "cannot read %s", path);
	return n == 0 ? buf_steal(&text) : NULL;
}

/* cuts the next line off and returns it; NULL when there is no whole one left */
static char *next_line(char **at)
{
	char *line = *at;
	char *end = strchr(line, '\n');

	if (end == NULL)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return line;
}

/* the value of a `key: value` line; NULL when it has another key */
static const char *line_value(const char *line, const char *key)
{
	size_t len = strlen(key);

	if (strncmp(line, key, len) != 0 || line[len] != ':')
		return NULL;
	if (line[len + 1] == '\0')
		return line + len + 1;
	return line[len + 1] == ' ' ? line + len + 2 : NULL;
}

static bool take_text(const char *value, char *ret, size_t size)
{
	size_t len = 0;

	for (; *value != '\0'; value++) {
		char c = *value;

		if (c == '\\') {
			c = *++value;
			if (c == 'n')
				c = '\n';
			else if (c != '\\')
				return false;
		}
		if (len + 1 >= size)
			return false;
		ret[len++] = c;
	}
	ret[len] = '\0';
	return true;
}

static bool take_field(const struct pulse_field *field, const char *value, struct pulse_source *ret)
{
	char *place = (char *)ret + field->offset;
	int64_t number;

	switch (field->type) {
	case VALUE_TEXT:
		return take_text(value, place, field->size);
	case VALUE_NUMBER:
		if (!parse_int(value, 0, INT64_MAX, &number))
			return false;
		memcpy(place, &number, sizeof(number));
		return true;
	case VALUE_SWITCH:
		if (!parse_int(value, 0, 1, &number))
			return false;
		*(bool *)place = number != 0;
		return true;
	}
	return false;
}

/* `line` begins a source; its other fields follow in their order */
static bool take_source(const char *line, char **at, struct pulse *pulse)
{
	struct pulse_source source = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *value;

		if (i > 0)
			line = next_line(at);
		value = line != NULL ? line_value(line, fields[i].key) : NULL;
		if (value == NULL || !take_field(&fields[i], value, &source))
			return false;
	}
	if (pulse->source_count == PULSE_SOURCES_MAX)
		return false;
	pulse->sources =
		mem_resize(pulse->sources, pulse->source_count + 1, sizeof(*pulse->sources));
	pulse->sources[pulse->source_count++] = source;
	return true;
}

static bool take_string(const char *value, struct strings *list)
{
	size_t size = strlen(value) + 1;
	cleanup_free char *text = mem_alloc(size);
	bool good = list->count < PULSE_SOURCES_MAX && take_text(value, text, size);

	if (good)
		strings_add(list, text);
	return good;
}

static bool take_number(char **at, const char *key, int64_t *ret)
{
	const char *line = next_line(at);
	const char *value = line != NULL ? line_value(line, key) : NULL;

	return value != NULL && parse_int(value, 0, INT64_MAX, ret);
}

/* is it whole? Then its last line, the sum, is cut off */
static bool sum_take(char *text)
{
	size_t len = strlen(text);
	char *end = len > 0 ? text + len - 1 : text; /* of the last line */
	char *last = end;
	int64_t sum;

	while (last > text && last[-1] != '\n')
		last--;
	if (*end != '\n' || strncmp(last, PULSE_END, strlen(PULSE_END)) != 0)
		return false;
	*end = '\0';
	len = (size_t)(last - text) + strlen(PULSE_END);
	if (!parse_int(text + len, 0, INT64_MAX, &sum) || sum != sum_of(text, len))
		return false;
	*last = '\0';
	return true;
}

/* own; the lines before the sum; NULL: no such file, or it never makes sense */
static char *read_whole(const char *path, struct err *err)
{
	/* one that is just being written is whole a moment later */
	for (int i = 0; i < PULSE_READS; i++) {
		cleanup_free char *text = read_file(path, err);

		if (text == NULL || *text == '\0')
			return NULL;
		if (sum_take(text))
			return mem_steal(&text);
		(void)poll(NULL, 0, 1);
	}
	return NULL;
}

static bool take_pulse(char *text, struct pulse *ret)
{
	char *at = text;
	const char *line = next_line(&at);
	const char *value;
	bool good = true;

	if (line == NULL || strcmp(line, PULSE_HEAD) != 0 || !take_number(&at, "pid", &ret->pid) ||
		!take_number(&at, "started_ms", &ret->started_ms))
		return false;
	while (good && (line = next_line(&at)) != NULL)
		if ((value = line_value(line, "sink")) != NULL)
			good = take_string(value, &ret->sinks);
		else if ((value = line_value(line, "waits")) != NULL)
			good = take_string(value, &ret->waits);
		else
			good = take_source(line, &at, ret);
	return good && *at == '\0' &&
	       (ret->waits.count == 0 || ret->waits.count == ret->sinks.count);
}

static bool read_pulse(const char *path, struct pulse *ret, struct err *err)
{
	cleanup_free char *text = path != NULL ? read_whole(path, err) : NULL;

	*ret = (struct pulse){ 0 };
	if (text != NULL && take_pulse(text, ret))
		return true;
	pulse_done(ret);
	return false;
}

bool pulse_read(const char *state_dir, struct pulse *ret, struct err *err)
{
	cleanup_free char *path = runtime_path(state_dir);
	cleanup_free char *lock = mem_printf("%s/lock", state_dir);
	struct pulse other;
	bool found = read_pulse(path, ret, err);

	if (!read_pulse(lock, &other, err))
		return found;
	/* a monitor with another environment may have left either of them */
	if (found && ret->started_ms >= other.started_ms) {
		pulse_done(&other);
		return true;
	}
	if (found)
		pulse_done(ret);
	*ret = other;
	return true;
}

void pulse_done(struct pulse *pulse)
{
	strings_done(&pulse->sinks);
	strings_done(&pulse->waits);
	free(pulse->sources);
	*pulse = (struct pulse){ 0 };
}
