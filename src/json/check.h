/*
 * Validates a JSON document that arrives in chunks of any size (RFC 8259), and tells where its
 * values and names begin and end to whoever asks.
 *
 * Two liberties, both for the sake of not losing a whole answer over a trifle: a byte order mark at
 * the very start is skipped, and bytes in strings need not be UTF-8. One bad byte in the name of
 * one task says nothing against all the others; whoever shows such a text escapes it.
 */
#ifndef JSON_CHECK_H
#define JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "json/lex.h"

#define JSON_DEPTH_MAX 64 /* the document itself is the first level */
#define JSON_DOCUMENT_MAX (1024ULL * 1024 * 1024)

/* what comes next in the document */
enum json_event {
	JSON_NOTHING, /* the chunk is used up, or something is wrong */
	JSON_VALUE, /* a value begins at `at` */
	JSON_NAME, /* a member's name begins; its bytes follow */
	JSON_NAME_BYTES, /* `bytes` and `len`, without escapes */
	JSON_NAME_END,
	JSON_CLOSE, /* an object or array ended before `at` */
	JSON_SCALAR, /* any other value ended before `at` */
};

struct json_check {
	unsigned int depth; /* objects and arrays that are open */
	uint64_t objects; /* one bit a level, the innermost lowest: 1 is an object, 0 an array */
	uint64_t before; /* bytes in earlier chunks */
	const char *chunk; /* borrowed, as all that points into it; NULL: used up */
	const char *at;
	const char *end;
	const char *bytes; /* of JSON_NAME_BYTES */
	size_t len;
	enum json_event event; /* of the step just made */
	int state; /* private, as what follows */
	bool name; /* the string that is being read is a member's name */
	bool told; /* JSON_VALUE was returned for the value at `at` */
	char decoded; /* an escape, or NUL where it is no ASCII */
	struct escape escape;
	const char *word; /* what is left of a literal */
	enum number_state number;
	struct err fault;
};

/* `check` is zeroed before the first chunk, which is borrowed until it is used up */
void json_check_feed(struct json_check *check, const char *bytes, size_t len);
enum json_event json_check_next(struct json_check *check);
/* after JSON_VALUE: the value is known to be valid and to end before `to` */
void json_check_skip(struct json_check *check, const char *to);
/* sets a fault of the caller at `at`, which ends the document; always returns NULL */
const char *json_check_fail(struct json_check *check, const char *at, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* validates a chunk, without returning its events */
void json_check_read(struct json_check *check, const char *bytes, size_t len);
/* false: not valid, or past a limit; err (ERR_PROTOCOL) says what, again at every later call */
bool json_check_good(const struct json_check *check, struct err *err);
/* the end: false unless it was one whole document */
bool json_check_end(const struct json_check *check, struct err *err);
/* has the document's last byte been seen? A number alone may go on */
bool json_check_whole(const struct json_check *check);
/* is this one complete, valid document within the limits? */
bool json_is_valid(const char *bytes, size_t len, struct err *err);

#endif
