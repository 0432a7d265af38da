/*
 * What the completions of the shells ask: `taskbell __complete -- WORD...` prints what the last
 * word can become, one a line, with an explanation behind a tab. A first line of ":files" or
 * ":directories" leaves it to the shell. Never asks the network, writes nothing, and has no errors:
 * what cannot be read is not offered.
 */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/state.h"
#include "cli/completion_input.h"
#include "io/home.h"

#define IDS_MAX 1000 /* more is no help to anybody */
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

struct offer {
	const struct completion_input *input; /* borrowed */
	size_t lead; /* bytes of the value that stand: the items of a list before the last */
	size_t count;
};

/*
 * Is it one word in any shell, as it stands? Ids come from the network, names from the
 * configuration; what would need quoting is not offered, so that no shell can read it as more.
 */
static bool is_plain(const char *text)
{
	return strspn(text, PLAIN) > 0 && text[strspn(text, PLAIN ".:,@%+/=-")] == '\0';
}

/* offers a value, if it begins as the word does */
static void offer_value(struct offer *offer, const char *value, const char *about)
{
	const struct completion_input *input = offer->input;
	const char *begun = input->value + offer->lead;
	size_t before = (size_t)(begun - input->word);
	cleanup_buf struct buf line = { 0 };

	if (!is_plain(value) || strncmp(value, begun, strlen(begun)) != 0)
		return;
	(void)buf_add(&line, input->word, before);
	(void)buf_add_text(&line, value);
	if (about != NULL && *about != '\0') {
		(void)buf_add_char(&line, '\t');
		text_add_safe(&line, about);
	}
	out_line(&line);
	offer->count++;
}

static void offer_commands(struct offer *offer)
{
	for (size_t i = 0; commands[i] != NULL; i++)
		if (!commands[i]->hidden)
			offer_value(offer, commands[i]->name, commands[i]->summary);
}

static void offer_flags(const struct completion_input *input, const struct flag *flags)
{
	for (; flags->name != NULL; flags++) {
		cleanup_buf struct buf line = { 0 };

		if (flags->type != FLAG_LIST && completion_input_has_flag(input, flags))
			continue;
		(void)buf_addf(&line, "--%s", flags->name);
		if (strncmp(buf_text(&line), input->word, strlen(input->word)) != 0)
			continue;
		(void)buf_addf(&line, "\t%s", flags->help);
		out_line(&line);
	}
}

static void offer_options(const struct completion_input *input)
{
	if (input->command != NULL)
		offer_flags(input, input->command->flags);
	offer_flags(input, global_flags);
}

/* is it already an item of the list that is being typed? */
static bool has_item(const struct offer *offer, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = offer->input->value; at < offer->input->value + offer->lead;) {
		size_t item = strcspn(at, ",");

		if (item == len && memcmp(at, word, len) == 0)
			return true;
		at += item + 1;
	}
	return false;
}

/* the words stand here as they were typed, and no shell has expanded them yet; owned */
static char *expand(const char *path)
{
	return path != NULL ? home_path(path) : NULL;
}

static struct config *read_config(const struct completion_input *input)
{
	cleanup_free char *path = expand(input->config_path);

	return cli_config_quiet(path);
}

static void offer_sinks(struct offer *offer)
{
	static const char *const source_types[] = {
		[SINK_DESKTOP] = "desktop",
		[SINK_LOG] = "log",
		[SINK_EXEC] = "exec",
	};
	cleanup_with(config_cleanup) struct config *config = read_config(offer->input);

	for (size_t i = 0; config != NULL && i < config->sink_count; i++)
		if (!completion_input_has(offer->input, config->sinks[i].name))
			offer_value(
				offer, config->sinks[i].name, source_types[config->sinks[i].type]);
}

static void offer_sources(struct offer *offer)
{
	cleanup_with(config_cleanup) struct config *config = read_config(offer->input);

	for (size_t i = 0; config != NULL && i < config->source_count; i++)
		offer_value(offer, config->sources[i].name, config->sources[i].base_url);
}

static bool take_task(void *arg, const char *source, const struct task *task)
{
	struct offer *offer = arg;

	(void)source;
	if (!completion_input_has(offer->input, task->id))
		offer_value(offer, task->id, task->name);
	return offer->count < IDS_MAX;
}

/* the tasks that were active when the monitor last looked */
static void offer_tasks(struct offer *offer)
{
	cleanup_free char *dir = expand(offer->input->state_dir);
	const struct cli cli = { .state_dir = dir };
	struct state state = { 0 };
	struct err err;

	if (state_open(&state, &cli, STORE_READ, &err) && state.store != NULL)
		(void)store_active(state.store, offer->input->source, take_task, offer, &err);
	state_done(&state);
}

static void offer_files(struct offer *offer)
{
	(void)offer;
	out_text(":files\n");
}

static void offer_directories(struct offer *offer)
{
	(void)offer;
	out_text(":directories\n");
}

/* by what help calls a value or an argument */
static const struct kind_of_value {
	const char *name;
	void (*offer)(struct offer *offer);
} kinds_of_value[] = {
	{ "TASK_ID", offer_tasks },
	{ "SINK", offer_sinks },
	{ "NAME", offer_sources },
	{ "COMMAND", offer_commands },
	{ "FILE", offer_files },
	{ "DIR", offer_directories },
};

static const struct kind_of_value *kind_of(const char *called)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds_of_value); i++)
		if (strstr(called, kinds_of_value[i].name) != NULL)
			return &kinds_of_value[i];
	return NULL;
}

/* an argument; where none fits, the options */
static void offer_argument(struct offer *offer)
{
	const struct completion_input *input = offer->input;
	const struct command *command = input->command;
	const struct kind_of_value *kind = command != NULL ? kind_of(command->args) : NULL;

	if (input->unknown)
		return;
	if (command == NULL)
		offer_commands(offer);
	else if (kind != NULL && input->arg_count < command->max_args)
		kind->offer(offer);
	else if (!input->ended && *input->word == '\0')
		offer_options(input);
}

static int complete_run(struct cli *cli)
{
	struct completion_input input = completion_input_read(cli->args, cli->arg_count);
	struct offer offer = { .input = &input };

	log_setup(LOG_PLAIN, LOG_ERROR, NULL);
	if (input.flag != NULL) {
		const struct flag *flag = offer.input->flag;
		const struct kind_of_value *kind = flag->arg != NULL ? kind_of(flag->arg) : NULL;

		if (flag->words != NULL) {
			const char *comma = strrchr(offer.input->value, ',');

			if (flag->type == FLAG_LIST && comma != NULL)
				offer.lead = (size_t)(comma - offer.input->value) + 1;
			for (size_t i = 0; flag->words[i] != NULL; i++)
				if (!has_item(&offer, flag->words[i]))
					offer_value(&offer, flag->words[i], NULL);
		} else if (kind != NULL) {
			kind->offer(&offer);
		}
	} else if (!input.ended && input.word[0] == '-') {
		offer_options(&input);
	} else {
		offer_argument(&offer);
	}
	return out_end(0);
}

static const struct flag complete_flags[] = { { 0 } };

const struct command cmd_complete = {
	.name = "__complete",
	.args = "-- WORD...",
	.summary = "prints what the last word of a command line can become",
	.help = "",
	.flags = complete_flags,
	.min_args = 1,
	.max_args = SIZE_MAX,
	.run = complete_run,
	.hidden = true,
};
