#include "watch/traffic.h"

#include <inttypes.h>

#include "base/log.h"

void traffic_say(const char *source, const char *what, const struct http_answer *answer)
{
	const char *between = answer->proxy[0] != '\0' ? ", through the proxy " : "";

	if (!log_shows(LOG_INFO))
		return;
	if (answer->status != 0)
		log_line(LOG_INFO, "source %s: %s: HTTP %ld, %" PRIu64 " bytes%s%s", source, what,
			answer->status, answer->bytes, between, answer->proxy);
	else
		log_line(LOG_INFO, "source %s: %s: %s%s%s", source, what, answer->err.text, between,
			answer->proxy);
}
