#include "watch/headline.h"

#include <inttypes.h>

#include "base/stamp.h"
#include "base/text.h"

static void error_add(struct buf *buf, const struct pulse_source *source)
{
	if (source->error[0] == '\0')
		return;
	(void)buf_add_text(buf, "; ");
	text_add_safe(buf, source->name);
	(void)buf_add_text(buf, ": ");
	text_add_safe(buf, source->error);
}

void headline_add(struct buf *buf, const struct pulse *pulse)
{
	char clock[STAMP_TEXT_MAX] = "none yet";
	int64_t active = 0;
	int64_t good_ms = 0;

	for (size_t i = 0; i < pulse->source_count; i++) {
		const struct pulse_source *source = &pulse->sources[i];

		active += source->active;
		good_ms = source->last_good_ms > good_ms ? source->last_good_ms : good_ms;
	}
	if (good_ms != 0)
		(void)stamp_text(good_ms / 1000 * 1000000, clock);
	(void)buf_addf(buf, "%" PRId64 " active, last poll %s", active, clock);
	for (size_t i = 0; i < pulse->source_count; i++)
		error_add(buf, &pulse->sources[i]);
}
