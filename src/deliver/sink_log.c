/* The sink `log`: one line an event, on the disk before it counts. A batch costs one fdatasync. */
#include <stdlib.h>

#include "deliver/sink.h"
#include "base/buf.h"
#include "base/mem.h"
#include "io/logfile.h"

enum {
	BATCH_MAX = 1024,
	PIECE = 64 * 1024, /* bytes of lines that are put together before they are written */
};

struct sink_log {
	struct sink sink;
	struct logfile *file; /* own; NULL: could not be opened */
	struct delivery *batch[BATCH_MAX]; /* borrowed */
	size_t count;
};

static struct sink_log *self(const struct sink *sink)
{
	return (struct sink_log *)(uintptr_t)sink;
}

static bool log_configure(struct sink *sink, struct err *err)
{
	struct sink_log *log = self(sink);
	const char *path = sink->config->path;
	bool own = *path == '\0';
	cleanup_free char *full =
		own ? mem_printf("%s/events.log", sink->state_dir) : mem_strdup(path);

	logfile_close(log->file);
	log->file = NULL;
	return logfile_open(&log->file, full, own, err);
}

static size_t log_capacity(const struct sink *sink, struct instant now)
{
	(void)now;
	return BATCH_MAX - self(sink)->count;
}

static void log_deliver(struct sink *sink, struct delivery *delivery, struct instant now)
{
	struct sink_log *log = self(sink);

	(void)now;
	log->batch[log->count++] = delivery;
}

/* returns how many of the batch are on the disk */
static size_t batch_write(struct sink_log *log, struct err *err)
{
	cleanup_buf struct buf lines = { 0 };
	struct err late = { 0 };
	size_t wrote = 0;
	bool good = true;

	if (log->file == NULL ? !log_configure(&log->sink, err) : !logfile_begin(log->file, err))
		return 0;
	for (size_t i = 0; i < log->count && good; i++) {
		size_t whole;

		if (log->sink.config->format == LOG_FORMAT_JSON)
			event_json(log->batch[i]->event, &lines);
		else
			event_line(log->batch[i]->event, &lines);
		(void)buf_add_char(&lines, '\n');
		if (lines.len < PIECE && i + 1 < log->count)
			continue;
		good = logfile_lines(log->file, buf_text(&lines), lines.len, &whole, err);
		for (size_t at = 0; at < whole; at++)
			wrote += lines.data[at] == '\n';
		buf_clear(&lines);
	}
	if (logfile_sync(log->file, &late))
		return wrote;
	*err = late;
	return 0;
}

static void log_step(struct sink *sink, struct instant now)
{
	struct sink_log *log = self(sink);
	struct err err = { 0 };
	size_t wrote;

	(void)now;
	if (log->count == 0)
		return;
	wrote = batch_write(log, &err);
	for (size_t i = 0; i < log->count; i++)
		if (i < wrote)
			sink_end(sink, log->batch[i], DELIVERY_DELIVERED, NULL);
		else
			sink_end(sink, log->batch[i], DELIVERY_RETRY, err.text);
	log->count = 0;
}

static int64_t log_next(const struct sink *sink, struct instant now)
{
	return self(sink)->count > 0 ? now.mono_ms : INSTANT_NEVER;
}

static void log_stop(struct sink *sink, struct instant now, int64_t grace_ms)
{
	(void)grace_ms;
	log_step(sink, now);
}

static void log_destroy(struct sink *sink)
{
	struct sink_log *log = self(sink);

	logfile_close(log->file);
	free(log);
}

const struct sink_ops sink_ops_log = {
	.batch = true,
	.pull = BATCH_MAX,
	.size = sizeof(struct sink_log),
	.configure = log_configure,
	.capacity = log_capacity,
	.deliver = log_deliver,
	.step = log_step,
	.next = log_next,
	.stop = log_stop,
	.destroy = log_destroy,
};
