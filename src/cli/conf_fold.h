/* A configuration as conf_print() has it, on lines that are no wider than a terminal. */
#ifndef CLI_CONF_FOLD_H
#define CLI_CONF_FOLD_H

#include <stddef.h>

#include "base/buf.h"

/* adds the text with its long lines broken: at blanks, within a string into two that libconfig
 * takes for one. It still says the same. `columns` 0: as it is */
void conf_fold(struct buf *out, const char *text, size_t columns);

#endif
