#include "cli/command.h"
#include "cli/commands.h"
#include "cli/help.h"

const struct command *const commands[] = {
	&cmd_watch,
	&cmd_list,
	&cmd_show,
	&cmd_wait,
	&cmd_history,
	&cmd_status,
	&cmd_check,
	&cmd_test,
	&cmd_redeliver,
	&cmd_doctor,
	&cmd_help,
	&cmd_complete,
	NULL,
};
