#include "core/task_reader.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "json/lex.h"
#include "base/scan.h"

/* bytes that an id may have when each of its own is written as \u00XX */
#define ID_ESCAPED_MAX ((size_t)6 * TASK_ID_MAX)

struct task_reader {
	const struct source_type *type; /* borrowed */
	struct json_split *split; /* own */
	struct json_pick pick;
	struct err fault; /* of an element */
	struct buf texts; /* own; of the view */
	struct task view;
};

struct task_reader *task_reader_new(const struct source_type *type)
{
	struct task_reader *reader = mem_alloc(sizeof(*reader));

	reader->type = type;
	(void)json_pick_init(&reader->pick, "", type->fields, FIELD_COUNT);
	reader->split = json_split_new(SPLIT_LIST, type->list_pointer, &reader->pick);
	return reader;
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

enum status task_reader_status(const struct source_type *type, const char *word, size_t len)
{
	for (const struct status_word *row = type->words; row->word != NULL; row++)
		if (row->len == len && memcmp(row->word, word, len) == 0)
			return row->status;
	/* rare enough to be looked for after all others: an answer may have a million words */
	for (const struct status_word *row = type->words; row->word != NULL; row++)
		if (row->len == len && strncasecmp(word, row->word, len) == 0)
			return row->status;
	return STATUS_UNKNOWN;
}

/* what is wrong with the id, where `asked` (NULL: any) was asked for; NULL: nothing */
static const char *id_fault(const struct json_value *id, const char *asked)
{
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
static const char *element_check(
	const struct source_type *type, const char *asked, struct task_element *element)
{
	const struct json_value *status = &element->fields[FIELD_STATUS];
	const char *fault;

	for (int i = 0; i < FIELD_COUNT; i++) {
		enum json_type found = element->fields[i].type;
		bool time = i == FIELD_CREATED || i == FIELD_FINISHED;

		if (found != JSON_STRING && !(time && found == JSON_NUMBER))
			element->fields[i].type = JSON_MISSING;
	}
	fault = id_fault(&element->fields[FIELD_ID], asked);
	if (fault != NULL)
		return fault;
	if (status->type == JSON_MISSING)
		return "has no status";
	if (status->len == 0)
		return "has an empty status";
	element->escaped = status->escaped || (element->fields[FIELD_ID].type != JSON_MISSING &&
						      element->fields[FIELD_ID].escaped);
	if (!element->escaped)
		element->status = task_reader_status(type, status->bytes, status->len);
	return NULL;
}

bool task_reader_next(struct task_reader *reader, struct task_element *ret)
{
	const char *fault;

	if (reader->fault.kind != ERR_NONE ||
		!json_split_next(reader->split, ret->fields, &ret->json))
		return false;
	fault = element_check(reader->type, NULL, ret);
	if (fault != NULL)
		return err_set(&reader->fault, ERR_PROTOCOL,
			"element %llu of \"%s\" in the answer %s",
			(unsigned long long)json_split_elements(reader->split),
			reader->type->list_pointer + 1, fault);
	return true;
}

/* a time before 1970, or 0 seconds, means "no time" in some APIs */
static int64_t stamp_or_none(const char *text)
{
	int64_t us;

	if (text == NULL || !(stamp_parse(text, &us) || stamp_parse_unix(text, &us)))
		return STAMP_NONE;
	return us > 0 ? us : STAMP_NONE;
}

/* the task of an element, whose texts are written to `texts` at once, as every task passes here.
 * `asked` is the id where NULL is not */
static struct task element_view(const struct source_type *type, const char *asked,
	const struct task_element *element, struct buf *texts)
{
	const char *text[FIELD_COUNT] = { NULL };
	size_t size = 0;
	char *at;

	for (int i = 0; i < FIELD_COUNT; i++)
		if (element->fields[i].type != JSON_MISSING)
			size += element->fields[i].len + 1;
	buf_clear(texts);
	at = buf_extend(texts, size);
	for (int i = 0; i < FIELD_COUNT; i++) {
		const struct json_value *value = &element->fields[i];
		size_t len = value->len;

		if (value->type == JSON_MISSING)
			continue;
		if (value->escaped)
			len = json_unescape(value->bytes, value->len, at, NULL);
		else
			memcpy(at, value->bytes, len);
		at[len] = '\0';
		text[i] = at;
		at += len + 1;
	}
	return (struct task){
		.id = asked != NULL ? asked : text[FIELD_ID],
		.name = text[FIELD_NAME],
		.bucket = text[FIELD_BUCKET],
		.user_id = text[FIELD_USER],
		.word = text[FIELD_STATUS],
		.status = element->escaped && text[FIELD_STATUS] != NULL
				  ? task_reader_status(
					    type, text[FIELD_STATUS], strlen(text[FIELD_STATUS]))
				  : element->status,
		.created_us = stamp_or_none(text[FIELD_CREATED]),
		.finished_us = stamp_or_none(text[FIELD_FINISHED]),
	};
}

const struct task *task_reader_view(struct task_reader *reader, const struct task_element *element)
{
	reader->view = element_view(reader->type, NULL, element, &reader->texts);
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
	return task_reader_good(reader, err) && json_split_end(reader->split, err);
}

uint64_t task_reader_count(const struct task_reader *reader)
{
	return json_split_elements(reader->split);
}

const struct buf *task_reader_outside(const struct task_reader *reader)
{
	return json_split_outside(reader->split);
}

enum task_answer task_from_answer(const struct source_type *type, const char *asked,
	const char *bytes, size_t len, struct task **ret, struct err *err)
{
	enum { TASK = FIELD_COUNT, VALUES }; /* the task itself, after its fields */
	const char *pointers[VALUES] = { [TASK] = "" };
	struct json_value values[VALUES];
	const struct json_value *whole = &values[TASK];
	struct task_element element = { .escaped = false };
	const char *at = type->task_pointer;
	cleanup_buf struct buf texts = { 0 };
	const char *fault;
	struct task view;

	*ret = NULL;
	memcpy(pointers, type->fields, sizeof(type->fields));
	if (!json_pick_document(bytes, len, at, pointers, VALUES, values, err))
		return TASK_BAD;
	if (whole->type != JSON_OBJECT) {
		(void)err_set(err, ERR_PROTOCOL,
			*at != '\0' ? "the answer is JSON, but has no task in \"%s\""
				    : "the answer is JSON, but no task%s",
			*at != '\0' ? at + 1 : at);
		return TASK_NONE;
	}
	memcpy(element.fields, values, sizeof(element.fields));
	fault = element_check(type, asked, &element);
	if (fault != NULL) {
		const char *end = whole->bytes + whole->len - 1;

		(void)err_set(err, ERR_PROTOCOL, "the task in the answer %s", fault);
		return scan_blanks(whole->bytes + 1, end) == end ? TASK_NONE : TASK_BAD;
	}
	view = element_view(type, asked, &element, &texts);
	*ret = task_copy(&view);
	return TASK_READ;
}
