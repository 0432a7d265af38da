/* The program's own talk: one line a message, on stderr. Only app and cli may call it. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

enum log_form {
	LOG_PLAIN, /* "taskbell: text": one-shot commands */
	LOG_STAMPED, /* "14:32:05 warn text": a monitor in a terminal; "2026-08-22T10:00:00.000Z
			warn text" elsewhere */
	LOG_JOURNAL, /* "<4>text": stderr is the journal, which stamps lines itself (sd-daemon(3))
		      */
};

/* takes a finished line with its newline; must not block. NULL: write(2) to stderr */
typedef void (*log_writer)(const char *line, size_t len);

/* `level` is the last level that is shown */
void log_setup(enum log_form form, enum log_level level, log_writer writer);
extern enum log_level log_limit; /* the last level that is shown; set by log_setup() */
/* for LOG_STAMPED: what the wall clock says, set once a turn of the loop; milliseconds since 1970
 */
extern int64_t log_wall_ms;
#define log_shows(level) ((level) <= log_limit)
/* formats, escapes what could deceive a terminal, cuts at 8 KiB, and writes one line; on a terminal
 * several that are no wider than it is */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
