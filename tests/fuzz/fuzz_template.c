/*
 * A template and a value, apart at the first newline: what is expanded keeps the value whole and
 * looks at it once; what is no field stands.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "deliver/hook_env.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* the same by another way: from the left, the shortest that can be */
static void expand_slowly(const char *text, const char *value, struct buf *out)
{
	static const char field[] = "{message}";

	while (*text != '\0') {
		if (strncmp(text, field, sizeof(field) - 1) == 0) {
			(void)buf_add_text(out, value);
			text += sizeof(field) - 1;
		} else {
			(void)buf_add_char(out, *text++);
		}
	}
}

/* templates with other fields are only expanded, not compared */
static bool has_other_field(const char *text)
{
	const char *name;

	for (size_t i = 0; (name = event_field_name(i)) != NULL; i++) {
		cleanup_free char *field = mem_printf("{%s}", name);

		if (strcmp(name, "message") != 0 && strstr(text, field) != NULL)
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = mem_strndup((const char *)data, size);
	char *newline = strchr(text, '\n');
	struct event event = {
		.type = EVENT_SUCCESS, .created_us = STAMP_NONE, .finished_us = STAMP_NONE
	};
	cleanup_buf struct buf fast = { 0 };
	cleanup_buf struct buf slow = { 0 };

	if (newline == NULL)
		return 0;
	*newline = '\0';
	event.message = newline + 1;
	template_expand(text, &event, &fast);
	if (fast.len > TEMPLATE_TEXT_MAX)
		abort();
	if (has_other_field(text) || strlen(event.message) > EVENT_FIELD_MAX)
		return 0;
	expand_slowly(text, event.message, &slow);
	if (slow.len <= TEMPLATE_TEXT_MAX && strcmp(buf_text(&fast), buf_text(&slow)) != 0)
		abort();
	return 0;
}
