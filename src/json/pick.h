/*
 * Picks the values of wanted JSON pointers (RFC 6901) out of one JSON value: it is validated and
 * taken apart in one pass, nothing is copied, and what is not wanted is skipped.
 */
#ifndef JSON_PICK_H
#define JSON_PICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define JSON_PICK_MAX 24 /* pointers */
#define JSON_PICK_BYTES 512 /* of all pointers */
#define JSON_PICK_NODES 64 /* tokens of all pointers; a shared beginning counts once */

/* one token of a pointer */
struct json_token {
	const char *name; /* borrowed; without escapes */
	size_t len;
	size_t index; /* as an array index; SIZE_MAX: it is none */
};

/* takes the token at a slash, whose name it writes to *to, and moves both past it */
struct json_token json_token_take(const char **pointer, char **to);

enum json_type {
	JSON_MISSING,
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json_value {
	enum json_type type;
	bool escaped; /* a string with escapes: json_unescape() makes the text of its bytes */
	/* borrowed; as they are written, of a string those between the quotes; not set when missing
	 */
	const char *bytes;
	size_t len;
};

/* a place that some pointer leads to or through */
struct json_node {
	struct json_token token; /* its name is in `names` */
	int child; /* the first one; 0: none */
	int next; /* beside it; 0: none */
	int value; /* which pointer ends here; -1: none */
};

#define JSON_PREFIXES 32
#define JSON_PREFIX_MAX 46 /* bytes; a longer one is read anew each time */

/*
 * What stood before a member's value in the last object: a brace or a comma, the name and a colon,
 * with the blanks between. A server writes all its elements alike, and comparing these bytes is
 * several times faster than reading the name and looking it up.
 */
struct json_prefix {
	char bytes[JSON_PREFIX_MAX];
	uint8_t len; /* 0: not known */
	uint8_t node; /* of the member */
};

struct json_pick {
	struct json_node nodes[JSON_PICK_NODES + 2]; /* unwanted, the whole value, … */
	int node_count;
	size_t count; /* of pointers */
	char names[JSON_PICK_BYTES];
	struct json_prefix prefixes[JSON_PREFIXES]; /* by the order of the members */
	bool twice; /* the last value has a member twice that a pointer leads through */
};

/*
 * `pick` is zeroed. The pointers are followed from the value at the pointer `below`; one that is
 * NULL is never found. False: a pointer is not "" and does not begin with "/", or there are too
 * many.
 */
bool json_pick_init(
	struct json_pick *pick, const char *below, const char *const pointers[], size_t count);
/*
 * Reads the value at `p`, which may have `levels` levels of objects and arrays, into `values`, one
 * for each pointer. Of a name that stands twice the last member counts. Returns what follows the
 * value; NULL: it is not valid, not whole before `end`, or nested deeper.
 */
const char *json_pick_read(struct json_pick *pick, const char *p, const char *end,
	unsigned int levels, struct json_value values[]);
/*
 * Both for one whole document. False with err (ERR_PROTOCOL): it is not valid, or the value at
 * `below` stands twice in it.
 */
bool json_pick_document(const char *bytes, size_t len, const char *below,
	const char *const pointers[], size_t count, struct json_value values[], struct err *err);

#endif
