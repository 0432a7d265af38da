#include "cli/completion_input.h"

#include <string.h>

#include "base/err.h"
#include "cli/parse.h"

/* the values that matter to what can follow */
static void take_value(struct completion_input *input, const struct flag *flag, const char *value)
{
	if (strcmp(flag->name, "config") == 0)
		input->config_path = value;
	else if (strcmp(flag->name, "state-dir") == 0)
		input->state_dir = value;
	else if (strcmp(flag->name, "source") == 0)
		input->source = value;
}

/* an option whose value is the next word; NULL: the word is complete in itself */
static const struct flag *take_long(struct completion_input *input, const char *word)
{
	size_t len = strcspn(word + 2, "=");
	const struct flag *flag = cli_flag(input->command, word + 2, len);

	if (flag == NULL || flag->type == FLAG_SWITCH)
		return NULL;
	if (word[2 + len] != '=')
		return flag;
	take_value(input, flag, word + 2 + len + 1);
	return NULL;
}

static const struct flag *take_letters(struct completion_input *input, const char *letters)
{
	for (; *letters != '\0'; letters++) {
		const struct flag *flag = cli_letter(input->command, *letters);

		if (flag == NULL)
			return NULL;
		if (flag->type == FLAG_SWITCH)
			continue;
		if (letters[1] == '\0')
			return flag;
		take_value(input, flag, letters + 1);
		return NULL;
	}
	return NULL;
}

struct completion_input completion_input_read(char *const *words, size_t count)
{
	struct completion_input input = {
		.word = words[count - 1], .words = words, .word_count = count - 1
	};
	size_t len;

	for (size_t i = 0; i < input.word_count; i++)
		if (input.flag != NULL) {
			take_value(&input, input.flag, words[i]);
			input.flag = NULL;
		} else if (!input.ended && strcmp(words[i], "--") == 0) {
			input.ended = true;
		} else if (input.ended || words[i][0] != '-' || words[i][1] == '\0') {
			struct err err;

			if (input.command != NULL) {
				input.arg_count++;
			} else if (!input.unknown) {
				input.command = cli_command(words[i], &err);
				input.unknown = input.command == NULL;
			}
		} else if (words[i][1] == '-') {
			input.flag = take_long(&input, words[i]);
		} else {
			input.flag = take_letters(&input, words[i] + 1);
		}
	input.value = input.word;
	len = strcspn(input.word, "=");
	if (input.flag != NULL || input.ended || strncmp(input.word, "--", 2) != 0 ||
		input.word[len] != '=')
		return input;
	input.flag = cli_flag(input.command, input.word + 2, len - 2);
	input.value = input.word + len + 1;
	return input;
}

bool completion_input_has(const struct completion_input *input, const char *word)
{
	for (size_t i = 0; i < input->word_count; i++)
		if (strcmp(input->words[i], word) == 0)
			return true;
	return false;
}

bool completion_input_has_flag(const struct completion_input *input, const struct flag *flag)
{
	size_t len = strlen(flag->name);

	for (size_t i = 0; i < input->word_count; i++) {
		const char *word = input->words[i];

		if (strncmp(word, "--", 2) == 0 && strncmp(word + 2, flag->name, len) == 0 &&
			(word[2 + len] == '\0' || word[2 + len] == '='))
			return true;
	}
	return false;
}
