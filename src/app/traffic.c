#include "app/traffic.h"

#include <inttypes.h>

#include "base/log.h"

void traffic_say(const char *source, const char *what, const struct http_answer *answer)
{
	if (!log_shows(LOG_INFO))
		return;
	if (answer->status != 0)
		log_line(LOG_INFO, "source %s: %s: HTTP %ld, %" PRIu64 " bytes", source, what,
			answer->status, answer->bytes);
	else
		log_line(LOG_INFO, "source %s: %s: %s", source, what, answer->err.text);
}
