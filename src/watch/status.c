#include "watch/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/stamp.h"
#include "base/text.h"
#include "io/statedir.h"

bool status_source_degraded(const struct source_status *source, int64_t started_ms, int64_t wall_ms)
{
	int64_t since = source->last_good_ms > started_ms ? source->last_good_ms : started_ms;
	/* all is well, and the next poll is simply not due yet: an interval may be longer */
	bool on_schedule = source->failing_ms == 0 && source->next_ms > wall_ms;

	return source->refused || (wall_ms - since >= source->down_after_ms && !on_schedule);
}

/* the status file of another process is left over from a monitor that was killed */
static void read_file(
	struct monitor_status *status, const char *state_dir, int64_t wall_ms, struct err *err)
{
	struct monitor_status written;

	if (!status_file_read(state_dir, &written, err))
		return;
	if (status->pid != 0 && status->pid != written.pid) {
		monitor_status_done(&written);
		return;
	}
	*status = written;
	status->running = true;
	status->reported = true;
	for (size_t i = 0; i < status->source_count; i++)
		status->sources[i].degraded =
			status_source_degraded(&status->sources[i], status->started_ms, wall_ms);
	for (size_t i = 0; i < status->sink_count; i++)
		status->sinks[i].configured = true;
}

static bool count_active(void *arg, const char *source, const struct task *task)
{
	struct monitor_status *status = arg;

	(void)task;
	for (size_t i = 0; i < status->source_count; i++)
		if (strcmp(status->sources[i].name, source) == 0) {
			status->sources[i].active++;
			return true;
		}
	status_add_source(status, source)->active = 1;
	return true;
}

/* what the store knows of a sink. One that is not configured any more counts as long as something
 * of it is left there */
static void take_sink(struct monitor_status *status, struct store_sink *stored)
{
	struct sink_status *sink = NULL;

	for (size_t i = 0; i < status->sink_count && sink == NULL; i++)
		if (strcmp(status->sinks[i].stored.name, stored->name) == 0)
			sink = &status->sinks[i];
	if (sink == NULL && status->reported && stored->pending + stored->failed == 0)
		return;
	if (sink == NULL) {
		sink = status_add_sink(status, stored->name);
		sink->configured = !status->reported;
	}
	store_sink_done(&sink->stored);
	sink->stored = *stored;
	*stored = (struct store_sink){ 0 };
}

static bool read_store(
	struct monitor_status *status, struct store *store, int64_t wall_ms, struct err *err)
{
	struct store_sink *sinks;
	size_t count;

	if (!status->reported && !store_active(store, NULL, count_active, status, err))
		return false;
	for (size_t i = 0; i < status->source_count; i++) {
		struct store_source stored = { 0 };

		if (!store_load_source(store, status->sources[i].name, &stored, err))
			return false;
		status->sources[i].down = stored.down_told;
		free(stored.name);
	}
	if (!store_sinks(store, wall_ms, &sinks, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		take_sink(status, &sinks[i]);
	store_sinks_free(sinks, count);
	return true;
}

bool status_read(struct monitor_status *ret, const char *state_dir, struct store *store,
	int64_t wall_ms, struct err *err)
{
	struct err unknown = { 0 };

	*ret = (struct monitor_status){ 0 };
	ret->running = statedir_held(state_dir, &ret->pid, &unknown);
	if (ret->running)
		read_file(ret, state_dir, wall_ms, &unknown);
	/* a monitor of which nothing can be read is neither healthy nor degraded */
	if (unknown.kind != ERR_NONE && !ret->reported)
		*err = unknown;
	else if (store == NULL || read_store(ret, store, wall_ms, err))
		return true;
	monitor_status_done(ret);
	err->kind = ERR_IO;
	return false;
}

const struct source_status *status_find(const struct monitor_status *status, const char *name)
{
	for (size_t i = 0; i < status->source_count; i++)
		if (strcmp(status->sources[i].name, name) == 0)
			return &status->sources[i];
	return NULL;
}

void status_keep_only(struct monitor_status *status, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < status->source_count; i++) {
		struct source_status source = status->sources[i];

		if (strcmp(source.name, name) == 0) {
			status->sources[kept++] = source;
		} else {
			free(source.name);
			free(source.error);
		}
	}
	status->source_count = kept;
}

bool status_sink_degraded(const struct store_sink *sink)
{
	return sink->last_failed || sink->failed_day > 0;
}

const char *status_sink_waits(const struct monitor_status *status, const struct sink_status *sink)
{
	if (sink->stored.pending == 0)
		return NULL;
	return status->running ? sink->waits : "no monitor is running";
}

bool status_healthy(const struct monitor_status *status)
{
	bool healthy = status->running;

	for (size_t i = 0; i < status->source_count; i++)
		healthy = healthy && !status->sources[i].degraded;
	for (size_t i = 0; i < status->sink_count; i++)
		healthy = healthy && !(status->sinks[i].configured &&
					     status_sink_degraded(&status->sinks[i].stored));
	return healthy;
}

void status_add_line(struct buf *buf, const struct monitor_status *status)
{
	char clock[STAMP_TEXT_MAX] = "none yet";
	int64_t active = 0;
	int64_t good_ms = 0;

	for (size_t i = 0; i < status->source_count; i++) {
		const struct source_status *source = &status->sources[i];

		active += source->active;
		good_ms = source->last_good_ms > good_ms ? source->last_good_ms : good_ms;
	}
	if (good_ms != 0)
		(void)stamp_text(good_ms / 1000 * 1000000, clock);
	(void)buf_addf(buf, "%" PRId64 " active, last poll %s", active, clock);
	for (size_t i = 0; i < status->source_count; i++) {
		if (status->sources[i].error == NULL)
			continue;
		(void)buf_add_text(buf, "; ");
		text_add_safe(buf, status->sources[i].name);
		(void)buf_add_text(buf, ": ");
		text_add_safe(buf, status->sources[i].error);
	}
}
