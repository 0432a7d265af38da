#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/stamp.h"
#include "base/terminal.h"
#include "base/text.h"

#define LOG_INDENT 2 /* of the lines after the first, on a terminal */

enum log_level log_limit = LOG_NOTICE;
int64_t log_wall_ms;

static struct {
	enum log_form form;
	log_writer writer;
	int64_t stamped_ms; /* of the line before; 0: there was none */
} log_state;

static const struct {
	const char *word;
	int priority; /* syslog(3) */
} levels[] = {
	[LOG_ERROR] = { "error", 3 },
	[LOG_WARN] = { "warn", 4 },
	[LOG_NOTICE] = { "notice", 5 },
	[LOG_INFO] = { "info", 6 },
	[LOG_DEBUG] = { "debug", 7 },
};

void log_setup(enum log_form form, enum log_level level, log_writer writer)
{
	log_state.form = form;
	log_limit = level;
	log_state.writer = writer;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	cleanup_buf struct buf line = { 0 };
	char text[8192];
	size_t columns;
	va_list ap;
	int64_t before_ms;
	char stamp[STAMP_TEXT_MAX];

	if (!log_shows(level))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	columns = log_state.form != LOG_JOURNAL ? terminal_columns(STDERR_FILENO) : 0;
	/* on a terminal a date is shown where it is not that of the line before */
	before_ms = log_state.stamped_ms != 0 ? log_state.stamped_ms : log_wall_ms;
	log_state.stamped_ms = log_wall_ms;
	if (log_state.form == LOG_JOURNAL)
		(void)buf_addf(&line, "<%d>", levels[level].priority);
	else if (log_state.form == LOG_STAMPED)
		(void)buf_addf(&line, "%s %s ",
			stamp_text_for(columns != 0, log_wall_ms, before_ms, stamp),
			levels[level].word);
	else
		(void)buf_add_text(&line, "taskbell: ");
	text_add_wrapped(&line, text, line.len, LOG_INDENT, columns);
	(void)buf_add_char(&line, '\n');
	if (log_state.writer != NULL)
		log_state.writer(buf_text(&line), line.len);
	else if (write(STDERR_FILENO, buf_text(&line), line.len) < 0)
		return; /* nothing is left to report the failure to */
}
