/*
 * The time one answer has (taskbell(7), REQUESTS): `connect` to the connection, `timeout` to the
 * first byte and over any stretch under 10 kB/s, ten times `timeout` for the whole. Pure: told what
 * was seen, and when.
 */
#ifndef CORE_TRANSFER_DEADLINE_H
#define CORE_TRANSFER_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#define LIMIT_BYTES_PER_SECOND 10000
#define LIMIT_WHOLE_TIMEOUTS 10 /* timeouts */

/* which limit comes first */
enum transfer_limit { LIMIT_CONNECT, LIMIT_FIRST_BYTE, LIMIT_SLOW, LIMIT_TOTAL };

struct transfer_deadline {
	int64_t connect_ms;
	int64_t timeout_ms;
	int64_t started_ms;
	bool connected;
	int64_t stretch_ms; /* since when it has been too slow */
	uint64_t stretch_bytes; /* that had come by then; with stretch_ms unset 0: no byte yet */
	uint64_t bytes;
};

void transfer_deadline_start(
	struct transfer_deadline *deadline, int64_t timeout_ms, int64_t connect_ms, int64_t now_ms);
/* so many bytes have come until now; a connection is needed before the first */
void transfer_deadline_see(
	struct transfer_deadline *deadline, bool connected, uint64_t bytes, int64_t now_ms);
/* when time is up unless something more is seen, and by which limit; ret may be NULL */
int64_t transfer_deadline_at(const struct transfer_deadline *deadline, enum transfer_limit *ret);

#endif
