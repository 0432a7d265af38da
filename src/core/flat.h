/*
 * A JSON object in plain form: one level of strings without escapes, numbers and literals, as task
 * APIs write their elements. It is validated and taken apart in one pass, without copying a byte.
 * Whatever is not in this form is nobody's fault: the splitter of core/frame and a full parser read
 * it.
 */
#ifndef CORE_FLAT_H
#define CORE_FLAT_H

#include <stddef.h>

/* more members than this are not plain */
#define FLAT_MEMBERS_MAX 32

struct flat_member {
	const char *name; /* borrowed, as is text: parts of what was read, without a NUL */
	size_t name_len;
	const char *text; /* NULL: not a string */
	size_t text_len;
};

struct flat {
	struct flat_member members[FLAT_MEMBERS_MAX];
	size_t count;
};

/*
 * Reads the object whose brace is at `p`. Returns what follows it; NULL: not in plain form, or not
 * whole before `end`.
 */
const char *flat_read(struct flat *flat, const char *p, const char *end);

#endif
