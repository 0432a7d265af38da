#include "core/diagnostics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct diagnostics_item {
	unsigned int order;
	char *text; /* own */
};

/* where the text of a new one goes, before the first that stands later: what is looked at last need
 * not stand last */
static char **diagnostics_insert(struct diagnostics *faults, unsigned int order)
{
	size_t at = faults->count;

	faults->items =
		mem_grow(faults->items, &faults->cap, faults->count + 1, sizeof(*faults->items));
	while (at > 0 && faults->items[at - 1].order > order)
		at--;
	memmove(&faults->items[at + 1], &faults->items[at],
		(faults->count - at) * sizeof(*faults->items));
	faults->items[at] = (struct diagnostics_item){ .order = order };
	faults->count++;
	return &faults->items[at].text;
}

void diagnostics_add(struct diagnostics *faults, unsigned int order, const char *file,
	unsigned int line, const char *fmt, ...)
{
	cleanup_buf struct buf text = { 0 };
	struct err message = { 0 };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message.text, sizeof(message.text), fmt, ap);
	va_end(ap);
	text_add_safe(&text, file);
	if (line != 0)
		(void)buf_addf(&text, ":%u", line);
	(void)buf_add_text(&text, ": ");
	text_add_safe(&text, message.text);
	*diagnostics_insert(faults, order) = buf_steal(&text);
}

void diagnostics_tell(const struct diagnostics *faults, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < faults->count; i++) {
		if (i == 0)
			(void)err_set(err, ERR_CONFIG, "%s", faults->items[i].text);
		(void)buf_addf(out, "%s\n", faults->items[i].text);
	}
}

void diagnostics_done(struct diagnostics *faults)
{
	for (size_t i = 0; i < faults->count; i++)
		free(faults->items[i].text);
	free(faults->items);
	*faults = (struct diagnostics){ 0 };
}
