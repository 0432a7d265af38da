/* One task as the API describes it, and what it can be doing. */
#ifndef CORE_TASK_H
#define CORE_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/stamp.h"

/* The words are those of users, not of one API. */
enum status_class {
	CLASS_OPEN, /* a word nobody knows, or not seen yet: neither active nor ended */
	CLASS_ACTIVE,
	CLASS_ENDED,
};

/* name, word, class */
#define STATUSES(X)                                                                                \
	X(EXPECTED, "expected", OPEN) /* named by a user, not seen yet */                          \
	X(UNKNOWN, "unknown", OPEN) /* a word that no row of core/source_type knows */             \
	X(QUEUED, "queued", ACTIVE)                                                                \
	X(PROCESSING, "processing", ACTIVE)                                                        \
	X(SUCCESS, "success", ENDED)                                                               \
	X(FAILURE, "failure", ENDED)                                                               \
	X(PARTIAL_SUCCESS, "partial_success", ENDED)                                               \
	X(GONE, "gone", ENDED) /* was active, now in no status; `wait` only */

enum status {
#define STATUS_ENUM(name, word, class) STATUS_##name,
	STATUSES(STATUS_ENUM)
#undef STATUS_ENUM
		STATUS_COUNT
};

const char *status_word(enum status status);
enum status_class status_class(enum status status);
/* of the five statuses an API can be asked for, in upper or lower case, and `failed` as an alias;
 * false for any other word */
bool status_from_word(const char *word, enum status *ret);

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

/* bytes of the texts, each with its NUL; those that are NULL have none */
size_t task_texts_size(const char *const texts[], size_t count);
/* copies them to `at`, which has so much room, and puts the copies in their places */
void task_texts_put(char *at, const char *texts[], size_t count);
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
