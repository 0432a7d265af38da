#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/terminal.h"
#include "cli/commands.h"
#include "cli/conf_fold.h"
#include "cli/out.h"
#include "cli/sources.h"
#include "io/conf.h"

static void print_config(const struct config *config)
{
	cleanup_buf struct buf text = { 0 };
	cleanup_buf struct buf folded = { 0 };

	conf_print(config, &text);
	conf_fold(&folded, buf_text(&text), terminal_columns(STDOUT_FILENO));
	out_bytes(buf_text(&folded), folded.len);
}

static int check_run(struct cli *cli)
{
	int code = 0;
	cleanup_with(config_cleanup) struct config *config = sources_config(cli, &code);

	if (config == NULL)
		return code;
	if (cli_given(cli, "print"))
		print_config(config);
	if (config->file != NULL)
		log_line(LOG_NOTICE, "configuration OK: %s", config->file);
	else
		log_line(LOG_NOTICE,
			"configuration OK: there is no file, the built-in defaults hold");
	return out_end(0);
}

static const struct flag check_flags[] = {
	{ "print", 0, FLAG_SWITCH, NULL, NULL,
		"print the effective configuration, defaults and all; no key is ever shown" },
	{ 0 },
};

const struct command cmd_check = {
	.name = "check",
	.args = "",
	.summary = "validates the configuration and says every fault of it",
	.help = "Each fault is one line, FILE:LINE: MESSAGE, on stderr; the exit code is then 78. "
		"Nothing is asked of the network, and of keys only whether others can read their "
		"files: see 'taskbell doctor' for the rest.",
	.flags = check_flags,
	.run = check_run,
};
