/*
 * A JSON object in plain form: one level of strings without escapes, numbers and literals, as task
 * APIs write their elements. It is validated and taken apart in one pass, without copying a byte.
 * Whatever is not in this form is nobody's fault: the splitter of core/frame and a full parser read
 * it.
 */
#ifndef JSON_FLAT_H
#define JSON_FLAT_H

#include <stddef.h>
#include <stdint.h>

/* more members than this are not plain */
#define FLAT_MEMBERS_MAX 32

struct flat_member {
	const char *name; /* borrowed, as is text: parts of what was read, without a NUL */
	size_t name_len;
	const char *text; /* NULL: not a string */
	size_t text_len;
	const char *number; /* as it is written; NULL: not a number */
	size_t number_len;
};

/* a longer one is read anew each time */
#define FLAT_LEAD_MAX 40

/* what stands before a value: a brace or a comma, the name and a colon, with the blanks between */
struct flat_lead {
	char bytes[FLAT_LEAD_MAX];
	uint8_t len; /* 0: not known */
	uint8_t name; /* where in it the name begins */
	uint8_t name_len;
};

/*
 * What was read last, and the leads of the objects before it. A server writes all its elements
 * alike: comparing a lead with that of the last element is several times faster than reading it.
 */
struct flat {
	struct flat_member members[FLAT_MEMBERS_MAX];
	size_t count;
	struct flat_lead leads[FLAT_MEMBERS_MAX];
	uint64_t
		shape; /* while it stays the same, so do the names of the members, by their place */
};

/*
 * Reads the object whose brace is at `p`. Returns what follows it; NULL: not in plain form, or not
 * whole before `end`. `flat` is zeroed before the first call.
 */
const char *flat_read(struct flat *flat, const char *p, const char *end);

#endif
