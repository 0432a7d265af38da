/* One task as the API describes it. */
#ifndef CORE_TASK_H
#define CORE_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "json/write.h"
#include "base/stamp.h"
#include "core/status.h"

#define TASK_ID_MAX 256

/*
 * Texts are UTF-8 as far as the API wrote UTF-8, NUL-terminated, NULL when not known. In a view
 * they are borrowed, valid until the next element is decoded; task_copy makes them own.
 */
struct task {
	const char *id;
	const char *name;
	const char *bucket;
	const char *user_id;
	const char *word; /* the API's own word for the status */
	enum status status;
	int64_t created_us; /* STAMP_NONE: not known */
	int64_t finished_us;
};

/* bytes of a text that may be NULL, with its NUL; and the text copied to *at, which is moved past
 * it */
size_t task_text_size(const char *text);
const char *task_text_put(char **at, const char *text);
/* an owned copy in one allocation; free(3) releases it */
struct task *task_copy(const struct task *task);
/* the same of `task`, in which the view fills what is not known; when it ended only if they agree
 * how */
struct task *task_filled(const struct task *task, const struct task *view);
/* 1 to 256 bytes, no control characters, not "." or ".." */
bool task_id_valid(const char *id, size_t len);
/* for qsort(3): the oldest first, for a snapshot has no order */
int task_by_age(const void *a, const void *b);
/* what users read for the status: the canonical word, or the API's own when nobody knows it */
const char *task_status_word(const struct task *task);
/* does the view say anything that is not known of the task? What it leaves out is no news, nor is
 * when it ended */
bool task_differs(const struct task *old, const struct task *view);
/* milliseconds from creation to end; false when one of them is not known or they are out of order
 */
bool task_duration(const struct task *task, int64_t *ret_ms);
/* one JSON object without a newline: schema, source and the fields of taskbell(1), JSON */
void task_json(const struct task *task, const char *source, struct buf *out);

#endif
