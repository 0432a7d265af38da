#include "cli/typed.h"

#include <string.h>

#include "base/err.h"
#include "cli/parse.h"

/* the values that matter to what can follow */
static void take_value(struct typed *typed, const struct flag *flag, const char *value)
{
	if (strcmp(flag->name, "config") == 0)
		typed->config_path = value;
	else if (strcmp(flag->name, "state-dir") == 0)
		typed->state_dir = value;
	else if (strcmp(flag->name, "source") == 0)
		typed->source = value;
}

/* an option whose value is the next word; NULL: the word is complete in itself */
static const struct flag *take_long(struct typed *typed, const char *word)
{
	size_t len = strcspn(word + 2, "=");
	const struct flag *flag = cli_flag(typed->command, word + 2, len);

	if (flag == NULL || flag->type == FLAG_SWITCH)
		return NULL;
	if (word[2 + len] != '=')
		return flag;
	take_value(typed, flag, word + 2 + len + 1);
	return NULL;
}

static const struct flag *take_letters(struct typed *typed, const char *letters)
{
	for (; *letters != '\0'; letters++) {
		const struct flag *flag = cli_letter(typed->command, *letters);

		if (flag == NULL)
			return NULL;
		if (flag->type == FLAG_SWITCH)
			continue;
		if (letters[1] == '\0')
			return flag;
		take_value(typed, flag, letters + 1);
		return NULL;
	}
	return NULL;
}

static void take_argument(struct typed *typed, const char *word)
{
	struct err err;

	if (typed->command != NULL) {
		typed->arg_count++;
	} else if (!typed->unknown) {
		typed->command = cli_command(word, &err);
		typed->unknown = typed->command == NULL;
	}
}

static void take_word(struct typed *typed, const char *word)
{
	if (typed->flag != NULL) {
		take_value(typed, typed->flag, word);
		typed->flag = NULL;
	} else if (!typed->ended && strcmp(word, "--") == 0) {
		typed->ended = true;
	} else if (typed->ended || word[0] != '-' || word[1] == '\0') {
		take_argument(typed, word);
	} else if (word[1] == '-') {
		typed->flag = take_long(typed, word);
	} else {
		typed->flag = take_letters(typed, word + 1);
	}
}

struct typed typed_read(char *const *words, size_t count)
{
	struct typed typed = { .word = words[count - 1], .words = words, .word_count = count - 1 };
	size_t len;

	for (size_t i = 0; i < typed.word_count; i++)
		take_word(&typed, words[i]);
	typed.value = typed.word;
	len = strcspn(typed.word, "=");
	if (typed.flag != NULL || typed.ended || strncmp(typed.word, "--", 2) != 0 ||
		typed.word[len] != '=')
		return typed;
	typed.flag = cli_flag(typed.command, typed.word + 2, len - 2);
	typed.value = typed.word + len + 1;
	return typed;
}

bool typed_has(const struct typed *typed, const char *word)
{
	for (size_t i = 0; i < typed->word_count; i++)
		if (strcmp(typed->words[i], word) == 0)
			return true;
	return false;
}

bool typed_has_flag(const struct typed *typed, const struct flag *flag)
{
	size_t len = strlen(flag->name);

	for (size_t i = 0; i < typed->word_count; i++) {
		const char *word = typed->words[i];

		if (strncmp(word, "--", 2) == 0 && strncmp(word + 2, flag->name, len) == 0 &&
			(word[2 + len] == '\0' || word[2 + len] == '='))
			return true;
	}
	return false;
}
