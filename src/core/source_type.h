/*
 * A type of source is a row: where its tasks are listed, where their fields stand, which words it
 * has for which status. Another task API like these costs a row and a test.
 */
#ifndef CORE_SOURCE_TYPE_H
#define CORE_SOURCE_TYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/task.h"

enum task_field {
	FIELD_ID, /* required, as is FIELD_STATUS; the rest may be missing, null or malformed */
	FIELD_STATUS,
	FIELD_NAME,
	FIELD_BUCKET,
	FIELD_USER,
	FIELD_CREATED,
	FIELD_FINISHED,
	FIELD_COUNT
};

struct status_word {
	const char *word;
	size_t len;
	enum status status;
	bool asked; /* used in list queries; the others are only understood */
};

struct source_type {
	const char *name; /* the configuration's `type` */
	const char *key_variable; /* where its key may be in the environment */
	const char *list_path; /* after the base URL */
	const char *task_path; /* the percent-encoded id follows */
	const char *reason_path; /* the percent-encoded bucket follows; NULL: the API does not say
				    why */
	const char *status_key; /* query key, repeated once for each word */
	const char *list_pointer; /* JSON pointer to the list in its answer … */
	const char *task_pointer; /* … and to the task in an answer by id */
	const char *fields[FIELD_COUNT]; /* JSON pointers within a task; NULL: the API has no such
					    field */
	const struct status_word *words; /* ends with a NULL word */
};

/* which statuses a list asks for */
enum list_scope { LIST_ACTIVE, LIST_ENDED, LIST_ALL };
#define LIST_SCOPE_COUNT 3

/* the first is the default; ends with a NULL name */
extern const struct source_type source_types[];

const struct source_type *source_type_find(const char *name);
bool status_word_in(const struct status_word *word, enum list_scope scope);

#endif
