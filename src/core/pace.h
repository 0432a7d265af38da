/*
 * The time one answer has (taskbell(7), REQUESTS): `connect` to the connection, `timeout` to the
 * first byte and over any stretch under 10 kB/s, ten times `timeout` for the whole. Pure: told what
 * was seen, and when.
 */
#ifndef CORE_PACE_H
#define CORE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_BYTES_PER_SECOND 10000
#define PACE_WHOLE 10 /* timeouts */

/* which limit comes first */
enum pace_limit { PACE_CONNECT, PACE_FIRST_BYTE, PACE_SLOW, PACE_TOTAL };

struct pace {
	int64_t connect_ms;
	int64_t timeout_ms;
	int64_t started_ms;
	bool connected;
	int64_t stretch_ms; /* since when it has been too slow */
	uint64_t stretch_bytes; /* that had come by then; with stretch_ms unset 0: no byte yet */
	uint64_t bytes;
};

void pace_start(struct pace *pace, int64_t timeout_ms, int64_t connect_ms, int64_t now_ms);
/* so many bytes have come until now; a connection is needed before the first */
void pace_see(struct pace *pace, bool connected, uint64_t bytes, int64_t now_ms);
/* when time is up unless something more is seen, and by which limit; ret may be NULL */
int64_t pace_end(const struct pace *pace, enum pace_limit *ret);

#endif
