#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/client.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/terminal.h"
#include "cli/commands.h"
#include "cli/grid.h"
#include "cli/dedup.h"
#include "cli/out.h"
#include "cli/sources.h"
#include "cli/tasks.h"
#include "core/event.h"
#include "io/clock.h"

CLEANUP_DEFINE(dedup_cleanup, struct dedup *, dedup_free)

/* which tasks are shown */
struct choice {
	bool wanted[STATUS_COUNT];
	const char *name; /* borrowed, a glob; NULL: all */
	const char *bucket;
	int64_t limit; /* INT64_MAX: all */
};

/* as in the filters of a sink: what is not known matches "*" alone */
static bool glob_wants(const char *glob, const char *text)
{
	if (glob == NULL)
		return true;
	return text != NULL ? glob_match(glob, text) : strcmp(glob, "*") == 0;
}

static bool choice_wants(const struct choice *choice, const struct task *task)
{
	return glob_wants(choice->name, task->name) && glob_wants(choice->bucket, task->bucket);
}

static struct grid *table_new(bool sources)
{
	static const struct grid_column columns[] = {
		{ "SOURCE", GRID_LINE, 8 },
		{ "TASK ID", GRID_WHOLE, 0 },
		{ "STATUS", GRID_LINE, 15 },
		{ "NAME", GRID_LINE, 12 },
		{ "BUCKET", GRID_LINE, 8 },
		{ "CREATED", GRID_LINE, 0 },
		{ "FINISHED", GRID_LINE, 0 },
		{ NULL, GRID_LINE, 0 },
	};

	return grid_new(sources ? columns : columns + 1);
}

static void cell_time(struct grid *grid, int64_t us, int64_t now_ms, bool terminal)
{
	char text[STAMP_TEXT_MAX];

	if (us == STAMP_NONE)
		grid_cell(grid, NULL);
	else if (terminal)
		grid_cell(grid, stamp_text_local(us / 1000, now_ms, text));
	else
		grid_cell(grid, stamp_text(us, text));
}

static void print_table(const struct cli *cli, const struct client *client,
	const struct choice *choice, const struct tasks *tasks)
{
	size_t columns = terminal_columns(STDOUT_FILENO);
	bool sources = client->count > 1;
	cleanup_with(grid_cleanup) struct grid *grid = table_new(sources);
	int64_t now_ms = clock_now().wall_ms;
	int64_t left = choice->limit;

	for (size_t i = 0; i < tasks->count && left > 0; i++) {
		const struct task *task = tasks->items[i].task;

		if (!choice_wants(choice, task))
			continue;
		left--;
		if (sources)
			grid_cell(grid, client->sources[tasks->items[i].source].config->name);
		grid_cell(grid, task->id);
		grid_colored(grid, task_status_word(task),
			event_types[event_of_status(task->status)].sgr);
		grid_cell(grid, task->name);
		grid_cell(grid, task->bucket);
		cell_time(grid, task->created_us, now_ms, columns != 0);
		cell_time(grid, task->finished_us, now_ms, columns != 0);
	}
	grid_print(grid, cli->color_out, columns);
	if (left == choice->limit && client_exit_code(client) == 0)
		log_line(LOG_NOTICE, cli_given(cli, "status") || cli_given(cli, "all") ||
						     choice->name != NULL || choice->bucket != NULL
					     ? "there is no such task"
					     : "no task is queued or processing");
}

/* all of it is read before the first is shown */
static void list_whole(const struct cli *cli, struct client *client, const struct choice *choice)
{
	struct tasks tasks = { 0 };

	tasks_list(&tasks, client, choice->wanted);
	if (cli_given(cli, "json")) {
		int64_t left = choice->limit;

		for (size_t i = 0; i < tasks.count && left > 0; i++) {
			cleanup_buf struct buf line = { 0 };

			if (!choice_wants(choice, tasks.items[i].task))
				continue;
			left--;
			task_json(tasks.items[i].task,
				client->sources[tasks.items[i].source].config->name, &line);
			out_line(&line);
		}
	} else {
		print_table(cli, client, choice, &tasks);
	}
	tasks_done(&tasks);
}

struct stream {
	const struct client *client; /* borrowed */
	const struct choice *choice; /* borrowed */
	struct dedup *lines; /* borrowed */
};

static bool stream_take(void *arg, size_t source, const struct task *view)
{
	struct stream *stream = arg;

	if (!choice_wants(stream->choice, view))
		return true;
	task_json(view, stream->client->sources[source].config->name, dedup_begin(stream->lines));
	dedup_end(stream->lines, source, view->id);
	return true;
}

static bool stream_again(void *arg, size_t source)
{
	struct stream *stream = arg;

	return dedup_forget(stream->lines, source);
}

static void wanted_read(const struct cli *cli, bool wanted[STATUS_COUNT])
{
	const char *const *words;
	size_t count = cli_list(cli, "status", &words);
	bool all = cli_given(cli, "all");
	enum status status;

	for (int i = STATUS_QUEUED; i <= STATUS_PARTIAL_SUCCESS; i++)
		wanted[i] = all || (count == 0 && status_class((enum status)i) == CLASS_ACTIVE);
	for (size_t i = 0; i < count; i++)
		if (status_from_word(words[i], &status))
			wanted[status] = true;
}

static int list_run(struct cli *cli)
{
	int code = 0;
	cleanup_with(config_cleanup) struct config *config = NULL;
	cleanup_with(client_cleanup) struct client *client = NULL;
	struct choice choice = {
		.name = cli_text(cli, "name"),
		.bucket = cli_text(cli, "bucket"),
		.limit = cli_number(cli, "limit", INT64_MAX),
	};

	if (cli_given(cli, "all") && cli_given(cli, "status"))
		return cli_misuse(cli, "--all and --status exclude each other");
	if (choice.limit == 0)
		return cli_misuse(cli, "--limit: it must be at least 1");
	config = sources_config(cli, &code);
	if (config == NULL)
		return code;
	wanted_read(cli, choice.wanted);
	client = client_new(config, cli->source);
	if (cli_given(cli, "json") && choice.limit == INT64_MAX) {
		/* shown while it is read */
		struct instant now = clock_now();
		struct hash_key key = { (uint64_t)now.mono_ms,
			(uint64_t)now.wall_ms ^ (uint64_t)getpid() };
		cleanup_with(dedup_cleanup) struct dedup *lines = dedup_new(&key);
		struct stream stream = { .client = client, .choice = &choice, .lines = lines };
		struct client_taker taker = { stream_take, stream_again, &stream };

		client_list(client, choice.wanted, &taker);
		dedup_write(lines);
	} else {
		list_whole(cli, client, &choice);
	}
	code = out_end(0);
	sources_say_errors(client, LOG_ERROR);
	return code != 0 ? code : client_exit_code(client);
}

static const char *const status_words[] = {
	"queued",
	"processing",
	"success",
	"failure",
	"partial_success",
	"failed",
	NULL,
};

static const struct flag list_flags[] = {
	{ "status", 0, FLAG_LIST, "STATUS", status_words,
		"only tasks of this status; may be repeated, or a list with commas" },
	{ "all", 'a', FLAG_SWITCH, NULL, NULL, "tasks of all five statuses" },
	{ "name", 0, FLAG_TEXT, "GLOB", NULL, "only tasks whose name matches, with * ? and [...]" },
	{ "bucket", 0, FLAG_TEXT, "GLOB", NULL, "only tasks whose bucket matches" },
	{ "limit", 'n', FLAG_NUMBER, "N", NULL, "only the first N" },
	{ "json", 0, FLAG_SWITCH, NULL, NULL, "one JSON object a line" },
	{ 0 },
};

const struct command cmd_list = {
	.name = "list",
	.args = "",
	.summary = "shows the tasks there are now, straight from the API",
	.help = "Without --status or --all, those that are queued or processing. With --json, "
		"tasks are printed while the answer is read; a fault found later shows in the exit "
		"code.",
	.flags = list_flags,
	.run = list_run,
};
