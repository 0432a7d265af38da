/* What the words of the command line say, by the tables of cli/command.h. */
#ifndef CLI_PARSE_H
#define CLI_PARSE_H

#include "cli/command.h"

enum parse_result {
	PARSE_RUN, /* cli->command is to be run */
	PARSE_HELP, /* of cli->command, or of all when that is NULL */
	PARSE_VERSION,
	PARSE_NOTHING, /* no command was named */
	PARSE_WRONG, /* err says what (ERR_USAGE) */
};

/*
 * Options may stand before and after the command and between its arguments; `--` ends them; the
 * last of a repeated option wins, but lists grow; no abbreviations. Texts in `cli` are borrowed
 * from argv.
 */
enum parse_result cli_parse(struct cli *cli, int argc, char **argv, struct err *err);
void cli_done(struct cli *cli);
/* the command by name; NULL with err, which names the nearest */
const struct command *cli_command(const char *name, struct err *err);

/* the flag of that name, of the command (NULL: none yet) or global; NULL: nobody knows it */
const struct flag *cli_flag(const struct command *command, const char *name, size_t len);
/* … and of that letter */
const struct flag *cli_letter(const struct command *command, char letter);

#endif
