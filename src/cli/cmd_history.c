#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/grid.h"
#include "cli/out.h"
#include "cli/screen.h"
#include "cli/state.h"
#include "cli/when.h"
#include "io/clock.h"

/* `failed` is how some write failure (contract 5) */
#define ALIAS "failed"

static const char *const event_words[] = {
#define EVENT_WORD(name, word, about, weight, told, bad, mark, sgr) word,
	EVENTS(EVENT_WORD)
#undef EVENT_WORD
		ALIAS,
	NULL,
};

/* where events go while they are read */
struct listing {
	struct grid *grid; /* borrowed; NULL: JSON */
	bool people; /* stdout is a terminal */
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

static void add_row(struct listing *listing, const struct event *event)
{
	struct grid *grid = listing->grid;
	cleanup_buf struct buf when = { 0 };
	cleanup_buf struct buf about = { 0 };
	cleanup_free char *id = mem_printf("%" PRId64, event->id);

	when_add(&when, event->wall_ms, listing->now_ms, listing->people);
	add_about(&about, event);
	grid_cell(grid, buf_text(&when));
	grid_cell(grid, id);
	grid_colored(grid, event_info(event->type)->word, event_info(event->type)->sgr);
	grid_cell(grid, event->source);
	grid_cell(grid, event->task_id);
	grid_cell(grid, buf_text(&about));
}

static bool take_event(void *arg, const struct event *event)
{
	struct listing *listing = arg;
	cleanup_buf struct buf line = { 0 };

	listing->count++;
	if (listing->grid != NULL) {
		add_row(listing, event);
		return true;
	}
	event_json(event, &line);
	out_line(&line);
	return true;
}

static void read_types(const struct cli *cli, bool types[EVENT_COUNT])
{
	const char *const *words;
	size_t count = cli_list(cli, "status", &words);

	for (size_t i = 0; i < count; i++) {
		enum event_type type = EVENT_FAILURE;

		if (strcmp(words[i], ALIAS) != 0)
			(void)event_from_word(words[i], &type);
		types[type] = true;
	}
}

static int print_events(
	const struct cli *cli, struct store *store, const struct store_query *query, int64_t now_ms)
{
	static const char *const heads[] = {
		"TIME",
		"ID",
		"EVENT",
		"SOURCE",
		"TASK",
		"ABOUT",
		NULL,
	};
	cleanup_with(grid_cleanup) struct grid *grid =
		cli_given(cli, "json") ? NULL : grid_new(heads);
	struct listing listing = {
		.grid = grid,
		.people = isatty(STDOUT_FILENO) == 1,
		.now_ms = now_ms,
	};
	struct screen screen;
	struct err err = { 0 };

	if (!store_history(store, query, take_event, &listing, &err))
		return out_end(cli_fail(&err));
	if (listing.count == 0)
		log_line(LOG_NOTICE, "no such event is known");
	if (grid != NULL)
		grid_print(grid, cli->color_out,
			screen_size(STDOUT_FILENO, &screen) ? screen.columns : 0);
	return out_end(0);
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

	if (since != NULL && !when_parse(since, now_ms, &query.since_ms))
		return cli_misuse(cli,
			"--since: '%.80s' is neither a duration such as 2h, nor a date such as "
			"2026-11-23, nor a time such as 2026-11-23T22:40:59Z",
			since);
	if (cli_given(cli, "limit") && query.limit == 0)
		return cli_misuse(cli, "--limit: it must be at least 1");
	read_types(cli, types);
	if (!state_open(&state, cli, STORE_READ, &err))
		return cli_fail(&err);
	if (!state_knows_source(&state, cli, &err))
		code = cli_misuse(cli, "%s", err.text);
	else if (state.store != NULL)
		code = print_events(cli, state.store, &query, now_ms);
	else
		log_line(LOG_NOTICE, "nothing was watched yet: there is no state in %s", state.dir);
	state_done(&state);
	return code;
}

static const struct flag history_flags[] = {
	{ "since", 0, FLAG_TEXT, "WHEN", NULL,
		"only events since then: a duration (2h ago), a date (its midnight here), or an "
		"RFC 3339 time" },
	{ "status", 's', FLAG_LIST, "EVENT", event_words,
		"only these events; repeat it, or separate them by commas" },
	{ "limit", 'n', FLAG_NUMBER, "N", NULL, "only the newest N, the oldest of them first" },
	{ "json", 0, FLAG_SWITCH, NULL, NULL, "JSON, one object a line" },
	{ 0 },
};

const struct command cmd_history = {
	.name = "history",
	.args = "",
	.summary = "shows past events, the oldest first",
	.help = "Reads what the monitor of this state directory has stored; needs no network and "
		"no "
		"running monitor.",
	.flags = history_flags,
	.run = history_run,
};
