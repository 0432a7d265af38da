/* taskbell: watches background tasks behind an HTTP API and tells when they end. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "base/log.h"
#include "base/mem.h"
#include "cli/help.h"
#include "cli/out.h"
#include "cli/parse.h"
#include "io/sdnotify.h"

/*
 * Nothing that is opened later may land on 0, 1 or 2 and be taken for a standard stream. A closed
 * stdout becomes one that cannot be written, so that lost output is noticed.
 */
static void streams_open(void)
{
	static const int modes[] = { O_RDONLY, O_RDONLY, O_WRONLY };

	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			_exit(err_exit_code(ERR_OS));
}

/*
 * No key gets into a core file or to another process of the user. Not by a limit or a mask: hooks
 * would inherit them, and their files and cores are their own business (what we create has its mode
 * said).
 */
static void secrets_guard(void)
{
#if defined(__linux__) && !defined(TASKBELL_SANITIZED)
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

static int show_version(void)
{
	cleanup_buf struct buf line = { 0 };

	help_version(&line);
	out_wrapped(&line);
	return out_end(0);
}

static int show_help(const struct command *command)
{
	cleanup_buf struct buf text = { 0 };

	help_text(command, &text);
	out_bytes(buf_text(&text), text.len);
	return out_end(0);
}

static int show_usage(void)
{
	cleanup_buf struct buf text = { 0 };

	help_short(&text);
	(void)fputs(buf_text(&text), stderr);
	return err_exit_code(ERR_USAGE);
}

static int run(struct cli *cli, int argc, char **argv)
{
	enum log_form form = sd_stderr_is_journal() ? LOG_JOURNAL : LOG_PLAIN;
	struct err err = { 0 };

	log_setup(form, LOG_NOTICE, NULL);
	switch (cli_parse(cli, argc, argv, &err)) {
	case PARSE_HELP:
		return show_help(cli->command);
	case PARSE_VERSION:
		return show_version();
	case PARSE_NOTHING:
		return show_usage();
	case PARSE_WRONG:
		return cli_misuse(cli, "%s", err.text);
	case PARSE_RUN:
		break;
	}
	log_setup(form, cli->quiet ? LOG_ERROR : cli->verbose ? LOG_DEBUG : LOG_NOTICE, NULL);
	return cli->command->run(cli);
}

int main(int argc, char **argv)
{
	struct cli cli;
	int code;

	mem_setup();
	streams_open();
	secrets_guard();
	code = run(&cli, argc, argv);
	cli_done(&cli);
	return code;
}
