#include "core/health.h"

bool health_good(struct health *health, struct instant now)
{
	bool told = health->down;

	health->down = false;
	health->failing = false;
	health->last_good_ms = now.wall_ms;
	health->last_error.kind = ERR_NONE;
	return told;
}

bool health_bad(
	struct health *health, const struct err *err, int64_t down_after_ms, struct instant now)
{
	health->last_error = *err;
	if (!health->failing) {
		health->failing = true;
		health->failing_since_ms = now.mono_ms;
		health->failing_wall_ms = now.wall_ms;
	}
	if (health->down)
		return false;
	if (err->kind != ERR_AUTH && now.mono_ms - health->failing_since_ms < down_after_ms)
		return false;
	health->down = true;
	health->down_since_ms = health->failing_wall_ms;
	return true;
}

void health_resumed(struct health *health, struct instant now)
{
	if (!health->failing)
		return;
	health->failing_since_ms = now.mono_ms;
	health->failing_wall_ms = now.wall_ms;
}
