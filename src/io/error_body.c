#include "io/error_body.h"

#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/text.h"
#include "base/scan.h"
#include "json/check.h"
#include "io/tree.h"

/* bytes that are shown of a body in no known form */
#define EXCERPT_MAX 120
/* levels of objects and lists within an error that are put into words */
#define WORDS_DEPTH 4

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* adds the text as one line: runs of blanks become one, what could deceive is escaped */
static void add_line(struct buf *out, const char *text)
{
	cleanup_buf struct buf line = { 0 };

	for (; *text != '\0'; text++) {
		if (!is_blank(*text))
			(void)buf_add_char(&line, *text);
		else if (line.len > 0 && line.data[line.len - 1] != ' ')
			(void)buf_add_char(&line, ' ');
	}
	while (line.len > 0 && line.data[line.len - 1] == ' ')
		line.data[--line.len] = '\0';
	text_add_safe(out, buf_text(&line));
}

/* adds `between` unless this is the first thing after `start` */
static void add_between(struct buf *out, size_t start, const char *between)
{
	if (out->len > start)
		(void)buf_add_text(out, between);
}

/* adds any value: texts and numbers as they are, lists and objects with what is in them */
static void add_value(struct buf *out, const struct node *node, int depth)
{
	size_t start = out->len;
	bool object = node_is_object(node);

	if (node_text(node) != NULL) {
		add_line(out, node_text(node));
		return;
	}
	if (node_number(node) != NULL) {
		(void)buf_add_text(out, node_number(node));
		return;
	}
	if (depth == WORDS_DEPTH)
		return;
	for (node = node_first(node); node != NULL; node = node_next(node)) {
		cleanup_buf struct buf words = { 0 };

		add_value(&words, node, depth + 1);
		if (words.len == 0)
			continue;
		add_between(out, start, "; ");
		if (object) {
			add_line(out, node_name(node));
			(void)buf_add_text(out, ": ");
		}
		(void)buf_add_text(out, buf_text(&words));
	}
}

/* adds the value of a member with `before` it; false when it is not there or says nothing */
static bool add_member(struct buf *out, const struct node *node, const char *name, size_t start,
	const char *before)
{
	const struct node *member = node_member(node, name);
	cleanup_buf struct buf words = { 0 };

	if (member == NULL)
		return false;
	add_value(&words, member, 1);
	if (words.len == 0)
		return false;
	add_between(out, start, before);
	return buf_add_text(out, buf_text(&words));
}

/* FastAPI's place of a fault, ["query", "status", 0], as status.0: where it was sent is our affair
 */
static void add_location(struct buf *out, const struct node *loc)
{
	static const char *const parts[] = { "query", "path", "header", "cookie", "body" };
	const struct node *node = node_first(loc);
	size_t start = out->len;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (node != NULL && node_text(node) != NULL && node_next(node) != NULL &&
			strcmp(node_text(node), parts[i]) == 0) {
			node = node_next(node);
			break;
		}
	for (; node != NULL; node = node_next(node)) {
		add_between(out, start, ".");
		add_value(out, node, WORDS_DEPTH);
	}
	add_between(out, start, ": ");
}

/* one error: {code, title, detail, source} of Telnyx, {loc, msg} of FastAPI, or only a text */
static void add_error(struct buf *out, const struct node *node)
{
	static const char *const texts[] = { "detail", "description", "message", "error" };
	size_t start = out->len;
	bool title;

	if (!node_is_object(node)) {
		add_value(out, node, 1);
		return;
	}
	if (node_member(node, "msg") != NULL) {
		add_location(out, node_member(node, "loc"));
		(void)add_member(out, node, "msg", out->len, "");
		return;
	}
	(void)add_member(out, node, "code", start, "");
	title = add_member(out, node, "title", start, " ");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (add_member(out, node, texts[i], start, title ? ": " : " "))
			break;
	if (!add_member(out, node_member(node, "source"), "parameter", start, " at "))
		(void)add_member(out, node_member(node, "source"), "pointer", start, " at ");
}

static void add_errors(struct buf *out, const struct node *list)
{
	size_t start = out->len;

	for (const struct node *node = node_first(list); node != NULL; node = node_next(node)) {
		cleanup_buf struct buf words = { 0 };

		add_error(&words, node);
		if (words.len == 0)
			continue;
		add_between(out, start, "; ");
		(void)buf_add_text(out, buf_text(&words));
	}
}

/* finds `word`, in small letters, in text of any case */
static const char *find_word(const char *text, const char *end, const char *word)
{
	size_t len = strlen(word);

	for (; (size_t)(end - text) >= len; text++)
		if (strncasecmp(text, word, len) == 0)
			return text;
	return NULL;
}

static void add_excerpt(struct buf *out, const char *bytes, size_t len)
{
	size_t shown = len < EXCERPT_MAX ? len : EXCERPT_MAX;
	cleanup_free char *text = mem_strndup(bytes, shown);

	for (size_t i = 0; i < shown; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	(void)buf_add_char(out, '"');
	add_line(out, text);
	(void)buf_add_text(out, len > shown ? "\xe2\x80\xa6\"" : "\"");
}

static void add_page(struct buf *out, const char *body, const char *end)
{
	const char *title = find_word(body, end, "<title");
	const char *stop;

	(void)buf_add_text(out, "a page, not JSON");
	title = title != NULL ? memchr(title, '>', (size_t)(end - title)) : NULL;
	stop = title != NULL ? find_word(title, end, "</title") : NULL;
	if (stop == NULL)
		return;
	(void)buf_add_text(out, ": ");
	add_excerpt(out, title + 1, (size_t)(stop - title - 1));
}

void error_body_words(const char *body, size_t len, struct buf *out)
{
	const char *end = body + len;
	struct err ignored;

	body = scan_blanks(body, end);
	if (body == end)
		return;
	if (*body == '<') {
		add_page(out, body, end);
		return;
	}
	if (json_is_valid(body, (size_t)(end - body), &ignored)) {
		const struct node *root = tree_read(body, (size_t)(end - body));
		size_t start = out->len;

		if (root != NULL) {
			const struct node *list = node_member(root, "errors");

			if (list == NULL && node_is_array(node_member(root, "detail")))
				list = node_member(root, "detail");
			if (list != NULL && node_is_array(list))
				add_errors(out, list);
			else if (list != NULL)
				add_value(out, list, 0);
			else
				add_error(out, root);
		}
		tree_clear();
		if (out->len > start)
			return;
	}
	add_excerpt(out, body, (size_t)(end - body));
}
