#include "core/wording.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/sentence.h"

enum {
	MESSAGE_COLUMNS = 1000, /* of a note of its own */
	LATE_MS = 60000, /* an event older than this is shown with its time */
};

/* names of the freedesktop sound theme */
#define SOUND_GOOD "complete"
#define SOUND_BAD "dialog-error"

/* how an event is told: its word in a digest, category and icon of the note */
static const struct telling {
	const char *counted;
	const char *category;
	const char *icon;
} tellings[EVENT_COUNT] = {
	[EVENT_QUEUED] = { "queued", "transfer", "dialog-information" },
	[EVENT_PROCESSING] = { "being processed", "transfer", "dialog-information" },
	[EVENT_SUCCESS] = { "finished", "transfer.complete", "dialog-information" },
	[EVENT_FAILURE] = { "failed", "transfer.error", "dialog-error" },
	[EVENT_PARTIAL_SUCCESS] = { "finished with partial success", "transfer.error",
		"dialog-warning" },
	[EVENT_UNKNOWN] = { "with an unknown status", "x-taskbell.unknown", "dialog-warning" },
	[EVENT_GONE] = { "gone", "transfer.error", "dialog-warning" },
	[EVENT_STUCK] = { "stuck", "x-taskbell.stuck", "dialog-warning" },
	[EVENT_SUMMARY] = { NULL, "x-taskbell.summary", "dialog-information" },
	[EVENT_SOURCE_DOWN] = { NULL, "network.error", "dialog-error" },
	[EVENT_SOURCE_UP] = { NULL, "network", "dialog-information" },
	[EVENT_SINK_FAILED] = { NULL, "x-taskbell.sink-failed", "dialog-error" },
	[EVENT_STATE_LOST] = { NULL, "x-taskbell.state-lost", "dialog-error" },
};

/* digests count what went wrong first */
static const enum event_type counted_order[] = { EVENT_FAILURE, EVENT_PARTIAL_SUCCESS, EVENT_GONE,
	EVENT_STUCK, EVENT_UNKNOWN, EVENT_SUCCESS, EVENT_PROCESSING, EVENT_QUEUED };

static const char *const urgencies[] = {
	[WEIGHT_LOW] = "low",
	[WEIGHT_NORMAL] = "normal",
	[WEIGHT_HIGH] = "critical",
};

static void add_escaped(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\\')
			(void)buf_add_text(out, "\\\\");
		else if (*text == '\n')
			(void)buf_add_text(out, "\\n");
		else if ((unsigned char)*text < 0x20 || *text == 0x7f)
			(void)buf_addf(out, "\\x%02x", (unsigned char)*text);
		else
			(void)buf_add_char(out, *text);
}

static void add_line(struct buf *out, const char *key, const char *value)
{
	(void)buf_addf(out, "%s: ", key);
	add_escaped(out, value);
	(void)buf_add_char(out, '\n');
}

struct note_words {
	const char *summary;
	const char *body;
	enum event_weight weight;
	const char *category;
	const char *icon;
	const char *sound; /* NULL: none */
};

static void add_note(struct buf *out, const struct note_words *words, const struct wording *how)
{
	add_line(out, "app-name", "taskbell");
	add_line(out, "desktop-entry", "taskbell");
	add_line(out, "summary", words->summary);
	if (*words->body != '\0')
		add_line(out, "body", words->body);
	add_line(out, "urgency", urgencies[words->weight]);
	add_line(out, "category", words->category);
	add_line(out, "icon", words->icon);
	if (how->sound && words->sound != NULL)
		add_line(out, "sound", words->sound);
	if (how->one_shot)
		add_line(out, "one-shot", "yes");
}

/* adds a part, after `between` if there is something before it */
static void add_part(struct buf *out, const char *between, const char *part)
{
	(void)buf_addf(out, "%s%s", out->len != 0 ? between : "", part);
}

static bool is_late(int64_t event_ms, int64_t now_ms)
{
	return event_ms != 0 && now_ms - event_ms > LATE_MS;
}

/* "bucket docs · 2m 3s · ended Nov 30 22:41" */
static void add_details(const struct event *event, int64_t now_ms, struct buf *out)
{
	static const char dot[] = " \xc2\xb7 ";
	int64_t event_ms = digest_time(event);
	char span[EVENT_SPAN_MAX];
	char time[STAMP_TEXT_MAX];
	int64_t ms;

	if (event->bucket != NULL) {
		(void)buf_add_text(out, "bucket ");
		text_add_cut(out, event->bucket, SENTENCE_NAME_COLUMNS);
	}
	if (event_duration(event, &ms))
		add_part(out, dot, event_span(ms, span));
	if (is_late(event_ms, now_ms)) {
		bool ended = event_types[event->type].about == ABOUT_TASK &&
			     digest_ends_topic(event->type);

		add_part(out, dot, ended ? "ended " : "at ");
		(void)buf_add_text(out, stamp_text_local(event_ms, now_ms, time));
	}
}

void wording_single(const struct event *event, const struct wording *how, struct buf *out)
{
	const struct telling *telling = &tellings[event->type];
	cleanup_buf struct buf summary = { 0 };
	cleanup_buf struct buf body = { 0 };
	struct note_words words = {
		.weight = event_types[event->type].weight,
		.category = telling->category,
		.icon = telling->icon,
		.sound = event_types[event->type].bad   ? SOUND_BAD
			 : event->type == EVENT_SUCCESS ? SOUND_GOOD
							: NULL,
	};

	sentence_add(event, SENTENCE_NAME_COLUMNS, &summary);
	add_details(event, how->now_ms, &body);
	if (event->message != NULL && *event->message != '\0') {
		if (body.len != 0)
			(void)buf_add_char(&body, '\n');
		text_add_cut(&body, event->message, MESSAGE_COLUMNS);
	}
	words.summary = buf_text(&summary);
	words.body = buf_text(&body);
	add_note(out, &words, how);
}

/* the weightiest type in the digest gives the note its looks */
static enum event_type digest_type(const struct digest *digest)
{
	enum event_type best = EVENT_SUCCESS;
	int rank = -1;

	for (int i = 0; i < EVENT_COUNT; i++) {
		const struct event_type_info *info = &event_types[i];
		int its = (int)info->weight * 2 + (info->bad ? 1 : 0);

		if (digest->counts[i] > 0 && its > rank) {
			best = (enum event_type)i;
			rank = its;
		}
	}
	return best;
}

/* the newest first: of a long text some servers show no more than the beginning */
static void add_lines(const struct digest *digest, size_t room, struct buf *out)
{
	size_t left = digest_notable(digest);

	room -= left > room ? 1 : 0;
	for (size_t i = digest->entry_count; i > 0 && room > 0; i--) {
		if (digest->entries[i - 1].line == NULL)
			continue;
		add_part(out, "\n", digest->entries[i - 1].line);
		room--;
		left--;
	}
	if (left > 0) {
		add_part(out, "\n", "\xe2\x80\xa6 and ");
		(void)buf_addf(out, "%zu more", left);
	}
}

void wording_digest(const struct digest *digest, const struct wording *how, struct buf *out)
{
	enum event_type type = digest_type(digest);
	bool late = is_late(digest->first_ms, how->now_ms);
	cleanup_buf struct buf summary = { 0 };
	cleanup_buf struct buf body = { 0 };
	struct note_words words = {
		.weight = event_types[type].weight,
		.category = tellings[type].category,
		.icon = tellings[type].icon,
		.sound = digest_bad(digest) > 0              ? SOUND_BAD
			 : digest->counts[EVENT_SUCCESS] > 0 ? SOUND_GOOD
							     : NULL,
	};
	size_t left = digest->count;

	/* "2 tasks failed, 1 gone, 17 finished" */
	for (size_t i = 0; i < ARRAY_LEN(counted_order); i++) {
		size_t count = digest->counts[counted_order[i]];
		const char *noun = summary.len != 0 ? "" : count == 1 ? " task" : " tasks";

		if (count == 0)
			continue;
		(void)buf_addf(&summary, "%s%zu%s %s", summary.len != 0 ? ", " : "", count, noun,
			tellings[counted_order[i]].counted);
		left -= count;
	}
	if (left > 0)
		(void)buf_addf(&summary, "%s%zu message%s from taskbell",
			summary.len != 0 ? ", " : "", left, left == 1 ? "" : "s");
	if (late) {
		/* the time span of the events, unless they are recent */
		char first[STAMP_TEXT_MAX];
		char last[STAMP_TEXT_MAX];

		(void)stamp_text_local(digest->first_ms, how->now_ms, first);
		(void)stamp_text_local(digest->last_ms, how->now_ms, last);
		if (strcmp(first, last) == 0)
			(void)buf_addf(&body, "at %s", first);
		else
			(void)buf_addf(&body, "between %s and %s", first, last);
	}
	add_lines(digest, DIGEST_LINES_MAX - (late ? 1 : 0), &body);
	words.summary = buf_text(&summary);
	words.body = buf_text(&body);
	add_note(out, &words, how);
}
