#include "core/faults.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

void faults_add(struct faults *faults, const char *file, unsigned int line, const char *fmt, ...)
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
	if (faults->count++ == 0)
		(void)err_set(faults->first, ERR_CONFIG, "%s", buf_text(&text));
	(void)buf_addf(faults->out, "%s\n", buf_text(&text));
}
