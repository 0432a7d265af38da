/* What the commands that ask the API share. */
#ifndef CLI_SOURCES_H
#define CLI_SOURCES_H

#include "client/client.h"
#include "base/log.h"
#include "cli/command.h"

/* the configuration, with --source checked; NULL with *ret_code, having said why */
struct config *sources_config(const struct cli *cli, int *ret_code);
/* what to do about an error of a source, to stand after its text; "": the text says it all */
const char *sources_remedy(const struct err *err);
/* says of each source that failed why and what to do, one line each */
void sources_say_errors(const struct client *client, enum log_level level);

#endif
