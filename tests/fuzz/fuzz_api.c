/*
 * An element means the same whoever reads it: as it is, maybe in plain form, and with a member in
 * front that sends it through cJSON. The same bytes are also read as the body of every other
 * answer.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "json/json.h"
#include "base/text.h"
#include "json/frame.h"
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

static bool take(void *arg, const struct task *view, const char *bytes, size_t len)
{
	(void)bytes;
	(void)len;
	if (!task_id_valid(view->id, strlen(view->id)) || view->word[0] == '\0')
		abort();
	add_task(arg, view);
	return true;
}

static bool list(
	const char *front, const char *element, size_t len, struct buf *views, struct err *err)
{
	struct api_taker taker = { .task = take, .arg = views };
	struct api_list *list = api_list_new(source_type_find("telnyx-embeddings"), &taker);
	bool good = api_list_feed(list, "{\"data\":[", 9, err) &&
		    api_list_feed(list, front, strlen(front), err) &&
		    api_list_feed(list, element, len, err) && api_list_feed(list, "]}", 2, err) &&
		    api_list_end(list, err);

	api_list_free(list);
	return good;
}

/* `text` is one valid object */
static void read_both_ways(const char *text, size_t len)
{
	struct buf views[2] = { { 0 }, { 0 } };
	struct err errs[2] = { { 0 }, { 0 } };
	size_t first = 1 + strspn(text + 1, " \t\r\n");

	if (tree_read(text, len) == NULL)
		abort();
	if (text[first] == '}')
		return;
	if (list("", text, len, &views[0], &errs[0]) !=
		list("{\"\":[],", text + 1, len - 1, &views[1], &errs[1]))
		abort();
	/* a byte offset may differ, what is wrong with an element may not */
	if (strncmp(errs[0].text, "element", 7) == 0 && strcmp(errs[0].text, errs[1].text) != 0)
		abort();
	if (strcmp(buf_text(&views[0]), buf_text(&views[1])) != 0)
		abort();
	buf_done(&views[0]);
	buf_done(&views[1]);
}

static void read_as_bodies(const char *text, size_t len)
{
	struct buf scratch = { 0 };
	struct buf reason = { 0 };
	struct task view;
	struct http_answer answer = { .status = 500, .request_id = "request" };
	struct http_advice advice;
	struct err err = { 0 };

	if (api_task(source_type_find("telnyx-embeddings"), "id", text, len, &scratch, &view,
		    &err) &&
		(strcmp(view.id, "id") != 0 || view.word[0] == '\0'))
		abort();
	if (api_reason(text, len, &reason) && (reason.len == 0 || reason.len > 2048))
		abort();
	(void)api_task_errors(text, len, &err);
	(void)envelope_read(text, frame_check(text, len, &err) ? len : 0, len);
	if (api_is_json(text, len) && tree_read(text, len) == NULL)
		abort();
	(void)api_error(&answer, text, len, &advice, &err);
	for (const char *p = err.text; *p != '\0';) {
		uint32_t code;
		size_t took = text_decode(p, strlen(p), &code);

		if (took == 0 || code < 0x20 || code == 0x7f)
			abort();
		p += took;
	}
	buf_done(&scratch);
	buf_done(&reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_strndup((const char *)data, size);
	struct err ignored;

	if (size > 0 && text[0] == '{' && frame_check(text, size, &ignored))
		read_both_ways(text, size);
	read_as_bodies(text, size);
	free(text);
	return 0;
}
