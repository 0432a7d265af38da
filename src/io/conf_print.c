#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"
#include "core/options.h"
#include "core/option_value.h"
#include "io/conf.h"

/* bytes that would deceive a reader, or that libconfig takes for something else, as \xHH */
static void add_string(struct buf *out, const char *text)
{
	size_t left = strlen(text);

	(void)buf_add_char(out, '"');
	while (left > 0) {
		cleanup_buf struct buf safe = { 0 };
		uint32_t code;
		size_t len = text_decode(text, left, &code);
		size_t take = len != 0 ? len : 1;
		cleanup_free char *piece = mem_strndup(text, take);

		text_add_safe(&safe, piece);
		if (*text == '"' || *text == '\\')
			(void)buf_addf(out, "\\%c", *text);
		else if (strcmp(buf_text(&safe), piece) == 0)
			(void)buf_add(out, text, take);
		else
			for (size_t i = 0; i < take; i++)
				(void)buf_addf(
					out, "\\x%02x", (unsigned int)(unsigned char)text[i]);
		text += take;
		left -= take;
	}
	(void)buf_add_char(out, '"');
}

static void add_list(struct buf *out, const struct strings *list, bool numbers)
{
	if (list->count == 0) {
		(void)buf_add_text(out, "[ ]");
		return;
	}
	for (size_t i = 0; i < list->count; i++) {
		(void)buf_add_text(out, i == 0 ? "[ " : ", ");
		if (numbers)
			(void)buf_add_text(out, list->items[i]);
		else
			add_string(out, list->items[i]);
	}
	(void)buf_add_text(out, " ]");
}

/* exit codes are numbers, but the word "any" is a text */
static void add_codes(struct buf *out, const struct strings *codes)
{
	bool any = codes->count == 1 && strcmp(codes->items[0], "any") == 0;

	add_list(out, codes, !any);
}

static void add_value(struct buf *out, const struct option *option, const void *base)
{
	const void *field = value_of(option, base);
	char duration[PARSE_DURATION_MAX];

	switch (option->type) {
	case OPTION_TEXT:
		add_string(out, *(char *const *)field);
		break;
	case OPTION_BOOL:
		(void)buf_add_text(out, *(const bool *)field ? "true" : "false");
		break;
	case OPTION_INT:
		(void)buf_addf(out, "%lld", (long long)*(const int64_t *)field);
		break;
	case OPTION_DURATION:
		(void)buf_addf(out, "\"%s\"", duration_text(*(const int64_t *)field, duration));
		break;
	case OPTION_ENUM:
		(void)buf_addf(out, "\"%s\"", option->words[*(const int *)field]);
		break;
	case OPTION_LIST:
		add_list(out, field, false);
		break;
	case OPTION_CODES:
		add_codes(out, field);
		break;
	case OPTION_BLOCKS:
		break;
	}
}

/* the proxy without its password; NULL when there is none to hide */
static char *proxy_masked(const char *proxy)
{
	const char *scheme = strstr(proxy, "://");
	const char *user = scheme != NULL ? scheme + strlen("://") : proxy;
	const char *at = strrchr(user, '@');
	const char *colon = strchr(user, ':');

	if (at == NULL || colon == NULL || colon > at)
		return NULL;
	return mem_printf("%.*s***%s", (int)(colon + 1 - proxy), proxy, at);
}

static void add_line(
	struct buf *out, const char *indent, const struct option *option, const void *base)
{
	cleanup_free char *masked = NULL;

	(void)buf_addf(out, "%s%s = ", indent, option->name);
	if (option->group == GROUP_SOURCE && strcmp(option->name, "proxy") == 0)
		masked = proxy_masked(*(char *const *)value_of(option, base));
	if (masked != NULL)
		add_string(out, masked);
	else
		add_value(out, option, base);
	(void)buf_addf(out, ";%s\n", masked != NULL ? " # the password is not shown" : "");
}

static void add_block(
	struct buf *out, bool first, enum option_group group, int sink, const void *base)
{
	(void)buf_add_text(out, first ? "( {\n" : ", {\n");
	for (size_t i = 0; i < option_count; i++)
		if (option_known(&options[i], group, sink))
			add_line(out, "\t", &options[i], base);
	(void)buf_add_text(out, "}");
}

static void add_sources(struct buf *out, const struct config *config)
{
	(void)buf_add_text(out, "sources = ");
	for (size_t i = 0; i < config->source_count; i++)
		add_block(out, i == 0, GROUP_SOURCE, SINK_ANY, &config->sources[i]);
	(void)buf_add_text(out, " );\n");
}

static void add_sinks(struct buf *out, const struct config *config)
{
	(void)buf_add_text(out, config->sink_count == 0 ? "sinks = (" : "sinks = ");
	for (size_t i = 0; i < config->sink_count; i++)
		add_block(out, i == 0, GROUP_SINK, config->sinks[i].type, &config->sinks[i]);
	(void)buf_add_text(out, " );\n");
}

void conf_print(const struct config *config, struct buf *out)
{
	if (config->file != NULL) {
		(void)buf_add_text(out, "# ");
		text_add_safe(out, config->file);
		(void)buf_add_text(out, "\n");
	} else {
		(void)buf_add_text(out, "# built-in defaults, there is no configuration file\n");
	}
	for (size_t i = 0; i < option_count; i++) {
		if (options[i].group != GROUP_TOP)
			continue;
		if (options[i].type != OPTION_BLOCKS)
			add_line(out, "", &options[i], config);
		else if (strcmp(options[i].name, "sources") == 0)
			add_sources(out, config);
		else
			add_sinks(out, config);
	}
}
