#include "core/status.h"

#include <string.h>
#include <strings.h>

static const struct {
	const char *word;
	enum status_class class;
} statuses[] = {
#define STATUS_ROW(name, word, class) [STATUS_##name] = { word, CLASS_##class },
	STATUSES(STATUS_ROW)
#undef STATUS_ROW
};

const char *status_word(enum status status)
{
	return statuses[status].word;
}

enum status_class status_class(enum status status)
{
	return statuses[status].class;
}

bool status_from_word(const char *word, enum status *ret)
{
	/* the vendor's prose says `failed` where its schema says `failure` */
	if (strcasecmp(word, "failed") == 0)
		word = "failure";
	for (int i = STATUS_QUEUED; i <= STATUS_PARTIAL_SUCCESS; i++)
		if (strcasecmp(statuses[i].word, word) == 0) {
			*ret = (enum status)i;
			return true;
		}
	return false;
}
