#include "core/element.h"

#include <string.h>

#include "base/stamp.h"
#include "json/scan.h"

enum task_field element_field(const struct source_type *type, const char *name, size_t len)
{
	int field = 0;

	for (; field < FIELD_COUNT; field++) {
		const char *known = type->fields[field];

		if (known != NULL && scan_is(name, len, known))
			break;
	}
	return (enum task_field)field;
}

static void map_fill(
	struct element_map *map, const struct source_type *type, const struct flat *flat)
{
	for (size_t i = 0; i < flat->count; i++) {
		const struct flat_member *member = &flat->members[i];

		map->fields[i] = (uint8_t)element_field(type, member->name, member->name_len);
	}
	map->shape = flat->shape;
	map->count = flat->count;
}

void element_from_flat(const struct source_type *type, const struct flat *flat,
	struct element_map *map, struct element *ret)
{
	*ret = (struct element){ 0 };
	if (map->shape != flat->shape || map->count < flat->count)
		map_fill(map, type, flat);
	for (size_t i = 0; i < flat->count; i++) {
		const struct flat_member *member = &flat->members[i];
		enum task_field field = (enum task_field)map->fields[i];

		if (field == FIELD_COUNT)
			continue;
		ret->fields[field] = (struct element_field){ member->text, member->text_len };
		if (member->number != NULL && element_is_time(field))
			ret->fields[field] =
				(struct element_field){ member->number, member->number_len };
	}
}

static const char *id_fault(const struct element *element, const char *asked)
{
	const struct element_field *id = &element->fields[FIELD_ID];

	if (id->text == NULL)
		return asked != NULL ? NULL : "has no id";
	if (asked != NULL)
		return strlen(asked) == id->len && memcmp(asked, id->text, id->len) == 0
			       ? NULL
			       : "is another task than the one asked for";
	if (id->len == 0)
		return "has an empty id";
	return element->id_broken || !task_id_valid(id->text, id->len)
		       ? "has an id that is none (1 to 256 bytes, no control characters, not . or "
			 "..)"
		       : NULL;
}

static const char *status_fault(const struct element *element)
{
	const struct element_field *status = &element->fields[FIELD_STATUS];

	if (status->text == NULL)
		return "has no status";
	return status->len == 0 ? "has an empty status" : NULL;
}

const char *element_glance(
	const struct source_type *type, const struct element *element, struct glance *ret)
{
	const struct element_field *id = &element->fields[FIELD_ID];
	const struct element_field *status = &element->fields[FIELD_STATUS];
	const char *fault = id_fault(element, NULL);

	if (fault == NULL)
		fault = status_fault(element);
	if (fault != NULL)
		return fault;
	ret->id = id->text;
	ret->id_len = id->len;
	ret->status = source_type_status(type, status->text, status->len);
	return NULL;
}

/* puts the texts into scratch, each with a NUL; room for all is made at once, as this is done for
 * every task */
static void texts_place(const struct element *element, const char *asked, struct buf *scratch,
	const char *texts[FIELD_COUNT])
{
	struct element_field fields[FIELD_COUNT];
	size_t size = 0;
	char *at;

	memcpy(fields, element->fields, sizeof(fields));
	if (asked != NULL)
		fields[FIELD_ID] = (struct element_field){ asked, strlen(asked) };
	for (int i = 0; i < FIELD_COUNT; i++)
		size += fields[i].text != NULL ? fields[i].len + 1 : 0;
	buf_clear(scratch);
	at = buf_extend(scratch, size);
	for (int i = 0; i < FIELD_COUNT; i++) {
		const struct element_field *field = &fields[i];

		texts[i] = NULL;
		if (field->text == NULL)
			continue;
		memcpy(at, field->text, field->len);
		at[field->len] = '\0';
		texts[i] = at;
		at += field->len + 1;
	}
}

/* no task is older than 1970: a year 1, or 0 seconds, is how some write that there is no time */
static int64_t stamp_or_none(const char *text)
{
	int64_t us;

	if (text == NULL || !(stamp_parse(text, &us) || stamp_parse_unix(text, &us)))
		return STAMP_NONE;
	return us > 0 ? us : STAMP_NONE;
}

const char *element_view(const struct source_type *type, const struct element *element,
	const char *asked, struct buf *scratch, struct task *ret)
{
	const char *texts[FIELD_COUNT];
	const char *fault = id_fault(element, asked);

	if (fault == NULL)
		fault = status_fault(element);
	if (fault != NULL)
		return fault;
	texts_place(element, asked, scratch, texts);
	*ret = (struct task){
		.id = texts[FIELD_ID],
		.name = texts[FIELD_NAME],
		.bucket = texts[FIELD_BUCKET],
		.user_id = texts[FIELD_USER],
		.word = texts[FIELD_STATUS],
		.status = source_type_status(
			type, texts[FIELD_STATUS], element->fields[FIELD_STATUS].len),
		.created_us = stamp_or_none(texts[FIELD_CREATED]),
		.finished_us = stamp_or_none(texts[FIELD_FINISHED]),
	};
	return NULL;
}
