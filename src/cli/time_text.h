/* Points in time as people write and read them. */
#ifndef CLI_TIME_TEXT_H
#define CLI_TIME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * "2h" or "2h ago", a date (its local midnight), or RFC 3339; a time without a zone is local, as
 * nobody types UTC by hand. Wall milliseconds, at least 1.
 */
bool time_text_parse(const char *text, int64_t now_ms, int64_t *ret_ms);
/* adds a time as the terminal or whatever else stdout is gets it; 0 adds "-" */
void time_text_add(struct buf *out, int64_t wall_ms, int64_t now_ms, bool terminal);

#endif
