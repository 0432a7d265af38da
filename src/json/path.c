#include "json/path.h"

#include <stdint.h>
#include <string.h>

static size_t token_index(const char *name, size_t len)
{
	size_t index = 0;

	if (len == 0 || len > 9 || (len > 1 && name[0] == '0'))
		return SIZE_MAX;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return SIZE_MAX;
		index = index * 10 + (size_t)(name[i] - '0');
	}
	return index;
}

struct json_token json_token_take(const char **pointer, char **to)
{
	struct json_token token = { .name = *to };
	const char *p = *pointer + 1;

	for (; *p != '\0' && *p != '/'; p++) {
		**to = *p;
		if (*p == '~' && p[1] != '\0' && *++p == '1')
			**to = '/';
		(*to)++;
	}
	*pointer = p;
	token.len = (size_t)(*to - token.name);
	token.index = token_index(token.name, token.len);
	return token;
}

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
