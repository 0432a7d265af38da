#include "cli/help.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/parse.h"
#include "io/api.h"
#include "io/conf.h"
#include "io/http.h"
#include "io/store.h"

enum {
	WIDTH = 80, /* of what is no terminal */
	WIDTH_MOST = 100, /* longer lines are hard to read */
	INDENT = 26, /* where the explanations of options begin … */
	NARROW_INDENT = 8, /* … and where there is little room, below */
	NAMES = 14, /* where those of commands begin */
};

/* where help is put */
struct page {
	struct buf *out; /* borrowed */
	size_t columns;
};

static struct page page_of(struct buf *out, int fd)
{
	size_t columns = terminal_columns(fd);

	columns = columns == 0 ? WIDTH : columns < WIDTH_MOST ? columns : WIDTH_MOST;
	return (struct page){ out, columns };
}

static void add_text(const struct page *page, const char *text, size_t indent)
{
	text_add_wrapped(page->out, text, indent, indent, page->columns);
	(void)buf_add_char(page->out, '\n');
}

/* a row in two columns; the second begins on the next line when the first is too long */
static void add_row(const struct page *page, const char *head, size_t indent, const char *text)
{
	size_t used = 2 + strlen(head);

	(void)buf_addf(page->out, "  %s", head);
	if (used + 2 > indent)
		(void)buf_addf(page->out, "\n%*s", (int)indent, "");
	else
		(void)buf_addf(page->out, "%*s", (int)(indent - used), "");
	add_text(page, text, indent);
}

static void add_flags(const struct page *page, const char *title, const struct flag *flags)
{
	if (flags->name == NULL)
		return;
	(void)buf_addf(page->out, "\n%s:\n", title);
	for (; flags->name != NULL; flags++) {
		cleanup_buf struct buf head = { 0 };
		cleanup_buf struct buf text = { 0 };
		const char *before = ": one of ";

		if (flags->letter != 0)
			(void)buf_addf(&head, "-%c, --%s", flags->letter, flags->name);
		else
			(void)buf_addf(&head, "    --%s", flags->name);
		if (flags->arg != NULL)
			(void)buf_addf(&head, "=%s", flags->arg);
		(void)buf_add_text(&text, flags->help);
		for (size_t i = 0; flags->words != NULL && flags->words[i] != NULL; i++) {
			(void)buf_addf(&text, "%s%s", before, flags->words[i]);
			before = ", ";
		}
		add_row(page, buf_text(&head), page->columns < WIDTH ? NARROW_INDENT : INDENT,
			buf_text(&text));
	}
}

static void add_usage(const struct page *page, const char *words)
{
	cleanup_free char *line = mem_printf("Usage: taskbell %s", words);

	text_add_wrapped(page->out, line, 0, 2, page->columns);
	(void)buf_add_text(page->out, "\n\n");
}

#define USAGE "[GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]"
#define PURPOSE "Watches background tasks behind an HTTP API and tells you when they end."

void help_text(const struct command *command, struct buf *out)
{
	struct page page = page_of(out, STDOUT_FILENO);

	if (command != NULL) {
		cleanup_free char *usage = mem_printf("%s%s%s%s", command->name,
			command->flags[0].name != NULL ? " [OPTIONS]" : "",
			*command->args != '\0' ? " " : "", command->args);
		cleanup_free char *summary = mem_printf(
			"%c%s.", toupper((unsigned char)command->summary[0]), command->summary + 1);

		add_usage(&page, usage);
		add_text(&page, summary, 0);
		if (*command->help != '\0') {
			(void)buf_add_char(page.out, '\n');
			add_text(&page, command->help, 0);
		}
		add_flags(&page, "Options", command->flags);
		add_flags(&page, "Global options", global_flags);
	} else {
		add_usage(&page, USAGE);
		add_text(&page, PURPOSE, 0);
		(void)buf_add_text(page.out, "\nCommands:\n");
		for (size_t i = 0; commands[i] != NULL; i++)
			if (!commands[i]->hidden)
				add_row(&page, commands[i]->name, NAMES, commands[i]->summary);
		add_flags(&page, "Global options", global_flags);
		(void)buf_add_char(page.out, '\n');
		add_text(&page,
			"'taskbell COMMAND --help' says more of one command; the whole story is in "
			"taskbell(1).",
			0);
	}
}

void help_short(struct buf *out)
{
	static const struct command *const usual[] = { &cmd_watch, &cmd_list, &cmd_wait,
		&cmd_history, &cmd_doctor };
	struct page page = page_of(out, STDERR_FILENO);

	add_usage(&page, USAGE);
	add_text(&page, PURPOSE, 0);
	(void)buf_add_text(out, "\nMost used:\n");
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		add_row(&page, usual[i]->name, NAMES, usual[i]->summary);
	(void)buf_add_text(out, "\nTry 'taskbell --help'\n");
}

void help_version(struct buf *out)
{
	(void)buf_addf(out, "taskbell %s (%s, %s, %s, %s)", TASKBELL_VERSION, http_version(),
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
