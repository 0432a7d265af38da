#include "cli/help.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "cli/out.h"
#include "cli/parse.h"
#include "io/api.h"
#include "io/conf.h"
#include "io/http.h"
#include "io/store.h"

enum {
	WIDTH = 80,
	INDENT = 26, /* where the explanations of options begin */
};

/* adds words, going on in `indent` on the next line where one would pass the width */
static void add_wrapped(struct buf *out, const char *text, size_t indent)
{
	size_t column = indent;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		if (column != indent && column + 1 + len > WIDTH) {
			(void)buf_addf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		if (column != indent) {
			(void)buf_add_char(out, ' ');
			column++;
		}
		(void)buf_add(out, text, len);
		column += len;
		text += len + (text[len] == ' ');
	}
	(void)buf_add_char(out, '\n');
}

/* the head of a row in two columns; goes to the next line when it is too long for its column */
static void add_head(struct buf *out, const char *head)
{
	int room = INDENT - 2;

	if ((int)strlen(head) > room - 2)
		(void)buf_addf(out, "  %s\n%*s", head, INDENT, "");
	else
		(void)buf_addf(out, "  %-*s", room, head);
}

static void add_flag(struct buf *out, const struct flag *flag)
{
	cleanup_buf struct buf head = { 0 };
	cleanup_buf struct buf text = { 0 };
	const char *before = ": one of ";

	if (flag->letter != 0)
		(void)buf_addf(&head, "-%c, --%s", flag->letter, flag->name);
	else
		(void)buf_addf(&head, "    --%s", flag->name);
	if (flag->arg != NULL)
		(void)buf_addf(&head, "=%s", flag->arg);
	add_head(out, buf_text(&head));
	(void)buf_add_text(&text, flag->help);
	for (size_t i = 0; flag->words != NULL && flag->words[i] != NULL; i++) {
		(void)buf_addf(&text, "%s%s", before, flag->words[i]);
		before = ", ";
	}
	add_wrapped(out, buf_text(&text), INDENT);
}

static void add_flags(struct buf *out, const char *title, const struct flag *flags)
{
	if (flags->name == NULL)
		return;
	(void)buf_addf(out, "\n%s:\n", title);
	for (; flags->name != NULL; flags++)
		add_flag(out, flags);
}

static void add_command(struct buf *out, const struct command *command)
{
	cleanup_buf struct buf summary = { 0 };

	(void)buf_addf(out, "Usage: taskbell %s%s%s%s\n\n", command->name,
		command->flags[0].name != NULL ? " [OPTIONS]" : "",
		*command->args != '\0' ? " " : "", command->args);
	(void)buf_addf(&summary, "%c%s.", toupper((unsigned char)command->summary[0]),
		command->summary + 1);
	add_wrapped(out, buf_text(&summary), 0);
	if (*command->help != '\0') {
		(void)buf_add_char(out, '\n');
		add_wrapped(out, command->help, 0);
	}
	add_flags(out, "Options", command->flags);
	add_flags(out, "Global options", global_flags);
}

static void add_overview(struct buf *out)
{
	(void)buf_add_text(out,
		"Usage: taskbell [GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]\n\n"
		"Watches background tasks behind an HTTP API and tells you when they end.\n\n"
		"Commands:\n");
	for (size_t i = 0; commands[i] != NULL; i++) {
		if (commands[i]->hidden)
			continue;
		(void)buf_addf(out, "  %-12s", commands[i]->name);
		add_wrapped(out, commands[i]->summary, 14);
	}
	add_flags(out, "Global options", global_flags);
	(void)buf_add_text(out,
		"\n'taskbell COMMAND --help' says more of one command; the whole story is in "
		"taskbell(1).\n");
}

void help_text(const struct command *command, struct buf *out)
{
	if (command != NULL)
		add_command(out, command);
	else
		add_overview(out);
}

void help_short(struct buf *out)
{
	(void)buf_add_text(out, "Usage: taskbell [GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]\n"
				"Try 'taskbell --help'\n");
}

void help_version(struct buf *out)
{
	(void)buf_addf(out, "taskbell %s (%s, %s, %s, %s)\n", TASKBELL_VERSION, http_version(),
		store_version(), api_version(), conf_version());
}

static int help_run(struct cli *cli)
{
	cleanup_buf struct buf text = { 0 };
	const struct command *command = NULL;
	struct err err = { 0 };

	if (cli->arg_count != 0) {
		command = cli_command(cli->args[0], &err);
		if (command == NULL)
			return cli_misuse(cli, "%s", err.text);
	}
	help_text(command, &text);
	out_bytes(buf_text(&text), text.len);
	return out_end(0);
}

static const struct flag help_flags[] = { { 0 } };

const struct command cmd_help = {
	.name = "help",
	.args = "[COMMAND]",
	.summary = "shows this overview, or the help of one command",
	.help = "",
	.flags = help_flags,
	.max_args = 1,
	.run = help_run,
};
