/* A command line that is still being typed: what its last word can become. */
#ifndef CLI_COMPLETION_INPUT_H
#define CLI_COMPLETION_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/command.h"

struct completion_input {
	const char *word; /* borrowed, as all here; under the cursor, "" at its beginning */
	const struct command *command; /* NULL: none yet, or one that nobody knows */
	bool unknown; /* … the latter */
	const struct flag *flag; /* whose value the word is; NULL: it is no value */
	const char *value; /* of the word, when it is a value: what follows `--name=` */
	bool ended; /* `--` stood before: no more options */
	char *const *words; /* all of them, without the last */
	size_t word_count;
	size_t arg_count; /* arguments of the command so far */
	const char *config_path; /* values of global options so far; NULL: not given */
	const char *state_dir;
	const char *source;
};

/* words[count - 1] is under the cursor; count > 0 */
struct completion_input completion_input_read(char *const *words, size_t count);
/* does this word stand among those before the cursor? */
bool completion_input_has(const struct completion_input *input, const char *word);
/* … as an option, also with a value attached */
bool completion_input_has_flag(const struct completion_input *input, const struct flag *flag);

#endif
