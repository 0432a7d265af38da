/*
 * The splitter: a JSON document arrives in pieces of any size and is validated as a whole (RFC
 * 8259) while the elements of one array, a member of the top-level object, are handed out one at a
 * time. Memory follows the largest element, not the document.
 *
 * Two liberties, both for the sake of not losing a whole answer over a trifle: a byte order mark at
 * the very start is skipped, and bytes in strings need not be UTF-8. One bad byte in the name of
 * one task says nothing against all the others; whoever shows such a text escapes it.
 */
#ifndef JSON_FRAME_H
#define JSON_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "json/flat.h"

#define FRAME_ELEMENT_MAX (1024UL * 1024)
#define FRAME_DEPTH_MAX 64 /* the document itself is the first level */
#define FRAME_DOCUMENT_MAX (1024ULL * 1024 * 1024)
#define FRAME_ELEMENTS_MAX 5000000
#define FRAME_ENVELOPE_MAX (1024UL * 1024)

struct frame;

struct frame_taker {
	/*
	 * Asked where an element begins: these bytes come next, more may follow. Returns how long
	 * the element is when it is, byte for byte, one that was found valid before, 0 when it has
	 * to be read. What is known is counted but not handed out. May be NULL.
	 */
	size_t (*known)(void *arg, const char *bytes, size_t len);
	/*
	 * Takes one whole object, valid by itself. `flat` has its parts when it is in plain form,
	 * else NULL. Bytes and parts are borrowed until it returns. False, with err set, ends the
	 * reading.
	 */
	bool (*element)(
		void *arg, const char *bytes, size_t len, const struct flat *flat, struct err *err);
	void *arg;
};

/*
 * `member` (borrowed, ASCII) must be in the document exactly once and be an array of objects; NULL:
 * any document is good and nothing is handed out. `taker` is copied and may be NULL when `member`
 * is.
 */
struct frame *frame_new(const char *member, const struct frame_taker *taker);
void frame_free(struct frame *frame); /* NULL is fine */
/*
 * False: not valid, past a limit, or ended by the taker; err (ERR_PROTOCOL, or the taker's) says
 * what, and again at every later call.
 */
bool frame_feed(struct frame *frame, const char *bytes, size_t len, struct err *err);
/* the end: false unless it was one whole document; only then is what was handed out true */
bool frame_end(struct frame *frame, struct err *err);
/*
 * Of one whole document, whatever its shape: the document without the elements, `{"data":[],"meta":
 * {}}`; borrowed. NULL: it is not whole, or this is longer than 1 MiB.
 */
const struct buf *frame_envelope(const struct frame *frame);
uint64_t frame_elements(const struct frame *frame); /* so far */
/* is this one complete, valid document within the limits? */
bool frame_check(const char *bytes, size_t len, struct err *err);

#endif
