#include "cli/table.h"

#include "base/mem.h"
#include "base/terminal.h"
#include "base/text.h"
#include "core/event.h"

#define TABLE_GAP 2
#define TABLE_LEAST 8 /* columns that a shortened name keeps */

enum column {
	COLUMN_SOURCE,
	COLUMN_ID,
	COLUMN_STATUS,
	COLUMN_NAME,
	COLUMN_BUCKET,
	COLUMN_CREATED,
	COLUMN_FINISHED,
	COLUMN_COUNT
};

static const char *const heads[] = {
	[COLUMN_SOURCE] = "SOURCE",
	[COLUMN_ID] = "TASK ID",
	[COLUMN_STATUS] = "STATUS",
	[COLUMN_NAME] = "NAME",
	[COLUMN_BUCKET] = "BUCKET",
	[COLUMN_CREATED] = "CREATED",
	[COLUMN_FINISHED] = "FINISHED",
};

static void add_blanks(struct buf *out, size_t count)
{
	while (count-- > 0)
		(void)buf_add_char(out, ' ');
}

/* adds safe text, and blanks up to the width */
static void add_padded(struct buf *out, const char *text, size_t width)
{
	size_t used = text_width(text);

	(void)buf_add_text(out, text);
	add_blanks(out, width > used ? width - used : 0);
}

void table_add_status(struct buf *out, const struct task *task, size_t width, bool color)
{
	const struct event_type_info *info = event_info(event_of_status(task->status));
	cleanup_buf struct buf word = { 0 };
	size_t used;

	text_add_safe(&word, task_status_word(task));
	used = text_width(buf_text(&word));
	terminal_add_colored(out, buf_text(&word), color ? info->sgr : NULL);
	add_blanks(out, width > used ? width - used : 0);
}

static void add_ago(struct buf *out, int64_t us)
{
	static const struct {
		int64_t seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	int64_t seconds = us / 1000000;

	/* the API's clock may be a little ahead of ours */
	if (seconds < 1) {
		(void)buf_add_text(out, "now");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (seconds >= units[i].seconds) {
			(void)buf_addf(out, "%lld%c ago", (long long)(seconds / units[i].seconds),
				units[i].unit);
			return;
		}
}

void table_add_time(struct buf *out, int64_t us, const struct table_view *view)
{
	char text[STAMP_TEXT_MAX];

	if (us == STAMP_NONE)
		(void)buf_add_char(out, '-');
	else if (view->terminal)
		add_ago(out, view->now_us - us);
	else
		(void)buf_add_text(out, stamp_text(us, text));
}

static void add_text(struct buf *out, const char *text, size_t width, bool cut)
{
	if (text == NULL || *text == '\0')
		text = "-";
	text_add_cut(out, text, cut ? width : 0);
}

/* the plain text of a cell; `width` 0: as long as it is */
static void add_cell(struct buf *out, const struct table_row *row, enum column column, size_t width,
	const struct table_view *view)
{
	const struct task *task = row->task;

	switch (column) {
	case COLUMN_SOURCE:
		add_text(out, row->source, 0, false);
		break;
	case COLUMN_ID:
		add_text(out, task->id, 0, false);
		break;
	case COLUMN_STATUS:
		table_add_status(out, task, 0, false);
		break;
	case COLUMN_NAME:
		add_text(out, task->name, width, view->terminal);
		break;
	case COLUMN_BUCKET:
		add_text(out, task->bucket, width, view->terminal);
		break;
	case COLUMN_CREATED:
		table_add_time(out, task->created_us, view);
		break;
	case COLUMN_FINISHED:
	case COLUMN_COUNT:
		table_add_time(out, task->finished_us, view);
		break;
	}
}

static void widths_measure(const struct table_row *rows, size_t count,
	const struct table_view *view, size_t widths[COLUMN_COUNT])
{
	cleanup_buf struct buf cell = { 0 };

	for (int c = 0; c < COLUMN_COUNT; c++)
		widths[c] = text_width(heads[c]);
	for (size_t i = 0; i < count; i++)
		for (int c = 0; c < COLUMN_COUNT; c++) {
			size_t width;

			buf_clear(&cell);
			add_cell(&cell, &rows[i], (enum column)c, 0, view);
			width = text_width(buf_text(&cell));
			if (width > widths[c])
				widths[c] = width;
		}
}

/* takes from a column what is too much, but leaves it its least; returns what is still too much */
static size_t width_take(size_t *width, size_t over)
{
	size_t spare = *width > TABLE_LEAST ? *width - TABLE_LEAST : 0;
	size_t taken = spare < over ? spare : over;

	*width -= taken;
	return over - taken;
}

static void widths_fit(const struct table_view *view, size_t widths[COLUMN_COUNT])
{
	size_t total = 0;
	size_t over;

	for (int c = view->sources ? 0 : 1; c < COLUMN_COUNT; c++)
		total += widths[c] + (c + 1 < COLUMN_COUNT ? TABLE_GAP : 0);
	if (!view->terminal || total <= view->columns)
		return;
	over = width_take(&widths[COLUMN_NAME], total - view->columns);
	(void)width_take(&widths[COLUMN_BUCKET], over);
}

static void add_head(
	struct buf *out, const struct table_view *view, const size_t widths[COLUMN_COUNT])
{
	for (int c = view->sources ? 0 : 1; c < COLUMN_COUNT; c++)
		add_padded(out, heads[c], c + 1 < COLUMN_COUNT ? widths[c] + TABLE_GAP : 0);
	(void)buf_add_char(out, '\n');
}

void table_render(
	const struct table_row *rows, size_t count, const struct table_view *view, struct buf *out)
{
	cleanup_buf struct buf cell = { 0 };
	size_t widths[COLUMN_COUNT];

	if (count == 0)
		return;
	widths_measure(rows, count, view, widths);
	widths_fit(view, widths);
	add_head(out, view, widths);
	for (size_t i = 0; i < count; i++) {
		for (int c = view->sources ? 0 : 1; c < COLUMN_COUNT; c++) {
			size_t width = c + 1 < COLUMN_COUNT ? widths[c] + TABLE_GAP : 0;

			if (c == COLUMN_STATUS) {
				table_add_status(out, rows[i].task, width, view->color);
				continue;
			}
			buf_clear(&cell);
			add_cell(&cell, &rows[i], (enum column)c, widths[c], view);
			add_padded(out, buf_text(&cell), width);
		}
		(void)buf_add_char(out, '\n');
	}
}
