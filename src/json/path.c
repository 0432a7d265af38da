#include "json/path.h"

#include <string.h>

bool json_path_init(struct json_path *path, const char *pointer)
{
	char *to = path->names;

	if (strlen(pointer) >= sizeof(path->names))
		return false;
	while (*pointer == '/' && path->len < JSON_PATH_MAX)
		path->steps[path->len++].token = json_token_take(&pointer, &to);
	return *pointer == '\0';
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

		if (step->seen++ == step->token.index)
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
	path->wanted = len <= step->token.len - path->matched &&
		       memcmp(step->token.name + path->matched, bytes, len) == 0;
	path->matched += len;
}

bool json_path_name_done(struct json_path *path)
{
	struct json_step *step = &path->steps[path->entered];

	if (!path->wanted || path->matched != step->token.len)
		return true;
	if (step->found)
		return false;
	step->found = true;
	path->entered++;
	return true;
}
