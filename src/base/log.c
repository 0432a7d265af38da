#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"

static struct {
	enum log_form form;
	enum log_level level;
	log_writer writer;
	int64_t wall_ms;
} log_state = { .level = LOG_NOTICE };

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
	log_state.level = level;
	log_state.writer = writer;
}

void log_clock(int64_t wall_ms)
{
	log_state.wall_ms = wall_ms;
}

enum log_level log_threshold(void)
{
	return log_state.level;
}

bool log_shows(enum log_level level)
{
	return level <= log_state.level;
}

/* local time with its offset, as people read it beside their own clock */
static void log_add_stamp(struct buf *line)
{
	time_t seconds = (time_t)(log_state.wall_ms / 1000);
	char text[40] = "";
	struct tm local;

	if (localtime_r(&seconds, &local) != NULL &&
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &local) > 0)
		(void)buf_addf(line, "%.22s:%s ", text, text + 22);
}

static void log_add_head(struct buf *line, enum log_level level)
{
	if (log_state.form == LOG_JOURNAL) {
		(void)buf_addf(line, "<%d>", levels[level].priority);
	} else if (log_state.form == LOG_STAMPED) {
		log_add_stamp(line);
		(void)buf_addf(line, "%s ", levels[level].word);
	} else {
		(void)buf_add_text(line, "taskbell: ");
	}
}

void log_line(enum log_level level, const char *fmt, ...)
{
	cleanup_buf struct buf line = { 0 };
	char text[8192];
	va_list ap;

	if (!log_shows(level))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_add_head(&line, level);
	text_add_safe(&line, text);
	(void)buf_add_char(&line, '\n');
	if (log_state.writer != NULL)
		log_state.writer(buf_text(&line), line.len);
	else if (write(STDERR_FILENO, buf_text(&line), line.len) < 0)
		return; /* there is nowhere left to say it */
}
