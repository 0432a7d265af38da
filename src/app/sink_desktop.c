/*
 * The sink `desktop`: notifications by way of taskbell-notify, one at a time. Events are gathered
 * for `window` after the first; up to `burst` are shown singly, more become one. While it is quiet,
 * or there is nobody to show them, deliveries stay in the store.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "app/helper.h"
#include "app/hook.h"
#include "app/program.h"
#include "app/sink.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/quiet.h"
#include "core/wording.h"
#include "io/bus.h"
#include "io/clock.h"

extern char **environ;

enum {
	GATHER_MAX = 100000, /* deliveries that one notification can stand for */
	HELPER_MS = 10000, /* it gives up by itself after 3 s */
	LOOK_MIN_MS = 5000, /* how often to look whether there is a bus now */
	LOOK_MAX_MS = 60000,
	EXIT_NOBODY = 69, /* of the helper: no bus, or no notification server */
	ERROR_COLUMNS = 300,
};

struct sink_desktop {
	struct sink sink;
	struct quiet quiet;
	int64_t quiet_end_ms; /* mono; 0: it is not quiet */
	int64_t quiet_apart_ms; /* of the two clocks, when that was found out */
	int64_t look_ms; /* mono; when to look for a bus again; 0: nothing is known to be missing */
	int64_t look_wait_ms;
	char *absent; /* own; why nobody was there at the last look or try; NULL: one was */
	struct bus bus; /* as it was last looked for */
	bool waited; /* what comes next has waited for a bus: it comes as one */
	/* the batch that is gathered, then shown */
	int64_t *ids; /* own */
	size_t count;
	size_t cap;
	struct event **singles; /* own, each own; the first of the batch, as many as may be shown
					       singly */
	size_t single_count;
	size_t single_cap;
	struct digest digest;
	bool held; /* one of them was held by quiet hours: the batch comes as one */
	int64_t window_ms; /* mono; its gathering ends */
	bool showing;
	bool as_one;
	size_t shown; /* ids that were dealt with */
	struct program helper; /* child NULL: not running */
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

/* somebody is there, as far as is known */
static void absence_forget(struct sink_desktop *desktop)
{
	free(desktop->absent);
	desktop->absent = NULL;
	desktop->look_ms = 0;
}

static bool desktop_configure(struct sink *sink, struct err *err)
{
	struct sink_desktop *desktop = self(sink);

	/* read again on purpose: whatever was missing may be there now */
	absence_forget(desktop);
	desktop->look_wait_ms = LOOK_MIN_MS;
	desktop->quiet_end_ms = 0;
	return quiet_parse(sink->config->quiet, &desktop->quiet) ||
	       err_set(err, ERR_CONFIG, "quiet is not a span as 22:00-07:00");
}

static void batch_clear(struct sink_desktop *desktop)
{
	for (size_t i = 0; i < desktop->single_count; i++)
		free(desktop->singles[i]);
	desktop->single_count = 0;
	desktop->count = 0;
	desktop->shown = 0;
	desktop->showing = false;
	desktop->held = false;
	digest_done(&desktop->digest);
}

/* says the same of the next `count` deliveries of the batch */
static void batch_settle(
	struct sink_desktop *desktop, size_t count, enum sink_result result, const char *error)
{
	for (; count > 0; count--)
		sink_receipt_add(
			&desktop->sink, desktop->ids[desktop->shown++], result, mem_strdup(error));
	if (desktop->shown == desktop->count)
		batch_clear(desktop);
}

static void batch_settle_rest(
	struct sink_desktop *desktop, enum sink_result result, const char *error)
{
	batch_settle(desktop, desktop->count - desktop->shown, result, error);
}

static bool is_quiet(const struct sink_desktop *desktop, int64_t wall_ms)
{
	return desktop->quiet.from != desktop->quiet.to && !desktop->sink.direct &&
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

	if (desktop->showing || now.mono_ms < desktop->look_ms || is_quiet(desktop, now.wall_ms))
		return 0;
	return GATHER_MAX - desktop->count;
}

static void desktop_take(
	struct sink *sink, struct event *event, int64_t attempt, struct instant now)
{
	struct sink_desktop *desktop = self(sink);

	(void)attempt;
	if (desktop->count == 0)
		desktop->window_ms = now.mono_ms + (sink->direct ? 0 : sink->config->window_ms);
	desktop->ids =
		mem_grow(desktop->ids, &desktop->cap, desktop->count + 1, sizeof(*desktop->ids));
	desktop->ids[desktop->count++] = event->id;
	desktop->held = desktop->held || is_quiet(desktop, event->wall_ms);
	digest_add(&desktop->digest, event);
	if (desktop->single_count == single_limit(desktop)) {
		free(event);
		return;
	}
	desktop->singles = mem_grow(desktop->singles, &desktop->single_cap,
		desktop->single_count + 1, sizeof(struct event *));
	desktop->singles[desktop->single_count++] = event;
}

/* nobody is there to show it: everything goes back, and there is another look later */
static void wait_for_bus(struct sink_desktop *desktop, const char *why, struct instant now)
{
	if (desktop->sink.direct)
		batch_settle_rest(desktop, SINK_AGAIN, why);
	if (desktop->shown < desktop->count)
		batch_settle(desktop, 1, SINK_BACK, why);
	batch_settle_rest(desktop, SINK_BACK, NULL);
	absence_forget(desktop);
	desktop->absent = mem_strdup(why);
	desktop->waited = true;
	desktop->look_ms = now.mono_ms + desktop->look_wait_ms;
	desktop->look_wait_ms *= 2;
	if (desktop->look_wait_ms > LOOK_MAX_MS)
		desktop->look_wait_ms = LOOK_MAX_MS;
}

/* is there a bus? Else everything waits for one */
static bool bus_look(struct sink_desktop *desktop, struct instant now)
{
	cleanup_buf struct buf why = { 0 };

	bus_done(&desktop->bus);
	bus_find(&desktop->bus);
	if (desktop->bus.address != NULL)
		return true;
	bus_explain(&desktop->bus, &why);
	wait_for_bus(desktop, buf_text(&why), now);
	return false;
}

static bool helper_start(struct sink_desktop *desktop, struct instant now, struct err *err)
{
	cleanup_buf struct buf note = { 0 };
	cleanup_free char *path = helper_find(err);
	const char *argv[] = { path, "--bus", desktop->bus.address, NULL };
	struct spawn spawn = { .argv = argv, .cwd = "/", .output_max = 4096, .merge = true };
	char **env;
	bool started;

	if (path == NULL)
		return false;
	if (desktop->as_one)
		wording_digest(&desktop->digest, &note);
	else
		wording_single(desktop->singles[desktop->shown], &note);
	env = hook_env_clean(environ, desktop->sink.secrets);
	spawn.env = (const char *const *)env;
	spawn.input = buf_text(&note);
	spawn.input_len = note.len;
	started = program_start(&desktop->helper, &spawn, HELPER_MS, now, err);
	hook_vector_free(env);
	return started;
}

static void show_next(struct sink_desktop *desktop, struct instant now)
{
	struct err err = { 0 };

	if (helper_start(desktop, now, &err))
		return;
	absence_forget(desktop);
	batch_settle_rest(desktop, SINK_AGAIN, err.text);
}

static void show_begin(struct sink_desktop *desktop, struct instant now)
{
	if (is_quiet(desktop, now.wall_ms)) {
		batch_settle_rest(desktop, SINK_BACK, NULL);
		return;
	}
	if (!bus_look(desktop, now))
		return;
	desktop->showing = true;
	desktop->as_one =
		desktop->count > 1 && (desktop->held || desktop->waited ||
					      desktop->count > (size_t)desktop->sink.config->burst);
	show_next(desktop, now);
}

/* what the helper said on stderr, else how it ended; owned */
static char *helper_error(const struct sink_desktop *desktop, int status)
{
	const char *words = buf_text(child_output(desktop->helper.child));
	cleanup_free char *line = mem_strndup(words, strcspn(words, "\n"));
	struct buf text = { 0 };

	if (desktop->helper.late)
		(void)buf_add_text(&text, "taskbell-notify did not end in time");
	else if (*line != '\0')
		text_add_cut(&text, line, ERROR_COLUMNS);
	else if (WIFSIGNALED(status))
		(void)buf_addf(&text, "taskbell-notify was ended by signal %d", WTERMSIG(status));
	else
		(void)buf_addf(&text, "taskbell-notify ended with %d", WEXITSTATUS(status));
	return buf_steal(&text);
}

static void helper_ended(struct sink_desktop *desktop, int status, struct instant now)
{
	int code = WIFEXITED(status) && !desktop->helper.late ? WEXITSTATUS(status) : -1;
	cleanup_free char *error = helper_error(desktop, status);
	bool cut = desktop->helper.cut;

	program_done(&desktop->helper);
	if (!cut)
		absence_forget(desktop);
	if (code == 0) {
		desktop->look_wait_ms = LOOK_MIN_MS;
		desktop->waited = false;
		batch_settle(desktop, desktop->as_one ? desktop->count : 1, SINK_DELIVERED, NULL);
	} else if (cut) {
		batch_settle_rest(desktop, SINK_BACK, NULL);
	} else if (code == EXIT_NOBODY) {
		wait_for_bus(desktop, error, now);
	} else {
		/* the others would fail as well, and none may overtake it */
		batch_settle_rest(desktop, SINK_AGAIN, error);
	}
	if (desktop->sink.stopping)
		batch_settle_rest(desktop, SINK_BACK, NULL);
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
	int status = 0;

	quiet_step(desktop, now);
	if (desktop->look_ms != 0 && now.mono_ms >= desktop->look_ms && desktop->count == 0)
		(void)bus_look(desktop, now);
	if (desktop->helper.child != NULL && program_step(&desktop->helper, now, &status))
		helper_ended(desktop, status, now);
	if (desktop->count == 0 || desktop->helper.child != NULL)
		return;
	if (desktop->showing)
		show_next(desktop, now);
	else if (now.mono_ms >= desktop->window_ms && (!sink->more || desktop->count == GATHER_MAX))
		show_begin(desktop, now);
}

static int64_t desktop_next(const struct sink *sink, struct instant now)
{
	const struct sink_desktop *desktop = self(sink);
	int64_t next = 0;

	(void)now;
	if (desktop->helper.child != NULL)
		return program_next(&desktop->helper);
	if (desktop->count > 0)
		return desktop->window_ms;
	if (desktop->look_ms > next)
		next = desktop->look_ms;
	if (desktop->quiet_end_ms > next)
		next = desktop->quiet_end_ms;
	return next != 0 ? next : INSTANT_NEVER;
}

static const char *desktop_waits(const struct sink *sink, struct instant now)
{
	const struct sink_desktop *desktop = self(sink);

	return is_quiet(desktop, now.wall_ms) ? "quiet hours" : desktop->absent;
}

static size_t desktop_fds(const struct sink *sink, struct http_fd *fds, size_t cap)
{
	const struct sink_desktop *desktop = self(sink);

	return desktop->helper.child != NULL ? child_fds(desktop->helper.child, fds, cap) : 0;
}

static void desktop_stop(struct sink *sink, struct instant now, int64_t grace_ms)
{
	struct sink_desktop *desktop = self(sink);

	if (desktop->helper.child != NULL)
		program_stop(&desktop->helper, now, grace_ms);
	else
		batch_settle_rest(desktop, SINK_BACK, NULL);
}

static bool desktop_busy(const struct sink *sink)
{
	return self(sink)->count > 0;
}

static void desktop_destroy(struct sink *sink)
{
	struct sink_desktop *desktop = self(sink);

	program_done(&desktop->helper);
	batch_clear(desktop);
	absence_forget(desktop);
	bus_done(&desktop->bus);
	free(desktop->singles);
	free(desktop->ids);
	free(desktop);
}

const struct sink_kind sink_kind_desktop = {
	.batch = true,
	.pull = 256,
	.make = desktop_make,
	.configure = desktop_configure,
	.room = desktop_room,
	.take = desktop_take,
	.step = desktop_step,
	.next = desktop_next,
	.waits = desktop_waits,
	.fds = desktop_fds,
	.stop = desktop_stop,
	.busy = desktop_busy,
	.destroy = desktop_destroy,
};
