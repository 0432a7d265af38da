#include "io/tree.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static cJSON *root; /* own; the document that was read last */

static void *tree_alloc(size_t size)
{
	return mem_resize(NULL, size, 1);
}

void tree_clear(void)
{
	cJSON_Delete(root);
	root = NULL;
}

/*
 * JSON allows escapes that stand for no text: NUL, at which cJSON cuts a text silently, and half a
 * surrogate pair, for which it refuses the whole document. Both are replaced by U+FFFD.
 */
static const char replacement[] = "\xef\xbf\xbd";

/*
 * cJSON reads a number as a double, which keeps no time or id of 64 bits whole, and without the fix
 * of CVE-2023-26819 no more than 63 bytes of it. It is given each as a text that begins with the
 * first of these marks; a text that might be taken for one begins with the second.
 */
static const char number_mark[] = "\xe0\x80\x81";
static const char text_mark[] = "\xe0\x80\x82";
#define MARK_LEN 3
#define NUMBER_MORE (MARK_LEN + 2) /* bytes of a number that are added, with its quotes */

static unsigned int hex_value(const char *p)
{
	unsigned int value = 0;

	for (int i = 0; i < 4; i++) {
		unsigned int c = (unsigned char)p[i];

		value = value << 4 | (c <= '9' ? c - '0' : (c | 0x20U) - 'a' + 10);
	}
	return value;
}

/* is at `p` the escape of a surrogate of this half: 0xd800 the first, 0xdc00 the second? */
static bool is_half(const char *p, const char *end, unsigned int half)
{
	return end - p >= 6 && p[0] == '\\' && p[1] == 'u' && (hex_value(p + 2) & 0xfc00U) == half;
}

/* copies the escape at `p` to `to` and moves both past it */
static void copy_escape(char **to, const char **p, const char *end)
{
	bool first = is_half(*p, end, 0xd800);
	bool pair = first && is_half(*p + 6, end, 0xdc00);
	bool nul = end - *p >= 6 && memcmp(*p, "\\u0000", 6) == 0;
	size_t len = (*p)[1] != 'u' ? 2 : pair ? 12 : 6;

	if (nul || (first && !pair) || is_half(*p, end, 0xdc00)) {
		memcpy(*to, replacement, MARK_LEN);
		*to += MARK_LEN;
	} else {
		memcpy(*to, *p, len);
		*to += len;
	}
	*p += len;
}

static bool in_number(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static void copy_mark(char **to, const char *mark)
{
	memcpy(*to, mark, MARK_LEN);
	*to += MARK_LEN;
}

/* the document as cJSON can read it, with a NUL; every other byte may be a number */
static char *copy_readable(const char *p, size_t len)
{
	const char *end = p + len;
	char *copy = mem_resize(NULL, len + (len / 2 + 1) * NUMBER_MORE + 1, 1);
	char *to = copy;
	bool string = false;

	while (p < end) {
		if (string && *p == '\\') {
			copy_escape(&to, &p, end);
		} else if (!string && (*p == '-' || (*p >= '0' && *p <= '9'))) {
			*(*(&to))++ = '"';
			copy_mark(&to, number_mark);
			while (*(&p) < end && in_number(**(&p)))
				*(*(&to))++ = *(*(&p))++;
			*(*(&to))++ = '"';
		} else {
			bool quote = *p == '"';

			*to++ = *p++;
			string = string != quote;
			if (quote && string && end - p > 2 && memcmp(p, number_mark, 2) == 0)
				copy_mark(&to, text_mark);
		}
	}
	*to = '\0';
	return copy;
}

const struct node *tree_read(const char *bytes, size_t len)
{
	cJSON_Hooks hooks = { tree_alloc, free };
	cleanup_free char *copy = copy_readable(bytes, len);

	tree_clear();
	cJSON_InitHooks(&hooks);
	root = cJSON_Parse(copy);
	return (const struct node *)root;
}

static const cJSON *item(const struct node *node)
{
	return (const cJSON *)node;
}

bool node_is_object(const struct node *node)
{
	return cJSON_IsObject(item(node)) != 0;
}

bool node_is_array(const struct node *node)
{
	return cJSON_IsArray(item(node)) != 0;
}

bool node_is_true(const struct node *node)
{
	return cJSON_IsTrue(item(node)) != 0;
}

const char *node_number(const struct node *node)
{
	const char *text = cJSON_IsString(item(node)) ? item(node)->valuestring : "";

	return strncmp(text, number_mark, MARK_LEN) == 0 ? text + MARK_LEN : NULL;
}

const char *node_text(const struct node *node)
{
	const char *text = cJSON_IsString(item(node)) ? item(node)->valuestring : NULL;

	if (text == NULL || node_number(node) != NULL)
		return NULL;
	return strncmp(text, text_mark, MARK_LEN) == 0 ? text + MARK_LEN : text;
}

const char *node_name(const struct node *node)
{
	const char *name = item(node)->string != NULL ? item(node)->string : "";

	return strncmp(name, text_mark, MARK_LEN) == 0 ? name + MARK_LEN : name;
}

const struct node *node_first(const struct node *node)
{
	return node_is_object(node) || node_is_array(node) ? (const struct node *)item(node)->child
							   : NULL;
}

const struct node *node_next(const struct node *node)
{
	return (const struct node *)item(node)->next;
}

const struct node *node_member(const struct node *node, const char *name)
{
	const struct node *found = NULL;

	if (!node_is_object(node))
		return NULL;
	for (const struct node *member = node_first(node); member != NULL;
		member = node_next(member))
		if (strcmp(node_name(member), name) == 0)
			found = member;
	return found;
}

const char *tree_version(void)
{
	return cJSON_Version();
}
