#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/terminal.h"
#include "cli/commands.h"
#include "cli/grid.h"
#include "cli/out.h"
#include "cli/state.h"
#include "cli/time_text.h"
#include "core/prefix.h"
#include "io/clock.h"

static const char *const event_words[] = {
#define EVENT_WORD(name, word, about, weight, told, bad, mark, sgr) word,
	EVENTS(EVENT_WORD)
#undef EVENT_WORD
		"failed", /* another word for failure */
	NULL,
};

/* where events go while they are read */
struct listing {
	struct grid *grid; /* borrowed; NULL: JSON */
	size_t columns; /* of the terminal; 0: there is none */
	int64_t now_ms;
	size_t count;
};

/* what it is about, in the words that say most: what happened, else to which task */
static void add_about(struct buf *out, const struct event *event)
{
	const char *name = event->task_name != NULL ? event->task_name : event->bucket;

	if (event->sink != NULL)
		(void)buf_addf(out, "sink %s", event->sink);
	else if (name != NULL)
		(void)buf_add_text(out, name);
	if (event->message != NULL)
		(void)buf_addf(out, "%s%s", out->len != 0 ? ": " : "", event->message);
}

static bool take_event(void *arg, const struct event *event)
{
	struct listing *listing = arg;
	cleanup_buf struct buf line = { 0 };

	listing->count++;
	if (listing->grid != NULL) {
		struct grid *grid = listing->grid;
		cleanup_buf struct buf when = { 0 };
		cleanup_buf struct buf about = { 0 };
		cleanup_free char *id = mem_printf("%" PRId64, event->id);

		time_text_add(&when, event->wall_ms, listing->now_ms, listing->columns != 0);
		add_about(&about, event);
		grid_cell(grid, buf_text(&when));
		grid_cell(grid, id);
		grid_colored(grid, event_types[event->type].word, event_types[event->type].sgr);
		grid_cell(grid, event->source);
		grid_cell(grid, event->task_id);
		grid_cell(grid, buf_text(&about));
		return true;
	}
	event_json(event, &line);
	out_line(&line);
	return true;
}

static int print_events(
	const struct cli *cli, struct store *store, const struct store_query *query, int64_t now_ms)
{
	static const struct grid_column columns[] = {
		{ "TIME", GRID_LINE, 0 },
		{ "ID", GRID_LINE, 0 },
		{ "EVENT", GRID_LINE, 0 },
		{ "SOURCE", GRID_LINE, 8 },
		{ "TASK", GRID_WHOLE, 0 },
		{ "ABOUT", GRID_LINE, 24 },
		{ NULL, GRID_LINE, 0 },
	};
	cleanup_with(grid_cleanup) struct grid *grid =
		cli_given(cli, "json") ? NULL : grid_new(columns);
	struct listing listing = {
		.grid = grid,
		.columns = terminal_columns(STDOUT_FILENO),
		.now_ms = now_ms,
	};
	struct err err = { 0 };

	if (!store_history(store, query, take_event, &listing, &err))
		return out_end(cli_fail(&err));
	if (listing.count == 0)
		log_line(LOG_NOTICE, "no such event is known");
	if (grid != NULL)
		grid_print(grid, cli->color_out, listing.columns);
	return out_end(0);
}

/* the ids that the arguments mean; a beginning that nobody has stays as it is, and finds nothing */
static int read_tasks(
	const struct cli *cli, struct store *store, struct strings *tasks, struct err *err)
{
	for (size_t i = 0; i < cli->arg_count; i++) {
		struct prefix prefix = { .text = cli->args[i] };
		cleanup_buf struct buf choice = { 0 };
		int code = 0;

		if (prefix_usable(prefix.text) && !store_prefix(store, cli->source, &prefix, err))
			code = cli_fail(err);
		if (prefix.ids.count > 1) {
			prefix_add_choice(&prefix, &choice);
			code = cli_misuse(cli, "%s", buf_text(&choice));
		}
		strings_add(tasks, prefix.ids.count == 1 ? prefix.ids.items[0] : prefix.text);
		prefix_done(&prefix);
		if (code != 0)
			return code;
	}
	return 0;
}

static int history_print(
	const struct cli *cli, struct store *store, const struct store_query *query, int64_t now_ms)
{
	struct strings tasks = { 0 };
	struct store_query narrowed = *query;
	struct err err = { 0 };
	int code = read_tasks(cli, store, &tasks, &err);

	narrowed.tasks = &tasks;
	if (code == 0)
		code = print_events(cli, store, &narrowed, now_ms);
	strings_done(&tasks);
	return code;
}

static int history_run(struct cli *cli)
{
	int64_t now_ms = clock_now().wall_ms;
	bool types[EVENT_COUNT] = { false };
	struct store_query query = {
		.types = cli_given(cli, "status") ? types : NULL,
		.source = cli->source,
		.limit = cli_number(cli, "limit", 0),
	};
	const char *since = cli_text(cli, "since");
	struct state state = { 0 };
	struct err err = { 0 };
	int code = 0;
	const char *const *words;
	size_t count;

	if (since != NULL && !time_text_parse(since, now_ms, &query.since_ms))
		return cli_misuse(cli,
			"--since: '%.80s' is neither a duration such as 2h or '2h ago', nor a date "
			"such as "
			"2026-11-23, nor a time such as 2026-11-23T22:40:59Z",
			since);
	for (size_t i = 0; i < cli->arg_count; i++)
		if (!task_id_valid(cli->args[i], strlen(cli->args[i])))
			return cli_misuse(cli, "'%.80s' cannot be the id of a task", cli->args[i]);
	if (cli_given(cli, "limit") && query.limit == 0)
		return cli_misuse(cli, "--limit: it must be at least 1");
	count = cli_list(cli, "status", &words);
	for (size_t i = 0; i < count; i++) {
		enum event_type type;

		if (event_from_word(words[i], &type))
			types[type] = true;
	}
	if (!state_open(&state, cli, STORE_READ, &err))
		return cli_fail(&err);
	if (!state_knows_source(&state, cli, &err))
		code = cli_misuse(cli, "%s", err.text);
	else if (state.store != NULL)
		code = history_print(cli, state.store, &query, now_ms);
	else
		log_line(LOG_NOTICE, "nothing was watched yet: there is no state in %s", state.dir);
	state_done(&state);
	return code;
}

static const struct flag history_flags[] = {
	{ "since", 0, FLAG_TEXT, "WHEN", NULL,
		"only events since then: a duration (2h or 2h ago), a date (its midnight here), or "
		"an RFC 3339 time" },
	{ "status", 's', FLAG_LIST, "EVENT", event_words,
		"only these events; repeat it, or separate them by commas" },
	{ "limit", 'n', FLAG_NUMBER, "N", NULL, "only the newest N, the oldest of them first" },
	{ "json", 0, FLAG_SWITCH, NULL, NULL, "JSON, one object a line" },
	{ 0 },
};

const struct command cmd_history = {
	.name = "history",
	.args = "[TASK_ID...]",
	.summary = "shows past events, the oldest first",
	.help = "Of all tasks, or of those named; the first 6 or more characters of an id are "
		"enough where no other begins so. Reads what the monitor of this state directory "
		"has stored; needs no network and no running monitor.",
	.flags = history_flags,
	.max_args = SIZE_MAX,
	.run = history_run,
};
