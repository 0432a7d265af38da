/* What `wait` says, as text. Pure: somebody else writes it. */
#ifndef CLI_WAIT_TEXT_H
#define CLI_WAIT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/waiter.h"
#include "base/buf.h"
#include "base/stamp.h"
#include "base/terminal.h"

/*
 * The moving line is no wider than the narrowest terminal leaves it: made narrower, a terminal
 * folds no line that stands there already.
 */
#define WAIT_LINE_COLUMNS (TERMINAL_COLUMNS_MIN - 1)

/* adds what is waited for, in few words: "embed-docs: processing for 2m 5s", "2m 5s: 3 of 12 ended,
 * 1 not ok"; `begun_ms` (mono): when the wait began */
void wait_text_progress(
	struct buf *out, const struct waiter *waiter, struct instant now, int64_t begun_ms);
/*
 * Adds the line of a task that has ended, for a terminal of `columns`: mark, name, status, how long
 * it took and why it did not succeed, with its newline. The name is cut, an id is not; what still
 * has no room goes on below.
 */
void wait_text_end(struct buf *out, const struct wait_items *set, const struct wait_item *item,
	bool color, size_t columns);
/* adds for how long nothing was heard of a source: "telnyx: no good answer for 7s" */
void wait_text_silence(
	struct buf *out, const struct waiter_source *source, struct instant now, int64_t begun_ms);
/* adds what is known of a task that was not seen to end: "processing, seen 3s ago" */
void wait_text_last_seen(struct buf *out, const struct wait_item *item, struct instant now);

#endif
