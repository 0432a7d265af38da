#include "core/template.h"

#include <string.h>

#include "base/mem.h"

#define WORD_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* shortens the text to at most `max` bytes without splitting a code point */
static void cut(struct buf *text, size_t start, size_t max)
{
	size_t end = start + max;

	if (text->len <= end)
		return;
	for (int i = 0; i < 3 && end > start && ((unsigned char)text->data[end] & 0xc0) == 0x80;
		i++)
		end--;
	text->len = end;
	text->data[end] = '\0';
}

bool template_value(const struct event *event, const char *field, struct buf *out)
{
	size_t start = out->len;

	if (!event_field(event, field, out))
		return false;
	cut(out, start, TEMPLATE_VALUE_MAX);
	return true;
}

/* the length of the word after a brace, 0 when no brace ends it */
static size_t word_length(const char *text)
{
	size_t len = strspn(text, WORD_CHARS);

	return text[len] == '}' ? len : 0;
}

static const char *field_find(const char *word, size_t len)
{
	const char *name;

	for (size_t i = 0; (name = event_field_name(i)) != NULL; i++)
		if (strlen(name) == len && memcmp(name, word, len) == 0)
			return name;
	return NULL;
}

void template_expand(const char *text, const struct event *event, struct buf *out)
{
	size_t start = out->len;

	while (*text != '\0') {
		size_t len = strcspn(text, "{");
		const char *field;

		(void)buf_add(out, text, len);
		text += len;
		if (*text == '\0')
			break;
		len = word_length(text + 1);
		field = field_find(text + 1, len);
		if (field != NULL) {
			(void)template_value(event, field, out);
			text += len + 2;
		} else {
			(void)buf_add_char(out, *text++);
		}
	}
	cut(out, start, TEMPLATE_TEXT_MAX);
}
