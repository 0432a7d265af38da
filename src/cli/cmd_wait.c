#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/waiter.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/live.h"
#include "cli/out.h"
#include "cli/sources.h"
#include "io/clock.h"
#include "io/signals.h"

#define WAIT_FRAME_MS 100 /* between two pictures of the live view */
#define WAIT_SLEEP_MAX_MS 60000 /* where there is no timer that runs on through a suspend */
#define WAIT_JUMP_MS 1000 /* a longer suspend is worth a poll at once */
#define WAIT_INTERVAL_MIN_MS 100 /* as `interval` in the configuration */
#define WAIT_INTERVAL_MAX_MS (24 * 3600 * 1000LL)

enum missing { MISSING_WAIT, MISSING_FAIL };

struct wait {
	const struct cli *cli; /* borrowed */
	struct waiter *waiter; /* own */
	struct live live;
	bool is_live; /* stderr is a terminal that can show it */
	bool erase; /* the view goes when it is over: stdout is the same terminal */
	int64_t frame_ms; /* mono; the next picture is due */
	struct clock_timer timer;
	bool broken; /* stdout cannot be written */
	struct instant now;
};

static void view_write(const struct buf *bytes)
{
	const char *at = buf_text(bytes);
	size_t left = bytes->len;

	while (left > 0) {
		ssize_t done = write(STDERR_FILENO, at, left);

		if (done <= 0)
			return; /* a view that nobody can see */
		at += done;
		left -= (size_t)done;
	}
}

/* makes room for other lines; the next picture comes soon */
static void view_away(struct wait *wait)
{
	cleanup_buf struct buf bytes = { 0 };
	struct screen screen;

	if (!wait->is_live)
		return;
	(void)screen_size(STDERR_FILENO, &screen);
	live_erase(&wait->live, screen, &bytes);
	view_write(&bytes);
	wait->frame_ms = wait->now.mono_ms;
}

static int64_t elapsed_ms(const struct task *task, const struct waited *waited, int64_t wall_ms)
{
	int64_t ms;

	if (waited->ended)
		return task_duration(task, &ms) ? ms : -1;
	if (task->created_us == STAMP_NONE)
		return -1;
	ms = wall_ms - task->created_us / 1000;
	return ms > 0 ? ms : 0;
}

static void view_draw(struct wait *wait)
{
	const struct waited_set *set = waiter_tasks(wait->waiter);
	cleanup_free struct live_row *rows = mem_resize(NULL, set->count, sizeof(*rows));
	cleanup_buf struct buf bytes = { 0 };
	struct screen screen;

	(void)screen_size(STDERR_FILENO, &screen);
	for (size_t i = 0; i < set->count; i++) {
		const struct waited *waited = set->items[i];

		rows[i] = (struct live_row){
			.task = waited->task,
			.source = set->sources > 1 ? waiter_source(wait->waiter, waited) : NULL,
			.elapsed_ms = elapsed_ms(waited->task, waited, wait->now.wall_ms),
			.ended = waited->told,
		};
	}
	live_draw(&wait->live, rows, set->count, screen, wait->cli->color_err, &bytes);
	view_write(&bytes);
	wait->frame_ms = wait->now.mono_ms + WAIT_FRAME_MS;
}

static void view_end(struct wait *wait)
{
	cleanup_buf struct buf bytes = { 0 };

	if (!wait->is_live)
		return;
	if (wait->erase)
		view_away(wait);
	else if (wait->live.count != 0)
		view_draw(wait);
	live_leave(&wait->live, &bytes);
	view_write(&bytes);
	wait->is_live = false;
}

/* the line on stdout, as soon as the task has ended */
static void print_end(struct wait *wait, const struct waited *waited, const char *source)
{
	cleanup_buf struct buf line = { 0 };
	struct err err = { 0 };

	if (cli_given(wait->cli, "json")) {
		task_json(waited->task, source, &line);
	} else {
		text_add_safe(&line, waited->task->id);
		(void)buf_add_char(&line, ' ');
		text_add_safe(&line, task_status_word(waited->task));
	}
	view_away(wait);
	out_line(&line);
	wait->broken = wait->broken || !out_flush(&err);
}

static void wait_changed(void *arg, const struct waited *waited, const char *source)
{
	struct wait *wait = arg;
	const struct task *task = waited->task;
	bool named = task->name != NULL;

	wait->frame_ms = wait->now.mono_ms;
	if (waited->told)
		print_end(wait, waited, source);
	if (waited->told && waited->reason != NULL)
		log_line(LOG_NOTICE, "%s: %s", task->id, waited->reason);
	if (waited->told)
		return;
	if (!wait->is_live)
		log_line(LOG_NOTICE, "%s: %s %s%s%s%s", source, task->id, task_status_word(task),
			named ? " (" : "", named ? task->name : "", named ? ")" : "");
}

static void wait_begun(void *arg, struct waited *const *items, size_t count, const char *source)
{
	struct wait *wait = arg;

	view_away(wait);
	log_line(LOG_NOTICE, "%s: waiting for %zu task%s", source, count, count == 1 ? "" : "s");
	for (size_t i = 0; i < count && !wait->is_live; i++)
		wait_changed(wait, items[i], source);
}

static void wait_doubted(void *arg, const struct waited *waited)
{
	view_away(arg);
	log_line(LOG_NOTICE,
		"%s: not found yet; is the id right? 'taskbell list --all' shows those there are",
		waited->task->id);
}

static void wait_trouble(void *arg, bool bad, const char *text)
{
	struct wait *wait = arg;
	enum log_level level = bad ? LOG_WARN : LOG_NOTICE;

	if (!log_shows(level))
		return;
	view_away(wait);
	log_line(level, "%s", text);
}

/* a signal that was ignored when we were started stays so: nohup(1), and jobs of a shell script */
static bool signals_catch(bool is_live, struct err *err)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	static const int view[] = { SIGWINCH, SIGTSTP };
	static const int always[] = { SIGCHLD };

	if (!signals_open(always, ARRAY_LEN(always), err))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct sigaction now;

		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler == SIG_IGN)
			continue;
		if (!signals_open(&ends[i], 1, err))
			return false;
	}
	return !is_live || signals_open(view, ARRAY_LEN(view), err);
}

static void wait_signals(struct wait *wait)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	(void)signals_take(SIGCHLD);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (signals_take(ends[i]) != 0) {
			view_end(wait);
			waiter_free(wait->waiter);
			signals_die(ends[i]);
		}
	if (signals_take(SIGWINCH) != 0)
		wait->frame_ms = wait->now.mono_ms;
	if (signals_take(SIGTSTP) != 0) {
		view_away(wait);
		(void)raise(SIGSTOP);
	}
}

static void wait_sleep(struct wait *wait)
{
	int64_t next = waiter_next(wait->waiter);
	int64_t timeout = -1;
	struct http_fd fds[16];
	size_t count = waiter_fds(wait->waiter, fds, ARRAY_LEN(fds) - 2);

	fds[count++] = (struct http_fd){ .fd = signals_fd() };
	if (wait->timer.fd >= 0) {
		clock_timer_arm(&wait->timer, next);
		fds[count++] = (struct http_fd){ .fd = wait->timer.fd };
	} else {
		timeout = WAIT_SLEEP_MAX_MS;
		if (next < wait->now.mono_ms + timeout)
			timeout = next > wait->now.mono_ms ? next - wait->now.mono_ms : 0;
	}
	if (wait->is_live && (timeout < 0 || timeout > WAIT_FRAME_MS))
		timeout = WAIT_FRAME_MS;
	if (signals_waiting())
		timeout = 0;
	(void)http_wait(waiter_http(wait->waiter), fds, count, timeout);
}

static void wait_clock(struct wait *wait)
{
	int64_t before_ms = wait->now.asleep_ms;

	wait->now = clock_now();
	if (wait->now.asleep_ms - before_ms > WAIT_JUMP_MS)
		waiter_jump(wait->waiter, wait->now);
}

static int wait_loop(struct wait *wait, struct err *err)
{
	int code = 0;

	for (;;) {
		wait_clock(wait);
		wait_signals(wait);
		waiter_step(wait->waiter, wait->now);
		if (wait->broken || waiter_over(wait->waiter, &code, err))
			return code;
		if (wait->is_live && wait->now.mono_ms >= wait->frame_ms)
			view_draw(wait);
		wait_sleep(wait);
	}
}

static void say_timed_out(const struct wait *wait)
{
	const struct waited_set *set = waiter_tasks(wait->waiter);
	int64_t ms = cli_number(wait->cli, "timeout", 0);
	char span[PARSE_DURATION_MAX];

	if (set->count == 0)
		log_line(LOG_ERROR, "timed out before the tasks were listed");
	else if (ms == 0)
		log_line(LOG_ERROR, "%zu of %zu tasks have not ended", set->count - set->told,
			set->count);
	else
		log_line(LOG_ERROR, "timed out after %s: %zu of %zu tasks have not ended",
			duration_text(ms, span), set->count - set->told, set->count);
}

static int wait_for(const struct cli *cli, const struct waiter_setup *setup)
{
	const char *term = getenv("TERM");
	struct waiter_setup own = *setup;
	struct wait wait = { .cli = cli, .now = clock_now(), .timer = clock_timer_new() };
	struct err err = { 0 };
	int code;

	wait.is_live = !cli->quiet && !cli->verbose && isatty(STDERR_FILENO) == 1 && term != NULL &&
		       *term != '\0' && strcmp(term, "dumb") != 0;
	wait.erase = isatty(STDOUT_FILENO) == 1;
	if (!signals_catch(wait.is_live, &err)) {
		clock_timer_done(&wait.timer);
		return cli_fail(&err);
	}
	own.arg = &wait;
	wait.waiter = waiter_new(&own, wait.now);
	code = wait_loop(&wait, &err);
	view_end(&wait);
	if (err.kind == ERR_USAGE)
		(void)cli_misuse(cli, "%s", err.text);
	else if (err.kind != ERR_NONE)
		log_line(LOG_ERROR, "%s%s", err.text, sources_remedy(&err));
	else if (code == WAITER_TIMED_OUT && !wait.broken)
		say_timed_out(&wait);
	waiter_free(wait.waiter);
	clock_timer_done(&wait.timer);
	live_done(&wait.live);
	return out_end(code);
}

/* what a command line may not say; 0: all is well */
static int wait_check(const struct cli *cli, const struct waiter_setup *setup)
{
	for (size_t i = 0; i < cli->arg_count; i++)
		if (!task_id_valid(cli->args[i], strlen(cli->args[i])))
			return cli_misuse(cli, "'%.80s' cannot be the id of a task", cli->args[i]);
	if (setup->any && setup->fail_fast)
		return cli_misuse(cli, "--any and --fail-fast exclude each other");
	if (cli_given(cli, "interval") && (setup->interval_ms < WAIT_INTERVAL_MIN_MS ||
						  setup->interval_ms > WAIT_INTERVAL_MAX_MS))
		return cli_misuse(cli, "--interval is at least 100ms and at most 1d");
	return 0;
}

static int wait_run(struct cli *cli)
{
	struct waiter_setup setup = {
		.only_source = cli->source,
		.ids = cli->args,
		.id_count = cli->arg_count,
		.any = cli_given(cli, "any"),
		.fail_fast = cli_given(cli, "fail-fast"),
		.fail_missing = cli_word(cli, "missing", MISSING_FAIL) == MISSING_FAIL,
		.timeout_ms = cli_number(cli, "timeout", WAITER_FOR_EVER),
		.interval_ms = cli_number(cli, "interval", 0),
		.unreachable_ms = cli_number(cli, "unreachable-after", 0),
		.fields = cli_given(cli, "json"),
		.reasons = !cli->quiet,
		.changed = wait_changed,
		.begun = wait_begun,
		.doubted = wait_doubted,
		.trouble = wait_trouble,
	};
	int code = wait_check(cli, &setup);
	cleanup_with(config_cleanup) struct config *config =
		code == 0 ? sources_config(cli, &code) : NULL;

	if (config == NULL)
		return code;
	setup.config = config;
	return wait_for(cli, &setup);
}

static const char *const missing_words[] = {
	[MISSING_WAIT] = "wait",
	[MISSING_FAIL] = "fail",
	NULL,
};

static const struct flag wait_flags[] = {
	{ "any", 0, FLAG_SWITCH, NULL, NULL, "until one of the tasks has ended" },
	{ "fail-fast", 0, FLAG_SWITCH, NULL, NULL, "also until the first that did not succeed" },
	{ "timeout", 't', FLAG_DURATION, "D", NULL,
		"give up after this long, with exit code 124; 0: one poll" },
	{ "interval", 0, FLAG_DURATION, "D", NULL,
		"between two polls, instead of the source's own" },
	{ "missing", 0, FLAG_WORD, "WHAT", missing_words,
		"about a task that three polls cannot find; fail is the default" },
	{ "unreachable-after", 0, FLAG_DURATION, "D", NULL,
		"give up when a source fails for this long; 0, the default: never" },
	{ "json", 0, FLAG_SWITCH, NULL, NULL, "one JSON object for each task that ends" },
	{ 0 },
};

const struct command cmd_wait = {
	.name = "wait",
	.args = "[TASK_ID...]",
	.summary = "blocks until tasks have ended",
	.help = "Without ids, for all tasks that are active at the first poll. Prints TASK_ID "
		"STATUS as each "
		"ends. Exit code 0: all succeeded; 1: one failed; 3: one is missing or gone, or "
		"there "
		"was none to wait for; 2: one succeeded only in part; 124: --timeout ran out.",
	.flags = wait_flags,
	.max_args = SIZE_MAX,
	.run = wait_run,
};
