#include "cli/wait_text.h"

#include <stdio.h>
#include <string.h>

#include "base/terminal.h"
#include "base/text.h"
#include "core/event.h"

enum {
	GAP = 2, /* between two columns, and before what goes on below */
	NAME_LEAST = 12, /* columns that a name keeps when it is cut */
	LABELS_MAX = 500, /* names are compared with each other; of more tasks ids are shown too */
	REASON_LINES = 3, /* of a reason; `show` has all of it */
};

static int64_t active_ms(const struct task *task, struct instant now)
{
	int64_t ms;

	if (task->created_us == STAMP_NONE)
		return -1;
	ms = now.wall_ms - task->created_us / 1000;
	return ms > 0 ? ms : 0;
}

/* what still goes on is counted in whole seconds */
static const char *whole_span(int64_t ms, char span[EVENT_SPAN_MAX])
{
	if (ms >= 10000)
		return event_span(ms, span);
	(void)snprintf(span, EVENT_SPAN_MAX, "%ds", (int)(ms / 1000));
	return span;
}

void wait_text_silence(
	struct buf *out, const struct waiter_source *source, struct instant now, int64_t begun_ms)
{
	int64_t since_ms = source->heard_ms != 0 ? source->heard_ms : begun_ms;
	char span[EVENT_SPAN_MAX];

	(void)buf_addf(out, "%s: no good answer for %s", source->name,
		whole_span(now.mono_ms - since_ms, span));
}

/* what people call it */
static const char *task_label(const struct wait_item *item)
{
	const char *name = item->task->name;

	return name != NULL && *name != '\0' ? name : item->task->id;
}

/* does its label say which of them it is? */
static bool is_told_apart(const struct wait_items *set, const struct wait_item *item)
{
	const char *label = task_label(item);

	if (label == item->task->id)
		return true;
	for (size_t i = 0; i < set->count && set->count <= LABELS_MAX; i++)
		if (set->items[i] != item && strcmp(task_label(set->items[i]), label) == 0)
			return false;
	return set->count <= LABELS_MAX;
}

/* a source that does not answer, in a few words; false: all do */
static bool add_silence(
	struct buf *out, const struct waiter *waiter, struct instant now, int64_t begun_ms)
{
	struct waiter_source source;

	for (size_t i = 0; waiter_look(waiter, i, &source); i++)
		if (source.err != NULL) {
			wait_text_silence(out, &source, now, begun_ms);
			return true;
		}
	return false;
}

static void add_one(struct buf *out, const struct wait_items *set, struct instant now)
{
	const struct wait_item *item = set->items[0];
	int64_t ms = active_ms(item->task, now);
	cleanup_buf struct buf tail = { 0 };
	const char *label = task_label(item);
	char span[EVENT_SPAN_MAX];
	size_t width;
	size_t room;

	if (item->source == WAIT_NOWHERE)
		(void)buf_add_text(&tail, item->doubted ? ": not found yet" : ": looked for");
	else if (item->ended || ms < 0)
		(void)buf_addf(&tail, ": %s", task_status_word(item->task));
	else
		(void)buf_addf(
			&tail, ": %s for %s", task_status_word(item->task), whole_span(ms, span));
	width = text_width(buf_text(&tail));
	room = width + NAME_LEAST < WAIT_LINE_COLUMNS ? WAIT_LINE_COLUMNS - width : NAME_LEAST;
	/* an id is shown whole or not at all */
	if (label == item->task->id && text_width(label) > room)
		label = "the task";
	terminal_add_cut(out, label, room);
	text_add_safe(out, buf_text(&tail));
}

void wait_text_progress(
	struct buf *out, const struct waiter *waiter, struct instant now, int64_t begun_ms)
{
	const struct wait_items *set = waiter_tasks(waiter);

	if (add_silence(out, waiter, now, begun_ms))
		return;
	if (set->count == 0)
		(void)buf_add_text(out, "asking for the active tasks");
	else if (set->count == 1)
		add_one(out, set, now);
	else {
		char span[EVENT_SPAN_MAX];
		size_t bad = 0;

		for (size_t i = 0; i < set->count; i++)
			bad += set->items[i]->told && wait_item_exit_code(set->items[i]) != 0;
		(void)buf_addf(out, "%s: %zu of %zu ended",
			whole_span(now.mono_ms - begun_ms, span), set->told, set->count);
		if (bad != 0)
			(void)buf_addf(out, ", %zu not ok", bad);
	}
}

/* names stand in a column as wide as the widest, if there is room for it */
static size_t label_column(const struct wait_items *set)
{
	size_t width = 0;

	for (size_t i = 0; i < set->count && set->count <= LABELS_MAX; i++) {
		cleanup_buf struct buf label = { 0 };

		text_add_safe(&label, task_label(set->items[i]));
		if (text_width(buf_text(&label)) > width)
			width = text_width(buf_text(&label));
	}
	return width;
}

static const char *end_reason(const struct wait_item *item)
{
	if (item->reason != NULL)
		return item->reason;
	if (item->task->status == STATUS_GONE)
		return "it is in no list any more";
	return item->source == WAIT_NOWHERE ? "there is no such task" : NULL;
}

/* begins another line, indented, when so many columns are too many for this one */
static void make_room(struct buf *out, size_t *used, size_t width, size_t columns, int indent)
{
	if (*used + GAP + width > columns) {
		(void)buf_addf(out, "\n%*s", indent, "");
		*used = (size_t)indent;
	} else {
		(void)buf_addf(out, "%*s", GAP, "");
		*used += GAP;
	}
}

/* whole, on a line of its own if need be */
static void add_id(struct buf *out, size_t *used, const char *id, size_t columns)
{
	cleanup_buf struct buf safe = { 0 };
	size_t width;

	text_add_safe(&safe, id);
	width = text_width(buf_text(&safe));
	make_room(out, used, width, columns, GAP + width <= columns ? GAP : 0);
	(void)buf_add_text(out, buf_text(&safe));
	*used = *used + width < columns ? *used + width : columns;
}

void wait_text_end(struct buf *out, const struct wait_items *set, const struct wait_item *item,
	bool color, size_t columns)
{
	const struct event_type_info *info = &event_types[event_of_status(item->task->status)];
	const char *label = task_label(item);
	const char *reason = end_reason(item);
	cleanup_buf struct buf name = { 0 };
	cleanup_buf struct buf word = { 0 };
	char span[EVENT_SPAN_MAX] = "";
	size_t column = label_column(set);
	size_t used = GAP;
	size_t rest = GAP + text_width(task_status_word(item->task));
	int64_t ms;

	if (task_duration(item->task, &ms))
		rest += GAP + strlen(event_span(ms, span));
	terminal_add_colored(out, terminal_sign(info->mark), color ? info->sgr : NULL);
	terminal_add_cut(&name, label,
		label == item->task->id              ? 0
		: used + NAME_LEAST + rest > columns ? NAME_LEAST
						     : columns - used - rest);
	/* an id that fits no line but one of its own */
	if (used + text_width(buf_text(&name)) > columns)
		used = 0;
	(void)buf_addf(out, "%s%s", used == 0 ? "\n" : " ", buf_text(&name));
	used += text_width(buf_text(&name));
	if (GAP + column + rest <= columns && used < GAP + column) {
		(void)buf_addf(out, "%*s", (int)(GAP + column - used), "");
		used = GAP + column;
	}
	make_room(out, &used, rest - GAP, columns, GAP);
	text_add_safe(&word, task_status_word(item->task));
	terminal_add_colored(out, buf_text(&word), color ? info->sgr : NULL);
	if (*span != '\0')
		(void)buf_addf(out, "%*s%s", GAP, "", span);
	used += rest - GAP;
	if (!is_told_apart(set, item))
		add_id(out, &used, item->task->id, columns);
	if (reason != NULL) {
		cleanup_buf struct buf cut = { 0 };

		terminal_add_cut(&cut, reason, REASON_LINES * (columns - 2 * GAP) - used);
		make_room(out, &used, strcspn(buf_text(&cut), " "), columns, 2 * GAP);
		text_add_wrapped(out, buf_text(&cut), used, 2 * GAP, columns);
	}
	(void)buf_add_char(out, '\n');
}

void wait_text_last_seen(struct buf *out, const struct wait_item *item, struct instant now)
{
	char span[EVENT_SPAN_MAX];

	if (item->source == WAIT_NOWHERE)
		(void)buf_add_text(
			out, item->doubted ? "not found" : "no source has said anything of it");
	else
		(void)buf_addf(out, "%s, seen %s ago", task_status_word(item->task),
			whole_span(now.mono_ms - item->seen_ms, span));
}
