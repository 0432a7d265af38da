#include "core/digest.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/sentence.h"

enum {
	ENTRIES_MAX = 1000, /* events beyond it are not taken out when their topic ends */
	REASON_COLUMNS = 60,
};

char *digest_topic(const struct event *event)
{
	if (event->type == EVENT_SOURCE_DOWN || event->type == EVENT_SOURCE_UP)
		return mem_printf("source\n%s", event->source);
	if (event_types[event->type].about != ABOUT_TASK || event->task_id == NULL)
		return NULL;
	return mem_printf(
		"task\n%s\n%s", event->source != NULL ? event->source : "", event->task_id);
}

static bool starts_topic(enum event_type type)
{
	return type == EVENT_SOURCE_DOWN || type == EVENT_STUCK;
}

bool digest_ends_topic(enum event_type type)
{
	return type == EVENT_SOURCE_UP || type == EVENT_SUCCESS || type == EVENT_FAILURE ||
	       type == EVENT_PARTIAL_SUCCESS || type == EVENT_GONE;
}

int64_t digest_time(const struct event *event)
{
	int64_t finished_ms = event->finished_us / 1000;

	/* a clock that is ahead of ours says nothing */
	return event->finished_us != STAMP_NONE && finished_ms < event->wall_ms ? finished_ms
										: event->wall_ms;
}

static void entry_done(struct digest_entry *entry)
{
	free(entry->topic);
	free(entry->line);
}

static void entry_remove(struct digest *digest, size_t i)
{
	entry_done(&digest->entries[i]);
	digest->entry_count--;
	memmove(&digest->entries[i], &digest->entries[i + 1],
		(digest->entry_count - i) * sizeof(*digest->entries));
}

/* what went wrong, and what taskbell says of itself */
static bool is_notable(enum event_type type)
{
	const struct event_type_info *info = &event_types[type];

	return info->bad || info->about != ABOUT_TASK;
}

static void entry_add(struct digest *digest, struct digest_entry entry)
{
	digest->entries = mem_grow(digest->entries, &digest->entry_cap, digest->entry_count + 1,
		sizeof(*digest->entries));
	digest->entries[digest->entry_count++] = entry;
	if (entry.line != NULL) {
		/* drops the oldest line, but keeps its topic, which a later event may end */
		size_t named = 0;
		size_t oldest = 0;

		for (size_t i = digest->entry_count; i > 0; i--)
			if (digest->entries[i - 1].line != NULL) {
				named++;
				oldest = i - 1;
			}
		if (named > DIGEST_LINES_MAX) {
			free(digest->entries[oldest].line);
			digest->entries[oldest].line = NULL;
			if (digest->entries[oldest].topic == NULL)
				entry_remove(digest, oldest);
		}
		if (digest->entry_count > ENTRIES_MAX)
			entry_remove(digest, 0);
	}
}

static void times_add(struct digest *digest, int64_t first_ms, int64_t last_ms)
{
	if (digest->first_ms == 0 || (first_ms != 0 && first_ms < digest->first_ms))
		digest->first_ms = first_ms;
	if (last_ms > digest->last_ms)
		digest->last_ms = last_ms;
}

void digest_add(struct digest *digest, const struct event *event)
{
	cleanup_free char *topic = digest_topic(event);
	cleanup_buf struct buf line = { 0 };

	if (topic != NULL && digest_ends_topic(event->type))
		(void)digest_end_topic(digest, topic);
	digest->counts[event->type]++;
	digest->count++;
	times_add(digest, digest_time(event), digest_time(event));
	if (!is_notable(event->type))
		return;
	sentence_add(event, SENTENCE_LINE_COLUMNS, &line);
	if (event->message != NULL && *event->message != '\0') {
		(void)buf_add_text(&line, ": ");
		text_add_cut(&line, event->message, REASON_COLUMNS);
	}
	entry_add(digest, (struct digest_entry){
				  .type = event->type,
				  .topic = starts_topic(event->type) ? mem_steal(&topic) : NULL,
				  .line = buf_steal(&line),
			  });
}

bool digest_end_topic(struct digest *digest, const char *topic)
{
	size_t before = digest->entry_count;

	for (size_t i = digest->entry_count; i > 0; i--) {
		const struct digest_entry *entry = &digest->entries[i - 1];

		if (entry->topic == NULL || strcmp(entry->topic, topic) != 0)
			continue;
		digest->counts[entry->type]--;
		digest->count--;
		entry_remove(digest, i - 1);
	}
	return digest->entry_count < before;
}

void digest_merge(struct digest *digest, const struct digest *newer, bool all)
{
	for (int i = 0; i < EVENT_COUNT; i++) {
		size_t count = all || event_types[i].bad ? newer->counts[i] : 0;

		digest->counts[i] += count;
		digest->count += count;
	}
	times_add(digest, newer->first_ms, newer->last_ms);
	for (size_t i = 0; i < newer->entry_count; i++) {
		const struct digest_entry *entry = &newer->entries[i];

		if (all || event_types[entry->type].bad)
			entry_add(digest, (struct digest_entry){
						  .type = entry->type,
						  .topic = mem_strdup(entry->topic),
						  .line = mem_strdup(entry->line),
					  });
	}
}

size_t digest_bad(const struct digest *digest)
{
	size_t bad = 0;

	for (int i = 0; i < EVENT_COUNT; i++)
		bad += event_types[i].bad ? digest->counts[i] : 0;
	return bad;
}

size_t digest_notable(const struct digest *digest)
{
	size_t notable = 0;

	for (int i = 0; i < EVENT_COUNT; i++)
		notable += is_notable((enum event_type)i) ? digest->counts[i] : 0;
	return notable;
}

void digest_done(struct digest *digest)
{
	for (size_t i = 0; i < digest->entry_count; i++)
		entry_done(&digest->entries[i]);
	free(digest->entries);
	*digest = (struct digest){ 0 };
}
