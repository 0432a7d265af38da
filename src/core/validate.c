#include "core/validate.h"

#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "core/event.h"
#include "core/source_type.h"
#include "core/nearest.h"

#define NAME_MAX_BYTES 64
#define QUOTE_COLUMNS 60

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define WORD_CHARS LETTERS DIGITS "_"

void validate_quote(struct buf *out, const char *text)
{
	(void)buf_add_char(out, '"');
	text_add_cut(out, text, QUOTE_COLUMNS);
	(void)buf_add_char(out, '"');
}

/* "word" is no such thing; did you mean "best"? */
static bool refuse_word(struct err *err, const char *what, const struct nearest *nearest)
{
	cleanup_buf struct buf quoted = { 0 };

	validate_quote(&quoted, nearest->word);
	if (nearest->best == NULL)
		return err_set(err, ERR_CONFIG, "%s is no %s", buf_text(&quoted), what);
	return err_set(err, ERR_CONFIG, "%s is no %s; did you mean \"%s\"?", buf_text(&quoted),
		what, nearest->best);
}

static bool refuse(struct err *err, const char *text, const char *why)
{
	cleanup_buf struct buf quoted = { 0 };

	validate_quote(&quoted, text);
	return err_set(err, ERR_CONFIG, "%s %s", buf_text(&quoted), why);
}

bool validate_name(const char *text, struct err *err)
{
	cleanup_buf struct buf safe = { 0 };
	size_t len = strlen(text);

	if (len == 0)
		return err_set(err, ERR_CONFIG, "a name cannot be empty");
	if (len > NAME_MAX_BYTES)
		return err_set(err, ERR_CONFIG, "a name has at most %d bytes", NAME_MAX_BYTES);
	text_add_safe(&safe, text);
	if (strcmp(buf_text(&safe), text) != 0 || text[strcspn(text, " \t")] != '\0')
		return refuse(err, text, "is no name: it must be printable, without blanks");
	return true;
}

bool validate_kind(const char *text, struct err *err)
{
	struct nearest nearest = nearest_to(text);

	if (source_type_find(text) != NULL)
		return true;
	for (const struct source_type *type = source_types; type->name != NULL; type++)
		nearest_offer(&nearest, type->name);
	if (nearest.best == NULL)
		nearest.best = source_types[0].name;
	return refuse_word(err, "type of source", &nearest);
}

bool validate_event(const char *text, struct err *err)
{
	struct nearest nearest = nearest_to(text);
	enum event_type type;

	if (event_from_word(text, &type))
		return true;
	for (type = 0; type < EVENT_COUNT; type++)
		nearest_offer(&nearest, event_types[type].word);
	return refuse_word(err, "event", &nearest);
}

static bool field_known(const char *word, struct err *err)
{
	struct nearest nearest = nearest_to(word);
	const char *name;

	for (size_t i = 0; (name = event_field_name(i)) != NULL; i++) {
		if (strcmp(name, word) == 0)
			return true;
		nearest_offer(&nearest, name);
	}
	return refuse_word(err, "field of an event", &nearest);
}

bool validate_argument(const char *text, struct err *err)
{
	for (const char *p = strchr(text, '{'); p != NULL; p = strchr(p + 1, '{')) {
		size_t len = strspn(p + 1, WORD_CHARS);
		cleanup_free char *word = mem_strndup(p + 1, len);

		if (len != 0 && p[1 + len] == '}' && !field_known(word, err))
			return false;
	}
	return true;
}

bool validate_quiet(const char *text, struct err *err)
{
	int from;
	int to;

	if (text[0] == '\0' || parse_day_span(text, &from, &to))
		return true;
	return refuse(err, text, "is no span of hours, such as \"22:00-07:00\"");
}

bool validate_path(const char *text, struct err *err)
{
	if (text[0] == '\0' || text[0] == '/' || strncmp(text, "~/", 2) == 0)
		return true;
	return refuse(err, text, "must be an absolute path, or begin with ~/");
}

bool validate_variable(const char *text, struct err *err)
{
	static const char *const kept[] = { "TELNYX_", "WATCHDOG_" };

	if (text[0] == '\0' || strchr(DIGITS, text[0]) != NULL ||
		text[strspn(text, WORD_CHARS)] != '\0')
		return refuse(err, text, "is no name of an environment variable");
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (strncmp(text, kept[i], strlen(kept[i])) == 0)
			return err_set(err, ERR_CONFIG,
				"no %s variable is ever passed to a program%s", kept[i],
				i == 0 ? ": it may hold the API key" : "");
	if (strcmp(text, "NOTIFY_SOCKET") == 0 || strcmp(text, "CREDENTIALS_DIRECTORY") == 0)
		return err_set(err, ERR_CONFIG,
			"%s is never passed to a program: it is for the monitor alone", text);
	return true;
}
