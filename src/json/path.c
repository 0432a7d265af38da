#include "json/path.h"

#include <stdint.h>
#include <string.h>

size_t json_token_index(const char *token, size_t len)
{
	size_t index = 0;

	if (len == 0 || len > 9 || (len > 1 && token[0] == '0'))
		return SIZE_MAX;
	for (size_t i = 0; i < len; i++) {
		if (token[i] < '0' || token[i] > '9')
			return SIZE_MAX;
		index = index * 10 + (size_t)(token[i] - '0');
	}
	return index;
}

bool json_path_init(struct json_path *path, const char *pointer)
{
	char *to = path->names;

	if (strlen(pointer) >= sizeof(path->names) || (*pointer != '\0' && *pointer != '/'))
		return false;
	while (*pointer != '\0') {
		struct json_step *step = &path->steps[path->len];

		if (path->len == JSON_PATH_MAX)
			return false;
		path->len++;
		step->name = to;
		for (pointer++; *pointer != '\0' && *pointer != '/'; pointer++) {
			*to = *pointer;
			if (*pointer == '~' && pointer[1] == '1')
				*to = '/';
			if (*pointer == '~' && pointer[1] != '\0')
				pointer++;
			to++;
		}
		step->len = (size_t)(to - step->name);
		step->index = json_token_index(step->name, step->len);
	}
	return true;
}

/* is a value at this depth, or a name, a member of the last object or array on the path? */
static bool is_next(const struct json_path *path, size_t depth)
{
	return depth == path->entered + 1 && path->entered < path->len;
}

bool json_path_value(struct json_path *path, size_t depth, bool in_array)
{
	if (in_array && is_next(path, depth)) {
		struct json_step *step = &path->steps[path->entered];

		if (step->seen++ == step->index)
			path->entered++;
	}
	return path->entered == depth && path->len == depth;
}

void json_path_name(struct json_path *path, size_t depth)
{
	path->wanted = is_next(path, depth);
	path->matched = 0;
}

void json_path_name_bytes(struct json_path *path, const char *bytes, size_t len)
{
	const struct json_step *step = &path->steps[path->entered];

	if (!path->wanted)
		return;
	path->wanted = len <= step->len - path->matched &&
		       memcmp(step->name + path->matched, bytes, len) == 0;
	path->matched += len;
}

bool json_path_name_done(struct json_path *path)
{
	struct json_step *step = &path->steps[path->entered];

	if (!path->wanted || path->matched != step->len)
		return true;
	if (step->found)
		return false;
	step->found = true;
	path->entered++;
	return true;
}
