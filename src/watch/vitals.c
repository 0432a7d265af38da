#include "watch/vitals.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/statedir.h"

bool vitals_source_degraded(const struct pulse_source *source, int64_t started_ms, int64_t wall_ms)
{
	int64_t since = source->last_good_ms > started_ms ? source->last_good_ms : started_ms;
	/* all is well, and the next poll is simply not due yet: an interval may be longer */
	bool at_ease = source->failing_ms == 0 && source->next_ms > wall_ms;

	return source->refused || (wall_ms - since >= source->down_after_ms && !at_ease);
}

static struct vitals_source *source_add(struct vitals *vitals, const char *name)
{
	struct vitals_source *source;

	vitals->sources =
		mem_resize(vitals->sources, vitals->source_count + 1, sizeof(*vitals->sources));
	source = &vitals->sources[vitals->source_count++];
	*source = (struct vitals_source){ .name = mem_strdup(name) };
	return source;
}

static void take_pulse(struct vitals *vitals, const struct pulse *pulse, int64_t wall_ms)
{
	vitals->reported = true;
	vitals->started_ms = pulse->started_ms;
	vitals->sinks = mem_resize(NULL, pulse->sinks.count, sizeof(*vitals->sinks));
	for (size_t i = 0; i < pulse->sinks.count; i++)
		vitals->sinks[vitals->sink_count++] =
			(struct store_sink){ .name = mem_strdup(pulse->sinks.items[i]) };
	vitals->sinks_used = vitals->sink_count;
	for (size_t i = 0; i < pulse->source_count; i++) {
		const struct pulse_source *from = &pulse->sources[i];
		struct vitals_source *source = source_add(vitals, from->name);

		source->active = from->active;
		source->last_good_ms = from->last_good_ms;
		source->next_ms = from->next_ms;
		source->failing_ms = from->failing_ms;
		source->refused = from->refused;
		source->degraded = vitals_source_degraded(from, pulse->started_ms, wall_ms);
		source->error = *from->error != '\0' ? mem_strdup(from->error) : NULL;
	}
}

/* a pulse of another process is left over from a monitor that was killed */
static void read_pulse(
	struct vitals *vitals, const char *state_dir, int64_t wall_ms, struct err *err)
{
	struct pulse pulse = { 0 };

	if (!pulse_read(state_dir, &pulse, err))
		return;
	if (vitals->pid == 0 || vitals->pid == pulse.pid) {
		vitals->pid = pulse.pid;
		take_pulse(vitals, &pulse, wall_ms);
		vitals->waits = pulse.waits;
		pulse.waits = (struct strings){ 0 };
	}
	pulse_done(&pulse);
}

static bool count_active(void *arg, const char *source, const struct task *task)
{
	struct vitals *vitals = arg;

	(void)task;
	for (size_t i = 0; i < vitals->source_count; i++)
		if (strcmp(vitals->sources[i].name, source) == 0) {
			vitals->sources[i].active++;
			return true;
		}
	source_add(vitals, source)->active = 1;
	return true;
}

/* what the store knows of a sink. One that is not configured any more counts as long as something
 * of it is left there */
static void take_sink(struct vitals *vitals, struct store_sink *stored)
{
	for (size_t i = 0; i < vitals->sinks_used; i++) {
		struct store_sink *sink = &vitals->sinks[i];

		if (strcmp(sink->name, stored->name) != 0)
			continue;
		free(sink->name);
		*sink = *stored;
		*stored = (struct store_sink){ 0 };
		return;
	}
	if (vitals->reported && stored->pending + stored->failed == 0)
		return;
	vitals->sinks = mem_resize(vitals->sinks, vitals->sink_count + 1, sizeof(*vitals->sinks));
	vitals->sinks[vitals->sink_count++] = *stored;
	*stored = (struct store_sink){ 0 };
}

static bool read_sinks(struct vitals *vitals, struct store *store, int64_t wall_ms, struct err *err)
{
	struct store_sink *stored;
	size_t count;

	if (!store_sinks(store, wall_ms, &stored, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		take_sink(vitals, &stored[i]);
	store_sinks_free(stored, count);
	if (!vitals->reported)
		vitals->sinks_used = vitals->sink_count;
	return true;
}

static bool read_store(struct vitals *vitals, struct store *store, int64_t wall_ms, struct err *err)
{
	if (!vitals->reported && !store_active(store, NULL, count_active, vitals, err))
		return false;
	for (size_t i = 0; i < vitals->source_count; i++) {
		struct store_source stored = { 0 };

		if (!store_load_source(store, vitals->sources[i].name, &stored, err))
			return false;
		vitals->sources[i].down = stored.down_told;
		free(stored.name);
	}
	return read_sinks(vitals, store, wall_ms, err);
}

bool vitals_read(struct vitals *ret, const char *state_dir, struct store *store, int64_t wall_ms,
	struct err *err)
{
	struct err unknown = { 0 };

	*ret = (struct vitals){ 0 };
	ret->running = statedir_held(state_dir, &ret->pid, &unknown);
	if (ret->running)
		read_pulse(ret, state_dir, wall_ms, &unknown);
	/* what cannot be looked at is neither well nor ill */
	if (unknown.kind != ERR_NONE && !ret->reported)
		*err = unknown;
	else if (store == NULL || read_store(ret, store, wall_ms, err))
		return true;
	vitals_done(ret);
	err->kind = ERR_IO;
	return false;
}

static void source_done(struct vitals_source *source)
{
	free(source->name);
	free(source->error);
}

const struct vitals_source *vitals_find(const struct vitals *vitals, const char *name)
{
	for (size_t i = 0; i < vitals->source_count; i++)
		if (strcmp(vitals->sources[i].name, name) == 0)
			return &vitals->sources[i];
	return NULL;
}

void vitals_only(struct vitals *vitals, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < vitals->source_count; i++)
		if (strcmp(vitals->sources[i].name, name) == 0)
			vitals->sources[kept++] = vitals->sources[i];
		else
			source_done(&vitals->sources[i]);
	vitals->source_count = kept;
}

void vitals_done(struct vitals *vitals)
{
	for (size_t i = 0; i < vitals->source_count; i++)
		source_done(&vitals->sources[i]);
	free(vitals->sources);
	store_sinks_free(vitals->sinks, vitals->sink_count);
	strings_done(&vitals->waits);
	*vitals = (struct vitals){ 0 };
}

bool vitals_sink_degraded(const struct store_sink *sink)
{
	return sink->last_failed || sink->failed_day > 0;
}

const char *vitals_sink_waits(const struct vitals *vitals, size_t i)
{
	const char *why = i < vitals->waits.count ? vitals->waits.items[i] : "";

	if (vitals->sinks[i].pending == 0)
		return NULL;
	if (!vitals->running)
		return "no monitor is running";
	return *why != '\0' ? why : NULL;
}

bool vitals_healthy(const struct vitals *vitals)
{
	bool healthy = vitals->running;

	for (size_t i = 0; i < vitals->source_count; i++)
		healthy = healthy && !vitals->sources[i].degraded;
	for (size_t i = 0; i < vitals->sinks_used; i++)
		healthy = healthy && !vitals_sink_degraded(&vitals->sinks[i]);
	return healthy;
}
