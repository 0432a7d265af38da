#include <inttypes.h>
#include <signal.h>
#include <sys/types.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cli/commands.h"
#include "cli/state.h"
#include "io/clock.h"
#include "io/statedir.h"

/* the events that were named */
struct named {
	const int64_t *ids; /* borrowed */
	bool *found; /* borrowed */
	size_t count;
	size_t missing;
};

static bool find_named(void *arg, const struct event *event)
{
	struct named *named = arg;

	for (size_t i = 0; i < named->count; i++)
		if (named->ids[i] == event->id && !named->found[i]) {
			named->found[i] = true;
			named->missing--;
		}
	return named->missing > 0;
}

/* all are looked for before anything is changed */
static bool ids_known(
	const struct cli *cli, struct store *store, const int64_t *ids, struct err *err)
{
	cleanup_free bool *found = mem_alloc(cli->arg_count + 1);
	struct named named = {
		.ids = ids,
		.found = found,
		.count = cli->arg_count,
		.missing = cli->arg_count,
	};
	struct store_query query = { .source = cli->source };

	if (store != NULL && named.missing > 0 &&
		!store_history(store, &query, find_named, &named, err))
		return false;
	for (size_t i = 0; i < named.count; i++)
		if (!found[i])
			return err_set(err, ERR_USAGE,
				"there is no event %s%s%s; 'taskbell history' shows which there "
				"are",
				cli->args[i], cli->source != NULL ? " of source " : "",
				cli->source != NULL ? cli->source : "");
	return true;
}

static bool ids_read(const struct cli *cli, int64_t *ids, struct err *err)
{
	for (size_t i = 0; i < cli->arg_count; i++)
		if (!parse_int(cli->args[i], 1, INT64_MAX, &ids[i]))
			return err_set(err, ERR_USAGE, "'%.80s' is not an event id", cli->args[i]);
	return true;
}

/* an id of 0 stands for all events */
static bool revive(const struct cli *cli, struct store *store, const int64_t *ids, size_t count,
	size_t *ret, struct err *err)
{
	int64_t wall_ms = clock_now().wall_ms;

	for (size_t i = 0; i < count; i++) {
		size_t some = 0;

		if (!store_redeliver(store, ids[i], cli->source, wall_ms, &some, err))
			return false;
		if (some == 0 && ids[i] != 0)
			log_line(LOG_NOTICE, "event %" PRId64 " has no failed delivery", ids[i]);
		*ret += some;
	}
	return true;
}

static int redeliver(struct cli *cli, struct state *state, int64_t *ids)
{
	bool all = cli_given(cli, "failed");
	struct err err = { 0 };
	size_t count = 0;

	if (!ids_read(cli, ids, &err))
		return cli_misuse(cli, "%s", err.text);
	if (!state_open(state, cli, STORE_EDIT, &err))
		return cli_fail(&err);
	if (!state_knows_source(state, cli, &err) || !ids_known(cli, state->store, ids, &err))
		return err.kind == ERR_USAGE ? cli_misuse(cli, "%s", err.text) : cli_fail(&err);
	if (state->store != NULL &&
		!revive(cli, state->store, ids, all ? 1 : cli->arg_count, &count, &err))
		return cli_fail(&err);
	if (count > 0) {
		const char *what = count == 1 ? "delivery" : "deliveries";
		int64_t pid = 0;
		struct err ignored = { 0 };
		bool running = statedir_held(state->dir, &pid, &ignored);

		if (running && pid > 0)
			(void)kill((pid_t)pid, SIGUSR1);
		if (running)
			log_line(LOG_NOTICE, "%zu %s put back in the queue", count, what);
		else
			log_line(LOG_NOTICE,
				"%zu %s put back in the queue; 'taskbell watch' will take them up",
				count, what);
	} else if (all) {
		log_line(LOG_NOTICE, "no delivery has failed in %s%s%s", state->dir,
			cli->source != NULL ? " for source " : "",
			cli->source != NULL ? cli->source : "");
	}
	return 0;
}

static int redeliver_run(struct cli *cli)
{
	cleanup_free int64_t *ids = mem_array(cli->arg_count + 1, sizeof(*ids));
	struct state state = { 0 };
	int code;

	if (cli_given(cli, "failed") == (cli->arg_count > 0))
		return cli_misuse(cli, "name the events, or all by --failed");
	code = redeliver(cli, &state, ids);
	state_done(&state);
	return code;
}

static const struct flag redeliver_flags[] = {
	{ "failed", 0, FLAG_SWITCH, NULL, NULL, "every delivery that was given up" },
	{ 0 },
};

const struct command cmd_redeliver = {
	.name = "redeliver",
	.args = "EVENT_ID... | --failed",
	.summary = "puts deliveries that were given up back in the queue",
	.help = "Their attempts and age count from nothing again. A running monitor takes them up "
		"at once, else the next one does. What was delivered is not delivered again.",
	.flags = redeliver_flags,
	.max_args = SIZE_MAX,
	.run = redeliver_run,
};
