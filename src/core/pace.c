#include "core/pace.h"

#include <stddef.h>

void pace_start(struct pace *pace, int64_t timeout_ms, int64_t connect_ms, int64_t now_ms)
{
	*pace = (struct pace){
		.connect_ms = connect_ms, .timeout_ms = timeout_ms, .started_ms = now_ms
	};
}

void pace_see(struct pace *pace, bool connected, uint64_t bytes, int64_t now_ms)
{
	int64_t elapsed = now_ms - pace->stretch_ms;
	bool first = pace->bytes == 0;

	pace->connected = pace->connected || connected || bytes != 0;
	if (bytes == pace->bytes)
		return;
	pace->bytes = bytes;
	/* a stretch ends where the rate since its begin is reached: the next one begins there */
	if (first ||
		(bytes - pace->stretch_bytes) * 1000 >= (uint64_t)elapsed * PACE_BYTES_PER_SECOND) {
		pace->stretch_ms = now_ms;
		pace->stretch_bytes = bytes;
	}
}

int64_t pace_end(const struct pace *pace, enum pace_limit *ret)
{
	int64_t end = pace->started_ms + pace->timeout_ms * PACE_WHOLE;
	int64_t slow = (pace->bytes == 0 ? pace->started_ms : pace->stretch_ms) + pace->timeout_ms;
	enum pace_limit limit = PACE_TOTAL;

	if (slow < end) {
		end = slow;
		limit = pace->bytes == 0 ? PACE_FIRST_BYTE : PACE_SLOW;
	}
	if (!pace->connected && pace->started_ms + pace->connect_ms <= end) {
		end = pace->started_ms + pace->connect_ms;
		limit = PACE_CONNECT;
	}
	if (ret != NULL)
		*ret = limit;
	return end;
}
