/* The splitter, between its two files: frame.c has the grammar, frame_element.c the elements. */
#ifndef JSON_FRAME_PRIVATE_H
#define JSON_FRAME_PRIVATE_H

#include "base/buf.h"
#include "json/escape.h"
#include "json/frame.h"
#include "json/number.h"

/* state, its reader, may blanks stand before what it reads, what is wanted there */
#define FRAME_STATES(X)                                                                            \
	X(START, start, false, "a value")                                                          \
	X(BOM, bom, false, "the rest of a byte order mark")                                        \
	X(VALUE, value, true, "a value")                                                           \
	X(FIRST_VALUE, first_value, true, "a value or \"]\"")                                      \
	X(NAME, name, true, "a member name")                                                       \
	X(FIRST_NAME, first_name, true, "a member name or \"}\"")                                  \
	X(COLON, colon, true, "\":\"")                                                             \
	X(NEXT, next, true, "\",\" or a closing bracket")                                          \
	X(STRING, string, false, "the rest of a string")                                           \
	X(ESCAPE, escape, false, "the rest of an escape")                                          \
	X(WORD, word, false, "true, false or null")                                                \
	X(NUMBER, number, false, "a number")                                                       \
	X(END, unwanted, true, "nothing more")

enum frame_state {
#define STATE_ENUM(name, reader, blanks, wanted) STATE_##name,
	FRAME_STATES(STATE_ENUM)
#undef STATE_ENUM
};

/* what is known of the member whose elements are wanted */
enum member_state {
	MEMBER_UNSEEN,
	MEMBER_NAMED,
	MEMBER_OPEN,
	MEMBER_CLOSED,
	MEMBER_ODD, /* it is not a list */
};

#define NO_MATCH SIZE_MAX

struct frame {
	const char *member; /* borrowed; NULL: only validates */
	size_t member_len;
	struct frame_taker taker;
	enum frame_state state;
	enum member_state seen;
	unsigned int depth;
	uint64_t objects; /* one bit a level, the innermost lowest: 1 is an object, 0 an array */
	bool name; /* the string that is being read is a member's name */
	size_t matched; /* bytes of `member` that this name has so far; NO_MATCH: another name */
	struct escape escape;
	const char *word; /* what is left of a literal */
	enum number_state number;
	uint64_t before; /* bytes in earlier pieces */
	const char *piece; /* borrowed while it is fed, as is end */
	const char *end;
	/* where the open element, or what this piece has of it, begins; NULL: none is open */
	const char *element;
	struct buf spill; /* what earlier pieces had of it */
	const char *outside; /* borrowed; from here on this piece is envelope */
	struct buf envelope;
	bool envelope_long;
	uint64_t elements;
	struct flat flat;
	struct err fault;
};

/* notes what is wrong at `p`; always returns NULL, as every reader that cannot go on */
const char *frame_fail(struct frame *frame, const char *p, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* an element begins at `p`: returns what follows it when it was taken whole, `p` when it is to be
 * read state by state */
const char *element_open(struct frame *frame, const char *p);
/* keeps what this piece, up to `p`, has of an element that goes on in the next one */
const char *element_spill(struct frame *frame, const char *p);
/* the element that was read state by state has ended before `p` */
const char *element_close(struct frame *frame, const char *p);

#endif
