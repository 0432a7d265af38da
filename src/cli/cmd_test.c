#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "deliver/hook_env.h"
#include "deliver/sink.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/sources.h"
#include "core/nearest.h"
#include "io/loop.h"
#include "io/signals.h"
#include "io/statedir.h"

#define TEST_FDS 256
#define TEST_TASK_MS 60000 /* how long the task of the sample took */

static const int interrupts[] = { SIGINT, SIGTERM, SIGHUP };

/* one sink that the sample is sent through */
struct trial {
	const struct sink_config *config; /* borrowed */
	bool chosen; /* named, or in use while none is named */
	struct sink *sink; /* own */
	struct delivery *delivery; /* own; the sample */
	int64_t begin_ms; /* mono */
	bool open; /* its result is awaited */
};

struct trials {
	struct trial *items; /* own; one for each sink of the configuration */
	struct strings secrets; /* names of variables that no hook sees */
	struct notifier *notifier; /* own; of all sinks that show on the desktop */
	size_t count;
	size_t open;
	bool failed;
};

static const char *remedy_of(const struct sink_config *config)
{
	static const char *const remedies[] = {
		[SINK_DESKTOP] = "'taskbell doctor' says what is missing",
		[SINK_LOG] = "see its path in the configuration",
		[SINK_EXEC] = "see its command in the configuration, and try it by hand",
	};

	return remedies[config->type];
}

/* one line a sink, as soon as it is known */
static void tell(struct trials *trials, struct trial *trial, const char *error)
{
	cleanup_buf struct buf line = { 0 };
	struct err err;

	text_add_safe(&line, trial->config->name);
	if (error == NULL) {
		(void)buf_addf(&line, ": delivered in %" PRId64 " ms",
			clock_now().mono_ms - trial->begin_ms);
	} else {
		(void)buf_add_text(&line, ": failed: ");
		text_add_safe(&line, error);
		(void)buf_addf(&line, " (%s)", remedy_of(trial->config));
		trials->failed = true;
	}
	out_wrapped(&line);
	(void)out_flush(&err);
	trial->open = false;
	trials->open--;
}

/* Nothing in it may be mistaken for news: no event has the id 0. */
static struct delivery *sample(const struct config *config)
{
	int64_t wall_ms = clock_now().wall_ms;
	struct event event = {
		.wall_ms = wall_ms,
		.type = EVENT_SUCCESS,
		.source = config->source_count > 0 ? config->sources[0].name : "taskbell",
		.task_id = "taskbell-test",
		.task_name = "taskbell test",
		.from = status_word(STATUS_PROCESSING),
		.to = status_word(STATUS_SUCCESS),
		.message = "This is only a test: no task has ended.",
		.created_us = (wall_ms - TEST_TASK_MS) * 1000,
		.finished_us = wall_ms * 1000,
	};
	struct delivery *delivery = mem_alloc(sizeof(*delivery));

	delivery->type = event.type;
	delivery->event = event_copy(&event);
	return delivery;
}

static void trial_begin(
	struct trials *trials, struct trial *trial, const struct config *config, const char *dir)
{
	struct sink_setup setup = {
		.config = trial->config,
		.secrets = &trials->secrets,
		.state_dir = dir,
		.notifier = trials->notifier,
		.immediate = true,
	};
	struct instant now = clock_now();
	struct err err = { 0 };
	bool good = true;

	trial->begin_ms = now.mono_ms;
	trial->open = true;
	trials->open++;
	/* a log without a path of its own lies in the state directory */
	if (trial->config->type == SINK_LOG && *trial->config->path == '\0')
		good = statedir_make(dir, &err);
	if (good)
		trial->sink = sink_new(&setup, &good, &err);
	if (!good) {
		tell(trials, trial, err.text);
		return;
	}
	trial->delivery = sample(config);
	trial->sink->ops->deliver(trial->sink, trial->delivery, now);
}

static void trial_step(struct trials *trials, struct trial *trial, struct instant now)
{
	const struct delivery *delivery = trial->delivery;

	trial->sink->ops->step(trial->sink, now);
	if (delivery->state != DELIVERY_ENDED)
		return;
	if (delivery->result == DELIVERY_DELIVERED)
		tell(trials, trial, NULL);
	else
		tell(trials, trial,
			delivery->error != NULL ? delivery->error : "it was not delivered");
}

static void trials_done(struct trials *trials)
{
	for (size_t i = 0; i < trials->count; i++) {
		sink_free(trials->items[i].sink);
		delivery_free(trials->items[i].delivery);
	}
	notifier_free(trials->notifier);
	strings_done(&trials->secrets);
}

/* until every sink has given its result; their own time limits end it */
static void trials_wait(struct trials *trials)
{
	cleanup_with(http_cleanup) struct http *http = http_new();
	struct loop loop;

	loop_open(&loop, http);
	while (trials->open > 0) {
		struct poll_fd fds[TEST_FDS + LOOP_FDS];
		struct instant now = loop.now;
		int64_t next = INSTANT_NEVER;
		size_t count = 0;

		for (size_t i = 0; i < trials->count; i++) {
			struct trial *trial = &trials->items[i];
			const struct sink_ops *ops;

			if (trial->open)
				trial_step(trials, trial, now);
			if (!trial->open)
				continue;
			ops = trial->sink->ops;
			if (ops->fds != NULL)
				count += ops->fds(trial->sink, fds + count, TEST_FDS - count);
			next = instant_earlier(next, ops->next(trial->sink, now));
		}
		if (trials->open > 0)
			loop_wait(&loop, fds, count, next);
		(void)loop_turn(&loop);
		/* programs of sinks have process groups of their own: a Ctrl-C does not reach them
		 * but through us */
		for (size_t i = 0; i < ARRAY_LEN(interrupts); i++) {
			if (signals_take(interrupts[i]) == 0)
				continue;
			trials_done(trials);
			signals_die(interrupts[i]);
		}
	}
	loop_close(&loop);
}

/* marks the sinks that are named, all when none is; false: one is not known */
static bool trials_choose(
	struct trials *trials, const struct cli *cli, const struct config *config, struct err *err)
{
	for (size_t i = 0; i < trials->count; i++) {
		trials->items[i].config = &config->sinks[i];
		trials->items[i].chosen = cli->arg_count == 0;
	}
	for (size_t i = 0; i < cli->arg_count; i++) {
		struct nearest nearest = nearest_to(cli->args[i]);
		size_t j = 0;

		while (j < config->sink_count && strcmp(config->sinks[j].name, cli->args[i]) != 0)
			nearest_offer(&nearest, config->sinks[j++].name);
		if (j == config->sink_count && nearest.best != NULL)
			return err_set(err, ERR_USAGE,
				"no sink is called '%.80s'; did you mean '%s'?", cli->args[i],
				nearest.best);
		if (j == config->sink_count)
			return err_set(err, ERR_USAGE, "no sink is called '%.80s'", cli->args[i]);
		trials->items[j].chosen = true;
	}
	return true;
}

static int test_run(struct cli *cli)
{
	static const int process[] = { SIGCHLD };
	int code = 0;
	struct err err = { 0 };
	cleanup_with(config_cleanup) struct config *config = sources_config(cli, &code);
	cleanup_free char *dir = NULL;
	cleanup_free struct trial *items = NULL;
	struct trials trials = { 0 };

	if (config == NULL)
		return code;
	items = mem_array(config->sink_count + 1, sizeof(*items));
	trials.items = items;
	trials.count = config->sink_count;
	if (!trials_choose(&trials, cli, config, &err))
		return cli_misuse(cli, "%s", err.text);
	dir = statedir_find(cli->state_dir, &err);
	if (dir == NULL || !signals_open(process, ARRAY_LEN(process), &err) ||
		!signals_open(interrupts, ARRAY_LEN(interrupts), &err))
		return cli_fail(&err);
	hook_secrets(config, &trials.secrets);
	trials.notifier = notifier_new(&trials.secrets);
	for (size_t i = 0; i < trials.count; i++)
		if (trials.items[i].chosen)
			trial_begin(&trials, &trials.items[i], config, dir);
	trials_wait(&trials);
	trials_done(&trials);
	return out_end(trials.failed ? 1 : 0);
}

static const struct flag test_flags[] = { { 0 } };

const struct command cmd_test = {
	.name = "test",
	.args = "[SINK...]",
	.summary = "sends a sample event through each sink and says what became of it",
	.help = "The sample says that it is a test; its event id is 0. Filters, quiet hours and "
		"bursts do not hold it back. Exits with 1 when a sink failed.",
	.flags = test_flags,
	.max_args = SIZE_MAX,
	.run = test_run,
};
