#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/sources.h"
#include "cli/wait_ids.h"
#include "cli/wait_loop.h"
#include "io/clock.h"

#define WAIT_INTERVAL_MIN_MS 100 /* as `interval` in the configuration */
#define WAIT_INTERVAL_MAX_MS (24 * 3600 * 1000LL)

enum missing { MISSING_WAIT, MISSING_FAIL };

static int wait_check(const struct cli *cli, const struct waiter_setup *setup)
{
	if (setup->any && setup->fail_fast)
		return cli_misuse(cli, "--any and --fail-fast exclude each other");
	if (cli_given(cli, "interval") && (setup->interval_ms < WAIT_INTERVAL_MIN_MS ||
						  setup->interval_ms > WAIT_INTERVAL_MAX_MS))
		return cli_misuse(cli, "--interval is at least 100ms and at most 1d");
	return 0;
}

/* the ids of the command line and of what it names; 0: all is well */
static int ids_collect(const struct cli *cli, struct strings *ids, int64_t timeout_ms)
{
	const char *from = cli_text(cli, "from");
	int64_t deadline_ms = timeout_ms > 0 ? clock_now().mono_ms + timeout_ms : INSTANT_NEVER;
	struct err err = { 0 };
	bool good = true;

	for (size_t i = 0; i < cli->arg_count && good; i++)
		good = strcmp(cli->args[i], "-") == 0 ? wait_ids_read(ids, "-", deadline_ms, &err)
						      : wait_ids_add(ids, cli->args[i], &err);
	if (good && from != NULL)
		good = wait_ids_read(ids, from, deadline_ms, &err);
	if (!good && err.kind == ERR_USAGE)
		return cli_misuse(cli, "%s", err.text);
	if (!good) {
		log_line(LOG_ERROR, "%s", err.text);
		return WAITER_TIMED_OUT;
	}
	/* an empty list is not the wish to wait for everybody's tasks */
	if (ids->count == 0 && (cli->arg_count != 0 || from != NULL)) {
		log_line(LOG_ERROR, "the list of ids is empty: there is nothing to wait for");
		return err_exit_code(ERR_NOT_FOUND);
	}
	return 0;
}

static int wait_run(struct cli *cli)
{
	cleanup_with(strings_done) struct strings ids = { 0 };
	struct waiter_setup setup = {
		.only_source = cli->source,
		.any = cli_given(cli, "any"),
		.fail_fast = cli_given(cli, "fail-fast"),
		.fail_missing = cli_word(cli, "missing", MISSING_FAIL) == MISSING_FAIL,
		.timeout_ms = cli_number(cli, "timeout", WAITER_FOR_EVER),
		.interval_ms = cli_number(cli, "interval", 0),
		.unreachable_ms = cli_number(cli, "unreachable-after", 0),
		.fields = cli_given(cli, "json"),
		/* a line on a terminal says why, and --quiet is of what is said besides */
		.reasons = !cli->quiet || isatty(STDOUT_FILENO) == 1,
	};
	int64_t begun_ms = clock_now().mono_ms;
	int code = wait_check(cli, &setup);
	cleanup_with(config_cleanup) struct config *config = NULL;

	if (code == 0)
		code = ids_collect(cli, &ids, setup.timeout_ms);
	if (code == 0)
		config = sources_config(cli, &code);
	if (config == NULL)
		return code;
	/* what it took to read the ids counts */
	if (setup.timeout_ms > 0)
		setup.timeout_ms -= clock_now().mono_ms - begun_ms;
	if (setup.timeout_ms <= 0 && cli_number(cli, "timeout", 0) > 0)
		setup.timeout_ms = 1;
	setup.config = config;
	setup.ids = ids.items;
	setup.id_count = ids.count;
	return wait_loop_run(cli, &setup);
}

static const char *const missing_words[] = {
	[MISSING_WAIT] = "wait",
	[MISSING_FAIL] = "fail",
	NULL,
};

static const char *const progress_words[] = {
	[PROGRESS_AUTO] = "auto",
	[PROGRESS_PLAIN] = "plain",
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
	{ "from", 0, FLAG_TEXT, "FILE", NULL, "read ids from it too, one a line; -: stdin" },
	{ "progress", 0, FLAG_WORD, "HOW", progress_words,
		"a line that moves on a terminal, or plain lines only" },
	{ "bell", 0, FLAG_SWITCH, NULL, NULL, "ring the terminal's bell at the end" },
	{ "json", 0, FLAG_SWITCH, NULL, NULL, "one JSON object for each task that ends" },
	{ 0 },
};

const struct command cmd_wait = {
	.name = "wait",
	.args = "[TASK_ID...|-]",
	.summary = "blocks until tasks have ended",
	.help = "Without ids, for all tasks that are active at the first poll; with -, for those "
		"on stdin, one a line. As each ends, TASK_ID STATUS is printed, and on a terminal "
		"its name, how long it took and why it failed. Exit code 0: all succeeded; 1: one "
		"failed; 3: one is missing or gone, or there was none to wait for; 2: one "
		"succeeded only in part; 64: wrong usage; 69: the API cannot be reached; 74: "
		"stdout cannot be written; 76: its answers make no sense; 77: it refused the key, "
		"or there is none; 78: wrong configuration; 124: --timeout ran out; 130, 143: "
		"ended by INT, TERM.",
	.flags = wait_flags,
	.max_args = SIZE_MAX,
	.run = wait_run,
};
