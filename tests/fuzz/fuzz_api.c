/*
 * An element means what cJSON finds in it, and the same however it is cut into chunks. The same
 * bytes are also read as the body of every other answer.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "json/check.h"
#include "io/api.h"
#include "io/envelope.h"
#include "io/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_task(struct buf *out, const struct task *task)
{
	const char *const texts[] = { task->id, task->word, task->name, task->bucket,
		task->user_id };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		(void)buf_addf(out, "%d[%s]", texts[i] != NULL, texts[i] != NULL ? texts[i] : "");
	(void)buf_addf(out, "%d %lld %lld\n", (int)task->status, (long long)task->created_us,
		(long long)task->finished_us);
}

static bool feed(struct task_reader *reader, const char *bytes, size_t len, struct buf *views)
{
	struct task_element element;
	struct err err;

	task_reader_feed(reader, bytes, len);
	while (task_reader_next(reader, &element)) {
		const struct task *view = task_reader_view(reader, &element);

		if (!task_id_valid(view->id, strlen(view->id)) || view->word[0] == '\0')
			abort();
		add_task(views, view);
	}
	return task_reader_good(reader, &err);
}

static bool list(
	const char *front, const char *element, size_t len, struct buf *views, struct err *err)
{
	struct task_reader *reader = task_reader_new(source_type_find("telnyx-embeddings"));
	struct api_beside beside;
	bool good = feed(reader, "{\"data\":[", 9, views) &&
		    feed(reader, front, strlen(front), views) &&
		    feed(reader, element, len, views) && feed(reader, "]}", 2, views);

	good = task_reader_good(reader, err) && good && api_list_end(reader, &beside, err);
	task_reader_free(reader);
	return good;
}

/* what cJSON finds in the one task of the list */
static void compare_tree(const char *text, size_t len, const struct buf *views)
{
	const struct source_type *type = source_type_find("telnyx-embeddings");
	const struct node *root = tree_read(text, len);
	const char *texts[FIELD_COUNT];
	struct buf expected = { 0 };

	for (int i = 0; i < FIELD_COUNT; i++) {
		const struct node *node = node_member(root, type->fields[i] + 1);

		texts[i] = node != NULL ? node_text(node) : NULL;
	}
	(void)buf_addf(&expected, "1[%s]1[%s]", texts[FIELD_ID], texts[FIELD_STATUS]);
	for (int i = FIELD_NAME; i <= FIELD_USER; i++)
		(void)buf_addf(
			&expected, "%d[%s]", texts[i] != NULL, texts[i] != NULL ? texts[i] : "");
	if (views->len < expected.len || memcmp(views->data, expected.data, expected.len) != 0)
		abort();
	buf_done(&expected);
}

/* `text` is one valid object */
static void read_both_ways(const char *text, size_t len)
{
	struct buf views[2] = { { 0 }, { 0 } };
	struct err errs[2] = { { 0 }, { 0 } };
	size_t first = 1 + strspn(text + 1, " \t\r\n");
	bool good;

	if (tree_read(text, len) == NULL)
		abort();
	if (text[first] == '}')
		return;
	good = list("", text, len, &views[0], &errs[0]);
	if (good != list("{\"\":[],", text + 1, len - 1, &views[1], &errs[1]))
		abort();
	/* a byte offset may differ, what is wrong with an element may not */
	if (strncmp(errs[0].text, "element", 7) == 0 && strcmp(errs[0].text, errs[1].text) != 0)
		abort();
	if (strcmp(buf_text(&views[0]), buf_text(&views[1])) != 0)
		abort();
	if (good)
		compare_tree(text, len, &views[0]);
	buf_done(&views[0]);
	buf_done(&views[1]);
}

static void read_as_bodies(const char *text, size_t len)
{
	struct buf reason = { 0 };
	struct task *task;
	struct http_answer answer = { .status = 200, .request_id = "request" };
	struct http_advice advice;
	struct err err = { 0 };

	(void)buf_add(&answer.body, text, len);
	if (api_lookup(source_type_find("telnyx-embeddings"), "id", &answer, &task, &advice,
		    &err) == API_FOUND &&
		(strcmp(task->id, "id") != 0 || task->word[0] == '\0'))
		abort();
	free(task);
	answer.status = 404;
	if (api_lookup(source_type_find("telnyx-embeddings"), "id", &answer, &task, &advice,
		    &err) == API_NOT_FOUND &&
		tree_read(text, len) == NULL)
		abort();
	if (api_reason(&answer.body, &reason) && (reason.len == 0 || reason.len > 2048))
		abort();
	(void)envelope_read(text, json_is_valid(text, len, &err) ? len : 0, len);
	answer.status = 500;
	(void)api_error(&answer, &advice, &err);
	buf_done(&answer.body);
	for (const char *p = err.text; *p != '\0';) {
		uint32_t code;
		size_t took = text_decode(p, strlen(p), &code);

		if (took == 0 || code < 0x20 || code == 0x7f)
			abort();
		p += took;
	}
	buf_done(&reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_strndup((const char *)data, size);
	struct err ignored;

	if (size > 0 && text[0] == '{' && json_is_valid(text, size, &ignored))
		read_both_ways(text, size);
	read_as_bodies(text, size);
	free(text);
	return 0;
}
