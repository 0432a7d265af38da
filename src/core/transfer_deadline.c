#include "core/transfer_deadline.h"

#include <stddef.h>

void transfer_deadline_start(
	struct transfer_deadline *deadline, int64_t timeout_ms, int64_t connect_ms, int64_t now_ms)
{
	*deadline = (struct transfer_deadline){
		.connect_ms = connect_ms, .timeout_ms = timeout_ms, .started_ms = now_ms
	};
}

void transfer_deadline_see(
	struct transfer_deadline *deadline, bool connected, uint64_t bytes, int64_t now_ms)
{
	int64_t elapsed = now_ms - deadline->stretch_ms;
	bool first = deadline->bytes == 0;

	deadline->connected = deadline->connected || connected || bytes != 0;
	if (bytes == deadline->bytes)
		return;
	deadline->bytes = bytes;
	/* a stretch ends where the rate since its begin is reached: the next one begins there */
	if (first || (bytes - deadline->stretch_bytes) * 1000 >=
			     (uint64_t)elapsed * LIMIT_BYTES_PER_SECOND) {
		deadline->stretch_ms = now_ms;
		deadline->stretch_bytes = bytes;
	}
}

int64_t transfer_deadline_at(const struct transfer_deadline *deadline, enum transfer_limit *ret)
{
	int64_t end = deadline->started_ms + deadline->timeout_ms * LIMIT_WHOLE_TIMEOUTS;
	int64_t slow = (deadline->bytes == 0 ? deadline->started_ms : deadline->stretch_ms) +
		       deadline->timeout_ms;
	enum transfer_limit limit = LIMIT_TOTAL;

	if (slow < end) {
		end = slow;
		limit = deadline->bytes == 0 ? LIMIT_FIRST_BYTE : LIMIT_SLOW;
	}
	if (!deadline->connected && deadline->started_ms + deadline->connect_ms <= end) {
		end = deadline->started_ms + deadline->connect_ms;
		limit = LIMIT_CONNECT;
	}
	if (ret != NULL)
		*ret = limit;
	return end;
}
