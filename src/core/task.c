#include "core/task.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/scan.h"
#include "json/write.h"

static const struct {
	const char *word;
	enum status_class class;
} statuses[] = {
#define STATUS_ROW(name, word, class) [STATUS_##name] = { word, CLASS_##class },
	STATUSES(STATUS_ROW)
#undef STATUS_ROW
};

const char *status_word(enum status status)
{
	return statuses[status].word;
}

enum status_class status_class(enum status status)
{
	return statuses[status].class;
}

bool status_from_word(const char *word, enum status *ret)
{
	/* the vendor's prose says `failed` where its schema says `failure` */
	if (strcasecmp(word, "failed") == 0)
		word = "failure";
	for (int i = STATUS_QUEUED; i <= STATUS_PARTIAL_SUCCESS; i++)
		if (strcasecmp(statuses[i].word, word) == 0) {
			*ret = (enum status)i;
			return true;
		}
	return false;
}

size_t task_texts_size(const char *const texts[], size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += texts[i] != NULL ? strlen(texts[i]) + 1 : 0;
	return size;
}

void task_texts_put(char *at, const char *texts[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t size = texts[i] != NULL ? strlen(texts[i]) + 1 : 0;

		if (size != 0)
			texts[i] = memcpy(at, texts[i], size);
		at += size;
	}
}

struct task *task_copy(const struct task *task)
{
	const char *texts[] = { task->id, task->name, task->bucket, task->user_id, task->word };
	struct task *copy = mem_alloc(sizeof(*copy) + task_texts_size(texts, ARRAY_LEN(texts)));

	task_texts_put((char *)(copy + 1), texts, ARRAY_LEN(texts));
	*copy = *task;
	copy->id = texts[0];
	copy->name = texts[1];
	copy->bucket = texts[2];
	copy->user_id = texts[3];
	copy->word = texts[4];
	return copy;
}

static const char *either(const char *known, const char *other)
{
	return known != NULL ? known : other;
}

struct task *task_filled(const struct task *task, const struct task *view)
{
	struct task filled = *task;

	filled.name = either(task->name, view->name);
	filled.bucket = either(task->bucket, view->bucket);
	filled.user_id = either(task->user_id, view->user_id);
	if (task->created_us == STAMP_NONE)
		filled.created_us = view->created_us;
	if (task->finished_us == STAMP_NONE && task->status == view->status)
		filled.finished_us = view->finished_us;
	return task_copy(&filled);
}

/* eight bytes at a time, the last of which may have been looked at already */
static bool has_controls(const char *bytes, size_t len)
{
	size_t i = 0;

	for (; len >= 8 && i + 8 < len; i += 8)
		if (scan_controls(word_load(bytes + i)))
			return true;
	if (len >= 8)
		return scan_controls(word_load(bytes + len - 8));
	for (; i < len; i++)
		if ((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f)
			return true;
	return false;
}

bool task_id_valid(const char *id, size_t len)
{
	if (len < 1 || len > TASK_ID_MAX || has_controls(id, len))
		return false;
	return !(len == 1 && id[0] == '.') && !(len == 2 && id[0] == '.' && id[1] == '.');
}

int task_by_age(const void *a, const void *b)
{
	const struct task *x = a;
	const struct task *y = b;

	if (x->created_us != y->created_us)
		return x->created_us < y->created_us ? -1 : 1;
	return strcmp(x->id, y->id);
}

const char *task_status_word(const struct task *task)
{
	if (task->status == STATUS_UNKNOWN && task->word != NULL)
		return task->word;
	return status_word(task->status);
}

static bool text_differs(const char *old, const char *new)
{
	return new != NULL && (old == NULL || strcmp(old, new) != 0);
}

bool task_differs(const struct task *old, const struct task *view)
{
	return strcmp(task_status_word(old), task_status_word(view)) != 0 ||
	       text_differs(old->name, view->name) || text_differs(old->bucket, view->bucket) ||
	       text_differs(old->user_id, view->user_id) ||
	       (view->created_us != STAMP_NONE && old->created_us != view->created_us);
}

bool task_duration(const struct task *task, int64_t *ret_ms)
{
	if (task->created_us == STAMP_NONE || task->finished_us == STAMP_NONE ||
		task->finished_us < task->created_us)
		return false;
	*ret_ms = (task->finished_us - task->created_us) / 1000;
	return true;
}

void task_json(const struct task *task, const char *source, struct buf *out)
{
	struct json_writer json = json_begin(out);
	int64_t duration_ms;

	json_int(&json, "schema", 1);
	json_text(&json, "source", source);
	json_text(&json, "task_id", task->id);
	json_text(&json, "task_name", task->name);
	json_text(&json, "status", task_status_word(task));
	json_text(&json, "bucket", task->bucket);
	json_text(&json, "user_id", task->user_id);
	json_stamp(&json, "created_at", task->created_us);
	json_stamp(&json, "finished_at", task->finished_us);
	if (task_duration(task, &duration_ms))
		json_seconds(&json, "duration_seconds", duration_ms);
	else
		json_null(&json, "duration_seconds");
	json_end(&json);
}
