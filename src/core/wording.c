#include "core/wording.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum {
	NAME_COLUMNS = 80,
	MESSAGE_COLUMNS = 1000, /* of a note of its own */
	REASON_COLUMNS = 160, /* of a line in a digest */
};

/* how an event is told: the sentence after the name, its word in a digest, category and icon of the
 * note */
static const struct telling {
	const char *sentence;
	const char *counted;
	const char *category;
	const char *icon;
} tellings[EVENT_COUNT] = {
	[EVENT_QUEUED] = { "is queued", "queued", "transfer", "dialog-information" },
	[EVENT_PROCESSING] = { "is being processed", "being processed", "transfer",
		"dialog-information" },
	[EVENT_SUCCESS] = { "finished", "finished", "transfer.complete", "dialog-information" },
	[EVENT_FAILURE] = { "failed", "failed", "transfer.error", "dialog-error" },
	[EVENT_PARTIAL_SUCCESS] = { "finished: partial success", "finished with partial success",
		"transfer.error", "dialog-warning" },
	[EVENT_UNKNOWN] = { "has an unknown status", "with an unknown status", "x-taskbell.unknown",
		"dialog-warning" },
	[EVENT_GONE] = { "is gone", "gone", "transfer.error", "dialog-warning" },
	[EVENT_STUCK] = { "is stuck", "stuck", "x-taskbell.stuck", "dialog-warning" },
	[EVENT_SUMMARY] = { "is watched from now on", NULL, "x-taskbell.summary",
		"dialog-information" },
	[EVENT_SOURCE_DOWN] = { "cannot be reached", NULL, "network.error", "dialog-error" },
	[EVENT_SOURCE_UP] = { "is reached again", NULL, "network", "dialog-information" },
	[EVENT_SINK_FAILED] = { "does not deliver", NULL, "x-taskbell.sink-failed",
		"dialog-error" },
	[EVENT_STATE_LOST] = { "lost its state", NULL, "x-taskbell.state-lost", "dialog-error" },
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
};

static void add_note(struct buf *out, const struct note_words *words)
{
	add_line(out, "app-name", "taskbell");
	add_line(out, "desktop-entry", "taskbell");
	add_line(out, "summary", words->summary);
	if (*words->body != '\0')
		add_line(out, "body", words->body);
	add_line(out, "urgency", urgencies[words->weight]);
	add_line(out, "category", words->category);
	add_line(out, "icon", words->icon);
}

/* whom the event is about */
static const char *event_subject(const struct event *event)
{
	const char *const names[] = { event->sink, event->task_name, event->task_id,
		event->source };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i] != NULL && *names[i] != '\0')
			return names[i];
	return "taskbell";
}

void wording_sentence(const struct event *event, struct buf *out)
{
	text_add_cut(out, event_subject(event), NAME_COLUMNS);
	(void)buf_addf(out, " %s", tellings[event->type].sentence);
	if (event->type == EVENT_UNKNOWN && event->to != NULL) {
		(void)buf_add_text(out, ": ");
		text_add_cut(out, event->to, NAME_COLUMNS);
	}
}

/* "bucket docs · 2m 3s" */
static void add_details(const struct event *event, struct buf *out)
{
	char span[EVENT_SPAN_MAX];
	int64_t ms;

	if (event->bucket != NULL) {
		(void)buf_add_text(out, "bucket ");
		text_add_cut(out, event->bucket, NAME_COLUMNS);
	}
	if (event_duration(event, &ms))
		(void)buf_addf(
			out, "%s%s", out->len != 0 ? " \xc2\xb7 " : "", event_span(ms, span));
}

void wording_single(const struct event *event, struct buf *out)
{
	const struct telling *telling = &tellings[event->type];
	cleanup_buf struct buf summary = { 0 };
	cleanup_buf struct buf body = { 0 };
	struct note_words words = {
		.weight = event_info(event->type)->weight,
		.category = telling->category,
		.icon = telling->icon,
	};

	wording_sentence(event, &summary);
	add_details(event, &body);
	if (event->message != NULL && *event->message != '\0') {
		if (body.len != 0)
			(void)buf_add_char(&body, '\n');
		text_add_cut(&body, event->message, MESSAGE_COLUMNS);
	}
	words.summary = buf_text(&summary);
	words.body = buf_text(&body);
	add_note(out, &words);
}

void digest_add(struct digest *digest, const struct event *event)
{
	const struct event_type_info *info = event_info(event->type);
	cleanup_buf struct buf line = { 0 };

	digest->counts[event->type]++;
	digest->count++;
	if (!info->bad && info->about == ABOUT_TASK)
		return;
	wording_sentence(event, &line);
	if (event->message != NULL && *event->message != '\0') {
		(void)buf_add_text(&line, ": ");
		text_add_cut(&line, event->message, REASON_COLUMNS);
	}
	if (digest->unnamed > 0 || digest->lines.len + line.len + 1 > DIGEST_LINES_MAX) {
		digest->unnamed++;
		return;
	}
	if (digest->named++ > 0)
		(void)buf_add_char(&digest->lines, '\n');
	(void)buf_add_text(&digest->lines, buf_text(&line));
}

/* "2 tasks failed, 1 gone, 17 finished" */
static void add_counts(const struct digest *digest, struct buf *out)
{
	size_t left = digest->count;

	for (size_t i = 0; i < ARRAY_LEN(counted_order); i++) {
		size_t count = digest->counts[counted_order[i]];
		const char *noun = out->len != 0 ? "" : count == 1 ? " task" : " tasks";

		if (count == 0)
			continue;
		(void)buf_addf(out, "%s%zu%s %s", out->len != 0 ? ", " : "", count, noun,
			tellings[counted_order[i]].counted);
		left -= count;
	}
	if (left > 0)
		(void)buf_addf(out, "%s%zu message%s from taskbell", out->len != 0 ? ", " : "",
			left, left == 1 ? "" : "s");
}

/* the weightiest type in the digest gives the note its looks */
static enum event_type digest_type(const struct digest *digest)
{
	enum event_type best = EVENT_SUCCESS;
	int rank = -1;

	for (int i = 0; i < EVENT_COUNT; i++) {
		const struct event_type_info *info = event_info((enum event_type)i);
		int its = (int)info->weight * 2 + (info->bad ? 1 : 0);

		if (digest->counts[i] > 0 && its > rank) {
			best = (enum event_type)i;
			rank = its;
		}
	}
	return best;
}

void wording_digest(const struct digest *digest, struct buf *out)
{
	enum event_type type = digest_type(digest);
	cleanup_buf struct buf summary = { 0 };
	cleanup_buf struct buf body = { 0 };
	struct note_words words = {
		.weight = event_info(type)->weight,
		.category = tellings[type].category,
		.icon = tellings[type].icon,
	};

	add_counts(digest, &summary);
	(void)buf_add_text(&body, buf_text(&digest->lines));
	if (digest->unnamed > 0)
		(void)buf_addf(&body, "\n\xe2\x80\xa6 and %zu more", digest->unnamed);
	words.summary = buf_text(&summary);
	words.body = buf_text(&body);
	add_note(out, &words);
}

void digest_done(struct digest *digest)
{
	buf_done(&digest->lines);
	*digest = (struct digest){ 0 };
}
