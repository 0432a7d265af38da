/* The word of a status, for a terminal. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "core/task.h"

/* adds a status word, padded to `width` columns (0: as it is), in the colour of its status when
 * `color` */
void table_add_status(struct buf *out, const struct task *task, size_t width, bool color);

#endif
