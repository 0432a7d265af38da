/* Tasks as people read them: a table aligned by what a terminal shows, and the words it is made of.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/task.h"

struct table_row {
	const char *source; /* borrowed */
	struct task *task; /* borrowed */
};

struct table_view {
	bool terminal; /* times are relative, and names are shortened to fit `columns`; else all is
			  exact */
	bool color;
	bool sources; /* there are several: say of each task whose it is */
	size_t columns; /* of the terminal */
	int64_t now_us; /* since 1970 */
};

/* adds the table, with its head and a newline after each line; nothing for no rows. Ids are never
 * shortened */
void table_render(
	const struct table_row *rows, size_t count, const struct table_view *view, struct buf *out);
/* adds a status word, padded to `width` columns (0: as it is), in the colour of its status when
 * `color` */
void table_add_status(struct buf *out, const struct task *task, size_t width, bool color);
/* adds a moment for people ("5m ago") or for programs (RFC 3339); "-" when it is not known */
void table_add_time(struct buf *out, int64_t us, const struct table_view *view);

#endif
