#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/client.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/out.h"
#include "cli/screen.h"
#include "cli/sources.h"
#include "cli/table.h"
#include "io/clock.h"

CLEANUP_DEFINE(lines_cleanup, struct lines *, lines_free)

/* a task of the table, and where it stands */
struct entry {
	struct task *task; /* own; NULL: it stands again further down */
	size_t source;
	size_t place; /* in the order of arrival */
};

struct entries {
	struct entry *items; /* own */
	size_t count;
	size_t cap;
};

static void entries_done(struct entries *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		free(entries->items[i].task);
	free(entries->items);
}

static bool entries_take(void *arg, size_t source, const struct task *view)
{
	struct entries *entries = arg;

	entries->items = mem_grow(
		entries->items, &entries->cap, entries->count + 1, sizeof(*entries->items));
	entries->items[entries->count] = (struct entry){ task_copy(view), source, entries->count };
	entries->count++;
	return true;
}

static bool entries_again(void *arg, size_t source)
{
	struct entries *entries = arg;
	size_t kept = 0;

	for (size_t i = 0; i < entries->count; i++) {
		if (entries->items[i].source == source)
			free(entries->items[i].task);
		else
			entries->items[kept++] = entries->items[i];
	}
	entries->count = kept;
	return true;
}

static int entry_by_id(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;
	int order = x->source != y->source ? (x->source < y->source ? -1 : 1)
					   : strcmp(x->task->id, y->task->id);

	return order != 0 ? order : x->place < y->place ? -1 : 1;
}

static int entry_by_place(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;

	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* an id that stands twice counts once, as it stands last */
static void entries_unique(struct entries *entries)
{
	size_t kept = 0;

	if (entries->count == 0)
		return;
	qsort(entries->items, entries->count, sizeof(*entries->items), entry_by_id);
	for (size_t i = 0; i < entries->count; i++) {
		const struct entry *next = i + 1 < entries->count ? &entries->items[i + 1] : NULL;

		if (next != NULL && next->source == entries->items[i].source &&
			strcmp(next->task->id, entries->items[i].task->id) == 0)
			free(entries->items[i].task);
		else
			entries->items[kept++] = entries->items[i];
	}
	entries->count = kept;
	qsort(entries->items, kept, sizeof(*entries->items), entry_by_place);
}

static void print_table(
	const struct cli *cli, const struct client *client, const struct entries *entries)
{
	cleanup_free struct table_row *rows = mem_resize(NULL, entries->count, sizeof(*rows));
	struct table_view view = {
		.color = cli->color_out,
		.sources = client->count > 1,
		.now_us = clock_now().wall_ms * 1000,
	};
	cleanup_buf struct buf text = { 0 };
	struct screen screen;

	view.terminal = isatty(STDOUT_FILENO) == 1;
	(void)screen_size(STDOUT_FILENO, &screen);
	view.columns = screen.columns;
	for (size_t i = 0; i < entries->count; i++)
		rows[i] = (struct table_row){
			.source = client->sources[entries->items[i].source].config->name,
			.task = entries->items[i].task,
		};
	table_render(rows, entries->count, &view, &text);
	out_bytes(buf_text(&text), text.len);
}

static void list_table(
	const struct cli *cli, struct client *client, const bool wanted[STATUS_COUNT])
{
	struct entries entries = { 0 };
	struct client_taker taker = { entries_take, entries_again, &entries };

	client_list(client, wanted, &taker);
	/* an answer that is not valid as a whole does not count */
	for (size_t i = 0; i < client->count; i++)
		if (client->sources[i].err.kind != ERR_NONE)
			(void)entries_again(&entries, i);
	entries_unique(&entries);
	print_table(cli, client, &entries);
	if (entries.count == 0 && client_exit_code(client) == 0)
		log_line(LOG_NOTICE, cli_given(cli, "status") || cli_given(cli, "all")
					     ? "there is no such task"
					     : "no task is queued or processing");
	entries_done(&entries);
}

struct stream {
	const struct client *client; /* borrowed */
	struct lines *lines; /* borrowed */
};

static bool stream_take(void *arg, size_t source, const struct task *view)
{
	struct stream *stream = arg;

	task_json(view, stream->client->sources[source].config->name, lines_begin(stream->lines));
	lines_end(stream->lines, source, view->id);
	return true;
}

static bool stream_again(void *arg, size_t source)
{
	struct stream *stream = arg;

	return lines_forget(stream->lines, source);
}

static void list_json(struct client *client, const bool wanted[STATUS_COUNT])
{
	struct instant now = clock_now();
	struct hash_key key = { (uint64_t)now.mono_ms, (uint64_t)now.wall_ms ^ (uint64_t)getpid() };
	cleanup_with(lines_cleanup) struct lines *lines = lines_new(&key);
	struct stream stream = { .client = client, .lines = lines };
	struct client_taker taker = { stream_take, stream_again, &stream };

	client_list(client, wanted, &taker);
	lines_write(lines);
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
	cleanup_with(config_cleanup) struct config *config = sources_config(cli, &code);
	cleanup_with(client_cleanup) struct client *client = NULL;
	bool wanted[STATUS_COUNT] = { false };

	if (config == NULL)
		return code;
	wanted_read(cli, wanted);
	client = client_new(config, cli->source);
	if (cli_given(cli, "json"))
		list_json(client, wanted);
	else
		list_table(cli, client, wanted);
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
	{ "json", 0, FLAG_SWITCH, NULL, NULL, "one JSON object a line" },
	{ 0 },
};

const struct command cmd_list = {
	.name = "list",
	.args = "",
	.summary = "shows the tasks there are now, straight from the API",
	.help = "Without --status or --all, those that are queued or processing. With --json, "
		"tasks are "
		"printed while the answer is read; a fault found later shows in the exit code.",
	.flags = list_flags,
	.run = list_run,
};
