#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool buf_reserve(struct buf *buf, size_t more)
{
	if (buf->limit != 0 && more > buf->limit - buf->len)
		return false;
	/* most texts are short and fit: that costs no call */
	if (buf->cap - buf->len <= more)
		buf->data = mem_grow(buf->data, &buf->cap, buf->len + more + 1, 1);
	return true;
}

char *buf_extend(struct buf *buf, size_t len)
{
	if (!buf_reserve(buf, len))
		return NULL;
	buf->len += len;
	buf->data[buf->len] = '\0';
	return buf->data + buf->len - len;
}

bool buf_add(struct buf *buf, const void *bytes, size_t len)
{
	char *at = buf_extend(buf, len);

	if (at != NULL && len != 0)
		memcpy(at, bytes, len);
	return at != NULL;
}

bool buf_add_text(struct buf *buf, const char *text)
{
	return buf_add(buf, text, strlen(text));
}

bool buf_add_char(struct buf *buf, char c)
{
	if (!buf_reserve(buf, 1))
		return false;
	buf->data[buf->len++] = c;
	buf->data[buf->len] = '\0';
	return true;
}

bool buf_add_int(struct buf *buf, int64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left != 0);
	if (value < 0)
		digits[--at] = '-';
	return buf_add(buf, digits + at, sizeof(digits) - at);
}

bool buf_addf(struct buf *buf, const char *fmt, ...)
{
	va_list ap;
	va_list again;
	int len;
	bool fits;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	fits = len >= 0 && buf_reserve(buf, (size_t)len);
	if (fits) {
		(void)vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, again);
		buf->len += (size_t)len;
	}
	va_end(again);
	return fits;
}

const char *buf_text(const struct buf *buf)
{
	return buf->data != NULL ? buf->data : "";
}

char *buf_steal(struct buf *buf)
{
	char *data = buf->data != NULL ? buf->data : mem_strdup("");

	buf->data = NULL;
	buf->len = 0;
	buf->cap = 0;
	return data;
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

void buf_drop(struct buf *buf, size_t n)
{
	if (n == 0)
		return;
	buf->len -= n;
	memmove(buf->data, buf->data + n, buf->len + 1);
}

void buf_done(struct buf *buf)
{
	free(buf->data);
	buf->data = NULL;
	buf->len = 0;
	buf->cap = 0;
}
