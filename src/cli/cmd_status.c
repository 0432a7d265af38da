#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "watch/status.h"
#include "json/write.h"
#include "base/mem.h"
#include "base/terminal.h"
#include "cli/commands.h"
#include "cli/grid.h"
#include "cli/out.h"
#include "cli/state.h"
#include "cli/time_text.h"
#include "core/nearest.h"
#include "io/clock.h"

enum { STATUS_DEGRADED = 1, STATUS_NOT_RUNNING = 3 }; /* exit codes */

struct page {
	const struct monitor_status *status; /* borrowed */
	const struct cli *cli; /* borrowed */
	const char *dir; /* borrowed */
	int64_t now_ms;
	size_t columns; /* of the terminal; 0: there is none */
};

static void json_time(struct json_writer *json, const char *name, int64_t wall_ms)
{
	char text[STAMP_TEXT_MAX];

	json_text(json, name, wall_ms != 0 ? stamp_text_ms(wall_ms, text) : NULL);
}

static void json_source(struct buf *out, const struct source_status *source)
{
	struct json_writer json = json_begin(out);

	json_text(&json, "name", source->name);
	json_bool(&json, "healthy", !source->degraded);
	json_int(&json, "active", source->active);
	json_time(&json, "last_good", source->last_good_ms);
	json_time(&json, "next_poll", source->next_ms);
	json_time(&json, "failing_since", source->failing_ms);
	json_bool(&json, "down", source->down);
	json_text(&json, "error", source->error);
	json_end(&json);
}

static void json_sink(
	struct buf *out, const struct monitor_status *status, const struct sink_status *of)
{
	const struct store_sink *sink = &of->stored;
	struct json_writer json = json_begin(out);

	json_text(&json, "name", sink->name);
	json_bool(&json, "configured", of->configured);
	json_bool(&json, "healthy", !status_sink_degraded(sink));
	json_text(&json, "waiting", status_sink_waits(status, of));
	json_int(&json, "pending", sink->pending);
	json_int(&json, "failed", sink->failed);
	json_int(&json, "failed_last_day", sink->failed_day);
	json_time(&json, "last_success", sink->last_success_ms);
	json_time(&json, "last_failure", sink->last_failure_ms);
	json_text(&json, "error", sink->last_error);
	json_end(&json);
}

static void print_json(const struct page *page)
{
	const struct monitor_status *status = page->status;
	cleanup_buf struct buf line = { 0 };
	struct json_writer json = json_begin(&line);

	json_int(&json, "schema", 1);
	json_bool(&json, "running", status->running);
	json_bool(&json, "healthy", status_healthy(status));
	if (status->pid != 0)
		json_int(&json, "pid", status->pid);
	else
		json_null(&json, "pid");
	json_time(&json, "started_at", status->started_ms);
	json_text(&json, "state_dir", page->dir);
	json_name(&json, "sources");
	for (size_t i = 0; i < status->source_count; i++) {
		(void)buf_add_char(&line, i == 0 ? '[' : ',');
		json_source(&line, &status->sources[i]);
	}
	(void)buf_add_text(&line, status->source_count == 0 ? "[]" : "]");
	json_name(&json, "sinks");
	for (size_t i = 0; i < status->sink_count; i++) {
		(void)buf_add_char(&line, i == 0 ? '[' : ',');
		json_sink(&line, status, &status->sinks[i]);
	}
	(void)buf_add_text(&line, status->sink_count == 0 ? "[]" : "]");
	json_end(&json);
	out_line(&line);
}

static void cell_time(struct grid *grid, const struct page *page, int64_t wall_ms)
{
	cleanup_buf struct buf text = { 0 };

	time_text_add(&text, wall_ms, page->now_ms, page->columns != 0);
	grid_cell(grid, buf_text(&text));
}

static void cell_number(struct grid *grid, int64_t number)
{
	cleanup_free char *text = mem_printf("%" PRId64, number);

	grid_cell(grid, text);
}

static void print_sources(const struct page *page)
{
	static const struct grid_column columns[] = {
		{ "SOURCE", GRID_LINE, 8 },
		{ "STATE", GRID_LINE, 0 },
		{ "ACTIVE", GRID_LINE, 0 },
		{ "LAST GOOD POLL", GRID_LINE, 0 },
		{ "NEXT", GRID_LINE, 0 },
		{ "ERROR", GRID_TEXT, 0 },
		{ NULL, GRID_LINE, 0 },
	};
	cleanup_with(grid_cleanup) struct grid *grid = grid_new(columns);
	const struct monitor_status *status = page->status;

	for (size_t i = 0; i < status->source_count; i++) {
		const struct source_status *source = &status->sources[i];

		grid_cell(grid, source->name);
		if (!status->reported)
			grid_cell(grid, NULL);
		else if (source->degraded)
			grid_colored(grid, source->refused ? "refused" : "down", "31");
		else if (source->failing_ms != 0)
			grid_colored(grid, "failing", "33");
		else
			grid_colored(grid, "ok", "32");
		cell_number(grid, source->active);
		cell_time(grid, page, source->last_good_ms);
		cell_time(grid, page, source->next_ms);
		grid_cell(grid, source->error);
	}
	grid_print(grid, page->cli->color_out, page->columns);
}

static void print_sinks(const struct page *page)
{
	static const struct grid_column columns[] = {
		{ "SINK", GRID_LINE, 8 },
		{ "STATE", GRID_LINE, 0 },
		{ "PENDING", GRID_LINE, 0 },
		{ "FAILED", GRID_LINE, 0 },
		{ "LAST DELIVERY", GRID_LINE, 0 },
		{ "REASON", GRID_TEXT, 0 },
		{ NULL, GRID_LINE, 0 },
	};
	cleanup_with(grid_cleanup) struct grid *grid = grid_new(columns);

	for (size_t i = 0; i < page->status->sink_count; i++) {
		const struct sink_status *of = &page->status->sinks[i];
		const struct store_sink *sink = &of->stored;
		const char *waits = status_sink_waits(page->status, of);
		bool bad = status_sink_degraded(sink);

		grid_cell(grid, sink->name);
		if (!of->configured)
			grid_colored(grid, "unused", "33");
		else if (bad)
			grid_colored(grid, "failing", "31");
		else if (waits != NULL)
			grid_colored(grid, "waiting", "33");
		else
			grid_colored(grid, "ok", "32");
		cell_number(grid, sink->pending);
		cell_number(grid, sink->failed);
		cell_time(grid, page, sink->last_success_ms);
		grid_cell(grid, bad ? sink->last_error : waits);
	}
	grid_print(grid, page->cli->color_out, page->columns);
}

static void print_text(const struct page *page)
{
	const struct monitor_status *status = page->status;
	cleanup_buf struct buf line = { 0 };

	if (!status->running) {
		(void)buf_addf(&line, "no monitor is running for %s", page->dir);
	} else {
		(void)buf_add_text(&line, "running");
		if (status->pid != 0)
			(void)buf_addf(&line, ", process %" PRId64, status->pid);
		if (status->started_ms != 0) {
			(void)buf_add_text(&line, ", started ");
			time_text_add(&line, status->started_ms, page->now_ms, page->columns != 0);
		}
		(void)buf_add_text(&line, status_healthy(status) ? ": healthy" : ": degraded");
		if (!status->reported)
			(void)buf_add_text(&line, " (it has not told of a poll yet)");
	}
	out_wrapped(&line);
	if (page->status->source_count > 0)
		out_text("\n");
	print_sources(page);
	if (page->status->sink_count > 0)
		out_text("\n");
	print_sinks(page);
}

static int status_print(
	const struct cli *cli, const struct state *state, struct monitor_status *status)
{
	struct page page = {
		.status = status,
		.cli = cli,
		.dir = state->dir,
		.now_ms = clock_now().wall_ms,
		.columns = terminal_columns(STDOUT_FILENO),
	};
	struct err err = { 0 };

	if (!status_read(status, state->dir, state->store, page.now_ms, &err))
		return cli_fail(&err);
	if (cli->source != NULL && status->reported && status_find(status, cli->source) == NULL) {
		struct nearest nearest = nearest_to(cli->source);

		for (size_t i = 0; i < status->source_count; i++)
			nearest_offer(&nearest, status->sources[i].name);
		if (nearest.best != NULL)
			return cli_misuse(cli,
				"--source: no source is called '%.80s'; did you mean '%s'?",
				cli->source, nearest.best);
		return cli_misuse(
			cli, "--source: no source that is watched is called '%.80s'", cli->source);
	}
	if (cli->source != NULL)
		status_keep_only(status, cli->source);
	if (cli_given(cli, "json"))
		print_json(&page);
	else
		print_text(&page);
	if (!status->running)
		return out_end(STATUS_NOT_RUNNING);
	return out_end(status_healthy(status) ? 0 : STATUS_DEGRADED);
}

static int status_run(struct cli *cli)
{
	struct monitor_status status = { 0 };
	struct state state = { 0 };
	struct err err = { 0 };
	int code;

	if (!state_open(&state, cli, STORE_READ, &err))
		return cli_fail(&err);
	code = status_print(cli, &state, &status);
	monitor_status_done(&status);
	state_done(&state);
	return code;
}

static const struct flag status_flags[] = {
	{ "json", 0, FLAG_SWITCH, NULL, NULL, "one JSON object" },
	{ 0 },
};

const struct command cmd_status = {
	.name = "status",
	.args = "",
	.summary = "says how the monitor is: running, reaching its sources, delivering",
	.help = "Reads the state directory, never the network. Exits with 0 when a monitor runs and is "
		"healthy, with 1 when it is degraded, with 3 when none is running. Degraded: a source "
		"without a good poll for its down_after or that refuses us, a sink whose last "
		"attempt failed, or a delivery given up in the last 24 hours.",
	.flags = status_flags,
	.run = status_run,
};
