/*
 * A document fed whole and fed in chunks is the same document: the same verdict, the same elements,
 * the same rest, which is valid by itself. What is picked of an element is what cJSON finds there.
 * The first two bytes of the input choose the chunks, the third one the form and the path.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "json/check.h"
#include "io/tree.h"
#include "json/lex.h"
#include "json/split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const pointers[] = { "/task_id", "/status", "/a/b", "/a", "/l/1" };
static const char *const paths[] = { "/data", "", "/a/b", "/data/0" };

/* the value at the pointer in a tree; NULL: none */
static const struct node *find(const struct node *node, const char *pointer)
{
	while (node != NULL && *pointer != '\0') {
		size_t len = strcspn(pointer + 1, "/");
		char *name = mem_strndup(pointer + 1, len);

		if (node_is_array(node)) {
			size_t at = *name >= '0' && *name <= '9' && name[1] == '\0'
					    ? (size_t)(*name - '0')
					    : SIZE_MAX;

			node = at == SIZE_MAX ? NULL : node_first(node);
			for (; node != NULL && at > 0; at--)
				node = node_next(node);
		} else {
			node = node_member(node, name);
		}
		free(name);
		pointer += 1 + len;
	}
	return node;
}

static void compare(const struct node *node, const struct json_value *value)
{
	if ((node == NULL) != (value->type == JSON_MISSING))
		abort();
	if (node == NULL)
		return;
	if (node_is_object(node) != (value->type == JSON_OBJECT) ||
		node_is_array(node) != (value->type == JSON_ARRAY) ||
		node_is_true(node) != (value->type == JSON_TRUE) ||
		(node_number(node) != NULL) != (value->type == JSON_NUMBER) ||
		(node_text(node) != NULL) != (value->type == JSON_STRING))
		abort();
	if (node_number(node) != NULL &&
		(strlen(node_number(node)) != value->len ||
			memcmp(node_number(node), value->bytes, value->len) != 0))
		abort();
	if (value->type == JSON_STRING) {
		char *text = mem_alloc(value->len + 1);
		size_t len = json_unescape(value->bytes, value->len, text, NULL);

		if (len != strlen(node_text(node)) || memcmp(text, node_text(node), len) != 0)
			abort();
		free(text);
	}
}

static void take(const struct json_element *element, const struct json_value *values)
{
	const struct node *root = tree_read(element->bytes, element->len);
	struct err err;

	if (root == NULL || !json_is_valid(element->bytes, element->len, &err))
		abort();
	for (size_t i = 0; i < ARRAY_LEN(pointers); i++)
		compare(find(root, pointers[i]), &values[i]);
}

static bool split(const uint8_t *data, size_t size, uint32_t chunks, unsigned int how,
	struct buf *seen, struct err *err)
{
	static struct json_pick pick;
	struct json_split *split = json_split_new(
		(enum split_form)(SPLIT_LIST + how % 2), paths[how / 2 % ARRAY_LEN(paths)], &pick);
	struct json_value values[ARRAY_LEN(pointers)];
	struct json_element element;
	const struct buf *outside;
	bool good;

	if (!json_pick_init(&pick, "", pointers, ARRAY_LEN(pointers)))
		abort();
	for (size_t at = 0; at < size && json_split_good(split, err);) {
		size_t len = chunks != 0 ? (chunks >> 16) % 9 + 1 : size;
		char *copy;

		if (len > size - at)
			len = size - at;
		/* of exact size, so that reading past a chunk is found */
		copy = mem_resize(NULL, len, 1);
		memcpy(copy, data + at, len);
		json_split_feed(split, copy, len);
		while (json_split_next(split, values, &element)) {
			take(&element, values);
			(void)buf_add(seen, element.bytes, element.len);
			(void)buf_add_char(seen, '\n');
		}
		free(copy);
		at += len;
		chunks = chunks * 1103515245U + 12345U;
	}
	good = json_split_end(split, err);
	outside = json_split_outside(split);
	if (good && (outside == NULL || !json_is_valid(outside->data, outside->len, err)))
		abort();
	if (outside != NULL)
		(void)buf_add(seen, outside->data, outside->len);
	json_split_free(split);
	return good;
}

/* a document is valid for the splitter when it is for the pick, which reads it in one go */
static void read_by_pick(const char *text, size_t len)
{
	static struct json_pick pick;
	struct json_value values[ARRAY_LEN(pointers)];
	char *copy = mem_resize(NULL, len, 1);
	const char *stop;
	struct err err;
	bool blank = true;

	memcpy(copy, text, len);
	(void)json_pick_init(&pick, "", pointers, ARRAY_LEN(pointers));
	stop = json_pick_read(&pick, copy, copy + len, JSON_DEPTH_MAX, values);
	for (const char *p = stop; p != NULL && p < copy + len; p++)
		blank = blank && strchr(" \t\r\n", *p) != NULL && *p != '\0';
	if (strchr(" \t\r\n\xef", *copy) == NULL &&
		json_is_valid(text, len, &err) != (stop != NULL && blank))
		abort();
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = { 0 };
	struct buf parts = { 0 };
	struct err whole_err = { 0 };
	struct err parts_err = { 0 };
	uint32_t chunks;

	if (size < 4)
		return 0;
	chunks = (uint32_t)data[0] << 8 | data[1] | 0x10000U;
	if (split(data + 3, size - 3, 0, data[2], &whole, &whole_err) !=
			split(data + 3, size - 3, chunks, data[2], &parts, &parts_err) ||
		strcmp(whole_err.text, parts_err.text) != 0)
		abort();
	if (whole.len != parts.len || memcmp(buf_text(&whole), buf_text(&parts), whole.len) != 0)
		abort();
	buf_done(&whole);
	buf_done(&parts);
	read_by_pick((const char *)data + 3, size - 3);
	tree_clear();
	return 0;
}
