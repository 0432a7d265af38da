#include "json/pick.h"

#include <string.h>

#include "base/mem.h"
#include "base/scan.h"
#include "json/check.h"
#include "json/lex.h"

#define UNWANTED 0
#define ROOT 1
#define NAME_MAX_DECODED 256 /* bytes of a name with escapes; a longer one is not wanted */

/* one value while it is read */
struct reading {
	struct json_pick *pick;
	struct json_value *values;
	const char *end;
};

static const char *container_read(
	const struct reading *reading, int node, const char *p, unsigned int levels);

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

static int child_named(const struct json_pick *pick, int node, const char *name, size_t len)
{
	int child = pick->nodes[node].child;

	while (child != UNWANTED && (pick->nodes[child].token.len != len ||
					    memcmp(pick->nodes[child].token.name, name, len) != 0))
		child = pick->nodes[child].next;
	return child;
}

static int child_at(const struct json_pick *pick, int node, size_t index)
{
	int child = pick->nodes[node].child;

	while (child != UNWANTED && pick->nodes[child].token.index != index)
		child = pick->nodes[child].next;
	return child;
}

/* the child with this token, made when there is none; UNWANTED: there are too many */
static int child_make(struct json_pick *pick, int parent, const struct json_token *token)
{
	int child = child_named(pick, parent, token->name, token->len);

	if (child != UNWANTED || pick->node_count == ARRAY_LEN(pick->nodes))
		return child;
	child = pick->node_count++;
	pick->nodes[child] =
		(struct json_node){ *token, .next = pick->nodes[parent].child, .value = -1 };
	pick->nodes[parent].child = child;
	return child;
}

/* the node at a pointer from `node`, made when there is none; UNWANTED: see pick.h. Names go to *to
 */
static int node_make(struct json_pick *pick, int node, const char *pointer, char **to)
{
	if (strlen(pointer) > (size_t)(pick->names + sizeof(pick->names) - *to))
		return UNWANTED;
	while (*pointer == '/' && node != UNWANTED) {
		struct json_token token = json_token_take(&pointer, to);

		node = child_make(pick, node, &token);
	}
	return *pointer == '\0' ? node : UNWANTED;
}

bool json_pick_init(
	struct json_pick *pick, const char *below, const char *const pointers[], size_t count)
{
	char *to = pick->names;
	int root;

	pick->nodes[UNWANTED] = (struct json_node){ .value = -1 };
	pick->nodes[ROOT] = (struct json_node){ .value = -1 };
	pick->node_count = ROOT + 1;
	pick->count = count;
	root = node_make(pick, ROOT, below, &to);
	if (root == UNWANTED || count > JSON_PICK_MAX)
		return false;
	for (size_t i = 0; i < count; i++) {
		int node = pointers[i] != NULL ? node_make(pick, root, pointers[i], &to) : -1;

		if (node == UNWANTED)
			return false;
		if (node != -1)
			pick->nodes[node].value = (int)i;
	}
	return true;
}

/* forgets what was found below a node, which may stand again */
static void values_clear(const struct reading *reading, int node)
{
	const struct json_node *nodes = reading->pick->nodes;

	for (int child = nodes[node].child; child != UNWANTED; child = nodes[child].next) {
		if (nodes[child].value >= 0)
			reading->values[nodes[child].value].type = JSON_MISSING;
		values_clear(reading, child);
	}
}

/* the rest of a string with escapes; returns its closing quote, NULL: it has none */
static const char *escaped_end(const char *p, const char *end)
{
	while (p < end && *p == '\\') {
		struct escape escape = { 0 };
		enum escape_state state = ESCAPE_OPEN;

		for (p++; p < end && state == ESCAPE_OPEN; p++)
			state = escape_next(&escape, *p);
		if (state != ESCAPE_WHOLE)
			return NULL;
		p = scan_string(p, end);
	}
	return p < end && *p == '"' ? p : NULL;
}

/* the closing quote of the string whose first byte is at `p`; NULL: it has none */
static inline const char *string_end(const char *p, const char *end, bool *escaped)
{
	const char *stop = scan_string(p, end);

	*escaped = stop < end && *stop == '\\';
	if (*escaped)
		return escaped_end(stop, end);
	return stop < end && *stop == '"' ? stop : NULL;
}

static const char *number_end(const char *p, const char *end)
{
	enum number_state state = NUMBER_BEGIN;

	while (p < end) {
		enum number_state next = number_next(state, *p);

		if (next == NUMBER_NONE)
			break;
		state = next;
		p++;
	}
	return number_whole(state) ? p : NULL;
}

static const char *literal_end(const char *p, const char *end, enum json_type *type)
{
	const char *word = *p == 't' ? "true" : *p == 'f' ? "false" : "null";
	size_t len = strlen(word);

	*type = *p == 't' ? JSON_TRUE : *p == 'f' ? JSON_FALSE : JSON_NULL;
	return (size_t)(end - p) >= len && memcmp(p, word, len) == 0 ? p + len : NULL;
}

static void prefix_learn(struct json_prefix *prefix, const char *bytes, size_t len, int node)
{
	prefix->len = 0;
	if (len > JSON_PREFIX_MAX)
		return;
	memcpy(prefix->bytes, bytes, len);
	prefix->len = (uint8_t)len;
	prefix->node = (uint8_t)node;
}

/* reads from the quote of a name to what follows the colon, and finds the member's node */
static const char *name_read(const struct reading *reading, int node, const char *p, int *ret_child)
{
	const char *end = reading->end;
	const char *name = p + 1;
	char decoded[NAME_MAX_DECODED];
	size_t len;
	bool escaped;

	p = p < end && *p == '"' ? string_end(name, end, &escaped) : NULL;
	if (p == NULL)
		return NULL;
	len = (size_t)(p - name);
	*ret_child = UNWANTED;
	if (!escaped)
		*ret_child = child_named(reading->pick, node, name, len);
	else if (len <= sizeof(decoded))
		*ret_child = child_named(
			reading->pick, node, decoded, json_unescape(name, len, decoded, NULL));
	p = scan_blanks(p + 1, end);
	return p < end && *p == ':' ? scan_blanks(p + 1, end) : NULL;
}

/* reads from a brace or a comma to the value of the member; `prefix` (may be NULL) is what stood
 * there in the last object */
static inline const char *member_begin(const struct reading *reading, int node,
	struct json_prefix *prefix, const char *p, int *ret_child)
{
	const char *begin = p;

	if (prefix != NULL && prefix->len != 0 && (size_t)(reading->end - p) > prefix->len &&
		scan_same(p, prefix->bytes, prefix->len)) {
		*ret_child = prefix->node;
		return scan_blanks(p + prefix->len, reading->end);
	}
	p = name_read(reading, node, scan_blanks(p + 1, reading->end), ret_child);
	if (p != NULL && prefix != NULL)
		prefix_learn(prefix, begin, (size_t)(p - begin), *ret_child);
	return p;
}

/* any value but a string; returns what follows */
static const char *other_read(const struct reading *reading, int node, const char *p,
	unsigned int levels, enum json_type *ret)
{
	const char *next;

	switch (*p) {
	case '{':
	case '[':
		next = container_read(reading, node, p, levels);
		*ret = *p == '{' ? JSON_OBJECT : JSON_ARRAY;
		return next;
	case 't':
	case 'f':
	case 'n':
		return literal_end(p, reading->end, ret);
	default:
		*ret = JSON_NUMBER;
		return number_end(p, reading->end);
	}
}

/* reads the value at `p` for the node; returns what follows, NULL: see pick.h */
__attribute__((always_inline)) static inline const char *value_read(
	const struct reading *reading, int node, const char *p, unsigned int levels)
{
	const struct json_node *wanted = &reading->pick->nodes[node];
	struct json_value other = { 0 };
	struct json_value *value = wanted->value >= 0 ? &reading->values[wanted->value] : &other;
	const char *next = NULL;

	if (p == reading->end)
		return NULL;
	if (*p == '"') {
		const char *stop = string_end(p + 1, reading->end, &value->escaped);

		if (stop == NULL)
			return NULL;
		value->type = JSON_STRING;
		value->bytes = p + 1;
		value->len = (size_t)(stop - p - 1);
		next = stop + 1;
	} else {
		next = other_read(reading, node, p, levels, &value->type);
		if (next == NULL)
			return NULL;
		value->escaped = false;
		value->bytes = p;
		value->len = (size_t)(next - p);
	}
	if (wanted->child != UNWANTED && value->type < JSON_ARRAY)
		values_clear(reading, node);
	return next;
}

static const char *object_read(
	const struct reading *reading, int node, const char *p, unsigned int levels)
{
	struct json_prefix *prefixes = reading->pick->prefixes;
	struct json_prefix *prefix = node == ROOT ? prefixes : NULL;
	const char *end = reading->end;
	const char *first = scan_blanks(p + 1, end);

	if (first < end && *first == '}')
		return first + 1;
	for (;;) {
		int child = UNWANTED;

		p = member_begin(reading, node, prefix, p, &child);
		prefix =
			prefix != NULL && prefix + 1 < prefixes + JSON_PREFIXES ? prefix + 1 : NULL;
		if (p != NULL)
			p = value_read(reading, child, p, levels);
		if (p != NULL)
			p = scan_blanks(p, end);
		if (p == NULL || p == end || (*p != ',' && *p != '}'))
			return NULL;
		if (*p == '}')
			return p + 1;
	}
}

static const char *array_read(
	const struct reading *reading, int node, const char *p, unsigned int levels)
{
	const char *end = reading->end;

	p = scan_blanks(p + 1, end);
	if (p < end && *p == ']')
		return p + 1;
	for (size_t i = 0;; i++) {
		p = value_read(reading, child_at(reading->pick, node, i), p, levels);
		if (p != NULL)
			p = scan_blanks(p, end);
		if (p == NULL || p == end || (*p != ',' && *p != ']'))
			return NULL;
		if (*p == ']')
			return p + 1;
		p = scan_blanks(p + 1, end);
	}
}

/* an object or an array; `levels` are those that it and what is in it may have */
__attribute__((noinline)) static const char *container_read(
	const struct reading *reading, int node, const char *p, unsigned int levels)
{
	struct json_pick *pick = reading->pick;
	int value = pick->nodes[node].value;

	if (levels == 0)
		return NULL;
	if (node > ROOT) {
		pick->twice |= value >= 0 && reading->values[value].type != JSON_MISSING;
		values_clear(reading, node);
	}
	return *p == '{' ? object_read(reading, node, p, levels - 1)
			 : array_read(reading, node, p, levels - 1);
}

const char *json_pick_read(struct json_pick *pick, const char *p, const char *end,
	unsigned int levels, struct json_value values[])
{
	struct reading reading = { pick, values, end };

	pick->twice = false;
	for (size_t i = 0; i < pick->count; i++)
		values[i].type = JSON_MISSING;
	/* an element of a list, which is mostly wanted for its members alone */
	if (p < end && *p == '{' && levels > 0 && pick->nodes[ROOT].value < 0)
		return object_read(&reading, ROOT, p, levels - 1);
	return value_read(&reading, ROOT, p, levels);
}

bool json_pick_document(const char *bytes, size_t len, const char *below,
	const char *const pointers[], size_t count, struct json_value values[], struct err *err)
{
	const char *end = bytes + len;
	const char *p = len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? bytes + 3 : bytes;
	struct json_pick pick = { 0 };

	if (!json_pick_init(&pick, below, pointers, count))
		return err_set(err, ERR_SOFTWARE, "%s: no JSON pointer", below);
	p = json_pick_read(&pick, scan_blanks(p, end), end, JSON_DEPTH_MAX, values);
	if (p == NULL || scan_blanks(p, end) != end) {
		/* the validator says what is wrong, and where */
		if (json_is_valid(bytes, len, err))
			(void)err_set(err, ERR_PROTOCOL, "the answer is not valid JSON");
		return false;
	}
	if (pick.twice)
		return err_set(err, ERR_PROTOCOL, "the answer has \"%s\" twice", below + 1);
	return true;
}
