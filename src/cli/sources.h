/* What the commands that ask the API share. */
#ifndef CLI_SOURCES_H
#define CLI_SOURCES_H

#include "app/client.h"
#include "base/log.h"
#include "cli/command.h"

/* the configuration, with --source checked; NULL with *ret_code, having said why */
struct config *sources_config(const struct cli *cli, int *ret_code);
/* says of each source that failed why, one line each */
void sources_say_errors(const struct client *client, enum log_level level);

#endif
