/* Writes JSON, one object at a time and without a tree: `list` writes a million of them. */
#ifndef JSON_WRITE_H
#define JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

struct json_writer {
	struct buf *out; /* borrowed */
	bool some; /* a member was written: the next one needs a comma */
};

struct json_writer json_begin(struct buf *out); /* writes { */
void json_end(struct json_writer *json); /* writes } */
void json_name(struct json_writer *json, const char *name); /* comma and "name": */
/* a text; NULL gives null. Names are literals, so that their length costs nothing */
void json_text_named(struct json_writer *json, const char *name, size_t name_len, const char *text);
static inline void json_text(struct json_writer *json, const char *name, const char *text)
{
	json_text_named(json, name, strlen(name), text);
}
void json_int(struct json_writer *json, const char *name, int64_t value);
void json_bool(struct json_writer *json, const char *name, bool value);
/* a stamp as RFC 3339; STAMP_NONE gives null */
void json_stamp(struct json_writer *json, const char *name, int64_t us);
void json_null(struct json_writer *json, const char *name);
/* milliseconds as seconds with the digits it needs */
void json_seconds(struct json_writer *json, const char *name, int64_t ms);
enum json_field_type { JSON_FIELD_TEXT, JSON_FIELD_INT, JSON_FIELD_STAMP, JSON_FIELD_SECONDS };

/* a member with its value, to be written as the function of its type does */
struct json_field {
	const char *name;
	enum json_field_type type;
	const char *text; /* borrowed; of JSON_FIELD_TEXT */
	int64_t number; /* of the others */
};
/* a whole object */
void json_object(struct buf *out, const struct json_field *fields, size_t count);
/* a quoted string; invalid UTF-8 becomes U+FFFD, controls and DEL are escaped */
void json_add_string(struct buf *out, const char *text);

#endif
