/* A growing run of bytes with a limit that is part of it: untrusted input cannot outgrow its
 * buffer. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

struct buf {
	char *data; /* own; always followed by a NUL once anything was added */
	size_t len;
	size_t cap;
	size_t limit; /* bytes; 0: no limit of its own */
};

#define BUF_INIT(max)                                                                              \
	{                                                                                          \
		.limit = (max)                                                                     \
	}
#define cleanup_buf __attribute__((cleanup(buf_done)))

/* adds bytes; false, with nothing added, when that would pass the limit */
bool buf_add(struct buf *buf, const void *bytes, size_t len);
/* makes the buffer longer by len bytes, for the caller to fill; NULL, with nothing done, past the
 * limit */
char *buf_extend(struct buf *buf, size_t len);
bool buf_add_text(struct buf *buf, const char *text);
bool buf_add_char(struct buf *buf, char c);
bool buf_add_int(struct buf *buf, int64_t value);
bool buf_addf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* the content as text, "" when empty; borrowed until the next change */
const char *buf_text(const struct buf *buf);
/* hands over the content as an owned NUL-terminated string and leaves the buffer empty */
char *buf_steal(struct buf *buf);
void buf_clear(struct buf *buf); /* empty, capacity kept */
void buf_drop(struct buf *buf, size_t n); /* removes n bytes at the front */
void buf_done(struct buf *buf); /* releases all; the buffer may be used again */

#endif
