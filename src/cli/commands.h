/* Every command, one to a file cli/cmd_NAME.c. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/command.h"

extern const struct command cmd_check;
extern const struct command cmd_complete;
extern const struct command cmd_doctor;
extern const struct command cmd_history;
extern const struct command cmd_list;
extern const struct command cmd_redeliver;
extern const struct command cmd_show;
extern const struct command cmd_wait;
extern const struct command cmd_status;
extern const struct command cmd_test;
extern const struct command cmd_watch;

#endif
