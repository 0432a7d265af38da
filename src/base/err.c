#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	err->kind = kind;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return false;
}

bool err_errno(struct err *err, enum err_kind kind, int num, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	err->kind = kind;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	(void)snprintf(err->text + len, sizeof(err->text) - len, ": %s", strerror(num));
	return false;
}

bool err_is_exhausted(int num)
{
	return num == EMFILE || num == ENFILE || num == ENOMEM;
}

bool err_prefix(struct err *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	va_list ap;
	size_t len;

	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	(void)snprintf(err->text + len, sizeof(err->text) - len, "%s", old);
	return false;
}

bool err_suffix(struct err *err, const char *fmt, ...)
{
	char more[sizeof(err->text) / 2];
	size_t len = strlen(err->text);
	va_list ap;
	size_t room;

	va_start(ap, fmt);
	(void)vsnprintf(more, sizeof(more), fmt, ap);
	va_end(ap);
	room = sizeof(err->text) - 1 - strlen(more);
	if (len > room) {
		/* not within a character */
		while (room > 0 && ((unsigned char)err->text[room] & 0xc0) == 0x80)
			room--;
		len = room;
	}
	(void)snprintf(err->text + len, sizeof(err->text) - len, "%s", more);
	return false;
}

int err_exit_code(enum err_kind kind)
{
	static const int codes[] = {
#define ERR_CODE(name, code) [ERR_##name] = (code),
		ERR_KINDS(ERR_CODE)
#undef ERR_CODE
	};

	return codes[kind];
}
