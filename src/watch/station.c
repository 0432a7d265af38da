#include "watch/station.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

struct station {
	struct poller *poller; /* own */
	struct key_lookup *search; /* own; NULL: no search is under way */
	bool answered; /* a search has ended since the start or the last HUP */
	bool keyless; /* … without a key, for a reason that stays; not told yet */
	struct err reason; /* of that */
	bool failing; /* said in the log */
	bool met; /* its first list was taken in, and what is active was said */
};

struct stations {
	struct stations_setup setup;
	struct station *items; /* own */
	size_t count;
	bool polled;
	uint64_t seed;
};

static bool owner_commit(void *arg, struct poller *poller, struct changes *changes, bool health)
{
	struct stations *stations = arg;

	/* look-ups go on after the list was taken in: what they change is to be seen as well */
	stations->polled = true;
	return ledger_commit(stations->setup.ledger, poller, changes, health);
}

static struct snapshot *owner_reload(void *arg, struct poller *poller)
{
	struct stations *stations = arg;

	return ledger_snapshot(stations->setup.ledger, poller_config(poller)->name);
}

static struct station *station_of(struct stations *stations, const struct poller *poller)
{
	for (size_t i = 0; i < stations->count; i++)
		if (stations->items[i].poller == poller)
			return &stations->items[i];
	return NULL;
}

/* one line when a stretch of failures begins and one when it ends: events come later, or not at all
 */
static void owner_polled(void *arg, struct poller *poller)
{
	struct stations *stations = arg;
	struct station *station = station_of(stations, poller);
	const struct health *health = poller_health(poller);
	bool failing = health->last_error.kind != ERR_NONE;

	stations->polled = true;
	if (station != NULL && !station->met && !failing && poller_saw_active(poller)) {
		station->met = true;
		ledger_print_active(stations->setup.ledger, poller);
	}
	if (station == NULL || station->failing == failing)
		return;
	station->failing = failing;
	if (failing)
		log_line(LOG_WARN, "source %s: %s", poller_config(poller)->name,
			health->last_error.text);
	else
		log_line(LOG_NOTICE, "source %s: answers again", poller_config(poller)->name);
}

/* a snapshot that cannot be read now is asked for again by the poller */
static void station_open(struct stations *stations, const struct source_config *config,
	struct station *station, struct instant now)
{
	struct ledger *ledger = stations->setup.ledger;
	struct poller_setup setup = {
		.config = config,
		.http = stations->setup.http,
		.snapshot = ledger_snapshot(ledger, config->name),
		.mode = stations->setup.once ? POLLER_ONCE : POLLER_WATCH,
		.seed = stations->seed += (uint64_t)now.wall_ms | 1,
		.owner = { owner_commit, owner_reload, owner_polled, stations },
	};
	struct store_source health = { 0 };
	struct err err = { 0 };

	*station = (struct station){ .poller = poller_new(&setup, now) };
	if (store_load_source(ledger->store, config->name, &health, &err))
		poller_restore_down(station->poller, health.down_told, health.down_since_ms);
	free(health.name);
}

static void station_close(struct stations *stations, struct station *station)
{
	explain_drop(stations->setup.explain, station->poller);
	key_lookup_free(station->search);
	poller_free(station->poller);
}

static bool station_wanted(const struct stations *stations, const struct source_config *config)
{
	return stations->setup.only == NULL || strcmp(stations->setup.only, config->name) == 0;
}

struct stations *stations_new(const struct stations_setup *setup, struct instant now)
{
	struct stations *stations = mem_alloc(sizeof(*stations));
	const struct config *config = setup->config;

	stations->setup = *setup;
	stations->items = mem_array(config->source_count, sizeof(*stations->items));
	for (size_t i = 0; i < config->source_count; i++)
		if (station_wanted(stations, &config->sources[i]))
			station_open(stations, &config->sources[i],
				&stations->items[stations->count++], now);
	return stations;
}

void stations_free(struct stations *stations)
{
	if (stations == NULL)
		return;
	for (size_t i = 0; i < stations->count; i++)
		station_close(stations, &stations->items[i]);
	free(stations->items);
	free(stations);
}

/* a key that is missing for good is not told while it may yet turn out that none has one: that ends
 * us */
static void station_answered(
	struct station *station, enum key_lookup_state state, const char *key, struct instant now)
{
	key_lookup_free(station->search);
	station->search = NULL;
	if (state == KEY_LOOKUP_FOUND)
		poller_set_key(station->poller, key, now);
	else if (state == KEY_LOOKUP_MISSING && !station->answered)
		station->keyless = true;
	else
		poller_no_key(station->poller, &station->reason, now);
	station->answered = true;
}

static void station_search(struct station *station, struct instant now)
{
	const struct source_config *config = poller_config(station->poller);
	char key[KEY_MAX + 1];
	enum key_lookup_state state;

	if (station->keyless)
		return;
	if (station->search == NULL && !poller_wants_key(station->poller))
		return;
	if (station->search == NULL)
		station->search =
			key_lookup_new(config->api_key, source_type_find(config->type), now);
	state = key_lookup_step(station->search, now, key, &station->reason);
	if (state != KEY_LOOKUP_BUSY)
		station_answered(station, state, key, now);
	mem_wipe(key, sizeof(key));
}

bool stations_keyless(const struct stations *stations, struct err *err)
{
	for (size_t i = 0; i < stations->count; i++)
		if (!stations->items[i].keyless)
			return false;
	if (stations->count > 0)
		*err = stations->items[0].reason;
	if (stations->count > 1)
		(void)err_prefix(
			err, "source %s: ", poller_config(stations->items[0].poller)->name);
	return stations->count > 0;
}

/* some source has a key or may get one: then those without are down, not the end of the monitor */
static void keyless_tell(struct stations *stations, struct instant now)
{
	bool hope = false;

	for (size_t i = 0; i < stations->count; i++)
		hope = hope || (stations->items[i].answered && !stations->items[i].keyless);
	for (size_t i = 0; hope && i < stations->count; i++) {
		struct station *station = &stations->items[i];

		if (!station->keyless)
			continue;
		station->keyless = false;
		poller_no_key(station->poller, &station->reason, now);
	}
}

void stations_step(struct stations *stations, struct instant now)
{
	for (size_t i = 0; i < stations->count; i++) {
		poller_step(stations->items[i].poller, now);
		station_search(&stations->items[i], now);
	}
	keyless_tell(stations, now);
	/* those that have just got their key need not wait for the next turn */
	for (size_t i = 0; i < stations->count; i++)
		poller_step(stations->items[i].poller, now);
}

int64_t stations_next(const struct stations *stations)
{
	int64_t next = INSTANT_NEVER;

	for (size_t i = 0; i < stations->count; i++) {
		const struct station *station = &stations->items[i];
		int64_t one = station->search != NULL ? key_lookup_next(station->search)
						      : poller_next(station->poller);

		if (one < next)
			next = one;
	}
	return next;
}

size_t stations_fds(const struct stations *stations, struct poll_fd *fds, size_t cap)
{
	size_t count = 0;

	for (size_t i = 0; i < stations->count; i++)
		if (stations->items[i].search != NULL)
			count +=
				key_lookup_fds(stations->items[i].search, fds + count, cap - count);
	return count;
}

static struct station *station_named(const struct stations *stations, const char *name)
{
	for (size_t i = 0; i < stations->count; i++)
		if (stations->items[i].poller != NULL &&
			strcmp(poller_config(stations->items[i].poller)->name, name) == 0)
			return &stations->items[i];
	return NULL;
}

/* a source goes on under a new configuration of the same name and kind */
static void station_renew(struct station *old, struct station *place,
	const struct source_config *config, struct instant now)
{
	*place = *old;
	old->poller = NULL;
	key_lookup_free(place->search);
	place->search = NULL;
	place->keyless = false;
	poller_reconfigure(place->poller, config);
	poller_forget_key(place->poller);
	poller_hurry(place->poller, now);
}

/* opens or renews the sources of the new configuration into `items`; returns how many */
static size_t sources_take(struct stations *stations, const struct config *config,
	struct station *items, struct instant now)
{
	size_t count = 0;

	for (size_t i = 0; i < config->source_count; i++) {
		const struct source_config *source = &config->sources[i];
		struct station *old = station_named(stations, source->name);

		if (!station_wanted(stations, source))
			continue;
		if (old != NULL && strcmp(poller_config(old->poller)->type, source->type) == 0)
			station_renew(old, &items[count], source, now);
		else
			station_open(stations, source, &items[count], now);
		/* from now on a key that is missing is the source's trouble, not the end of the
		 * monitor */
		items[count++].answered = true;
	}
	return count;
}

void stations_reload(struct stations *stations, const struct config *config, struct instant now)
{
	struct station *items = mem_array(config->source_count, sizeof(*items));
	size_t count = sources_take(stations, config, items, now);

	for (size_t i = 0; i < stations->count; i++)
		if (stations->items[i].poller != NULL)
			station_close(stations, &stations->items[i]);
	free(stations->items);
	stations->items = items;
	stations->count = count;
	stations->setup.config = config;
}

void stations_hurry(struct stations *stations, struct instant now)
{
	for (size_t i = 0; i < stations->count; i++)
		poller_hurry(stations->items[i].poller, now);
}

void stations_jump(struct stations *stations, struct instant now)
{
	for (size_t i = 0; i < stations->count; i++)
		poller_jump(stations->items[i].poller, now);
}

bool stations_finished(const struct stations *stations, struct err *err)
{
	*err = (struct err){ 0 };
	for (size_t i = 0; i < stations->count; i++) {
		struct err one = { 0 };

		if (!poller_finished(stations->items[i].poller, &one))
			return false;
		if (err->kind == ERR_NONE && one.kind != ERR_NONE) {
			*err = one;
			(void)err_prefix(
				err, "source %s: ", poller_config(stations->items[i].poller)->name);
		}
	}
	return true;
}

bool stations_polled(struct stations *stations)
{
	bool polled = stations->polled;

	stations->polled = false;
	return polled;
}

/* a moment of the schedule as the wall clock will show it; 0: no moment */
static int64_t wall_of(int64_t mono_ms, struct instant now)
{
	return mono_ms == INSTANT_NEVER ? 0 : now.wall_ms + (mono_ms - now.mono_ms);
}

static void station_status(
	const struct station *station, struct instant now, struct source_status *ret)
{
	const struct source_config *config = poller_config(station->poller);
	const struct health *health = poller_health(station->poller);
	const struct snapshot *snapshot = poller_snapshot(station->poller);

	ret->last_good_ms = health->last_good_ms;
	/* not that of the sweep, which is minutes away, while a poll is under way */
	if (!poller_asks(station->poller))
		ret->next_ms = wall_of(poller_next(station->poller), now);
	ret->failing_ms = health->failing ? health->failing_wall_ms : 0;
	ret->active = snapshot != NULL ? (int64_t)snapshot->active : 0;
	ret->down_after_ms = config->down_after_ms;
	ret->refused = health->last_error.kind == ERR_AUTH || poller_refused(station->poller);
	if (health->last_error.kind != ERR_NONE)
		ret->error = mem_strdup(health->last_error.text);
}

void stations_status(
	const struct stations *stations, struct instant now, struct monitor_status *ret)
{
	for (size_t i = 0; i < stations->count; i++) {
		const struct station *station = &stations->items[i];

		station_status(
			station, now, status_add_source(ret, poller_config(station->poller)->name));
	}
}

size_t stations_count(const struct stations *stations)
{
	return stations->count;
}
