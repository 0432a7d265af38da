#include "cli/out.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/terminal.h"
#include "base/text.h"
#include "io/signals.h"

#define OUT_CHUNK (64 * 1024)
#define OUT_INDENT 2 /* of what goes on below */

static struct {
	struct buf waiting;
	int failed; /* the errno of the first write that failed; 0: none has */
} out;

static void write_all(const char *bytes, size_t len)
{
	while (len > 0 && out.failed == 0) {
		ssize_t done = write(STDOUT_FILENO, bytes, len);

		if (done > 0) {
			bytes += done;
			len -= (size_t)done;
		} else if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			/* someone may have made the terminal or pipe that we share with others
			 * non-blocking */
			struct pollfd fd = { .fd = STDOUT_FILENO, .events = POLLOUT };

			(void)poll(&fd, 1, -1);
		} else if (done < 0 && errno == EPIPE) {
			signals_die(SIGPIPE); /* ignored since the search for a key */
		} else if (done == 0 || errno != EINTR) {
			out.failed = done < 0 ? errno : EIO;
		}
	}
}

static void out_drain(void)
{
	write_all(buf_text(&out.waiting), out.waiting.len);
	buf_clear(&out.waiting);
}

void out_bytes(const char *bytes, size_t len)
{
	if (out.failed != 0)
		return;
	(void)buf_add(&out.waiting, bytes, len);
	if (out.waiting.len >= OUT_CHUNK)
		out_drain();
}

void out_text(const char *text)
{
	out_bytes(text, strlen(text));
}

void out_line(const struct buf *line)
{
	out_bytes(buf_text(line), line->len);
	out_bytes("\n", 1);
}

void out_wrapped(const struct buf *line)
{
	cleanup_buf struct buf laid = { 0 };

	text_add_wrapped(&laid, buf_text(line), 0, OUT_INDENT, terminal_columns(STDOUT_FILENO));
	out_line(&laid);
}

bool out_flush(struct err *err)
{
	out_drain();
	return out.failed == 0 || err_errno(err, ERR_IO, out.failed, "cannot write to stdout");
}

int out_end(int code)
{
	struct err err = { 0 };

	if (!out_flush(&err)) {
		log_line(LOG_ERROR, "%s", err.text);
		code = err_exit_code(err.kind);
	}
	buf_done(&out.waiting);
	return code;
}
