/* Points in time as people write and read them. */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * "2h" (so long ago), a date (its local midnight), or RFC 3339; a time without a zone is local, as
 * nobody types UTC by hand. Wall milliseconds, at least 1.
 */
bool when_parse(const char *text, int64_t now_ms, int64_t *ret_ms);
/*
 * Adds a time: for people as "3m ago", "in 7s", or the local date when it is more than a day away;
 * else as RFC 3339 UTC. 0 adds "-".
 */
void when_add(struct buf *out, int64_t wall_ms, int64_t now_ms, bool people);

#endif
