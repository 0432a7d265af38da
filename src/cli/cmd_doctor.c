#include <string.h>
#include <unistd.h>

#include "client/doctor.h"
#include "base/mem.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/out.h"

enum {
	INDENT = 6, /* of what is found, and of the remedy */
	WRAPPED = 8, /* of the lines that they go on with */
};

struct report {
	bool color;
	bool failed;
};

static const struct {
	const char *word;
	const char *color;
} levels[] = {
	[FINDING_OK] = { "ok", "32" },
	[FINDING_WARN] = { "warn", "33" },
	[FINDING_FAIL] = { "fail", "31" },
};

/* a reader waits for the slow ones, so each finding is shown when it is there */
static void tell(
	void *arg, enum finding finding, const char *what, const char *text, const char *remedy)
{
	struct report *report = arg;
	size_t columns = terminal_columns(STDOUT_FILENO);
	cleanup_buf struct buf line = { 0 };
	cleanup_buf struct buf words = { 0 };
	struct err err;

	report->failed = report->failed || finding == FINDING_FAIL;
	terminal_add_colored(
		&line, levels[finding].word, report->color ? levels[finding].color : NULL);
	(void)buf_addf(&line, "%*s", INDENT - (int)strlen(levels[finding].word), "");
	(void)buf_addf(&words, "%s: %s", what, text);
	text_add_wrapped(&line, buf_text(&words), INDENT, WRAPPED, columns);
	if (remedy != NULL) {
		(void)buf_addf(&line, "\n%*s", INDENT, "");
		text_add_wrapped(&line, remedy, INDENT, WRAPPED, columns);
	}
	out_line(&line);
	(void)out_flush(&err);
}

static int doctor_command(struct cli *cli)
{
	struct report report = { .color = cli->color_out };
	struct doctor doctor = {
		.config_path = cli->config_path,
		.state_dir = cli->state_dir,
		.source = cli->source,
		.tell = tell,
		.arg = &report,
	};
	/* what is wrong with the configuration is one of the findings */
	cleanup_with(config_cleanup) struct config *config =
		cli->source != NULL ? cli_config_quiet(cli->config_path) : NULL;
	struct err err = { 0 };

	if (config != NULL && !cli_check_source(cli, config, &err))
		return cli_misuse(cli, "%s", err.text);
	doctor_run(&doctor);
	return out_end(report.failed ? 1 : 0);
}

static const struct flag doctor_flags[] = { { 0 } };

const struct command cmd_doctor = {
	.name = "doctor",
	.args = "",
	.summary = "says why a notification would or would not appear here",
	.help = "Looks at everything between a task and you, one line each: configuration, state "
		"directory, keys, DNS, TLS, the API's answer, the clock, session bus, notification "
		"server, monitor and unit. What is not ok is followed by its remedy. Exits with 1 "
		"when something fails.",
	.flags = doctor_flags,
	.run = doctor_command,
};
