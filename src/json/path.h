/* A JSON pointer that is followed while a document is read: which value does it lead to? */
#ifndef JSON_PATH_H
#define JSON_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "json/pick.h"

#define JSON_PATH_MAX 4 /* tokens … */
#define JSON_PATH_BYTES 96 /* … and bytes of all of them */

struct json_step {
	struct json_token token; /* its name is in `names` */
	size_t seen; /* elements so far of the array on the path */
	bool found; /* the name was there */
};

struct json_path {
	struct json_step steps[JSON_PATH_MAX];
	size_t len;
	size_t entered; /* steps that lead to the value that is being read */
	size_t matched; /* bytes of the next step that this name has so far */
	bool wanted; /* so far it is that step's name */
	char names[JSON_PATH_BYTES];
};

/* `path` is zeroed. False: no pointer in ASCII ("" or "/…"), or a longer one */
bool json_path_init(struct json_path *path, const char *pointer);
/*
 * A value begins within `depth` objects and arrays, the innermost of which is an array or not: true
 * when it is the one that the path leads to. json_path_done() is told when it has ended.
 */
bool json_path_value(struct json_path *path, size_t depth, bool in_array);
static inline void json_path_done(struct json_path *path, size_t depth)
{
	if (path->entered == depth && depth > 0)
		path->entered--;
}
/* a name begins; its bytes follow, as they are decoded */
void json_path_name(struct json_path *path, size_t depth);
void json_path_name_bytes(struct json_path *path, const char *bytes, size_t len);
/* the name has ended; false: it is on the path and stands there a second time */
bool json_path_name_done(struct json_path *path);

#endif
