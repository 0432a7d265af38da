/*
 * Hands out the elements of one list in a JSON document that arrives in chunks of any size, one at
 * a time. Memory follows the largest element, not the document, which is validated as a whole.
 */
#ifndef JSON_SPLIT_H
#define JSON_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "json/pick.h"

#define JSON_ELEMENT_MAX (1024UL * 1024)
#define JSON_ELEMENTS_MAX 5000000
#define JSON_OUTSIDE_MAX (1024UL * 1024)

/* what the pointer leads to, and what of it is an element */
enum split_form {
	SPLIT_LIST, /* an array of objects */
	SPLIT_VALUES, /* such an array, or an object, whose members' values are the elements */
};

struct json_element {
	const char *bytes; /* borrowed, as those of its values, until the next chunk is fed */
	size_t len;
	bool carried; /* it began in an earlier chunk: only until the next element is asked for */
};

struct json_split;

/*
 * `path` is a JSON pointer in ASCII to what `form` says, "" for the document itself; `pick` reads
 * each element. Both are borrowed. NULL: `path` is no such pointer, or too long (json/path.h).
 */
struct json_split *json_split_new(enum split_form form, const char *path, struct json_pick *pick);
void json_split_free(struct json_split *split); /* NULL is fine */
/* takes the next chunk, borrowed until json_split_next() has returned false */
void json_split_feed(struct json_split *split, const char *bytes, size_t len);
/*
 * The next element that is whole, valid by itself; `values` gets what is picked of it. False: the
 * chunk is used up, or json_split_good() says what is wrong.
 */
bool json_split_next(
	struct json_split *split, struct json_value values[], struct json_element *ret);
/* false: not valid, or past a limit; err (ERR_PROTOCOL) says what, again at every later call */
bool json_split_good(const struct json_split *split, struct err *err);
/* the end: false unless it was one whole document with its list; only then is what was handed out
 * true */
bool json_split_end(const struct json_split *split, struct err *err);
/*
 * Of one whole document, whatever its shape: the document without the elements, `{"data":[],"meta":
 * {}}`; borrowed. What stands beside the list is read there. NULL: the document is not whole, or
 * this is longer than 1 MiB.
 */
const struct buf *json_split_outside(const struct json_split *split);
uint64_t json_split_elements(const struct json_split *split); /* so far */

#endif
