#include "cli/wait_ids.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "core/task.h"
#include "io/clock.h"
#include "io/http.h"

#define READ_MAX ((size_t)1 << 30) /* no list of ids is longer */

bool wait_ids_add(struct strings *ids, const char *id, struct err *err)
{
	if (*id == '\0')
		return err_set(err, ERR_USAGE, "an empty argument is no id; is a variable empty?");
	if (!task_id_valid(id, strlen(id)))
		return err_set(err, ERR_USAGE, "'%.80s' cannot be the id of a task", id);
	strings_add(ids, id);
	return true;
}

/* waits until something can be read, or the end of it; false: not before the deadline */
static bool readable(int fd, int64_t deadline_ms)
{
	cleanup_with(http_cleanup) struct http *http = http_new();
	struct poll_fd one = { .fd = fd };

	while (!one.ready) {
		int64_t left = deadline_ms - clock_now().mono_ms;

		if (left <= 0)
			return false;
		(void)http_wait(http, &one, 1, deadline_ms == INSTANT_NEVER ? -1 : left);
	}
	return true;
}

static bool read_all(
	int fd, const char *name, int64_t deadline_ms, struct buf *text, struct err *err)
{
	for (;;) {
		char piece[16384];
		ssize_t len;

		if (deadline_ms != INSTANT_NEVER && !readable(fd, deadline_ms))
			return err_set(err, ERR_TEMPORARY,
				"timed out before the ids were read: %.200s has not ended", name);
		len = read(fd, piece, sizeof(piece));
		if (len == 0)
			return true;
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return err_errno(err, ERR_USAGE, errno, "cannot read %.200s", name);
		if (!buf_add(text, piece, (size_t)len))
			return err_set(err, ERR_USAGE, "%.200s is too long", name);
	}
}

/* the line without blanks at its ends, and a CR counts as one; NULL: nothing is left of it */
static char *line_trim(char *line, size_t len)
{
	while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
		len--;
	line[len] = '\0';
	line += strspn(line, " \t");
	return *line != '\0' ? line : NULL;
}

static bool add_lines(struct strings *ids, const char *name, struct buf *text, struct err *err)
{
	char *at = text->data;
	size_t number = 1;

	for (; at != NULL && *at != '\0'; number++) {
		size_t len = strcspn(at, "\n");
		char *next = at[len] != '\0' ? at + len + 1 : NULL;
		char *line = line_trim(at, len);

		if (line != NULL && !wait_ids_add(ids, line, err))
			return err_prefix(err, "%.200s:%zu: ", name, number);
		at = next;
	}
	return true;
}

bool wait_ids_read(struct strings *ids, const char *path, int64_t deadline_ms, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(READ_MAX);
	bool from_stdin = strcmp(path, "-") == 0;
	const char *name = from_stdin ? "stdin" : path;
	int fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return err_errno(err, ERR_USAGE, errno, "cannot open '%.200s'", path);
	done = read_all(fd, name, deadline_ms, &text, err);
	if (!from_stdin)
		(void)close(fd);
	if (done && text.data != NULL && strlen(text.data) != text.len)
		return err_set(err, ERR_USAGE, "%.200s is no text", name);
	return done && add_lines(ids, name, &text, err);
}
