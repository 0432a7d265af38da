#include "client/wait_state.h"

#include "base/mem.h"

bool waiter_named(const struct waiter *waiter)
{
	return waiter->setup.id_count != 0;
}

void waiter_end(struct waiter *waiter, int code)
{
	if (!waiter->over)
		waiter->code = code;
	waiter->over = true;
}

void waiter_fail(struct waiter *waiter, const struct err *err)
{
	if (waiter->over)
		return;
	waiter->err = *err;
	waiter_end(waiter, err_exit_code(err->kind));
}

void waiter_say(struct waiter *waiter, const struct wait_news *news)
{
	waiter->news = mem_grow(
		waiter->news, &waiter->news_cap, waiter->news_count + 1, sizeof(*waiter->news));
	waiter->news[waiter->news_count++] = *news;
}

const char *waiter_source(const struct waiter *waiter, const struct wait_item *item)
{
	if (item->source != WAIT_NOWHERE)
		return waiter->sources[item->source].config.name;
	return waiter->source_count == 1 ? waiter->sources[0].config.name : NULL;
}

void waiter_ending(struct waiter *waiter, struct wait_item *item)
{
	waiter->ending = mem_grow(waiter->ending, &waiter->ending_cap, waiter->ending_count + 1,
		sizeof(struct wait_item *));
	waiter->ending[waiter->ending_count++] = item;
	item->ended_ms = waiter->now.mono_ms;
}

bool waiter_absent(const struct waiter *waiter, const struct wait_item *item)
{
	for (size_t i = 0; i < waiter->source_count; i++)
		if (waiter->sources[i].source != NULL && !item->absent_in[i])
			return false;
	return true;
}
