#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/client.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/sources.h"
#include "cli/tasks.h"
#include "core/event.h"
#include "core/prefix.h"
#include "io/clock.h"

enum {
	KEYS = 13, /* columns of a line before its value */
	INDENT = 2, /* of an id that has no room behind its key */
};

/* where tasks are shown */
struct page {
	const struct cli *cli; /* borrowed */
	struct client *client; /* borrowed */
	size_t columns; /* of the terminal; 0: there is none */
	int64_t now_ms;
	size_t shown; /* so many were shown */
};

static void add_text(struct buf *out, const struct page *page, const char *key, const char *text)
{
	(void)buf_addf(out, "%-*s", KEYS, key);
	text_add_wrapped(out, text != NULL ? text : "-", KEYS, KEYS, page->columns);
	(void)buf_add_char(out, '\n');
}

/* never broken, so that it can be copied */
static void add_id(struct buf *out, const struct page *page, const char *key, const char *id)
{
	cleanup_buf struct buf safe = { 0 };
	size_t width;

	text_add_safe(&safe, id != NULL ? id : "-");
	width = text_width(buf_text(&safe));
	if (page->columns == 0 || KEYS + width <= page->columns)
		(void)buf_addf(out, "%-*s%s\n", KEYS, key, buf_text(&safe));
	else
		(void)buf_addf(out, "%s\n%*s%s\n", key,
			INDENT + width <= page->columns ? INDENT : 0, "", buf_text(&safe));
}

static void add_time(struct buf *out, const struct page *page, const char *key, int64_t us)
{
	char text[STAMP_TEXT_MAX];

	if (us == STAMP_NONE)
		add_text(out, page, key, NULL);
	else
		add_text(out, page, key,
			page->columns != 0 ? stamp_text_local(us / 1000, page->now_ms, text)
					   : stamp_text(us, text));
}

static void add_task(struct buf *out, const struct page *page, const struct task *task,
	const char *source, const char *reason)
{
	char span[EVENT_SPAN_MAX];
	int64_t ms;
	cleanup_buf struct buf word = { 0 };

	add_id(out, page, "task_id:", task->id);
	add_text(out, page, "source:", source);
	add_text(out, page, "task_name:", task->name);
	text_add_wrapped(&word, task_status_word(task), KEYS, KEYS, page->columns);
	(void)buf_addf(out, "%-*s", KEYS, "status:");
	terminal_add_colored(out, buf_text(&word),
		page->cli->color_out ? event_types[event_of_status(task->status)].sgr : NULL);
	(void)buf_add_char(out, '\n');
	if (reason != NULL)
		add_text(out, page, "reason:", reason);
	add_text(out, page, "bucket:", task->bucket);
	add_id(out, page, "user_id:", task->user_id);
	add_time(out, page, "created_at:", task->created_us);
	add_time(out, page, "finished_at:", task->finished_us);
	add_text(out, page, "duration:", task_duration(task, &ms) ? event_span(ms, span) : NULL);
}

static void print_task(struct page *page, size_t source, const struct task *task)
{
	const char *name = page->client->sources[source].config->name;
	cleanup_buf struct buf text = { 0 };
	cleanup_free char *reason = NULL;

	if (cli_given(page->cli, "json")) {
		task_json(task, name, &text);
		(void)buf_add_char(&text, '\n');
	} else {
		reason = client_reason(page->client, source, task);
		(void)buf_add_text(&text, page->shown != 0 ? "\n" : "");
		add_task(&text, page, task, name, reason);
	}
	out_bytes(buf_text(&text), text.len);
	page->shown++;
}

/* shows those of the list that begin with what was typed, when that is one id */
static int show_prefix(struct page *page, const char *text, bool *ret_found)
{
	struct prefix prefix = { .text = text };
	cleanup_buf struct buf choice = { 0 };
	bool wanted[STATUS_COUNT] = { false };
	struct tasks tasks = { 0 };
	int code = 0;

	for (int i = STATUS_QUEUED; i <= STATUS_PARTIAL_SUCCESS; i++)
		wanted[i] = true;
	tasks_list(&tasks, page->client, wanted);
	for (size_t i = 0; i < tasks.count; i++)
		prefix_offer(&prefix, tasks.items[i].task->id);
	*ret_found = prefix.ids.count == 1;
	for (size_t i = 0; *ret_found && i < tasks.count; i++)
		if (strcmp(tasks.items[i].task->id, prefix.ids.items[0]) == 0)
			print_task(page, tasks.items[i].source, tasks.items[i].task);
	if (prefix.ids.count > 1) {
		prefix_add_choice(&prefix, &choice);
		code = cli_misuse(page->cli, "%s", buf_text(&choice));
	}
	prefix_done(&prefix);
	tasks_done(&tasks);
	return code;
}

/* shows it as often as sources have it; returns how many have */
static size_t show_exact(struct page *page, const char *id)
{
	struct client *client = page->client;
	struct task **tasks = mem_array(client->count, sizeof(struct task *));
	size_t found = 0;

	client_find(client, id, tasks);
	for (size_t i = 0; i < client->count; i++) {
		if (tasks[i] != NULL)
			print_task(page, i, tasks[i]);
		found += tasks[i] != NULL;
		free(tasks[i]);
	}
	free(tasks);
	return found;
}

static int not_found(const struct client *client, const char *id)
{
	log_line(LOG_ERROR, "show: no task has the id %s in %s%s; 'taskbell list --all' shows them",
		id, client->count == 1 ? "source " : "any source",
		client->count == 1 ? client->sources[0].config->name : "");
	return err_exit_code(ERR_NOT_FOUND);
}

/* the exit code of one id */
static int show_id(struct page *page, const char *id)
{
	struct client *client = page->client;
	size_t count = show_exact(page, id);
	bool found = count > 0;
	struct err err = { 0 };
	int code = 0;

	if (!found && client_exit_code(client) == 0 && prefix_usable(id))
		code = show_prefix(page, id, &found);
	(void)out_flush(&err);
	sources_say_errors(client, found ? LOG_WARN : LOG_ERROR);
	if (count > 1)
		log_line(LOG_WARN, "%s is in %zu sources; --source narrows", id, count);
	if (found || code != 0)
		return code;
	code = client_exit_code(client);
	return code != 0 ? code : not_found(client, id);
}

static int show_run(struct cli *cli)
{
	int code = 0;
	cleanup_with(config_cleanup) struct config *config = NULL;
	cleanup_with(client_cleanup) struct client *client = NULL;
	struct page page = {
		.cli = cli,
		.columns = terminal_columns(STDOUT_FILENO),
		.now_ms = clock_now().wall_ms,
	};

	for (size_t i = 0; i < cli->arg_count; i++)
		if (!task_id_valid(cli->args[i], strlen(cli->args[i])))
			return cli_misuse(cli, "'%.80s' cannot be the id of a task", cli->args[i]);
	config = sources_config(cli, &code);
	if (config == NULL)
		return code;
	client = client_new(config, cli->source);
	page.client = client;
	/* the worst code of all: those that say why something is not known are the greater */
	for (size_t i = 0; i < cli->arg_count; i++) {
		int its = show_id(&page, cli->args[i]);

		code = its > code ? its : code;
	}
	return out_end(code);
}

static const struct flag show_flags[] = {
	{ "json", 0, FLAG_SWITCH, NULL, NULL, "one JSON object a task" },
	{ 0 },
};

const struct command cmd_show = {
	.name = "show",
	.args = "TASK_ID...",
	.summary = "shows tasks, and why they failed",
	.help = "Each is looked for in every source, or in the one that --source names. When "
		"several have it, each is shown. The first 6 or more characters of an id are "
		"enough where no other begins so. Exit code 3: no source knows it.",
	.flags = show_flags,
	.min_args = 1,
	.max_args = SIZE_MAX,
	.run = show_run,
};
