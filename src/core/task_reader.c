#include "core/task_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "json/lex.h"
#include "json/scan.h"

/* bytes that an id may have when each of its own is written as \u00XX */
#define ID_ESCAPED_MAX ((size_t)6 * TASK_ID_MAX)

struct task_reader {
	const struct source_type *type; /* borrowed */
	const char *asked; /* borrowed; NULL: a list */
	struct json_split *split; /* own */
	struct json_pick pick;
	bool empty; /* the task that was looked up has no members */
	struct err fault; /* of an element */
	struct buf texts; /* own; of the view */
	struct task view;
};

static struct task_reader *reader_new(
	const struct source_type *type, enum split_form form, const char *path, const char *asked)
{
	struct task_reader *reader = mem_alloc(sizeof(*reader));

	reader->type = type;
	reader->asked = asked;
	(void)json_pick_init(&reader->pick, type->fields, FIELD_COUNT);
	reader->split = json_split_new(form, path, &reader->pick);
	return reader;
}

struct task_reader *task_reader_new(const struct source_type *type)
{
	return reader_new(type, SPLIT_LIST, type->list_pointer, NULL);
}

struct task_reader *task_reader_new_by_id(const struct source_type *type, const char *asked)
{
	return reader_new(type, SPLIT_ONE, type->task_pointer, asked);
}

void task_reader_free(struct task_reader *reader)
{
	if (reader == NULL)
		return;
	json_split_free(reader->split);
	buf_done(&reader->texts);
	free(reader);
}

void task_reader_feed(struct task_reader *reader, const char *bytes, size_t len)
{
	json_split_feed(reader->split, bytes, len);
}

/* what is wrong with the id; NULL: nothing */
static const char *id_fault(const struct task_reader *reader, const struct json_value *id)
{
	const char *asked = reader->asked;
	char decoded[ID_ESCAPED_MAX];
	const char *text = id->bytes;
	bool broken = false;
	size_t len;

	if (id->type == JSON_MISSING)
		return asked != NULL ? NULL : "has no id";
	len = id->len;
	if (id->escaped) {
		text = decoded;
		len = len <= sizeof(decoded) ? json_unescape(id->bytes, len, decoded, &broken) : 0;
		broken = broken || len == 0;
	}
	if (asked != NULL)
		return strlen(asked) == len && memcmp(asked, text, len) == 0
			       ? NULL
			       : "is another task than the one asked for";
	if (!broken && task_id_valid(text, len))
		return NULL;
	return id->len == 0 ? "has an empty id"
			    : "has an id that is none (1 to 256 bytes, no control characters, not "
			      ". or ..)";
}

/* finishes an element whose values have been picked; what is wrong with it, NULL: nothing */
static const char *element_check(const struct task_reader *reader, struct task_element *element)
{
	const struct json_value *status = &element->fields[FIELD_STATUS];
	const char *fault;

	for (int i = 0; i < FIELD_COUNT; i++) {
		enum json_type type = element->fields[i].type;
		bool time = i == FIELD_CREATED || i == FIELD_FINISHED;

		if (type != JSON_STRING && !(time && type == JSON_NUMBER))
			element->fields[i].type = JSON_MISSING;
	}
	fault = id_fault(reader, &element->fields[FIELD_ID]);
	if (fault != NULL)
		return fault;
	if (status->type == JSON_MISSING)
		return "has no status";
	if (status->len == 0)
		return "has an empty status";
	element->escaped = status->escaped || (element->fields[FIELD_ID].type != JSON_MISSING &&
						      element->fields[FIELD_ID].escaped);
	if (!element->escaped)
		element->status = source_type_status(reader->type, status->bytes, status->len);
	return NULL;
}

bool task_reader_next(struct task_reader *reader, struct task_element *ret)
{
	/* of an answer by id the rest is read in any case, as it may say why the task is no task */
	while ((reader->fault.kind == ERR_NONE || reader->asked != NULL) &&
		json_split_next(reader->split, ret->fields, &ret->json)) {
		const char *end = ret->json.bytes + ret->json.len;
		const char *fault = element_check(reader, ret);

		reader->empty =
			reader->asked != NULL && scan_blanks(ret->json.bytes + 1, end) == end - 1;
		if (fault == NULL)
			return true;
		if (reader->asked == NULL)
			(void)err_set(&reader->fault, ERR_PROTOCOL,
				"element %llu of \"%s\" in the answer %s",
				(unsigned long long)json_split_elements(reader->split),
				reader->type->list_pointer + 1, fault);
		else
			(void)err_set(
				&reader->fault, ERR_PROTOCOL, "the task in the answer %s", fault);
	}
	return false;
}

/* no task is older than 1970: a year 1, or 0 seconds, is how some write that there is no time */
static int64_t stamp_or_none(const char *text)
{
	int64_t us;

	if (text == NULL || !(stamp_parse(text, &us) || stamp_parse_unix(text, &us)))
		return STAMP_NONE;
	return us > 0 ? us : STAMP_NONE;
}

/* makes room for all texts at once, as this is done for every task, and returns where they go */
static char *texts_reserve(struct task_reader *reader, const struct task_element *element)
{
	size_t size = reader->asked != NULL ? strlen(reader->asked) + 1 : 0;

	for (int i = 0; i < FIELD_COUNT; i++)
		if (element->fields[i].type != JSON_MISSING)
			size += element->fields[i].len + 1;
	buf_clear(&reader->texts);
	return buf_extend(&reader->texts, size);
}

const struct task *task_reader_view(struct task_reader *reader, const struct task_element *element)
{
	const char *texts[FIELD_COUNT] = { NULL };
	char *at = texts_reserve(reader, element);

	for (int i = 0; i < FIELD_COUNT; i++) {
		const struct json_value *value = &element->fields[i];
		size_t len = value->len;

		if (i == FIELD_ID && reader->asked != NULL) {
			len = strlen(reader->asked);
			memcpy(at, reader->asked, len);
		} else if (value->type == JSON_MISSING) {
			continue;
		} else if (value->escaped) {
			len = json_unescape(value->bytes, value->len, at, NULL);
		} else {
			memcpy(at, value->bytes, len);
		}
		at[len] = '\0';
		texts[i] = at;
		at += len + 1;
	}
	reader->view = (struct task){
		.id = texts[FIELD_ID],
		.name = texts[FIELD_NAME],
		.bucket = texts[FIELD_BUCKET],
		.user_id = texts[FIELD_USER],
		.word = texts[FIELD_STATUS],
		.status = element->escaped ? source_type_status(reader->type, texts[FIELD_STATUS],
						     strlen(texts[FIELD_STATUS]))
					   : element->status,
		.created_us = stamp_or_none(texts[FIELD_CREATED]),
		.finished_us = stamp_or_none(texts[FIELD_FINISHED]),
	};
	return &reader->view;
}

bool task_reader_good(const struct task_reader *reader, struct err *err)
{
	if (reader->fault.kind != ERR_NONE)
		*err = reader->fault;
	return reader->fault.kind == ERR_NONE && json_split_good(reader->split, err);
}

bool task_reader_end(const struct task_reader *reader, struct err *err)
{
	return (reader->asked == NULL || json_split_end(reader->split, err)) &&
	       task_reader_good(reader, err) && json_split_end(reader->split, err);
}

uint64_t task_reader_count(const struct task_reader *reader)
{
	return reader->asked != NULL && reader->empty ? 0 : json_split_elements(reader->split);
}

const struct buf *task_reader_outside(const struct task_reader *reader)
{
	return json_split_outside(reader->split);
}
