/*
 * The sink `desktop`: notifications by way of deliver/notifier, one at a time. Events are gathered
 * for `window` after the first; up to `burst` are shown singly, more as one. In quiet hours and
 * without a server deliveries stay in the store. What has ended is taken down, and at most `burst`
 * unsuccessful ones are on the screen.
 */
#include <stdlib.h>
#include <string.h>

#include "deliver/board.h"
#include "deliver/notifier.h"
#include "deliver/sink.h"
#include "base/buf.h"
#include "base/mem.h"
#include "core/digest.h"
#include "core/quiet.h"
#include "core/wording.h"
#include "io/clock.h"

enum {
	GATHER_MAX = 100000, /* deliveries that one notification can stand for */
};

struct sink_desktop {
	struct sink sink;
	struct quiet quiet;
	int64_t quiet_end_ms; /* mono; 0: it is not quiet */
	int64_t quiet_apart_ms; /* of the two clocks, when that was found out */
	bool after_wait; /* the next batch has waited for a server: it is shown as one */
	struct board board;
	/* the batch that is gathered, then shown */
	struct delivery **batch; /* own, each borrowed; those that may be shown singly come first
				    and keep their events */
	size_t count;
	size_t cap;
	struct digest digest;
	struct strings ended_topics; /* own; topics on the screen that end with the batch */
	bool was_quiet; /* one of them came in quiet hours: the batch is shown as one */
	int64_t window_ms; /* mono; its gathering ends */
	bool showing;
	bool as_one;
	size_t shown; /* of the batch, how many were dealt with */
	int64_t pending_number; /* number of the notification that is under way; 0: none is */
	struct placement placement; /* its */
	int64_t stop_ms; /* mono; until then a stop waits for the answer */
};

static struct sink_desktop *self(const struct sink *sink)
{
	return (struct sink_desktop *)(uintptr_t)sink;
}

static void batch_clear(struct sink_desktop *desktop)
{
	desktop->count = 0;
	desktop->shown = 0;
	desktop->showing = false;
	desktop->was_quiet = false;
	digest_done(&desktop->digest);
	strings_done(&desktop->ended_topics);
}

/* says the same of the next `count` deliveries of the batch */
static void batch_settle(
	struct sink_desktop *desktop, size_t count, enum delivery_result result, const char *error)
{
	for (; count > 0; count--)
		sink_end(&desktop->sink, desktop->batch[desktop->shown++], result, error);
	if (desktop->shown == desktop->count)
		batch_clear(desktop);
}

static void batch_settle_rest(
	struct sink_desktop *desktop, enum delivery_result result, const char *error)
{
	batch_settle(desktop, desktop->count - desktop->shown, result, error);
}

static bool is_quiet(const struct sink_desktop *desktop, int64_t wall_ms)
{
	return desktop->quiet.from != desktop->quiet.to && !desktop->sink.immediate &&
	       quiet_holds(&desktop->quiet, clock_local_minute(wall_ms));
}

static size_t single_limit(const struct sink_desktop *desktop)
{
	int64_t burst = desktop->sink.config->burst;

	/* one is kept in any case: a batch of one is no digest */
	return burst < 1 ? 1 : (size_t)burst;
}

static size_t desktop_capacity(const struct sink *sink, struct instant now)
{
	const struct sink_desktop *desktop = self(sink);

	if (desktop->showing || notifier_unavailable(desktop->sink.notifier) != NULL ||
		notifier_hold_until(desktop->sink.notifier, now) != 0 ||
		is_quiet(desktop, now.wall_ms))
		return 0;
	return GATHER_MAX - desktop->count;
}

static void desktop_deliver(struct sink *sink, struct delivery *delivery, struct instant now)
{
	struct sink_desktop *desktop = self(sink);
	const struct event *event = delivery->event;
	bool at_once = sink->immediate || desktop->after_wait;
	cleanup_free char *topic = digest_topic(event);

	if (desktop->count == 0)
		desktop->window_ms = now.mono_ms + (at_once ? 0 : sink->config->window_ms);
	desktop->was_quiet = desktop->was_quiet || is_quiet(desktop, event->wall_ms);
	digest_add(&desktop->digest, event);
	if (topic != NULL && digest_ends_topic(event->type) && board_has(&desktop->board, topic))
		strings_add(&desktop->ended_topics, topic);
	if (desktop->count >= single_limit(desktop))
		delivery_drop_event(delivery);
	desktop->batch = mem_grow(
		desktop->batch, &desktop->cap, desktop->count + 1, sizeof(struct delivery *));
	desktop->batch[desktop->count++] = delivery;
}

/* there is no server: returns the whole batch until there is one */
static void return_unavailable(struct sink_desktop *desktop, const char *why)
{
	if (desktop->sink.immediate)
		batch_settle_rest(desktop, DELIVERY_RETRY, why);
	if (desktop->shown < desktop->count)
		batch_settle(desktop, 1, DELIVERY_RETURNED, why);
	batch_settle_rest(desktop, DELIVERY_RETURNED, NULL);
	desktop->after_wait = true;
}

static struct wording wording_now(const struct sink_desktop *desktop, struct instant now)
{
	return (struct wording){
		.now_ms = now.wall_ms,
		.sound = desktop->sink.config->sound,
		.one_shot = desktop->sink.immediate || desktop->sink.once,
	};
}

static void show_next(struct sink_desktop *desktop, struct instant now)
{
	struct wording how = wording_now(desktop, now);
	cleanup_buf struct buf note = { 0 };
	struct err err = { 0 };
	int64_t number;
	const struct event *event = desktop->batch[desktop->shown]->event;
	cleanup_free char *topic = desktop->as_one ? NULL : digest_topic(event);
	struct strings ended_topics = { 0 };
	struct digest single = { 0 };

	/* what is shown next, and where: the whole batch, or the next one of it */
	if (!desktop->as_one)
		digest_add(&single, event);
	if (topic != NULL && digest_ends_topic(event->type))
		strings_add(&ended_topics, topic);
	desktop->placement = board_find_place(&desktop->board,
		desktop->as_one ? &desktop->digest : &single, topic,
		desktop->as_one ? &desktop->ended_topics : &ended_topics, single_limit(desktop));
	strings_done(&ended_topics);
	if (desktop->as_one || desktop->placement.merged)
		wording_digest(&desktop->placement.digest, &how, &note);
	else
		wording_single(event, &how, &note);
	digest_done(&single);
	number = desktop->placement.number != 0 ? desktop->placement.number
						: notifier_number(desktop->sink.notifier);
	if (notifier_show(desktop->sink.notifier, number, &note, now, &err)) {
		desktop->pending_number = number;
		return;
	}
	placement_done(&desktop->placement);
	if (err.kind == ERR_UNREACHABLE)
		return_unavailable(desktop, err.text);
	else
		batch_settle_rest(desktop, DELIVERY_RETRY, err.text);
}

static void show_batch(struct sink_desktop *desktop, struct instant now)
{
	if (is_quiet(desktop, now.wall_ms)) {
		batch_settle_rest(desktop, DELIVERY_RETURNED, NULL);
		return;
	}
	desktop->showing = true;
	desktop->as_one =
		desktop->count > 1 && (desktop->was_quiet || desktop->after_wait ||
					      desktop->count > (size_t)desktop->sink.config->burst);
	show_next(desktop, now);
}

/* changes or takes down notifications that name an ended topic; their answers are ignored */
static void update_outdated(struct sink_desktop *desktop, struct instant now)
{
	struct wording how = wording_now(desktop, now);
	struct board *board = &desktop->board;

	how.sound = false;
	/* another bus than before empties the board */
	for (size_t i = board->count; i > 0 && i <= board->count; i--) {
		struct board_note *note = &board->notes[i - 1];
		cleanup_buf struct buf text = { 0 };
		struct err err;

		if (!note->outdated)
			continue;
		note->outdated = false;
		if (digest_bad(&note->digest) > 0) {
			wording_digest(&note->digest, &how, &text);
			(void)notifier_show(desktop->sink.notifier, note->number, &text, now, &err);
		} else {
			notifier_close(desktop->sink.notifier, note->number);
			board_forget(board, note->number);
		}
	}
}

/* what became of the one that is under way */
static void on_answer(struct sink_desktop *desktop, const struct notice *notice, struct instant now)
{
	if (notice->kind == NOTICE_SHOWN) {
		for (size_t i = 0; i < desktop->placement.close_count; i++)
			notifier_close(desktop->sink.notifier, desktop->placement.closes[i]);
		board_put(&desktop->board, &desktop->placement, desktop->pending_number);
		update_outdated(desktop, now);
		desktop->after_wait = false;
		batch_settle(
			desktop, desktop->as_one ? desktop->count : 1, DELIVERY_DELIVERED, NULL);
	} else if (notice->kind == NOTICE_UNAVAILABLE) {
		return_unavailable(desktop, notice->why);
	} else if (desktop->sink.stopping) {
		batch_settle_rest(desktop, DELIVERY_RETURNED, NULL);
	} else {
		/* the rest fails with it: it would fail as well, and order is kept */
		batch_settle_rest(desktop, DELIVERY_RETRY, notice->why);
	}
	placement_done(&desktop->placement);
	desktop->pending_number = 0;
	if (desktop->sink.stopping)
		batch_settle_rest(desktop, DELIVERY_RETURNED, NULL);
}

static void on_notice(void *arg, const struct notice *notice, struct instant now)
{
	struct sink_desktop *desktop = arg;

	if (notice->kind == NOTICE_CLOSED)
		board_forget(&desktop->board, notice->number);
	else if (notice->kind == NOTICE_SERVER_GONE)
		board_clear(&desktop->board);
	else if (notice->number == desktop->pending_number)
		on_answer(desktop, notice, now);
}

static bool desktop_configure(struct sink *sink, struct err *err)
{
	struct sink_desktop *desktop = self(sink);

	notifier_unlisten(desktop->sink.notifier, desktop);
	notifier_listen(desktop->sink.notifier, on_notice, desktop);
	/* read again on purpose: whatever was missing may be there now */
	notifier_look(desktop->sink.notifier);
	desktop->quiet_end_ms = 0;
	return quiet_parse(sink->config->quiet, &desktop->quiet) ||
	       err_set(err, ERR_CONFIG, "quiet is not a span as 22:00-07:00");
}

static void desktop_step(struct sink *sink, struct instant now)
{
	struct sink_desktop *desktop = self(sink);
	int64_t set_ms = now.wall_ms - now.mono_ms - desktop->quiet_apart_ms;

	/* the end is looked for anew when it has come and it is quiet still, or the clock was set
	 * meanwhile */
	if (!is_quiet(desktop, now.wall_ms)) {
		desktop->quiet_end_ms = 0;
	} else if (now.mono_ms >= desktop->quiet_end_ms || set_ms > 1000 || set_ms < -1000) {
		desktop->quiet_apart_ms = now.wall_ms - now.mono_ms;
		desktop->quiet_end_ms =
			quiet_end(&desktop->quiet, now.wall_ms, clock_local_minute) -
			desktop->quiet_apart_ms;
	}
	notifier_step(desktop->sink.notifier, now);
	if (sink->stopping && desktop->pending_number != 0 && now.mono_ms >= desktop->stop_ms) {
		desktop->pending_number = 0;
		placement_done(&desktop->placement);
		batch_settle_rest(desktop, DELIVERY_RETURNED, NULL);
	}
	if (desktop->count == 0 || desktop->pending_number != 0)
		return;
	if (desktop->showing)
		show_next(desktop, now);
	else if (now.mono_ms >= desktop->window_ms &&
		 (!sink->has_more || desktop->count == GATHER_MAX))
		show_batch(desktop, now);
}

static int64_t desktop_next(const struct sink *sink, struct instant now)
{
	const struct sink_desktop *desktop = self(sink);
	int64_t next = notifier_next(desktop->sink.notifier);
	int64_t hold_until_ms = notifier_hold_until(desktop->sink.notifier, now);

	if (desktop->pending_number != 0)
		return sink->stopping ? instant_earlier(next, desktop->stop_ms) : next;
	if (desktop->count > 0)
		return instant_earlier(next, desktop->window_ms);
	if (desktop->quiet_end_ms > hold_until_ms)
		hold_until_ms = desktop->quiet_end_ms;
	if (hold_until_ms != 0)
		next = instant_earlier(next, hold_until_ms);
	return instant_earlier(next, notifier_next_look(desktop->sink.notifier));
}

static const char *desktop_waits(const struct sink *sink, struct instant now)
{
	const struct sink_desktop *desktop = self(sink);

	return is_quiet(desktop, now.wall_ms) ? "quiet hours"
					      : notifier_unavailable(desktop->sink.notifier);
}

static size_t desktop_fds(const struct sink *sink, struct poll_fd *fds, size_t cap)
{
	return notifier_fds(sink->notifier, fds, cap);
}

static void desktop_stop(struct sink *sink, struct instant now, int64_t grace_ms)
{
	struct sink_desktop *desktop = self(sink);

	desktop->stop_ms = now.mono_ms + grace_ms;
	if (desktop->pending_number == 0)
		batch_settle_rest(desktop, DELIVERY_RETURNED, NULL);
}

static void desktop_destroy(struct sink *sink)
{
	struct sink_desktop *desktop = self(sink);

	notifier_unlisten(desktop->sink.notifier, desktop);
	batch_clear(desktop);
	placement_done(&desktop->placement);
	board_clear(&desktop->board);
	free(desktop->batch);
	free(desktop);
}

const struct sink_ops sink_ops_desktop = {
	.batch = true,
	.pull = 256,
	.size = sizeof(struct sink_desktop),
	.configure = desktop_configure,
	.capacity = desktop_capacity,
	.deliver = desktop_deliver,
	.step = desktop_step,
	.next = desktop_next,
	.waits = desktop_waits,
	.fds = desktop_fds,
	.stop = desktop_stop,
	.destroy = desktop_destroy,
};
