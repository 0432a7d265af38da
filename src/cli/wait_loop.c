#include "cli/wait_loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watch/streams.h"
#include "client/waiter.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/sources.h"
#include "cli/wait_text.h"
#include "core/event.h"
#include "io/loop.h"
#include "io/sdnotify.h"
#include "io/signals.h"

#define WAIT_DRAW_MS 1000 /* between two drawings of the moving line */
#define WAIT_LOOK_MS 5000 /* in the background: whether it may be drawn again */
#define WAIT_SILENCE_MS 60000 /* after which it is said what is waited for, where nothing moves */
#define WAIT_NAMED_MAX 20 /* tasks that a message names, the rest is counted */
#define WAIT_FLUSH_MS 2000 /* a terminal that takes nothing has so long at the end */
#define WAIT_FRESH_MS 1000 /* of a source that was heard of so lately nothing need be said */

struct wait {
	const struct cli *cli; /* borrowed */
	struct waiter *waiter; /* own */
	struct streams streams;
	bool plain; /* nothing moves in this run */
	bool draws; /* the moving line may be drawn now */
	int64_t draw_ms; /* mono; when it is looked at again */
	int64_t begun_ms; /* mono */
	int64_t said_ms; /* mono; the last line that was written */
	struct strings words; /* statuses that are not understood, said once each */
	size_t doubts; /* ids that were not found */
	struct loop loop;
};

/* --- what is written */

static void say(struct wait *wait, enum log_level level, const char *text)
{
	log_line(level, "%s", text);
	wait->said_ms = wait->loop.now.mono_ms;
}

/* nothing moves, and no line has been written for long */
static void break_silence(struct wait *wait)
{
	cleanup_buf struct buf text = { 0 };

	wait_text_progress(&text, wait->waiter, wait->loop.now, wait->begun_ms);
	(void)buf_add_text(&text, "; still waiting");
	say(wait, LOG_NOTICE, buf_text(&text));
}

/* the line on stdout, as soon as the task has ended */
static void print_end(struct wait *wait, const struct wait_item *item, const char *source)
{
	cleanup_buf struct buf line = { 0 };

	if (cli_given(wait->cli, "json")) {
		task_json(item->task, source, &line);
		(void)buf_add_char(&line, '\n');
	} else if (nb_writer_terminal(wait->streams.out)) {
		wait_text_end(&line, waiter_tasks(wait->waiter), item, wait->cli->color_out,
			terminal_columns(STDOUT_FILENO));
	} else {
		text_add_safe(&line, item->task->id);
		(void)buf_add_char(&line, ' ');
		text_add_safe(&line, task_status_word(item->task));
		(void)buf_add_char(&line, '\n');
	}
	streams_print(&wait->streams, &line);
	streams_step(&wait->streams);
	wait->said_ms = wait->loop.now.mono_ms;
}

/* "telnyx: ID processing (name)", and why when that is known; source NULL: it was said before */
static void say_status(struct wait *wait, const struct wait_item *item, const char *source)
{
	const struct task *task = item->task;
	bool named = task->name != NULL && *task->name != '\0';
	bool why = item->reason != NULL;
	cleanup_free char *text = mem_printf("%s%s%s %s%s%s%s%s%s", source != NULL ? source : "",
		source != NULL ? ": " : "", task->id, task_status_word(task), named ? " (" : "",
		named ? task->name : "", named ? ")" : "", why ? ": " : "",
		why ? item->reason : "");

	say(wait, LOG_NOTICE, text);
}

/* each word once: it may be that of many tasks, and come and go */
static void say_unknown(struct wait *wait, const char *word)
{
	cleanup_free char *text = NULL;

	if (strings_has(&wait->words, word))
		return;
	strings_add(&wait->words, word);
	text = mem_printf("status \"%s\" is not understood and counts as not ended", word);
	say(wait, LOG_WARN, text);
}

static void say_more(struct wait *wait, size_t count)
{
	cleanup_free char *text = mem_printf("and %zu more", count);

	say(wait, LOG_NOTICE, text);
}

static void say_begun(
	struct wait *wait, struct wait_item *const *items, size_t count, const char *source)
{
	cleanup_free char *text =
		mem_printf("waiting for %zu task%s of %s:", count, count == 1 ? "" : "s", source);

	say(wait, LOG_NOTICE, text);
	for (size_t i = 0; i < count && i < WAIT_NAMED_MAX; i++)
		say_status(wait, items[i], NULL);
	if (count > WAIT_NAMED_MAX)
		say_more(wait, count - WAIT_NAMED_MAX);
}

static void say_not_found(struct wait *wait, const struct wait_item *item)
{
	cleanup_free char *text = mem_printf("%s: not found yet%s", item->task->id,
		wait->doubts == 0 ? "; is the id right? 'taskbell list --all' shows those there are"
				  : "");

	if (wait->doubts++ < WAIT_NAMED_MAX)
		say(wait, LOG_WARN, text);
}

static void say_news(struct wait *wait)
{
	struct wait_news news;

	while (waiter_take(wait->waiter, &news))
		switch (news.kind) {
		case WAIT_CHANGED:
			if (!news.item->told) {
				if (!wait->draws)
					say_status(wait, news.item, news.source);
				if (news.item->task->status == STATUS_UNKNOWN)
					say_unknown(wait, task_status_word(news.item->task));
			}
			break;
		case WAIT_ENDED:
			print_end(wait, news.item, news.source);
			/* where the line on stdout does not say why */
			if (news.item->reason != NULL &&
				(cli_given(wait->cli, "json") ||
					!nb_writer_terminal(wait->streams.out)))
				say_status(wait, news.item, news.source);
			break;
		case WAIT_BEGUN:
			say_begun(wait, waiter_tasks(wait->waiter)->items + news.first, news.count,
				news.source);
			break;
		case WAIT_NOT_FOUND:
			say_not_found(wait, news.item);
			break;
		case WAIT_SOURCE_FAILS:
		case WAIT_SOURCE_RECOVERED:
			say(wait, news.kind == WAIT_SOURCE_FAILS ? LOG_WARN : LOG_NOTICE,
				news.text);
			break;
		}
}

/* --- signals, and how it ends */

static void wait_free(struct wait *wait)
{
	waiter_free(wait->waiter);
	loop_close(&wait->loop);
	strings_done(&wait->words);
}

static _Noreturn void wait_die(struct wait *wait, int number)
{
	(void)streams_draw(&wait->streams, "");
	streams_close(&wait->streams);
	wait_free(wait);
	signals_die(number);
}

static bool is_ignored(int number)
{
	struct sigaction now;

	return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

/* a signal that was ignored when we were started stays so: nohup(1), and jobs of a shell script */
static bool signals_catch(bool plain, struct err *err)
{
	static const int stops[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	static const int always[] = { SIGCHLD };

	if (!signals_open(always, ARRAY_LEN(always), err))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(stops); i++)
		if (!is_ignored(stops[i]) && (stops[i] != SIGTSTP || !plain) &&
			!signals_open(&stops[i], 1, err))
			return false;
	return true;
}

static void wait_signals(struct wait *wait)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (signals_take(ends[i]) != 0)
			wait_die(wait, ends[i]);
	if (signals_take(SIGTSTP) == 0)
		return;
	(void)streams_draw(&wait->streams, "");
	signals_stop(SIGTSTP);
	wait->draw_ms = 0;
}

/* until all is taken: by a pipe, as of any filter; a terminal or stderr may be stalled for good */
static void wait_flush(struct wait *wait)
{
	cleanup_with(http_cleanup) struct http *http = http_new();
	const struct nb_writer *out = wait->streams.out;
	struct loop loop;
	int64_t end_ms;
	bool over = false;

	loop_open(&loop, http);
	end_ms = loop.now.mono_ms + WAIT_FLUSH_MS;
	while (nb_writer_waits(out) || nb_writer_waits(wait->streams.talk)) {
		struct poll_fd fds[2 + LOOP_FDS];

		if (over && (nb_writer_terminal(out) || !nb_writer_waits(out)))
			break;
		loop_wait(&loop, fds, streams_fds(&wait->streams, fds, 2),
			over ? INSTANT_NEVER : end_ms);
		(void)loop_turn(&loop);
		over = loop.now.mono_ms >= end_ms;
		wait_signals(wait);
		streams_step(&wait->streams);
	}
	loop_close(&loop);
}

/* nobody is left to read what it is all for */
static int end_unread(struct wait *wait, int failed)
{
	if (nb_writer_terminal(wait->streams.out))
		wait_die(wait, SIGHUP);
	if (failed == EPIPE)
		wait_die(wait, SIGPIPE);
	log_line(LOG_ERROR, "cannot write to stdout: %s", strerror(failed));
	return err_exit_code(ERR_IO);
}

static int64_t wait_next(const struct wait *wait)
{
	int64_t next = waiter_next(wait->waiter);

	if (!wait->plain)
		next = instant_earlier(next, wait->draw_ms);
	if (!wait->draws)
		next = instant_earlier(next, wait->said_ms + WAIT_SILENCE_MS);
	return next;
}

static void wait_sleep(struct wait *wait)
{
	struct poll_fd fds[16 + LOOP_FDS];
	size_t count = waiter_fds(wait->waiter, fds, 14);

	count += streams_fds(&wait->streams, fds + count, 2);
	loop_wait(&wait->loop, fds, count, wait_next(wait));
}

static int wait_loop(struct wait *wait, struct err *err)
{
	int code = 0;

	for (;;) {
		if (loop_turn(&wait->loop))
			waiter_resumed(wait->waiter, wait->loop.now);
		wait_signals(wait);
		waiter_step(wait->waiter, wait->loop.now);
		say_news(wait);
		streams_step(&wait->streams);
		if (waiter_over(wait->waiter, &code, err) ||
			nb_writer_failed(wait->streams.out) != 0)
			return code;
		if (!wait->plain && wait->loop.now.mono_ms >= wait->draw_ms) {
			cleanup_buf struct buf text = { 0 };
			cleanup_buf struct buf line = { 0 };

			wait_text_progress(&text, wait->waiter, wait->loop.now, wait->begun_ms);
			terminal_add_cut(&line, buf_text(&text), WAIT_LINE_COLUMNS);
			wait->draws = streams_draw(&wait->streams, buf_text(&line));
			wait->draw_ms = wait->loop.now.mono_ms +
					(wait->draws ? WAIT_DRAW_MS : WAIT_LOOK_MS);
		}
		if (!wait->draws && wait->loop.now.mono_ms - wait->said_ms >= WAIT_SILENCE_MS)
			break_silence(wait);
		wait_sleep(wait);
	}
}

/* for how long nothing was heard of a source, and why; nothing of one that has just answered */
static void say_silence(const struct wait *wait, const struct waiter_source *source)
{
	bool fresh =
		source->heard_ms != 0 && wait->loop.now.mono_ms - source->heard_ms <= WAIT_FRESH_MS;
	cleanup_buf struct buf text = { 0 };

	if (fresh && source->err == NULL)
		return;
	if (fresh)
		(void)buf_add_text(&text, source->name);
	else
		wait_text_silence(&text, source, wait->loop.now, wait->begun_ms);
	if (source->err != NULL)
		(void)buf_addf(&text, ": %s%s", source->err->text, sources_remedy(source->err));
	log_line(LOG_ERROR, "%s", buf_text(&text));
}

/* which were not seen to end, and why nothing was heard; that they have not ended nobody knows */
static void say_timed_out(const struct wait *wait)
{
	const struct wait_items *set = waiter_tasks(wait->waiter);
	int64_t ms = cli_number(wait->cli, "timeout", 0);
	char span[PARSE_DURATION_MAX] = "one poll";
	struct waiter_source source;
	size_t named = 0;

	if (ms != 0)
		(void)duration_text(ms, span);
	if (set->count == 0)
		log_line(LOG_ERROR, "timed out after %s: the tasks could not be listed", span);
	else
		log_line(LOG_ERROR, "timed out after %s: %zu of %zu task%s not seen to end", span,
			set->count - set->told, set->count, set->count == 1 ? "" : "s");
	for (size_t i = 0; i < set->count; i++) {
		const struct wait_item *item = set->items[i];
		cleanup_buf struct buf text = { 0 };

		if (item->told || ++named > WAIT_NAMED_MAX)
			continue;
		wait_text_last_seen(&text, item, wait->loop.now);
		log_line(LOG_ERROR, "%s: %s", item->task->id, buf_text(&text));
	}
	if (named > WAIT_NAMED_MAX)
		log_line(LOG_ERROR, "and %zu more", named - WAIT_NAMED_MAX);
	for (size_t i = 0; waiter_look(wait->waiter, i, &source); i++)
		say_silence(wait, &source);
}

static int wait_end(struct wait *wait, int code, const struct err *err)
{
	struct nb_writer *writer;

	(void)streams_draw(&wait->streams, "");
	if (err->kind != ERR_NONE && err->kind != ERR_USAGE)
		log_line(LOG_ERROR, "%s%s", err->text, sources_remedy(err));
	else if (err->kind == ERR_NONE && code == WAITER_TIMED_OUT)
		say_timed_out(wait);
	writer = nb_writer_terminal(wait->streams.out) ? wait->streams.out : wait->streams.talk;
	if (cli_given(wait->cli, "bell") && nb_writer_terminal(writer))
		nb_writer_add(writer, "\a", 1);
	wait_flush(wait);
	if (nb_writer_failed(wait->streams.out) != 0)
		code = end_unread(wait, nb_writer_failed(wait->streams.out));
	streams_close(&wait->streams);
	return err->kind == ERR_USAGE ? cli_misuse(wait->cli, "%s", err->text) : code;
}

/* a job of a script has its terminal, and INT ignored; whatever moves would move among the script's
 * own lines */
static bool is_plain(const struct cli *cli)
{
	const char *term = getenv("TERM");
	const char *wish = getenv("TASKBELL_PROGRESS");
	int asked = wish != NULL && strcmp(wish, "plain") == 0 ? PROGRESS_PLAIN : PROGRESS_AUTO;

	return cli->quiet || cli->verbose || term == NULL || *term == '\0' ||
	       strcmp(term, "dumb") == 0 || is_ignored(SIGINT) ||
	       cli_word(cli, "progress", asked) == PROGRESS_PLAIN;
}

int wait_loop_run(const struct cli *cli, const struct waiter_setup *setup)
{
	struct wait wait = { .cli = cli, .plain = is_plain(cli) };
	struct err err = { 0 };
	int code;

	if (!signals_catch(wait.plain, &err))
		return cli_fail(&err);
	streams_open(&wait.streams, sd_stderr_is_journal() ? LOG_JOURNAL : LOG_PLAIN, 0);
	wait.draws = !wait.plain && streams_draw(&wait.streams, "");
	wait.waiter = waiter_new(setup, clock_now());
	loop_open(&wait.loop, waiter_http(wait.waiter));
	wait.begun_ms = wait.said_ms = wait.loop.now.mono_ms;
	code = wait_loop(&wait, &err);
	code = wait_end(&wait, code, &err);
	wait_free(&wait);
	return code;
}
