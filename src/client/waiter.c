#include "client/waiter.h"

#include <stdlib.h>
#include <string.h>

#include "client/wait_detail.h"
#include "client/wait_source.h"
#include "base/mem.h"

#define WAITER_GRACE_MS 1000 /* for the other answers of a poll of which one was enough */

static struct source_config source_pace(
	const struct source_config *config, const struct waiter_setup *setup)
{
	struct source_config own = *config;

	if (setup->interval_ms != 0)
		own.interval_ms = setup->interval_ms;
	/* an answer that takes longer than a source may be away is none */
	if (setup->unreachable_ms != 0 && setup->unreachable_ms < own.timeout_ms)
		own.timeout_ms = setup->unreachable_ms;
	own.stuck_after_ms = 0;
	return own;
}

struct waiter *waiter_new(const struct waiter_setup *setup, struct instant now)
{
	const struct config *config = setup->config;
	struct waiter *waiter = mem_alloc(sizeof(*waiter));

	waiter->setup = *setup;
	waiter->now = now;
	waiter->http = http_new();
	waiter->explain = explain_new(waiter->http);
	waiter->deadline_ms =
		setup->timeout_ms > 0 ? now.mono_ms + setup->timeout_ms : INSTANT_NEVER;
	waiter->enough_ms = INSTANT_NEVER;
	waiter->sources = mem_array(config->source_count, sizeof(*waiter->sources));
	for (size_t i = 0; i < config->source_count; i++) {
		struct wait_source *source = &waiter->sources[waiter->source_count];

		if (setup->only_source != NULL &&
			strcmp(setup->only_source, config->sources[i].name) != 0)
			continue;
		source->waiter = waiter;
		source->index = waiter->source_count++;
		source->config = source_pace(&config->sources[i], setup);
	}
	waiter->set.sources = waiter->source_count;
	wait_item_add_named(&waiter->set, setup->ids, setup->id_count);
	for (size_t i = 0; i < waiter->source_count; i++)
		wait_source_open(waiter, &waiter->sources[i]);
	return waiter;
}

void waiter_free(struct waiter *waiter)
{
	struct wait_news news;

	if (waiter == NULL)
		return;
	for (size_t i = 0; i < waiter->source_count; i++)
		wait_source_close(&waiter->sources[i]);
	free(waiter->sources);
	free(waiter->ending);
	while (waiter_take(waiter, &news))
		;
	free(waiter->news);
	wait_item_done(&waiter->set);
	explain_free(waiter->explain);
	http_free(waiter->http);
	free(waiter);
}

/* can no other source have a task of this id as well? one that does not answer is not waited for */
static bool wait_item_sure(const struct waiter *waiter, const struct wait_item *item)
{
	for (size_t i = 0; waiter_named(waiter) && i < waiter->source_count; i++) {
		const struct wait_source *source = &waiter->sources[i];

		if (i != item->source && source->source != NULL && !item->absent_in[i] &&
			!source->reported_failing)
			return false;
	}
	return true;
}

/* was one end enough? The result is that of the poll, not of the answer that came first */
static bool waiter_enough(const struct waiter *waiter)
{
	if (waiter->enough_ms == INSTANT_NEVER)
		return false;
	if (waiter->now.mono_ms >= waiter->enough_ms)
		return true;
	if (waiter->ending_count != 0)
		return false;
	for (size_t i = 0; i < waiter->source_count; i++) {
		const struct wait_source *source = &waiter->sources[i];

		if (source->source != NULL && !source->reported_failing &&
			!source_idle(source->source))
			return false;
	}
	return true;
}

/* may more ends come of the answers that this one came with? Then they are told in their order */
static bool wait_item_early(const struct waiter *waiter, const struct wait_item *item)
{
	if (waiter->now.mono_ms >= item->ended_ms + WAITER_GRACE_MS)
		return false;
	for (size_t i = 0; i < waiter->source_count; i++) {
		const struct wait_source *source = &waiter->sources[i];

		if (source->source != NULL && source_follows_up(source->source))
			return true;
	}
	return false;
}

/* tells the ends that are sure, in their order; `all`: what is known now is all that will be */
static void waiter_tell_ends(struct waiter *waiter, bool all)
{
	size_t kept = 0;

	if (waiter->ending_count > 1)
		qsort(waiter->ending, waiter->ending_count, sizeof(struct wait_item *),
			wait_item_by_place);
	for (size_t i = 0; i < waiter->ending_count; i++) {
		struct wait_item *item = waiter->ending[i];
		bool ready = wait_item_sure(waiter, item) && wait_detail_done(waiter, item) &&
			     !wait_item_early(waiter, item) &&
			     (kept == 0 || waiter->now.mono_ms >= item->ended_ms + WAITER_GRACE_MS);

		if (!waiter->over && (all || ready)) {
			int code = wait_item_exit_code(item);

			item->told = true;
			waiter->set.told++;
			waiter_say(waiter, &(struct wait_news){ .kind = WAIT_ENDED,
						   .item = item,
						   .source = waiter_source(waiter, item) });
			if (waiter->enough_ms == INSTANT_NEVER &&
				(waiter->setup.any || (waiter->setup.fail_fast && code != 0)))
				waiter->enough_ms = instant_earlier(
					waiter->now.mono_ms + WAITER_GRACE_MS, waiter->deadline_ms);
		} else {
			waiter->ending[kept++] = item;
		}
	}
	waiter->ending_count = kept;
}

/* has every source that can be asked said once that it has it not? One at least has to be */
static bool wait_item_nowhere(const struct waiter *waiter, const struct wait_item *item)
{
	bool asked = false;

	for (size_t i = 0; i < waiter->source_count; i++) {
		const struct wait_source *source = &waiter->sources[i];

		if (source->source == NULL)
			continue;
		if (!item->absent_in[i] &&
			!detect_is_missing(source->source->snapshot, item->task->id))
			return false;
		asked = true;
	}
	return asked;
}

/* --timeout 0: one poll of each source */
static void waiter_check_once(struct waiter *waiter)
{
	struct err failure = { 0 };

	for (size_t i = 0; i < waiter->ending_count; i++)
		if (wait_item_sure(waiter, waiter->ending[i]))
			return;
	for (size_t i = 0; i < waiter->source_count; i++) {
		const struct wait_source *source = &waiter->sources[i];

		if (source->source == NULL)
			continue;
		if (!source->polled || source->source->key_lookup != NULL)
			return;
		if (failure.kind != ERR_NONE || !source->reported_failing)
			continue;
		failure = source->source->health.last_error;
		(void)err_prefix(&failure, "%s: ", source->config.name);
	}
	if (failure.kind != ERR_NONE)
		waiter_fail(waiter, &failure);
	else
		waiter_end(waiter, WAITER_TIMED_OUT);
}

/* the deadline has come: is what was asked on its account still under way? */
static bool waiter_last_look(struct waiter *waiter)
{
	bool busy = waiter->ending_count != 0;

	if (waiter->look_ms == 0) {
		waiter->look_ms = waiter->now.mono_ms;
		for (size_t i = 0; i < waiter->source_count; i++)
			if (wait_source_last_look(&waiter->sources[i]))
				waiter->look_ms = waiter->now.mono_ms + WAITER_LAST_LOOK_MS;
		return waiter->look_ms != waiter->now.mono_ms;
	}
	for (size_t i = 0; i < waiter->source_count; i++) {
		const struct wait_source *source = &waiter->sources[i];

		busy = busy || (source->source != NULL && !source_idle(source->source));
	}
	return busy && waiter->now.mono_ms < waiter->look_ms;
}

static void waiter_check_end(struct waiter *waiter)
{
	struct err err;
	bool settled = true;
	bool late = waiter->now.mono_ms >= waiter->deadline_ms;

	if (late && waiter_last_look(waiter))
		late = false;
	if (late || waiter_enough(waiter))
		waiter_tell_ends(waiter, true);
	for (size_t i = 0; i < waiter->source_count; i++)
		settled = settled && waiter->sources[i].taken_in;
	if (settled && waiter->set.count == 0) {
		(void)err_set(&err, ERR_NOT_FOUND, "no task is queued or processing");
		waiter_fail(waiter, &err);
	} else if (waiter_enough(waiter) || (settled && waiter->set.told == waiter->set.count)) {
		waiter_end(waiter, wait_item_worst(&waiter->set));
	} else if (late) {
		waiter_end(waiter, WAITER_TIMED_OUT);
	} else if (waiter->setup.timeout_ms == 0) {
		waiter_check_once(waiter);
	}
}

void waiter_step(struct waiter *waiter, struct instant now)
{
	waiter->now = now;
	http_step(waiter->http, now);
	for (size_t i = 0; i < waiter->source_count; i++)
		wait_source_step(&waiter->sources[i]);
	for (size_t i = 0; i < waiter->source_count; i++) {
		wait_source_look(&waiter->sources[i]);
		wait_source_denials(&waiter->sources[i]);
	}
	/* three polls are needed to say that a task is missing, one to ask whether the id is right
	 */
	for (size_t i = 0; waiter_named(waiter) && i < waiter->set.count; i++) {
		struct wait_item *item = waiter->set.items[i];

		if (item->source != WAIT_NOWHERE || item->ended || item->doubted ||
			!wait_item_nowhere(waiter, item))
			continue;
		item->doubted = true;
		waiter_say(waiter, &(struct wait_news){ .kind = WAIT_NOT_FOUND, .item = item });
	}
	/* a task that no source has that can be asked may be in the one that cannot */
	for (size_t s = 0; s < waiter->source_count; s++) {
		const struct wait_source *source = &waiter->sources[s];

		if (source->source != NULL)
			continue;
		for (size_t i = 0; i < waiter->set.count; i++) {
			const struct wait_item *item = waiter->set.items[i];

			if (item->source == WAIT_NOWHERE && !item->ended &&
				waiter_absent(waiter, item))
				waiter_fail(waiter, &source->err);
		}
	}
	for (size_t i = 0; i < waiter->source_count; i++)
		wait_detail_step(&waiter->sources[i]);
	wait_detail_reasons(waiter);
	waiter_tell_ends(waiter, false);
	if (!waiter->over)
		waiter_check_end(waiter);
}

bool waiter_take(struct waiter *waiter, struct wait_news *ret)
{
	free(waiter->news_first > 0 ? waiter->news[waiter->news_first - 1].text : NULL);
	if (waiter->news_first == waiter->news_count) {
		waiter->news_first = 0;
		waiter->news_count = 0;
		return false;
	}
	*ret = waiter->news[waiter->news_first++];
	return true;
}

/* when an end that is held back is to be looked at again */
static int64_t wait_item_next(const struct waiter *waiter, const struct wait_item *item)
{
	if (waiter->now.mono_ms < item->ended_ms + WAITER_GRACE_MS)
		return item->ended_ms + WAITER_GRACE_MS;
	if (waiter->now.mono_ms < item->ended_ms + wait_detail_time_ms(waiter))
		return item->ended_ms + wait_detail_time_ms(waiter);
	return INSTANT_NEVER;
}

int64_t waiter_next(const struct waiter *waiter)
{
	int64_t deadline = waiter->look_ms != 0 ? waiter->look_ms : waiter->deadline_ms;
	int64_t next = instant_earlier(http_next(waiter->http), deadline);

	next = instant_earlier(next, waiter->enough_ms);
	next = instant_earlier(next, explain_next(waiter->explain));
	for (size_t i = 0; i < waiter->ending_count; i++)
		next = instant_earlier(next, wait_item_next(waiter, waiter->ending[i]));
	for (size_t i = 0; i < waiter->source_count; i++) {
		const struct wait_source *source = &waiter->sources[i];

		if (source->source == NULL)
			continue;
		next = instant_earlier(next, wait_source_give_up_ms(source));
		next = instant_earlier(next, source_next(source->source));
		if (source->key_retry_ms != 0)
			next = instant_earlier(next, source->key_retry_ms);
	}
	return next;
}

size_t waiter_fds(const struct waiter *waiter, struct poll_fd *fds, size_t cap)
{
	size_t count = 0;

	for (size_t i = 0; i < waiter->source_count; i++)
		if (waiter->sources[i].source != NULL)
			count += source_fds(waiter->sources[i].source, fds + count, cap - count);
	return count;
}

struct http *waiter_http(struct waiter *waiter)
{
	return waiter->http;
}

void waiter_resumed(struct waiter *waiter, struct instant now)
{
	waiter->now = now;
	http_drop_connections(waiter->http);
	for (size_t i = 0; i < waiter->source_count; i++)
		if (waiter->sources[i].source != NULL)
			source_resumed(waiter->sources[i].source, now);
}

bool waiter_over(const struct waiter *waiter, int *ret_code, struct err *ret_err)
{
	*ret_code = waiter->code;
	*ret_err = waiter->err;
	return waiter->over;
}

bool waiter_look(const struct waiter *waiter, size_t i, struct waiter_source *ret)
{
	const struct wait_source *source = &waiter->sources[i];
	const struct err *err = &source->err;

	if (i >= waiter->source_count)
		return false;
	if (source->source != NULL)
		err = &source->source->health.last_error;
	*ret = (struct waiter_source){ source->config.name, source->heard_ms,
		err->kind != ERR_NONE ? err : NULL };
	return true;
}

const struct wait_items *waiter_tasks(const struct waiter *waiter)
{
	return &waiter->set;
}
