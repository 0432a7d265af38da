/*
 * The sink `desktop`: notifications by way of deliver/notifier, one at a time. Events are gathered
 * for `window` after the first; up to `burst` are shown singly, more become one. While it is quiet,
 * or there is nobody to show them, deliveries stay in the store. What is over is taken down, and at
 * most `burst` unsuccessful ones are on the screen.
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
	bool waited; /* what comes next has waited for somebody to show it: it comes as one */
	struct board board;
	/* the batch that is gathered, then shown */
	struct delivery **batch; /* own, each borrowed; those that may be shown singly come first
				    and keep their events */
	size_t count;
	size_t cap;
	struct digest digest;
	struct strings over; /* own; what the batch says to be over of what is on the screen */
	bool held; /* one of them was held by quiet hours: the batch comes as one */
	int64_t window_ms; /* mono; its gathering ends */
	bool showing;
	bool as_one;
	size_t shown; /* of the batch, how many were dealt with */
	int64_t asked; /* number of the notification that is under way; 0: none is */
	struct placing placing; /* its */
	int64_t stop_ms; /* mono; until then a stop waits for the answer */
};

static struct sink_desktop *self(const struct sink *sink)
{
	return (struct sink_desktop *)(uintptr_t)sink;
}

static struct sink *desktop_make(void)
{
	struct sink_desktop *desktop = mem_alloc(sizeof(*desktop));

	return &desktop->sink;
}

static struct notifier *notifier_of(const struct sink_desktop *desktop)
{
	return desktop->sink.notifier;
}

static void batch_clear(struct sink_desktop *desktop)
{
	desktop->count = 0;
	desktop->shown = 0;
	desktop->showing = false;
	desktop->held = false;
	digest_done(&desktop->digest);
	strings_done(&desktop->over);
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

static size_t desktop_room(const struct sink *sink, struct instant now)
{
	const struct sink_desktop *desktop = self(sink);

	if (desktop->showing || notifier_absent(notifier_of(desktop)) != NULL ||
		notifier_held(notifier_of(desktop), now) != 0 || is_quiet(desktop, now.wall_ms))
		return 0;
	return GATHER_MAX - desktop->count;
}

/* remembers what of the screen is over with this event */
static void note_over(struct sink_desktop *desktop, const struct event *event)
{
	cleanup_free char *topic = digest_topic(event);

	if (topic != NULL && digest_ends_topic(event->type) && board_has(&desktop->board, topic))
		strings_add(&desktop->over, topic);
}

static void desktop_deliver(struct sink *sink, struct delivery *delivery, struct instant now)
{
	struct sink_desktop *desktop = self(sink);
	const struct event *event = delivery->event;
	bool at_once = sink->immediate || desktop->waited;

	if (desktop->count == 0)
		desktop->window_ms = now.mono_ms + (at_once ? 0 : sink->config->window_ms);
	desktop->held = desktop->held || is_quiet(desktop, event->wall_ms);
	digest_add(&desktop->digest, event);
	note_over(desktop, event);
	if (desktop->count >= single_limit(desktop))
		delivery_drop_event(delivery);
	desktop->batch = mem_grow(
		desktop->batch, &desktop->cap, desktop->count + 1, sizeof(struct delivery *));
	desktop->batch[desktop->count++] = delivery;
}

/* nobody is there to show it: everything goes back until somebody is */
static void wait_for_somebody(struct sink_desktop *desktop, const char *why)
{
	if (desktop->sink.immediate)
		batch_settle_rest(desktop, DELIVERY_RETRY, why);
	if (desktop->shown < desktop->count)
		batch_settle(desktop, 1, DELIVERY_RETURNED, why);
	batch_settle_rest(desktop, DELIVERY_RETURNED, NULL);
	desktop->waited = true;
}

static struct wording how_to_word(const struct sink_desktop *desktop, struct instant now)
{
	return (struct wording){
		.now_ms = now.wall_ms,
		.sound = desktop->sink.config->sound,
		.one_shot = desktop->sink.immediate || desktop->sink.once,
	};
}

/* what is shown next, and where: the whole batch, or the next one of it */
static void place(struct sink_desktop *desktop, struct wording *how, struct buf *note)
{
	const struct event *event = desktop->batch[desktop->shown]->event;
	cleanup_free char *topic = desktop->as_one ? NULL : digest_topic(event);
	struct strings over = { 0 };
	struct digest single = { 0 };

	if (!desktop->as_one)
		digest_add(&single, event);
	if (topic != NULL && digest_ends_topic(event->type))
		strings_add(&over, topic);
	desktop->placing =
		board_place(&desktop->board, desktop->as_one ? &desktop->digest : &single, topic,
			desktop->as_one ? &desktop->over : &over, single_limit(desktop));
	strings_done(&over);
	if (desktop->as_one || desktop->placing.merged)
		wording_digest(&desktop->placing.digest, how, note);
	else
		wording_single(event, how, note);
	digest_done(&single);
}

static void show_next(struct sink_desktop *desktop, struct instant now)
{
	struct wording how = how_to_word(desktop, now);
	cleanup_buf struct buf note = { 0 };
	struct err err = { 0 };
	int64_t number;

	place(desktop, &how, &note);
	number = desktop->placing.number != 0 ? desktop->placing.number
					      : notifier_number(notifier_of(desktop));
	if (notifier_show(notifier_of(desktop), number, &note, now, &err)) {
		desktop->asked = number;
		return;
	}
	placing_done(&desktop->placing);
	if (err.kind == ERR_UNREACHABLE)
		wait_for_somebody(desktop, err.text);
	else
		batch_settle_rest(desktop, DELIVERY_RETRY, err.text);
}

static void show_begin(struct sink_desktop *desktop, struct instant now)
{
	if (is_quiet(desktop, now.wall_ms)) {
		batch_settle_rest(desktop, DELIVERY_RETURNED, NULL);
		return;
	}
	desktop->showing = true;
	desktop->as_one =
		desktop->count > 1 && (desktop->held || desktop->waited ||
					      desktop->count > (size_t)desktop->sink.config->burst);
	show_next(desktop, now);
}

/* what says something that is over says it no more; nobody waits for the answers */
static void board_refresh(struct sink_desktop *desktop, struct instant now)
{
	struct wording how = how_to_word(desktop, now);
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
			(void)notifier_show(notifier_of(desktop), note->number, &text, now, &err);
		} else {
			notifier_close(notifier_of(desktop), note->number);
			board_forget(board, note->number);
		}
	}
}

static void take_shown(struct sink_desktop *desktop, struct instant now)
{
	for (size_t i = 0; i < desktop->placing.close_count; i++)
		notifier_close(notifier_of(desktop), desktop->placing.closes[i]);
	board_put(&desktop->board, &desktop->placing, desktop->asked);
	board_refresh(desktop, now);
	desktop->waited = false;
	batch_settle(desktop, desktop->as_one ? desktop->count : 1, DELIVERY_DELIVERED, NULL);
}

/* what became of the one that is under way */
static void take_answer(
	struct sink_desktop *desktop, const struct notice *notice, struct instant now)
{
	if (notice->kind == NOTICE_SHOWN)
		take_shown(desktop, now);
	else if (notice->kind == NOTICE_ABSENT)
		wait_for_somebody(desktop, notice->why);
	else if (desktop->sink.stopping)
		batch_settle_rest(desktop, DELIVERY_RETURNED, NULL);
	else
		/* the others would fail as well, and none may overtake it */
		batch_settle_rest(desktop, DELIVERY_RETRY, notice->why);
	placing_done(&desktop->placing);
	desktop->asked = 0;
	if (desktop->sink.stopping)
		batch_settle_rest(desktop, DELIVERY_RETURNED, NULL);
}

static void take_notice(void *arg, const struct notice *notice, struct instant now)
{
	struct sink_desktop *desktop = arg;

	if (notice->kind == NOTICE_CLOSED)
		board_forget(&desktop->board, notice->number);
	else if (notice->kind == NOTICE_GONE)
		board_clear(&desktop->board);
	else if (notice->number == desktop->asked)
		take_answer(desktop, notice, now);
}

static bool desktop_configure(struct sink *sink, struct err *err)
{
	struct sink_desktop *desktop = self(sink);

	notifier_unlisten(notifier_of(desktop), desktop);
	notifier_listen(notifier_of(desktop), take_notice, desktop);
	/* read again on purpose: whatever was missing may be there now */
	notifier_look(notifier_of(desktop));
	desktop->quiet_end_ms = 0;
	return quiet_parse(sink->config->quiet, &desktop->quiet) ||
	       err_set(err, ERR_CONFIG, "quiet is not a span as 22:00-07:00");
}

/* the end is looked for anew when it has come and it is quiet still, or the clock was set meanwhile
 */
static void quiet_step(struct sink_desktop *desktop, struct instant now)
{
	int64_t set_ms = now.wall_ms - now.mono_ms - desktop->quiet_apart_ms;

	if (!is_quiet(desktop, now.wall_ms)) {
		desktop->quiet_end_ms = 0;
	} else if (now.mono_ms >= desktop->quiet_end_ms || set_ms > 1000 || set_ms < -1000) {
		desktop->quiet_apart_ms = now.wall_ms - now.mono_ms;
		desktop->quiet_end_ms =
			quiet_end(&desktop->quiet, now.wall_ms, clock_local_minute) -
			desktop->quiet_apart_ms;
	}
}

static void desktop_step(struct sink *sink, struct instant now)
{
	struct sink_desktop *desktop = self(sink);

	quiet_step(desktop, now);
	notifier_step(notifier_of(desktop), now);
	if (sink->stopping && desktop->asked != 0 && now.mono_ms >= desktop->stop_ms) {
		desktop->asked = 0;
		placing_done(&desktop->placing);
		batch_settle_rest(desktop, DELIVERY_RETURNED, NULL);
	}
	if (desktop->count == 0 || desktop->asked != 0)
		return;
	if (desktop->showing)
		show_next(desktop, now);
	else if (now.mono_ms >= desktop->window_ms &&
		 (!sink->has_more || desktop->count == GATHER_MAX))
		show_begin(desktop, now);
}

static int64_t desktop_next(const struct sink *sink, struct instant now)
{
	const struct sink_desktop *desktop = self(sink);
	int64_t next = notifier_next(notifier_of(desktop));
	int64_t held_ms = notifier_held(notifier_of(desktop), now);

	if (desktop->asked != 0)
		return sink->stopping ? instant_earlier(next, desktop->stop_ms) : next;
	if (desktop->count > 0)
		return instant_earlier(next, desktop->window_ms);
	if (desktop->quiet_end_ms > held_ms)
		held_ms = desktop->quiet_end_ms;
	if (held_ms != 0)
		next = instant_earlier(next, held_ms);
	return instant_earlier(next, notifier_next_look(notifier_of(desktop)));
}

static const char *desktop_waits(const struct sink *sink, struct instant now)
{
	const struct sink_desktop *desktop = self(sink);

	return is_quiet(desktop, now.wall_ms) ? "quiet hours"
					      : notifier_absent(notifier_of(desktop));
}

static size_t desktop_fds(const struct sink *sink, struct poll_fd *fds, size_t cap)
{
	return notifier_fds(notifier_of(self(sink)), fds, cap);
}

static void desktop_stop(struct sink *sink, struct instant now, int64_t grace_ms)
{
	struct sink_desktop *desktop = self(sink);

	desktop->stop_ms = now.mono_ms + grace_ms;
	if (desktop->asked == 0)
		batch_settle_rest(desktop, DELIVERY_RETURNED, NULL);
}

static void desktop_destroy(struct sink *sink)
{
	struct sink_desktop *desktop = self(sink);

	notifier_unlisten(notifier_of(desktop), desktop);
	batch_clear(desktop);
	placing_done(&desktop->placing);
	board_clear(&desktop->board);
	free(desktop->batch);
	free(desktop);
}

const struct sink_ops sink_ops_desktop = {
	.batch = true,
	.pull = 256,
	.make = desktop_make,
	.configure = desktop_configure,
	.room = desktop_room,
	.deliver = desktop_deliver,
	.step = desktop_step,
	.next = desktop_next,
	.waits = desktop_waits,
	.fds = desktop_fds,
	.stop = desktop_stop,
	.destroy = desktop_destroy,
};
