/* Help, made from the tables of cli/command.h and laid out for the terminal. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "base/buf.h"
#include "cli/command.h"

/* for stdout; `command` NULL: the overview */
void help_text(const struct command *command, struct buf *out);
/* "taskbell 0.1.0 (libcurl/…, SQLite/…)", one line without its newline */
void help_version(struct buf *out);
/* for `taskbell` alone, on stderr: what it is, the usual commands, where to go on */
void help_short(struct buf *out);

extern const struct command cmd_help;

#endif
