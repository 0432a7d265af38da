/* Reads tasks out of an answer: those of a list one after the other, or the one of a look-up. */
#ifndef CORE_TASK_READER_H
#define CORE_TASK_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/source_type.h"
#include "core/task.h"
#include "json/split.h"

/* One task as it stands in the answer; borrowed as struct json_element is. */
struct task_element {
	struct json_element json;
	struct json_value fields[FIELD_COUNT]; /* by enum task_field; JSON_MISSING also for a value
						  of a type that the field cannot have */
	enum status status; /* not with `escaped` */
	bool escaped; /* its id or status is written with escapes; task_reader_view() has them */
};

/* the status that an API's word means, in upper or lower case; STATUS_UNKNOWN: the type does not
 * know it */
enum status task_reader_status(const struct source_type *type, const char *word, size_t len);

struct task_reader;

/* of a list, whose elements must say their ids; `type` is borrowed */
struct task_reader *task_reader_new(const struct source_type *type);
void task_reader_free(struct task_reader *reader); /* NULL is fine */
/* takes the next chunk, borrowed until task_reader_next() has returned false */
void task_reader_feed(struct task_reader *reader, const char *bytes, size_t len);
/* the next task; false: the chunk is used up, or task_reader_good() says what is wrong */
bool task_reader_next(struct task_reader *reader, struct task_element *ret);
/* its texts, without escapes; borrowed until the next view is made */
const struct task *task_reader_view(struct task_reader *reader, const struct task_element *element);
/* false with err (ERR_PROTOCOL): the answer is not valid, or passes a limit of json/split */
bool task_reader_good(const struct task_reader *reader, struct err *err);
/* the end: false unless it was one complete, valid answer with a list */
bool task_reader_end(const struct task_reader *reader, struct err *err);
uint64_t task_reader_count(const struct task_reader *reader); /* of tasks so far */
/* the document without its tasks, as json_split_outside() says; borrowed */
const struct buf *task_reader_outside(const struct task_reader *reader);

enum task_answer {
	TASK_READ,
	TASK_NONE, /* there is no task in it, or one without members */
	TASK_BAD, /* it is not valid, or says another id than `asked` or no status */
};

/*
 * Reads the whole answer to a look-up of `asked`. TASK_READ: *ret is owned, free(3) releases it.
 * Otherwise it is NULL and err (ERR_PROTOCOL) says what is wrong.
 */
enum task_answer task_from_answer(const struct source_type *type, const char *asked,
	const char *bytes, size_t len, struct task **ret, struct err *err);

#endif
