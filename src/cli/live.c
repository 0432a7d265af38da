/* Control sequences are those of ECMA-48, and DECTCEM for the cursor; every terminal of today has
 * them. */
#include "cli/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/table.h"
#include "core/event.h"

#define LIVE_MARK 2 /* the spinner and a blank */
#define LIVE_STATUS_WIDTH 15 /* "partial_success" */
#define LIVE_SPAN_WIDTH 7 /* "23h 59m" */

static const char *const spinner[] = { "|", "/", "-", "\\" };

/* how many lines of the screen the block takes: lines that were wider than it is now have been
 * folded */
static size_t live_height(const struct live *live, struct screen screen)
{
	size_t height = 0;

	for (size_t i = 0; i < live->count; i++)
		height += live->widths[i] > screen.columns
				  ? (live->widths[i] + screen.columns - 1) / screen.columns
				  : 1;
	return height;
}

/* to where the block begins */
static void add_home(const struct live *live, struct screen screen, struct buf *out)
{
	size_t height = live_height(live, screen);

	if (height > screen.lines - 1)
		height = screen.lines - 1;
	(void)buf_add_char(out, '\r');
	if (height != 0)
		(void)buf_addf(out, "\033[%zuA", height);
}

/* where a picture is drawn */
struct canvas {
	struct live *live;
	struct screen screen;
	bool color;
	struct buf *out;
};

static void line_end(const struct canvas *canvas, size_t width)
{
	struct live *live = canvas->live;

	(void)buf_add_text(canvas->out, "\033[K\n");
	live->widths = mem_grow(live->widths, &live->cap, live->count + 1, sizeof(*live->widths));
	live->widths[live->count++] = width;
}

static void add_blanks(struct buf *out, size_t count)
{
	while (count-- > 0)
		(void)buf_add_char(out, ' ');
}

/* "| processing       1m 2s  ": all before the id, with no colour */
static void add_lead(struct buf *out, const struct live_row *row, unsigned int frame)
{
	char span[EVENT_SPAN_MAX] = "-";
	size_t width;

	(void)buf_add_text(out, row->ended ? " " : spinner[frame % ARRAY_LEN(spinner)]);
	(void)buf_add_char(out, ' ');
	table_add_status(out, row->task, LIVE_STATUS_WIDTH, false);
	if (row->elapsed_ms >= 0)
		(void)event_span(row->elapsed_ms, span);
	/* what still runs is counted in whole seconds */
	if (!row->ended && row->elapsed_ms >= 0 && row->elapsed_ms < 10000)
		(void)snprintf(span, sizeof(span), "%ds", (int)(row->elapsed_ms / 1000));
	width = text_width(span);
	add_blanks(out, width < LIVE_SPAN_WIDTH ? LIVE_SPAN_WIDTH - width + 1 : 1);
	(void)buf_add_text(out, span);
	(void)buf_add_text(out, "  ");
}

/* a line of several texts, cut where the screen ends */
struct cutter {
	struct buf text;
	size_t left; /* columns */
};

static void cut_add(struct cutter *cutter, const char *text)
{
	size_t before = cutter->text.len;

	if (cutter->left == 0 || *text == '\0')
		return;
	text_add_cut(&cutter->text, text, cutter->left);
	cutter->left -= text_width(buf_text(&cutter->text) + before);
}

/* the line without colours: colours are put in afterwards, where they cannot be cut */
static void row_text(struct cutter *cutter, const struct live_row *row, unsigned int frame)
{
	cleanup_buf struct buf lead = { 0 };

	add_lead(&lead, row, frame);
	cut_add(cutter, buf_text(&lead));
	cut_add(cutter, row->task->id);
	if (row->task->name != NULL) {
		cut_add(cutter, "  ");
		cut_add(cutter, row->task->name);
	}
	if (row->source != NULL) {
		cut_add(cutter, "  ");
		cut_add(cutter, row->source);
	}
}

static void add_row(const struct canvas *canvas, const struct live_row *row)
{
	struct cutter cutter = { .left = canvas->screen.columns - 1 };
	cleanup_buf struct buf plain = { 0 };
	const char *text;

	row_text(&cutter, row, canvas->live->frame);
	text = buf_text(&cutter.text);
	table_add_status(&plain, row->task, LIVE_STATUS_WIDTH, false);
	/* a screen so narrow that the status is cut has no room for colour either */
	if (canvas->color && cutter.text.len >= LIVE_MARK + plain.len &&
		memcmp(text + LIVE_MARK, buf_text(&plain), plain.len) == 0) {
		(void)buf_add(canvas->out, text, LIVE_MARK);
		table_add_status(canvas->out, row->task, LIVE_STATUS_WIDTH, true);
		text += LIVE_MARK + plain.len;
	}
	(void)buf_add_text(canvas->out, text);
	line_end(canvas, canvas->screen.columns - 1 - cutter.left);
	buf_done(&cutter.text);
}

static void summary_text(struct buf *text, const struct live_row *rows, size_t count, size_t hidden)
{
	size_t by_status[STATUS_COUNT] = { 0 };
	const char *before = " (";
	size_t ended = 0;

	for (size_t i = 0; i < count; i++) {
		ended += rows[i].ended;
		by_status[rows[i].task->status] += rows[i].ended;
	}
	(void)buf_addf(text, "  %zu of %zu ended", ended, count);
	for (int i = STATUS_SUCCESS; i <= STATUS_GONE; i++)
		if (by_status[i] != 0) {
			(void)buf_addf(text, "%s%zu %s", before, by_status[i],
				status_word((enum status)i));
			before = ", ";
		}
	if (before[0] == ',')
		(void)buf_add_char(text, ')');
	if (hidden != 0)
		(void)buf_addf(text, ", %zu more not shown", hidden);
}

/* "3 of 12 ended (2 success, 1 failure), 4 more not shown" */
static void add_summary(
	const struct canvas *canvas, const struct live_row *rows, size_t count, size_t hidden)
{
	struct cutter cutter = { .left = canvas->screen.columns - 1 };
	cleanup_buf struct buf text = { 0 };

	summary_text(&text, rows, count, hidden);
	cut_add(&cutter, buf_text(&text));
	(void)buf_add_text(canvas->out, buf_text(&cutter.text));
	line_end(canvas, canvas->screen.columns - 1 - cutter.left);
	buf_done(&cutter.text);
}

/* draws up to `room` rows that have ended or not; returns how many */
static size_t add_rows(const struct canvas *canvas, const struct live_row *rows, size_t count,
	bool ended, size_t room)
{
	size_t drawn = 0;

	for (size_t i = 0; i < count && drawn < room; i++)
		if (rows[i].ended == ended) {
			add_row(canvas, &rows[i]);
			drawn++;
		}
	return drawn;
}

void live_draw(struct live *live, const struct live_row *rows, size_t count, struct screen screen,
	bool color, struct buf *out)
{
	const struct canvas canvas = { live, screen, color, out };
	/* the cursor stands on a line of its own below the block */
	size_t room = screen.lines - 1;
	bool summary = count > 1 && room > 1;
	size_t drawn;

	if (screen.columns < 2 || screen.lines < 2)
		return;
	add_home(live, screen, out);
	if (!live->hidden)
		(void)buf_add_text(out, "\033[?25l");
	live->hidden = true;
	live->count = 0;
	room -= summary;
	drawn = add_rows(&canvas, rows, count, false, room);
	drawn += add_rows(&canvas, rows, count, true, room - drawn);
	if (summary)
		add_summary(&canvas, rows, count, count - drawn);
	(void)buf_add_text(out, "\033[J");
	live->frame++;
}

void live_erase(struct live *live, struct screen screen, struct buf *out)
{
	if (live->count != 0) {
		add_home(live, screen, out);
		(void)buf_add_text(out, "\033[J");
	}
	live->count = 0;
	live_leave(live, out);
}

void live_leave(struct live *live, struct buf *out)
{
	if (live->hidden)
		(void)buf_add_text(out, "\033[?25h");
	live->hidden = false;
}

void live_done(struct live *live)
{
	free(live->widths);
	*live = (struct live){ 0 };
}
