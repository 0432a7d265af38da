#include "io/conf_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/config_guard.h"

#define DEPTH_MAX 10 /* as libconfig has it */
#define FILES_MAX 100
#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* UTF-8 */

/* One file of the configuration, which may be included by another. */
struct conf_file {
	const struct conf_file *from; /* borrowed; NULL: the configuration itself */
	unsigned int from_line;
	int depth;
	size_t index;
	const char *path; /* borrowed */
};

/* `-c /dev/null` means: no settings. It holds nothing, so it does not matter who can write it */
static bool is_null_device(const struct stat *st)
{
	struct stat null;

	return S_ISCHR(st->st_mode) && stat("/dev/null", &null) == 0 && null.st_rdev == st->st_rdev;
}

static bool file_trusted(const struct stat *st, struct err *err)
{
	if (is_null_device(st))
		return true;
	if (S_ISDIR(st->st_mode))
		return err_set(err, ERR_CONFIG, "is a directory");
	if (!S_ISREG(st->st_mode))
		return err_set(err, ERR_CONFIG, "is not a regular file");
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return err_set(err, ERR_CONFIG,
			"belongs to user %lu; a configuration must be yours or root's",
			(unsigned long)st->st_uid);
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(err, ERR_CONFIG,
			"can be written by group or others (mode %04o); run chmod go-w on it",
			(unsigned int)st->st_mode & 07777);
	return true;
}

static bool read_all(int fd, struct buf *content, struct err *err)
{
	char bytes[16384];
	ssize_t n;

	for (;;) {
		n = read(fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ERR_CONFIG, errno, "cannot be read");
		if (n == 0)
			break;
		if (!buf_add(content, bytes, (size_t)n))
			return err_set(err, ERR_CONFIG, "is larger than 1 MiB");
	}
	if (content->len != 0 && memchr(content->data, '\0', content->len) != NULL)
		return err_set(err, ERR_CONFIG, "holds a NUL byte; it is no text");
	return true;
}

static bool file_read(const char *path, struct buf *content, struct err *err)
{
	/* a FIFO would be waited for, a terminal would become ours */
	cleanup_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	/* a want is no fault of the configuration: a service that it stops may be started again */
	if (fd < 0)
		return err_errno(err, err_is_exhausted(errno) ? ERR_OS : ERR_CONFIG, errno,
			"cannot be opened");
	if (fstat(fd, &st) != 0)
		return err_errno(err, ERR_CONFIG, errno, "cannot be examined");
	return file_trusted(&st, err) && read_all(fd, content, err);
}

/* adds whole lines of a file; a last line without its newline gets one */
static bool add_piece(
	struct conf_text *text, const struct conf_file *file, const struct config_guard *scan)
{
	const char *bytes = scan->text + scan->piece;
	struct conf_span *span;

	if (scan->piece_len == 0)
		return true;
	text->spans = mem_resize(text->spans, text->span_count + 1, sizeof(*text->spans));
	span = &text->spans[text->span_count++];
	*span = (struct conf_span){ text->lines + 1, scan->piece_line, file->index };
	for (size_t i = 0; i < scan->piece_len; i++)
		text->lines += bytes[i] == '\n';
	if (!buf_add(&text->text, bytes, scan->piece_len))
		return false;
	if (bytes[scan->piece_len - 1] == '\n')
		return true;
	text->lines++;
	return buf_add_char(&text->text, '\n');
}

/* relative to the directory of the file that includes it */
static char *path_beside(const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');

	if (path[0] == '/' || slash == NULL)
		return mem_strdup(path);
	return mem_printf("%.*s/%s", (int)(slash - file), file, path);
}

struct reader {
	struct conf_text *text; /* borrowed */
	struct diagnostics *faults; /* borrowed */
};

static bool add_file(struct reader *reader, const struct conf_file *file);

/* goes on with the file that is included here; recursion, but at most DEPTH_MAX deep */
static bool add_included(
	struct reader *reader, const struct conf_file *from, const struct config_guard *scan)
{
	cleanup_free char *path = path_beside(from->path, scan->path);
	struct conf_file file = {
		.from = from,
		.from_line = scan->found_line,
		.depth = from->depth + 1,
		.index = reader->text->files.count,
		.path = path,
	};

	strings_add(&reader->text->files, path);
	if (file.depth <= DEPTH_MAX && file.index < FILES_MAX)
		return add_file(reader, &file);
	diagnostics_add(reader->faults, 0, from->path, scan->found_line,
		"@include goes more than %d deep, or over more than %d files; does a file include "
		"itself?",
		DEPTH_MAX, FILES_MAX);
	return false;
}

/* adds what the scan has found; false when the file need not be read on */
static bool add_found(struct reader *reader, const struct conf_file *file,
	const struct config_guard *scan, enum config_guard_found found, bool *fine)
{
	if (!add_piece(reader->text, file, scan)) {
		diagnostics_add(reader->faults, 0, file->path, scan->piece_line,
			"with this the configuration is larger than 1 MiB");
		*fine = false;
		return false;
	}
	if (found == CONFIG_GUARD_INCLUDE && !add_included(reader, file, scan)) {
		*fine = false;
		return reader->text->files.count <= FILES_MAX;
	}
	return found == CONFIG_GUARD_INCLUDE;
}

/* editors of other systems put a byte order mark before the text, and nobody sees it */
static size_t mark_len(const struct buf *content)
{
	return strncmp(buf_text(content), BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0
		       ? strlen(BYTE_ORDER_MARK)
		       : 0;
}

static bool add_file(struct reader *reader, const struct conf_file *file)
{
	cleanup_buf struct buf content = BUF_INIT(CONF_TEXT_MAX);
	struct err err = { 0 };
	struct config_guard scan;
	enum config_guard_found found;
	size_t mark;
	bool fine = true;

	if (!file_read(file->path, &content, &err)) {
		reader->text->wanting = reader->text->wanting || err.kind == ERR_OS;
		/* says a fault of the file as a whole, at the place that includes it */
		if (file->from == NULL)
			diagnostics_add(reader->faults, 0, file->path, 0, "%s", err.text);
		else
			diagnostics_add(reader->faults, 0, file->from->path, file->from_line,
				"%s: %s", file->path, err.text);
		return false;
	}
	mark = mark_len(&content);
	scan = config_guard_begin(buf_text(&content) + mark, content.len - mark);
	do {
		found = config_guard_next(&scan, &err);
		if (found == CONFIG_GUARD_FAULT) {
			diagnostics_add(
				reader->faults, 0, file->path, scan.found_line, "%s", err.text);
			fine = false;
		}
	} while (found != CONFIG_GUARD_FAULT && add_found(reader, file, &scan, found, &fine));
	config_guard_done(&scan);
	return fine;
}

bool conf_text_read(struct conf_text *text, const char *path, struct diagnostics *faults)
{
	struct reader reader = { text, faults };
	struct conf_file file = { .path = path };

	text->text = (struct buf)BUF_INIT(CONF_TEXT_MAX);
	strings_add(&text->files, path);
	return add_file(&reader, &file);
}

void conf_text_done(struct conf_text *text)
{
	buf_done(&text->text);
	strings_done(&text->files);
	free(text->spans);
	text->spans = NULL;
	text->span_count = 0;
}

const char *conf_text_place(const struct conf_text *text, unsigned int line, unsigned int *ret_line)
{
	const struct conf_span *span = NULL;

	for (size_t i = 0; i < text->span_count && text->spans[i].line <= line; i++)
		span = &text->spans[i];
	*ret_line = span != NULL ? span->file_line + (line - span->line) : line;
	return text->files.items[span != NULL ? span->file : 0];
}
