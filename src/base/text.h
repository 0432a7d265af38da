/* Text from the network, made fit for people: escaped for terminals and logs, valid for D-Bus. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Decodes one code point of len > 0 bytes; returns the bytes it takes (1 to 4), or 0 when they are
 * not valid UTF-8 (over-long forms, surrogates and values past U+10FFFF are not).
 */
size_t text_decode(const char *bytes, size_t len, uint32_t *ret_code);
/* what could deceive a terminal or a reader: C0, DEL and C1 controls, line and paragraph
 * separators, bidi overrides and isolates, tags */
bool text_deceives(uint32_t code);
/* how many of `len` bytes fit into `max` without splitting a code point */
size_t text_cut(const char *text, size_t len, size_t max);
/*
 * Adds the text with what deceives and invalid bytes shown escaped (\n \t \xHH \u{HHHH}). A
 * backslash stays as it is: the output is for people, JSON carries the value.
 */
void text_add_safe(struct buf *buf, const char *text);
/*
 * As text_add_safe, and cut with an ellipsis to `columns` of a terminal and 16 bytes for each (0:
 * not cut).
 */
void text_add_cut(struct buf *buf, const char *text, size_t columns);
/* … with another sign of one column */
void text_add_cut_by(struct buf *buf, const char *text, size_t columns, const char *sign);
#define TEXT_ELLIPSIS "\xe2\x80\xa6"
/*
 * As text_add_safe, on lines of `columns` (0: on one), broken at blanks, and within a word only
 * where it is longer than a line. The first begins where `used` columns are taken, the others with
 * `indent` blanks, which leaves room for at least two columns; one that a word fills has none. No
 * newline is added at the end.
 */
void text_add_wrapped(
	struct buf *buf, const char *text, size_t used, size_t indent, size_t columns);
/* columns that valid text takes on a terminal: wide East Asian and emoji 2, combining marks 0 */
size_t text_width(const char *text);
/* adds the text with each invalid byte and NUL replaced by U+FFFD */
void text_add_valid(struct buf *buf, const char *bytes, size_t len);

#endif
