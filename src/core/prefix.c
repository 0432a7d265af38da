#include "core/prefix.h"

#include <string.h>

bool prefix_usable(const char *text)
{
	size_t characters = 0;

	for (; *text != '\0'; text++)
		characters += ((unsigned char)*text & 0xc0) != 0x80; /* not within one, in UTF-8 */
	return characters >= PREFIX_LEAST;
}

void prefix_offer(struct prefix *prefix, const char *id)
{
	if (prefix->exact || strncmp(id, prefix->text, strlen(prefix->text)) != 0)
		return;
	if (strcmp(id, prefix->text) == 0) {
		strings_done(&prefix->ids);
		prefix->exact = true;
	}
	if (strings_has(&prefix->ids, id))
		return;
	if (prefix->ids.count <= PREFIX_NAMED)
		strings_add(&prefix->ids, id);
}

void prefix_add_choice(const struct prefix *prefix, struct buf *out)
{
	size_t count = prefix->ids.count;
	size_t named = count > PREFIX_NAMED ? PREFIX_NAMED : count;

	(void)buf_addf(out, "'%s' is ambiguous: it could be ", prefix->text);
	for (size_t i = 0; i < named; i++)
		(void)buf_addf(out, "%s%s",
			i == 0           ? ""
			: i + 1 == count ? " or "
					 : ", ",
			prefix->ids.items[i]);
	(void)buf_add_text(out, count > named ? " or others" : "");
}

void prefix_done(struct prefix *prefix)
{
	strings_done(&prefix->ids);
}
