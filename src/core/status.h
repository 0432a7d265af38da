/* What a task can be doing. The canonical words are those of users, not of one API. */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

#include <stdbool.h>

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

#endif
