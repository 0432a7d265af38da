#include "cli/command.h"
#include "cli/commands.h"
#include "cli/help.h"

const struct command *const commands[] = {
	&cmd_list,
	&cmd_show,
	&cmd_check,
	&cmd_help,
	NULL,
};
