#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/client.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/sources.h"
#include "cli/table.h"
#include "core/event.h"
#include "io/clock.h"

#define SHOW_KEYS "%-13s"

static void add_key(struct buf *out, const char *key)
{
	(void)buf_addf(out, SHOW_KEYS, key);
}

static void add_text(struct buf *out, const char *key, const char *text)
{
	add_key(out, key);
	text_add_safe(out, text != NULL ? text : "-");
	(void)buf_add_char(out, '\n');
}

/* a moment stays exact on a terminal too: `list` has the short form */
static void add_time(struct buf *out, const char *key, int64_t us, const struct table_view *view)
{
	struct table_view exact = *view;

	exact.terminal = false;
	add_key(out, key);
	table_add_time(out, us, &exact);
	if (view->terminal && us != STAMP_NONE) {
		(void)buf_add_text(out, " (");
		table_add_time(out, us, view);
		(void)buf_add_char(out, ')');
	}
	(void)buf_add_char(out, '\n');
}

static void add_duration(struct buf *out, const struct task *task)
{
	char span[EVENT_SPAN_MAX];
	int64_t ms;

	add_text(out, "duration:", task_duration(task, &ms) ? event_span(ms, span) : NULL);
}

static void add_task(
	struct buf *out, const struct task *task, const char *source, const struct table_view *view)
{
	add_text(out, "task_id:", task->id);
	add_text(out, "source:", source);
	add_text(out, "task_name:", task->name);
	add_key(out, "status:");
	table_add_status(out, task, 0, view->color);
	(void)buf_add_char(out, '\n');
	add_text(out, "bucket:", task->bucket);
	add_text(out, "user_id:", task->user_id);
	add_time(out, "created_at:", task->created_us, view);
	add_time(out, "finished_at:", task->finished_us, view);
	add_duration(out, task);
}

/* prints what was found; returns in how many sources that was */
static size_t print_found(const struct cli *cli, const struct client *client, struct task **tasks)
{
	struct table_view view = {
		.terminal = isatty(STDOUT_FILENO) == 1,
		.color = cli->color_out,
		.now_us = clock_now().wall_ms * 1000,
	};
	size_t found = 0;

	for (size_t i = 0; i < client->count; i++) {
		const char *source = client->sources[i].config->name;
		cleanup_buf struct buf text = { 0 };

		if (tasks[i] == NULL)
			continue;
		if (cli_given(cli, "json")) {
			task_json(tasks[i], source, &text);
			(void)buf_add_char(&text, '\n');
		} else {
			(void)buf_add_text(&text, found != 0 ? "\n" : "");
			add_task(&text, tasks[i], source, &view);
		}
		out_bytes(buf_text(&text), text.len);
		found++;
	}
	return found;
}

static int show_id(const struct cli *cli, struct client *client, const char *id)
{
	struct task **tasks = mem_array(client->count, sizeof(struct task *));
	size_t found;
	int code;

	client_find(client, id, tasks);
	found = print_found(cli, client, tasks);
	for (size_t i = 0; i < client->count; i++)
		free(tasks[i]);
	free(tasks);
	code = out_end(0);
	sources_say_errors(client, found != 0 ? LOG_WARN : LOG_ERROR);
	if (found > 1)
		log_line(LOG_WARN, "%s is in %zu sources; --source narrows", id, found);
	if (code != 0 || found != 0)
		return code;
	code = client_exit_code(client);
	if (code != 0)
		return code;
	log_line(LOG_ERROR, "show: no task has the id %s in %s%s; 'taskbell list --all' shows them",
		id, client->count == 1 ? "source " : "any source",
		client->count == 1 ? client->sources[0].config->name : "");
	return err_exit_code(ERR_NOT_FOUND);
}

static int show_run(struct cli *cli)
{
	const char *id = cli->args[0];
	int code = 0;
	cleanup_with(config_cleanup) struct config *config = NULL;
	cleanup_with(client_cleanup) struct client *client = NULL;

	if (!task_id_valid(id, strlen(id)))
		return cli_misuse(cli, "'%.80s' cannot be the id of a task", id);
	config = sources_config(cli, &code);
	if (config == NULL)
		return code;
	client = client_new(config, cli->source);
	return show_id(cli, client, id);
}

static const struct flag show_flags[] = {
	{ "json", 0, FLAG_SWITCH, NULL, NULL, "one JSON object" },
	{ 0 },
};

const struct command cmd_show = {
	.name = "show",
	.args = "TASK_ID",
	.summary = "shows one task",
	.help = "It is looked for in every source, or in the one that --source names. When several "
		"have it, "
		"each is shown. Exit code 3: no source knows it.",
	.flags = show_flags,
	.min_args = 1,
	.max_args = 1,
	.run = show_run,
};
