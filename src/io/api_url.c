/* Where an API is asked. */
#include <string.h>

#include "io/api.h"

/* RFC 3986: all but the unreserved characters, so that no id or word can leave its segment */
static void add_encoded(struct buf *out, const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *text != '\0'; text++) {
		if (strchr(plain, *text) != NULL)
			(void)buf_add_char(out, *text);
		else
			(void)buf_addf(out, "%%%02X", (unsigned int)(unsigned char)*text);
	}
}

static void add_base(struct buf *out, const char *base_url)
{
	size_t len = strlen(base_url);

	while (len > 0 && base_url[len - 1] == '/')
		len--;
	(void)buf_add(out, base_url, len);
}

char *api_statuses_url(
	const struct source_type *type, const char *base_url, const bool wanted[STATUS_COUNT])
{
	struct buf url = { 0 };
	char between = '?';

	add_base(&url, base_url);
	(void)buf_add_text(&url, type->list_path);
	for (const struct status_word *word = type->words; word->word != NULL; word++) {
		if (!word->asked || !wanted[word->status])
			continue;
		(void)buf_addf(&url, "%c%s=", between, type->status_key);
		add_encoded(&url, word->word);
		between = '&';
	}
	return buf_steal(&url);
}

char *api_list_url(const struct source_type *type, const char *base_url, enum list_scope scope)
{
	bool wanted[STATUS_COUNT] = { false };

	for (const struct status_word *word = type->words; word->word != NULL; word++)
		if (status_word_in(word, scope))
			wanted[word->status] = true;
	return api_statuses_url(type, base_url, wanted);
}

static char *segment_url(const char *base_url, const char *path, const char *segment)
{
	struct buf url = { 0 };

	add_base(&url, base_url);
	(void)buf_add_text(&url, path);
	add_encoded(&url, segment);
	return buf_steal(&url);
}

char *api_task_url(const struct source_type *type, const char *base_url, const char *id)
{
	return segment_url(base_url, type->task_path, id);
}

char *api_reason_url(const struct source_type *type, const char *base_url, const char *bucket)
{
	return segment_url(base_url, type->reason_path, bucket);
}
