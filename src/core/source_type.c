#include "core/source_type.h"

#include <string.h>

#define WORD(text) (text), sizeof(text) - 1

/* The filter takes the schema's `failure`; its prose also says `failed`, which is only understood.
 */
static const struct status_word embeddings_words[] = {
	{ WORD("queued"), STATUS_QUEUED, true },
	{ WORD("processing"), STATUS_PROCESSING, true },
	{ WORD("success"), STATUS_SUCCESS, true },
	{ WORD("failure"), STATUS_FAILURE, true },
	{ WORD("partial_success"), STATUS_PARTIAL_SUCCESS, true },
	{ WORD("failed"), STATUS_FAILURE, false },
	{ NULL, 0, STATUS_UNKNOWN, false },
};

const struct source_type source_types[] = {
	{
		/* Source: team-telnyx/openapi, spec3.yml of 2026-07-16, GetTasksByStatus and GetEmbeddingTask. */
		.name = "telnyx-embeddings",
		.key_variable = "TELNYX_API_KEY",
		.list_path = "/ai/embeddings",
		.task_path = "/ai/embeddings/",
		.reason_path = "/ai/embeddings/buckets/",
		.status_key = "status",
		.list_pointer = "/data",
		.task_pointer = "/data",
		.fields = {
			[FIELD_ID] = "/task_id",
			[FIELD_STATUS] = "/status",
			[FIELD_NAME] = "/task_name",
			[FIELD_BUCKET] = "/bucket",
			[FIELD_USER] = "/user_id",
			[FIELD_CREATED] = "/created_at",
			[FIELD_FINISHED] = "/finished_at",
		},
		.words = embeddings_words,
	},
	{ .name = NULL },
};

const struct source_type *source_type_find(const char *name)
{
	for (const struct source_type *type = source_types; type->name != NULL; type++)
		if (strcmp(type->name, name) == 0)
			return type;
	return NULL;
}

bool status_word_in(const struct status_word *word, enum list_scope scope)
{
	enum status_class class = status_class(word->status);

	if (!word->asked)
		return false;
	return scope == LIST_ALL || (scope == LIST_ACTIVE) == (class == CLASS_ACTIVE);
}
