/*
 * One command: what it is called, what it takes, what it does. Each cli/cmd_NAME.c exports one
 * `const struct command`; parsing, help, completions and the tests of the manual read these tables.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/config.h"

enum flag_type {
	FLAG_SWITCH,
	FLAG_TEXT,
	FLAG_DURATION, /* milliseconds */
	FLAG_NUMBER, /* whole, not negative */
	FLAG_WORD, /* one of `words` */
	FLAG_LIST, /* may be repeated, and takes commas; each one of `words` when there are any */
};

struct flag {
	const char *name; /* long, without dashes */
	char letter; /* 0: none */
	enum flag_type type;
	const char *arg; /* what its value is called in help; NULL for switches */
	const char *const *words; /* NULL-terminated closed set, or NULL */
	const char *help; /* one line */
};

struct cli;

struct command {
	const char *name;
	const char *args; /* usage of the arguments, "" when there are none */
	const char *summary; /* one line in the overview */
	const char *help; /* further lines for `COMMAND --help`, "" when the summary says it all */
	const struct flag *flags; /* ends with a NULL name */
	size_t min_args;
	size_t max_args;
	int (*run)(struct cli *cli); /* returns the exit code, having said why */
	bool hidden; /* for other programs: help does not show it */
};

extern const struct command *const commands[]; /* NULL-terminated, in the order of the overview */
extern const struct flag global_flags[]; /* ends with a NULL name */

struct cli {
	const struct command *command;
	const char *config_path; /* --config; NULL: not given */
	const char *state_dir; /* --state-dir; NULL: not given */
	const char *source; /* --source; NULL: not given */
	bool quiet;
	bool verbose;
	bool color_out; /* stdout may be coloured */
	bool color_err;
	char **args; /* own, items borrowed from argv */
	size_t arg_count;
	struct flag_value *values; /* own; private to cli/parse.c */
	size_t value_count;
};

/* values of the command's own flags, by name; a name that the command has not is a defect (70) */
bool cli_given(const struct cli *cli, const char *name);
const char *cli_text(const struct cli *cli, const char *name); /* NULL: not given */
int64_t cli_number(
	const struct cli *cli, const char *name, int64_t otherwise); /* numbers, durations */
int cli_word(const struct cli *cli, const char *name, int otherwise); /* index into words */
size_t cli_list(
	const struct cli *cli, const char *name, const char *const **ret); /* borrowed items */

/* says the error on stderr, once, and returns its exit code */
int cli_fail(const struct err *err);
/* a usage error: one line and "Try 'taskbell COMMAND --help'"; returns 64 */
int cli_misuse(const struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* finds and reads the configuration; on faults says them all and returns NULL (*ret_code is then
 * 78) */
struct config *cli_config(const struct cli *cli, int *ret_code);
/* the same for who can do without: NULL, and not a word, when there are faults. `path`: --config */
struct config *cli_config_quiet(const char *path);
/* is the source one that --source lets through? A --source that names none is ERR_USAGE by
 * cli_check_source */
bool cli_wants_source(const struct cli *cli, const struct source_config *source);
bool cli_check_source(const struct cli *cli, const struct config *config, struct err *err);

#endif
