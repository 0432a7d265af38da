#include "cli/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "core/nearest.h"
#include "cli/color.h"

/* the value of one flag of the command; rows as in command->flags */
struct flag_value {
	bool given;
	const char *text; /* borrowed */
	int64_t number;
	int word;
	char **items; /* own, each own */
	size_t item_count;
	size_t item_cap;
};

enum global {
	GLOBAL_CONFIG,
	GLOBAL_STATE_DIR,
	GLOBAL_SOURCE,
	GLOBAL_QUIET,
	GLOBAL_VERBOSE,
	GLOBAL_COLOR,
	GLOBAL_HELP,
	GLOBAL_VERSION,
	GLOBAL_COUNT
};

static const char *const color_words[] = {
	[COLOR_AUTO] = "auto",
	[COLOR_ALWAYS] = "always",
	[COLOR_NEVER] = "never",
	NULL,
};

const struct flag global_flags[] = {
	[GLOBAL_CONFIG] = { "config", 'c', FLAG_TEXT, "FILE", NULL,
		"read this configuration file" },
	[GLOBAL_STATE_DIR] = { "state-dir", 0, FLAG_TEXT, "DIR", NULL,
		"keep or find the state there" },
	[GLOBAL_SOURCE] = { "source", 0, FLAG_TEXT, "NAME", NULL, "only this source" },
	[GLOBAL_QUIET] = { "quiet", 'q', FLAG_SWITCH, NULL, NULL, "say nothing but errors" },
	[GLOBAL_VERBOSE] = { "verbose", 'v', FLAG_SWITCH, NULL, NULL, "say more on stderr" },
	[GLOBAL_COLOR] = { "color", 0, FLAG_WORD, "WHEN", color_words, "colours on a terminal" },
	[GLOBAL_HELP] = { "help", 'h', FLAG_SWITCH, NULL, NULL, "show help, and do nothing else" },
	[GLOBAL_VERSION] = { "version", 'V', FLAG_SWITCH, NULL, NULL, "show the version" },
	[GLOBAL_COUNT] = { 0 },
};

struct parser {
	struct cli *cli;
	char **next; /* the words that are still to be read */
	bool help;
	bool version;
	int color;
	bool stopped; /* what follows cannot be understood any more */
	struct err *err;
};

/* one flag as it stands on the command line */
struct spelled {
	const struct flag *flag; /* NULL: nobody knows it */
	bool global;
	char name[72]; /* with its dashes, for messages; cut to fit */
};

static void spell(struct spelled *spelled, const char *dashes, const char *name, size_t len)
{
	size_t room = sizeof(spelled->name) - strlen(dashes) - 1;

	memcpy(spelled->name, dashes, strlen(dashes) + 1);
	strncat(spelled->name, name, len < room ? len : room);
}

static int word_index(const char *const *words, const char *text)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	return -1;
}

static bool word_unknown(const struct spelled *spelled, const char *text, struct err *err)
{
	struct nearest nearest = nearest_to(text);
	cleanup_buf struct buf all = { 0 };

	for (size_t i = 0; spelled->flag->words[i] != NULL; i++)
		nearest_offer(&nearest, spelled->flag->words[i]);
	if (nearest.best != NULL)
		return err_set(err, ERR_USAGE, "%s: '%.80s' is not known; did you mean '%s'?",
			spelled->name, text, nearest.best);
	for (size_t i = 0; spelled->flag->words[i] != NULL; i++)
		(void)buf_addf(&all, "%s%s", i != 0 ? ", " : "", spelled->flag->words[i]);
	return err_set(
		err, ERR_USAGE, "%s: '%.80s' is none of %s", spelled->name, text, buf_text(&all));
}

/* reads value->text as the type of the flag says */
static bool value_read(struct flag_value *value, const struct spelled *spelled, struct err *err)
{
	const struct flag *flag = spelled->flag;

	switch (flag->type) {
	case FLAG_SWITCH:
	case FLAG_TEXT:
		return true;
	case FLAG_DURATION:
		return parse_duration(value->text, &value->number) ||
		       err_set(err, ERR_USAGE,
			       "%s: '%.80s' is not a duration such as 500ms, 30s, 5m, 2h or 1d",
			       spelled->name, value->text);
	case FLAG_NUMBER:
		return parse_int(value->text, 0, INT64_MAX, &value->number) ||
		       err_set(err, ERR_USAGE, "%s: '%.80s' is not a whole number", spelled->name,
			       value->text);
	case FLAG_WORD:
		value->word = word_index(flag->words, value->text);
		return value->word >= 0 || word_unknown(spelled, value->text, err);
	case FLAG_LIST:
		for (const char *text = value->text;; text++) {
			size_t len = strcspn(text, ",");

			if (len == 0)
				return err_set(err, ERR_USAGE, "%s: '%.80s' has an empty item",
					spelled->name, value->text);
			value->items = mem_grow(value->items, &value->item_cap,
				value->item_count + 1, sizeof(*value->items));
			value->items[value->item_count++] = mem_strndup(text, len);
			if (spelled->flag->words != NULL &&
				word_index(spelled->flag->words,
					value->items[value->item_count - 1]) < 0)
				return word_unknown(
					spelled, value->items[value->item_count - 1], err);
			text += len;
			if (*text == '\0')
				return true;
		}
	}
	return err_set(err, ERR_SOFTWARE, "%s has no type", spelled->name);
}

static void global_set(struct parser *parser, enum global which, const struct flag_value *value)
{
	struct cli *cli = parser->cli;

	switch (which) {
	case GLOBAL_CONFIG:
		cli->config_path = value->text;
		break;
	case GLOBAL_STATE_DIR:
		cli->state_dir = value->text;
		break;
	case GLOBAL_SOURCE:
		cli->source = value->text;
		break;
	case GLOBAL_QUIET:
	case GLOBAL_VERBOSE:
		cli->quiet = which == GLOBAL_QUIET;
		cli->verbose = which == GLOBAL_VERBOSE;
		break;
	case GLOBAL_COLOR:
		parser->color = value->word;
		break;
	case GLOBAL_HELP:
		parser->help = true;
		break;
	case GLOBAL_VERSION:
		parser->version = true;
		break;
	case GLOBAL_COUNT:
		break;
	}
}

/* `text` is NULL for a switch */
static bool flag_set(struct parser *parser, const struct spelled *spelled, const char *text)
{
	struct flag_value global = { 0 };
	struct flag_value *value = &global;

	if (!spelled->global)
		value = &parser->cli->values[spelled->flag - parser->cli->command->flags];
	value->given = true;
	value->text = text;
	if (!value_read(value, spelled, parser->err))
		return false;
	if (value == &global)
		global_set(parser, (enum global)(spelled->flag - global_flags), value);
	return true;
}

/* takes the value that a flag needs: what is attached to it, else the next word */
static bool flag_take(struct parser *parser, const struct spelled *spelled, const char *attached)
{
	const char *text = attached;

	if (text == NULL && *parser->next != NULL)
		text = *parser->next++;
	if (text == NULL || *text == '\0')
		return err_set(parser->err, ERR_USAGE, "option '%s' needs a value: %s",
			spelled->name, spelled->flag->arg);
	return flag_set(parser, spelled, text);
}

static const struct flag *flag_find(const struct flag *flags, const char *name, size_t len)
{
	for (; flags->name != NULL; flags++)
		if (strlen(flags->name) == len && strncmp(flags->name, name, len) == 0)
			return flags;
	return NULL;
}

static const struct flag *letter_find(const struct flag *flags, char letter)
{
	for (; flags->name != NULL; flags++)
		if (flags->letter == letter)
			return flags;
	return NULL;
}

const struct flag *cli_flag(const struct command *command, const char *name, size_t len)
{
	const struct flag *flag = command != NULL ? flag_find(command->flags, name, len) : NULL;

	return flag != NULL ? flag : flag_find(global_flags, name, len);
}

const struct flag *cli_letter(const struct command *command, char letter)
{
	const struct flag *flag = command != NULL ? letter_find(command->flags, letter) : NULL;

	return flag != NULL ? flag : letter_find(global_flags, letter);
}

static bool is_global(const struct flag *flag)
{
	for (size_t i = 0; i < GLOBAL_COUNT; i++)
		if (flag == &global_flags[i])
			return true;
	return false;
}

static bool parse_long(struct parser *parser, const char *word)
{
	const char *name = word + 2;
	size_t len = strcspn(name, "=");
	const char *attached = name[len] == '=' ? name + len + 1 : NULL;
	struct spelled spelled = { 0 };

	spell(&spelled, "--", name, len);
	spelled.flag = cli_flag(parser->cli->command, name, len);
	spelled.global = is_global(spelled.flag);
	if (spelled.flag == NULL) {
		const struct command *command = parser->cli->command;
		struct nearest nearest = nearest_to(spelled.name + 2);

		for (const struct flag *f = command != NULL ? command->flags : NULL;
			f != NULL && f->name != NULL; f++)
			nearest_offer(&nearest, f->name);
		for (const struct flag *f = global_flags; f->name != NULL; f++)
			nearest_offer(&nearest, f->name);
		if (nearest.best != NULL)
			return err_set(parser->err, ERR_USAGE,
				"unknown option '%s'; did you mean '--%s'?", spelled.name,
				nearest.best);
		return err_set(parser->err, ERR_USAGE, "unknown option '%s'%s", spelled.name,
			command == NULL ? "; options of a command stand after it" : "");
	}
	if (spelled.flag->type != FLAG_SWITCH)
		return flag_take(parser, &spelled, attached);
	if (attached != NULL)
		return err_set(parser->err, ERR_USAGE, "option '%s' takes no value", spelled.name);
	return flag_set(parser, &spelled, NULL);
}

/* a cluster such as -qv or -cFILE */
static bool parse_short(struct parser *parser, const char *letters)
{
	for (; *letters != '\0'; letters++) {
		struct spelled spelled = { 0 };

		spell(&spelled, "-", letters, 1);
		spelled.flag = cli_letter(parser->cli->command, *letters);
		spelled.global = is_global(spelled.flag);
		if (spelled.flag == NULL)
			return err_set(parser->err, ERR_USAGE, "unknown option '%s'", spelled.name);
		if (spelled.flag->type != FLAG_SWITCH)
			return flag_take(parser, &spelled, letters[1] != '\0' ? letters + 1 : NULL);
		if (!flag_set(parser, &spelled, NULL))
			return false;
	}
	return true;
}

const struct command *cli_command(const char *name, struct err *err)
{
	struct nearest nearest = nearest_to(name);

	for (size_t i = 0; commands[i] != NULL; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
		if (!commands[i]->hidden)
			nearest_offer(&nearest, commands[i]->name);
	}
	if (nearest.best != NULL)
		(void)err_set(err, ERR_USAGE, "unknown command '%.80s'; did you mean '%s'?", name,
			nearest.best);
	else
		(void)err_set(err, ERR_USAGE, "unknown command '%.80s'", name);
	return NULL;
}

static bool parse_argument(struct parser *parser, char *word)
{
	struct cli *cli = parser->cli;

	if (cli->command != NULL) {
		cli->args[cli->arg_count++] = word;
		return true;
	}
	cli->command = cli_command(word, parser->err);
	if (cli->command == NULL) {
		parser->stopped = true;
		return false;
	}
	while (cli->command->flags[cli->value_count].name != NULL)
		cli->value_count++;
	cli->values = mem_array(cli->value_count + 1, sizeof(*cli->values));
	return true;
}

static bool parse_word(struct parser *parser, char *word)
{
	if (word[0] != '-' || word[1] == '\0')
		return parse_argument(parser, word);
	return word[1] == '-' ? parse_long(parser, word) : parse_short(parser, word + 1);
}

/* on a fault the rest is still read: help that is asked for behind it is given */
static void parse_words(struct parser *parser, struct err *err)
{
	bool options = true;
	struct err first = { 0 };

	while (*parser->next != NULL && !parser->stopped) {
		char *word = *parser->next++;
		bool good = true;

		if (options && strcmp(word, "--") == 0)
			options = false;
		else
			good = options ? parse_word(parser, word) : parse_argument(parser, word);
		if (!good && first.kind == ERR_NONE)
			first = *err;
	}
	*err = first;
}

static bool args_fit(const struct cli *cli, struct err *err)
{
	const struct command *command = cli->command;

	if (cli->arg_count < command->min_args)
		return err_set(err, ERR_USAGE, "an argument is missing: %s", command->args);
	if (cli->arg_count <= command->max_args)
		return true;
	return err_set(err, ERR_USAGE, "%s: '%.80s'",
		command->max_args == 0 ? "takes no arguments" : "one argument too many",
		cli->args[command->max_args]);
}

enum parse_result cli_parse(struct cli *cli, int argc, char **argv, struct err *err)
{
	struct parser parser = { .cli = cli, .next = argv + (argc > 0), .err = err };

	*cli = (struct cli){ 0 };
	cli->args = mem_array((size_t)argc + 1, sizeof(*cli->args));
	parse_words(&parser, err);
	cli->color_out = color_wanted((enum color_when)parser.color, 1);
	cli->color_err = color_wanted((enum color_when)parser.color, 2);
	if (parser.stopped)
		return PARSE_WRONG;
	if (parser.help)
		return PARSE_HELP;
	if (err->kind != ERR_NONE)
		return PARSE_WRONG;
	if (parser.version)
		return PARSE_VERSION;
	if (cli->command == NULL)
		return PARSE_NOTHING;
	return args_fit(cli, err) ? PARSE_RUN : PARSE_WRONG;
}

void cli_done(struct cli *cli)
{
	for (size_t i = 0; i < cli->value_count; i++) {
		for (size_t j = 0; j < cli->values[i].item_count; j++)
			free(cli->values[i].items[j]);
		free(cli->values[i].items);
	}
	free(cli->values);
	free(cli->args);
	*cli = (struct cli){ 0 };
}

static const struct flag_value *value_of(const struct cli *cli, const char *name)
{
	const struct flag *flag = flag_find(cli->command->flags, name, strlen(name));

	if (flag == NULL) {
		log_line(LOG_ERROR, "defect: %s asks for an option --%s that it has not",
			cli->command->name, name);
		exit(err_exit_code(ERR_SOFTWARE));
	}
	return &cli->values[flag - cli->command->flags];
}

bool cli_given(const struct cli *cli, const char *name)
{
	return value_of(cli, name)->given;
}

const char *cli_text(const struct cli *cli, const char *name)
{
	return value_of(cli, name)->text;
}

int64_t cli_number(const struct cli *cli, const char *name, int64_t otherwise)
{
	const struct flag_value *value = value_of(cli, name);

	return value->given ? value->number : otherwise;
}

int cli_word(const struct cli *cli, const char *name, int otherwise)
{
	const struct flag_value *value = value_of(cli, name);

	return value->given ? value->word : otherwise;
}

size_t cli_list(const struct cli *cli, const char *name, const char *const **ret)
{
	const struct flag_value *value = value_of(cli, name);

	*ret = (const char *const *)value->items;
	return value->item_count;
}
