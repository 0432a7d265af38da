/* What a terminal is asked for, and the colours it gets. */
#ifndef BASE_TERMINAL_H
#define BASE_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* a line is laid out for so many columns on the narrowest terminal */
#define TERMINAL_COLUMNS_MIN 40

/* the columns of the terminal behind `fd`, as it is now: never fewer than the least, $COLUMNS or 80
 * where it will not say; 0: it is no terminal */
size_t terminal_columns(int fd);
/* are both descriptors the same terminal? */
bool terminal_same(int a, int b);
/* a sign of ours of one column, or what is shown for it where the locale's encoding is not UTF-8 */
const char *terminal_sign(const char *sign);
/* text_add_cut, with an ellipsis that the terminal can show */
void terminal_add_cut(struct buf *out, const char *text, size_t columns);
/* adds text as it is, in the colour `sgr`: "31" is red (ECMA-48); NULL: in none */
void terminal_add_colored(struct buf *out, const char *text, const char *sgr);

#endif
