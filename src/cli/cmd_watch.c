#include <stdlib.h>

#include "watch/monitor.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "io/statedir.h"

static int watch_run(struct cli *cli)
{
	struct err err = { 0 };
	cleanup_free char *dir = statedir_find(cli->state_dir, &err);
	struct monitor_setup setup = {
		.state_dir = dir,
		.only_source = cli->source,
		.once = cli_given(cli, "once"),
		.json = cli_given(cli, "json"),
		.color = cli->color_out,
	};
	int code = 0;

	if (dir == NULL)
		return cli_fail(&err);
	setup.config = cli_config(cli, &code);
	if (setup.config == NULL)
		return code;
	if (!cli_check_source(cli, setup.config, &err)) {
		config_free(setup.config);
		return cli_misuse(cli, "%s", err.text);
	}
	return monitor_run(&setup);
}

static const struct flag watch_flags[] = {
	{ "once", 0, FLAG_SWITCH, NULL, NULL,
		"poll every source once, deliver what there is to tell, and exit" },
	{ "json", 0, FLAG_SWITCH, NULL, NULL, "print events as JSON, one object a line" },
	{ 0 },
};

const struct command cmd_watch = {
	.name = "watch",
	.args = "",
	.summary = "watches the tasks and tells of each that ends, until it is stopped",
	.help = "Prints one line per event on stdout, and tells the sinks of the configuration: "
		"desktop notifications, a log, programs of yours. One monitor runs per state "
		"directory; a second one exits with 75. TERM and INT stop it, HUP makes it read "
		"its configuration and keys again, USR1 makes it poll now.",
	.flags = watch_flags,
	.run = watch_run,
};
