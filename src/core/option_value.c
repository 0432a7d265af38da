#include "core/option_value.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/strings.h"
#include "core/validate.h"

void *value_field(const struct option *option, void *base)
{
	return (char *)base + option->offset;
}

const void *value_of(const struct option *option, const void *base)
{
	return (const char *)base + option->offset;
}

static bool refuse_duration(const struct option *option, struct err *err)
{
	char least[PARSE_DURATION_MAX];
	char most[PARSE_DURATION_MAX];

	return err_set(err, ERR_CONFIG, "must be %s%s to %s", option->zero ? "0, or " : "",
		duration_text(option->min, least), duration_text(option->max, most));
}

static bool set_duration(const struct option *option, void *base, int64_t ms, struct err *err)
{
	int64_t *field = value_field(option, base);

	if ((ms < option->min || ms > option->max) && !(ms == 0 && option->zero))
		return refuse_duration(option, err);
	*field = ms;
	return true;
}

static bool set_enum(const struct option *option, void *base, const char *text, struct err *err)
{
	int *field = value_field(option, base);
	cleanup_buf struct buf line = { 0 };

	for (int i = 0; option->words[i] != NULL; i++)
		if (strcmp(option->words[i], text) == 0) {
			*field = i;
			return true;
		}
	(void)buf_add_text(&line, "must be ");
	for (size_t i = 0; option->words[i] != NULL; i++)
		(void)buf_addf(&line, "%s\"%s\"",
			i == 0                         ? ""
			: option->words[i + 1] != NULL ? ", "
						       : " or ",
			option->words[i]);
	(void)buf_add_text(&line, ", not ");
	validate_quote(&line, text);
	return err_set(err, ERR_CONFIG, "%s", buf_text(&line));
}

bool option_value_set_text(
	const struct option *option, void *base, const char *text, struct err *err)
{
	char **field;

	if (option->type == OPTION_DURATION) {
		cleanup_buf struct buf quoted = { 0 };
		int64_t ms;

		if (parse_duration(text, &ms))
			return set_duration(option, base, ms, err);
		validate_quote(&quoted, text);
		return err_set(err, ERR_CONFIG,
			"%s is no duration: write 500ms, 30s, 5m, 2h, 1d or a number of seconds",
			buf_text(&quoted));
	}
	if (option->type == OPTION_ENUM)
		return set_enum(option, base, text, err);
	if (option->check != NULL && !option->check(text, err))
		return false;
	field = value_field(option, base);
	free(*field);
	*field = mem_strdup(text);
	return true;
}

bool option_value_set_int(const struct option *option, void *base, int64_t value, struct err *err)
{
	int64_t *field = value_field(option, base);

	if (option->type == OPTION_DURATION) {
		if (value < 0 || value > option->max / 1000)
			return refuse_duration(option, err);
		return set_duration(option, base, value * 1000, err);
	}
	if (value < option->min || value > option->max)
		return err_set(err, ERR_CONFIG, "must be %lld to %lld", (long long)option->min,
			(long long)option->max);
	*field = value;
	return true;
}

bool option_value_set_float(const struct option *option, void *base, double value, struct err *err)
{
	/* also false for what is no number; the largest duration is exact in a double */
	if (!(value >= 0 && value * 1000 <= (double)option->max))
		return refuse_duration(option, err);
	return set_duration(option, base, (int64_t)(value * 1000 + 0.5), err);
}

void option_value_set_bool(const struct option *option, void *base, bool value)
{
	bool *field = value_field(option, base);

	*field = value;
}

static bool add_code(const struct option *option, void *base, const char *text, struct err *err)
{
	struct strings *codes = value_field(option, base);

	if (codes->count != 0 && (strcmp(text, "any") == 0 || strcmp(codes->items[0], "any") == 0))
		return err_set(err, ERR_CONFIG, "\"any\" means all codes and must stand alone");
	strings_add(codes, text);
	return true;
}

bool option_value_add_text(
	const struct option *option, void *base, const char *text, struct err *err)
{
	cleanup_buf struct buf quoted = { 0 };

	if (option->type == OPTION_CODES && strcmp(text, "any") == 0)
		return add_code(option, base, text, err);
	if (option->type == OPTION_CODES) {
		validate_quote(&quoted, text);
		return err_set(
			err, ERR_CONFIG, "must be numbers, or \"any\", not %s", buf_text(&quoted));
	}
	if (option->check != NULL && !option->check(text, err))
		return false;
	strings_add(value_field(option, base), text);
	return true;
}

bool option_value_add_int(const struct option *option, void *base, int64_t value, struct err *err)
{
	cleanup_free char *text = mem_printf("%lld", (long long)value);

	if (value < option->min || value > option->max)
		return err_set(err, ERR_CONFIG, "must be %lld to %lld", (long long)option->min,
			(long long)option->max);
	return add_code(option, base, text, err);
}

void option_value_clear(const struct option *option, void *base)
{
	char **text;

	if (option->type == OPTION_TEXT) {
		text = value_field(option, base);
		free(*text);
		*text = NULL;
	} else if (option->type == OPTION_LIST || option->type == OPTION_CODES) {
		strings_done(value_field(option, base));
	}
}

static void value_own(const struct option *option, void *base)
{
	char **text;

	if (option->type == OPTION_TEXT) {
		text = value_field(option, base);
		*text = mem_strdup(*text);
	} else if (option->type == OPTION_LIST || option->type == OPTION_CODES) {
		struct strings *list = value_field(option, base);
		struct strings theirs = *list;

		*list = (struct strings){ 0 };
		for (size_t i = 0; i < theirs.count; i++)
			strings_add(list, theirs.items[i]);
	}
}

void option_value_own_group(enum option_group group, void *base)
{
	for (size_t i = 0; i < option_count; i++)
		if (options[i].group == group)
			value_own(&options[i], base);
}

void option_value_reset(const struct option *option, void *base)
{
	struct err err = { 0 };
	int64_t number;

	option_value_clear(option, base);
	switch (option->type) {
	case OPTION_TEXT:
	case OPTION_DURATION:
	case OPTION_ENUM:
		(void)option_value_set_text(option, base, option->fallback, &err);
		break;
	case OPTION_BOOL:
		option_value_set_bool(option, base, strcmp(option->fallback, "true") == 0);
		break;
	case OPTION_INT:
		if (parse_int(option->fallback, option->min, option->max, &number))
			(void)option_value_set_int(option, base, number, &err);
		break;
	case OPTION_LIST:
	case OPTION_CODES:
		if (option->fallback[0] != '\0')
			strings_add(value_field(option, base), option->fallback);
		break;
	case OPTION_BLOCKS:
		break;
	}
}

void option_value_reset_group(enum option_group group, void *base)
{
	for (size_t i = 0; i < option_count; i++)
		if (options[i].group == group)
			option_value_reset(&options[i], base);
}

void option_value_clear_group(enum option_group group, void *base)
{
	for (size_t i = 0; i < option_count; i++)
		if (options[i].group == group)
			option_value_clear(&options[i], base);
}
