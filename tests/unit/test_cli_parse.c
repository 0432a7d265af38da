/* The words of the command line, against a table of commands of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/color.h"
#include "cli/parse.h"
#include "core/nearest.h"

static const char *const fruit[] = { "apple", "pear", "plum", NULL };

static const struct flag pick_flags[] = {
	{ "json", 'j', FLAG_SWITCH, NULL, NULL, "" },
	{ "name", 'n', FLAG_TEXT, "NAME", NULL, "" },
	{ "timeout", 't', FLAG_DURATION, "D", NULL, "" },
	{ "limit", 0, FLAG_NUMBER, "N", NULL, "" },
	{ "kind", 0, FLAG_WORD, "KIND", fruit, "" },
	{ "status", 's', FLAG_LIST, "S", fruit, "" },
	{ "tag", 0, FLAG_LIST, "T", NULL, "" },
	{ 0 },
};
static const struct flag no_flags[] = { { 0 } };
static const struct command pick = { "pick", "A [B]", "", "", pick_flags, 1, 2, NULL, false };
static const struct command sit = { "sit", "", "", "", no_flags, 0, 0, NULL, false };
const struct command *const commands[] = { &pick, &sit, NULL };

/* one command line: its words, and what became of it */
struct line {
	char *words;
	char *argv[16];
	struct cli cli;
	struct err err;
	enum parse_result result;
};

/* words are parted by single blanks; `~` stands for an empty word */
static struct line *parse(const char *text)
{
	struct line *line = mem_alloc(sizeof(*line));
	int argc = 0;

	line->words = mem_strdup(text);
	line->argv[argc++] = line->words;
	for (char *p = strchr(line->words, ' '); p != NULL; p = strchr(p, ' ')) {
		*p++ = '\0';
		if (*p == '~')
			*p = '\0';
		line->argv[argc++] = p;
		p += *p == '\0';
	}
	line->result = cli_parse(&line->cli, argc, line->argv, &line->err);
	return line;
}

static void done(struct line *line)
{
	cli_done(&line->cli);
	free(line->words);
	free(line);
}

static struct line *parse_good(const char *text)
{
	struct line *line = parse(text);

	assert_string_equal(line->err.text, "");
	assert_int_equal(line->result, PARSE_RUN);
	return line;
}

static void assert_wrong(const char *text, const char *said)
{
	struct line *line = parse(text);

	assert_int_equal(line->result, PARSE_WRONG);
	assert_int_equal(line->err.kind, ERR_USAGE);
	assert_string_equal(line->err.text, said);
	done(line);
}

static void globals_stand_anywhere(void **state)
{
	static const char *const texts[] = {
		"tb -c F --state-dir D --source S -q pick a",
		"tb pick -cF --state-dir=D --source=S --quiet a",
		"tb -qcF pick --source=S a --state-dir=D",
		"tb --config=F pick a --source S -q --state-dir D",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct line *line = parse_good(texts[i]);

		assert_ptr_equal(line->cli.command, &pick);
		assert_string_equal(line->cli.config_path, "F");
		assert_string_equal(line->cli.state_dir, "D");
		assert_string_equal(line->cli.source, "S");
		assert_true(line->cli.quiet);
		assert_int_equal(line->cli.arg_count, 1);
		assert_string_equal(line->cli.args[0], "a");
		done(line);
	}
}

static void flags_stand_between_arguments(void **state)
{
	struct line *line = parse_good("tb pick a -j b --timeout 1.5s");

	(void)state;
	assert_int_equal(line->cli.arg_count, 2);
	assert_string_equal(line->cli.args[1], "b");
	assert_true(cli_given(&line->cli, "json"));
	assert_false(cli_given(&line->cli, "name"));
	assert_int_equal(cli_number(&line->cli, "timeout", 7), 1500);
	assert_int_equal(cli_number(&line->cli, "limit", 7), 7);
	done(line);
}

static void two_dashes_end_the_options(void **state)
{
	struct line *line = parse_good("tb pick -- --json -h");

	(void)state;
	assert_int_equal(line->cli.arg_count, 2);
	assert_string_equal(line->cli.args[0], "--json");
	assert_string_equal(line->cli.args[1], "-h");
	assert_false(cli_given(&line->cli, "json"));
	done(line);
	line = parse_good("tb -- pick -");
	assert_string_equal(line->cli.args[0], "-");
	done(line);
}

static void the_last_of_a_single_value_wins(void **state)
{
	struct line *line = parse_good("tb pick a --name x -ny --kind apple --kind=plum -q -v");

	(void)state;
	assert_string_equal(cli_text(&line->cli, "name"), "y");
	assert_int_equal(cli_word(&line->cli, "kind", -1), 2);
	assert_false(line->cli.quiet);
	assert_true(line->cli.verbose);
	done(line);
}

static void lists_grow(void **state)
{
	struct line *line = parse_good("tb pick a --status apple,plum -spear --tag x");
	const char *const *items;

	(void)state;
	assert_int_equal(cli_list(&line->cli, "status", &items), 3);
	assert_string_equal(items[0], "apple");
	assert_string_equal(items[1], "plum");
	assert_string_equal(items[2], "pear");
	assert_int_equal(cli_list(&line->cli, "tag", &items), 1);
	assert_string_equal(items[0], "x");
	done(line);
}

static void values_may_look_like_options(void **state)
{
	struct line *line = parse_good("tb pick --name --json a");

	(void)state;
	assert_string_equal(cli_text(&line->cli, "name"), "--json");
	assert_false(cli_given(&line->cli, "json"));
	done(line);
	line = parse_good("tb pick a --name=a=b");
	assert_string_equal(cli_text(&line->cli, "name"), "a=b");
	done(line);
}

static void diagnostics_are_named(void **state)
{
	(void)state;
	assert_wrong("tb pik", "unknown command 'pik'; did you mean 'pick'?");
	assert_wrong("tb zzz -h", "unknown command 'zzz'");
	assert_wrong("tb pick a --jsn", "unknown option '--jsn'; did you mean '--json'?");
	assert_wrong("tb pick a --sourc x", "unknown option '--sourc'; did you mean '--source'?");
	assert_wrong("tb pick a --js", "unknown option '--js'; did you mean '--json'?");
	assert_wrong("tb pick a --wholly-other=1", "unknown option '--wholly-other'");
	assert_wrong("tb --limit=3 pick a",
		"unknown option '--limit'; options of a command stand after it");
	assert_wrong("tb pick a -x", "unknown option '-x'");
	assert_wrong("tb pick a -jx", "unknown option '-x'");
	assert_wrong("tb pick a --json=yes", "option '--json' takes no value");
	assert_wrong("tb pick a --name", "option '--name' needs a value: NAME");
	assert_wrong("tb pick a --name= b", "option '--name' needs a value: NAME");
	assert_wrong("tb pick a -n ~", "option '-n' needs a value: NAME");
	assert_wrong("tb pick", "an argument is missing: A [B]");
	assert_wrong("tb pick a b c", "one argument too many: 'c'");
	assert_wrong("tb sit a", "takes no arguments: 'a'");
}

static void values_are_strict(void **state)
{
	(void)state;
	assert_wrong(
		"tb pick a -t 5x", "-t: '5x' is not a duration such as 500ms, 30s, 5m, 2h or 1d");
	assert_wrong("tb pick a --timeout=-5",
		"--timeout: '-5' is not a duration such as 500ms, 30s, 5m, 2h or 1d");
	assert_wrong("tb pick a --limit 1k", "--limit: '1k' is not a whole number");
	assert_wrong("tb pick a --limit -1", "--limit: '-1' is not a whole number");
	assert_wrong("tb pick a --limit 9223372036854775808",
		"--limit: '9223372036854775808' is not a whole number");
	assert_wrong("tb pick a --kind lemon", "--kind: 'lemon' is none of apple, pear, plum");
	assert_wrong("tb pick a --kind aple", "--kind: 'aple' is not known; did you mean 'apple'?");
	assert_wrong(
		"tb pick a --kind apple,pear", "--kind: 'apple,pear' is none of apple, pear, plum");
	assert_wrong(
		"tb pick a --status apple,lemon", "--status: 'lemon' is none of apple, pear, plum");
	assert_wrong("tb pick a --status apple,", "--status: 'apple,' has an empty item");
	assert_wrong("tb pick a --tag ,", "--tag: ',' has an empty item");
	assert_wrong("tb pick a --color=blue", "--color: 'blue' is none of auto, always, never");
}

/* the first fault is said, whatever follows */
static void the_first_fault_is_said(void **state)
{
	(void)state;
	assert_wrong("tb pick --bogus-one a --limit x", "unknown option '--bogus-one'");
}

static void assert_result(const char *text, enum parse_result result, const struct command *command)
{
	struct line *line = parse(text);

	assert_int_equal(line->result, result);
	assert_ptr_equal(line->cli.command, command);
	done(line);
}

static void help_wins(void **state)
{
	(void)state;
	assert_result("tb -h", PARSE_HELP, NULL);
	assert_result("tb --help pick", PARSE_HELP, &pick);
	assert_result("tb pick -h", PARSE_HELP, &pick);
	assert_result("tb pick --bogus-one -qh", PARSE_HELP, &pick);
	assert_result("tb sit a b --help --version", PARSE_HELP, &sit);
	assert_result("tb -V", PARSE_VERSION, NULL);
	assert_result("tb pick --version", PARSE_VERSION, &pick);
	assert_result("tb", PARSE_NOTHING, NULL);
	assert_result("tb -q", PARSE_NOTHING, NULL);
	assert_result("tb pick --help=x", PARSE_WRONG, &pick);
}

/* execve(2) may be given no words at all */
static void no_words_at_all(void **state)
{
	char *argv[] = { NULL };
	struct err err = { 0 };
	struct cli cli;

	(void)state;
	assert_int_equal(cli_parse(&cli, 0, argv, &err), PARSE_NOTHING);
	cli_done(&cli);
}

static void what_is_meant_is_near(void **state)
{
	static const char *const names[] = { "list", "history", "status", "test" };
	static const struct {
		const char *word;
		const char *best;
	} cases[] = {
		{ "lst", "list" },
		{ "hist", "history" },
		{ "statsu", "status" },
		{ "tset", "test" },
		{ "x", NULL },
		{ "lx", NULL },
		{ "", NULL },
		{ "listing", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct nearest nearest = nearest_to(cases[i].word);

		for (size_t j = 0; j < ARRAY_LEN(names); j++)
			nearest_offer(&nearest, names[j]);
		if (cases[i].best == NULL)
			assert_null(nearest.best);
		else
			assert_string_equal(nearest.best, cases[i].best);
	}
}

static void colours_obey(void **state)
{
	static const struct {
		const char *no_color;
		const char *force;
		enum color_when when;
		bool wanted;
	} cases[] = {
		{ "", "", COLOR_AUTO, false }, /* -1 is no terminal */
		{ "", "1", COLOR_AUTO, true },
		{ "", "0", COLOR_AUTO, false },
		{ "1", "1", COLOR_AUTO, false },
		{ "1", "", COLOR_ALWAYS, true },
		{ "", "1", COLOR_NEVER, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(setenv("NO_COLOR", cases[i].no_color, 1), 0);
		assert_int_equal(setenv("CLICOLOR_FORCE", cases[i].force, 1), 0);
		assert_int_equal(color_wanted(cases[i].when, -1), cases[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globals_stand_anywhere),
		cmocka_unit_test(flags_stand_between_arguments),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(the_last_of_a_single_value_wins),
		cmocka_unit_test(lists_grow),
		cmocka_unit_test(values_may_look_like_options),
		cmocka_unit_test(diagnostics_are_named),
		cmocka_unit_test(values_are_strict),
		cmocka_unit_test(the_first_fault_is_said),
		cmocka_unit_test(help_wins),
		cmocka_unit_test(no_words_at_all),
		cmocka_unit_test(what_is_meant_is_near),
		cmocka_unit_test(colours_obey),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
