/*
 * API keys: where they come from (taskbell.conf(5), api_key) and that they go nowhere else.
 * Forms: env:NAME | file:PATH | credential:NAME | command:PROGRAM ARG… | "": the first of these
 * that is there: the variable of the kind of tasks, the systemd credential api-key, the files
 * taskbell/keys/KIND and, for the default type, taskbell/api-key of the user's configuration.
 */
#ifndef IO_KEY_H
#define IO_KEY_H

#include <stdbool.h>

#include "base/err.h"
#include "core/source_type.h"

#define KEY_MAX 4096 /* bytes; a longer key is refused */

enum key_result {
	KEY_FOUND,
	KEY_MISSING, /* for a reason that stays: no variable, no file, no credential, refused file
			mode */
	KEY_FAILED, /* for want of memory or descriptors, which may pass */
	KEY_COMMAND, /* a command: form: run key_command_argv() yourself, feed its first line to
			key_clean() */
};

/* is the form acceptable? A literal key is refused with the forms that are accepted, and never
 * shown */
bool key_form_check(const char *form, struct err *err);
/* is the file of a file: form one that only we and root can read? One that is not there is no
 * fault: it may come. What it says is ERR_CONFIG */
bool key_file_check(const char *form, struct err *err);
/*
 * Reads the key into `ret` (NUL-terminated). err on KEY_MISSING says what was tried and the remedy;
 * its kind is ERR_AUTH, or ERR_CONFIG for a key file whose mode or owner is refused. On KEY_FAILED
 * it is ERR_OS.
 */
enum key_result key_read(
	const char *form, const struct source_type *type, char ret[KEY_MAX + 1], struct err *err);
/* the form that "" stands for now; owned. NULL: there is nothing, err (ERR_AUTH) says what was
 * looked for and how to put a key there */
char *key_default(const struct source_type *type, struct err *err);
/* splits a command: form at blanks; returns an owned NULL-terminated argv (free with key_argv_free)
 */
char **key_command_argv(const char *form);
void key_argv_free(char **argv);
/* cuts at the first line's end and refuses an empty key or one with controls; in place */
bool key_clean(char *key, struct err *err);

#endif
