#include "core/template.h"

#include <string.h>

#include "base/text.h"

#define WORD_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

void template_expand(const char *text, const struct event *event, struct buf *out)
{
	size_t start = out->len;
	char scratch[EVENT_FIELD_TEXT_MAX];

	while (*text != '\0') {
		size_t len = strcspn(text, "{");
		enum event_field field;

		(void)buf_add(out, text, len);
		text += len;
		if (*text == '\0')
			break;
		len = strspn(text + 1, WORD_CHARS);
		if (text[len + 1] == '}' && event_field_find(text + 1, len, &field)) {
			const char *value = event_field(event, field, scratch, &len);

			(void)buf_add(out, value, len);
			text = strchr(text, '}') + 1;
		} else {
			(void)buf_add_char(out, *text++);
		}
	}
	if (out->len > start) {
		out->len = start + text_cut(out->data + start, out->len - start, TEMPLATE_TEXT_MAX);
		out->data[out->len] = '\0';
	}
}
