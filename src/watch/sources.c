#include "watch/sources.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

struct item {
	struct source *source; /* own */
	bool answered; /* a look-up of its key has ended since the start or the last HUP */
	bool keyless; /* … without a key, for a reason that stays; not told yet */
	bool failing; /* it was logged that it fails */
	bool met; /* its first list was taken in, and what is active was printed */
	bool has_batch; /* `batch` is not ended */
	bool stored; /* the batch was */
	struct source_batch batch;
};

struct sources {
	struct sources_setup setup;
	struct item *items; /* own */
	size_t count;
	bool polled;
	uint64_t seed;
};

/* one line when a stretch of failures begins and one when it ends: events come later, or not at all
 */
static void item_polled(struct sources *sources, struct item *item)
{
	const struct source *source = item->source;
	const struct err *err = &source->health.last_error;
	bool failing = err->kind != ERR_NONE;

	if (!item->met && !failing && source->saw_active) {
		item->met = true;
		recorder_print_active(sources->setup.recorder, source);
	}
	if (item->failing == failing)
		return;
	item->failing = failing;
	if (failing)
		log_line(LOG_WARN, "source %s: %s", source->config->name, err->text);
	else
		log_line(LOG_NOTICE, "source %s: answers again", source->config->name);
}

/* a key that is missing for good is not told while it may yet turn out that none has one: that ends
 * us */
static void item_key(struct item *item, struct instant now)
{
	struct source *source = item->source;

	if (item->keyless || source->key_state == KEY_LOOKUP_BUSY)
		return;
	if (source->key_state == KEY_LOOKUP_MISSING && !item->answered)
		item->keyless = true;
	else if (source->key_state != KEY_LOOKUP_FOUND)
		source_no_key(source, now);
	item->answered = true;
}

/* does all that can be done now, or what comes before the first events; true: these were stored */
static bool item_step(struct sources *sources, struct item *item, struct instant now)
{
	struct recorder *recorder = sources->setup.recorder;
	struct source *source = item->source;

	for (;;) {
		if (item->has_batch) {
			/* ends what item_step() began with the batch: its events, if any, were
			 * delivered meanwhile */
			const struct changes *changes = &item->batch.changes;

			if (item->stored)
				recorder_print(sources->setup.recorder, item->source,
					changes->events, changes->event_count);
			source_stored(item->source, item->stored);
			if (item->batch.polled)
				item_polled(sources, item);
			source_batch_done(&item->batch);
			item->has_batch = false;
		}
		if (source_wants_snapshot(source, now))
			source_set_snapshot(source, recorder_load(recorder, source->config->name));
		if (!source_step(source, now, &item->batch))
			return false;
		/* look-ups go on after a list was taken in: what they change is to be seen as well
		 */
		sources->polled = true;
		item->has_batch = true;
		item->stored =
			!item->batch.store || recorder_commit(recorder, source, &item->batch);
		if (item->stored && item->batch.changes.event_count != 0)
			return true;
	}
}

/* a snapshot that cannot be read now is read later */
static void item_open(struct sources *sources, const struct source_config *config,
	struct item *item, struct instant now)
{
	struct recorder *recorder = sources->setup.recorder;
	struct source_setup setup = {
		.config = config,
		.http = sources->setup.http,
		.snapshot = recorder_load(recorder, config->name),
		.mode = sources->setup.once ? SOURCE_ONCE : SOURCE_WATCH,
		.seed = sources->seed += (uint64_t)now.wall_ms | 1,
	};
	struct store_source health = { 0 };
	struct err err = { 0 };

	*item = (struct item){ .source = source_new(&setup, now) };
	if (store_load_source(recorder->store, config->name, &health, &err))
		source_restore_down(item->source, health.down_told, health.down_since_ms);
	free(health.name);
}

static void item_close(struct sources *sources, struct item *item)
{
	explain_drop(sources->setup.explain, item->source);
	source_batch_done(&item->batch);
	source_free(item->source);
}

static bool is_wanted(const struct sources *sources, const struct source_config *config)
{
	return sources->setup.only == NULL || strcmp(sources->setup.only, config->name) == 0;
}

struct sources *sources_new(const struct sources_setup *setup, struct instant now)
{
	struct sources *sources = mem_alloc(sizeof(*sources));
	const struct config *config = setup->config;

	sources->setup = *setup;
	sources->items = mem_array(config->source_count, sizeof(*sources->items));
	for (size_t i = 0; i < config->source_count; i++)
		if (is_wanted(sources, &config->sources[i]))
			item_open(sources, &config->sources[i], &sources->items[sources->count++],
				now);
	return sources;
}

void sources_free(struct sources *sources)
{
	if (sources == NULL)
		return;
	for (size_t i = 0; i < sources->count; i++)
		item_close(sources, &sources->items[i]);
	free(sources->items);
	free(sources);
}

bool sources_keyless(const struct sources *sources, struct err *err)
{
	for (size_t i = 0; i < sources->count; i++)
		if (!sources->items[i].keyless)
			return false;
	if (sources->count > 0)
		*err = sources->items[0].source->key_err;
	if (sources->count > 1)
		(void)err_prefix(err, "source %s: ", sources->items[0].source->config->name);
	return sources->count > 0;
}

bool sources_step(struct sources *sources, struct instant now)
{
	bool hope = false;
	bool events = false;

	for (size_t i = 0; i < sources->count; i++) {
		struct item *item = &sources->items[i];

		if (item_step(sources, item, now))
			return true;
		item_key(item, now);
		if (item_step(sources, item, now))
			return true;
	}
	/* some source has a key or may get one: then those without are down, not the end of the
	 * monitor */
	for (size_t i = 0; i < sources->count; i++)
		hope = hope || (sources->items[i].answered && !sources->items[i].keyless);
	for (size_t i = 0; hope && i < sources->count; i++) {
		struct item *item = &sources->items[i];

		if (!item->keyless)
			continue;
		item->keyless = false;
		source_no_key(item->source, now);
		events = item_step(sources, item, now) || events;
	}
	return events;
}

int64_t sources_next(const struct sources *sources)
{
	int64_t next = INSTANT_NEVER;

	for (size_t i = 0; i < sources->count; i++)
		next = instant_earlier(next, source_next(sources->items[i].source));
	return next;
}

size_t sources_fds(const struct sources *sources, struct poll_fd *fds, size_t cap)
{
	size_t count = 0;

	for (size_t i = 0; i < sources->count; i++)
		count += source_fds(sources->items[i].source, fds + count, cap - count);
	return count;
}

static struct item *item_named(const struct sources *sources, const char *name)
{
	for (size_t i = 0; i < sources->count; i++)
		if (sources->items[i].source != NULL &&
			strcmp(sources->items[i].source->config->name, name) == 0)
			return &sources->items[i];
	return NULL;
}

/* a source goes on under a new configuration of the same name and type */
static void item_renew(
	struct item *old, struct item *item, const struct source_config *config, struct instant now)
{
	*item = *old;
	old->source = NULL;
	item->keyless = false;
	source_reconfigure(item->source, config);
	source_renew_key(item->source);
	source_poll_now(item->source, now);
}

void sources_reload(struct sources *sources, const struct config *config, struct instant now)
{
	struct item *items = mem_array(config->source_count, sizeof(*items));
	size_t count = 0;

	for (size_t i = 0; i < config->source_count; i++) {
		const struct source_config *source = &config->sources[i];
		struct item *old = item_named(sources, source->name);

		if (!is_wanted(sources, source))
			continue;
		if (old != NULL && strcmp(old->source->config->type, source->type) == 0)
			item_renew(old, &items[count], source, now);
		else
			item_open(sources, source, &items[count], now);
		/* from now on a key that is missing is the source's failure, not the end of the
		 * monitor */
		items[count++].answered = true;
	}
	for (size_t i = 0; i < sources->count; i++)
		if (sources->items[i].source != NULL)
			item_close(sources, &sources->items[i]);
	free(sources->items);
	sources->items = items;
	sources->count = count;
	sources->setup.config = config;
}

void sources_poll_now(struct sources *sources, struct instant now)
{
	for (size_t i = 0; i < sources->count; i++)
		source_poll_now(sources->items[i].source, now);
}

void sources_resumed(struct sources *sources, struct instant now)
{
	for (size_t i = 0; i < sources->count; i++)
		source_resumed(sources->items[i].source, now);
}

bool sources_finished(const struct sources *sources, struct err *err)
{
	*err = (struct err){ 0 };
	for (size_t i = 0; i < sources->count; i++) {
		const struct source *source = sources->items[i].source;
		struct err one = { 0 };

		if (!source_finished(source, &one))
			return false;
		if (err->kind == ERR_NONE && one.kind != ERR_NONE) {
			*err = one;
			(void)err_prefix(err, "source %s: ", source->config->name);
		}
	}
	return true;
}

bool sources_polled(struct sources *sources)
{
	bool polled = sources->polled;

	sources->polled = false;
	return polled;
}

static void source_status(
	const struct source *source, struct instant now, struct source_status *ret)
{
	const struct health *health = &source->health;
	bool asks = fetch_busy(&source->fetches[LIST_POLL]) || source->key_lookup != NULL;
	int64_t next_ms = source_next(source);

	ret->last_good_ms = health->last_good_ms;
	/* not that of the sweep, which is minutes away, while a poll is under way */
	if (!asks && next_ms != INSTANT_NEVER)
		ret->next_ms = now.wall_ms + next_ms - now.mono_ms;
	ret->failing_ms = health->failing ? health->failing_wall_ms : 0;
	ret->active = source->snapshot != NULL ? (int64_t)source->snapshot->active : 0;
	ret->down_after_ms = source->config->down_after_ms;
	ret->refused = health->last_error.kind == ERR_AUTH || source->reauth;
	if (health->last_error.kind != ERR_NONE)
		ret->error = mem_strdup(health->last_error.text);
}

void sources_status(const struct sources *sources, struct instant now, struct monitor_status *ret)
{
	for (size_t i = 0; i < sources->count; i++) {
		const struct source *source = sources->items[i].source;

		source_status(source, now, status_add_source(ret, source->config->name));
	}
}

size_t sources_count(const struct sources *sources)
{
	return sources->count;
}
