#include "core/report.h"

#include <string.h>

#include "base/mem.h"
#include "base/terminal.h"
#include "base/text.h"

enum {
	GAP = 2, /* between two parts of a line */
	NAME_LEAST = 12, /* columns that are left of a name */
	WORD_MOST = 24,
	REASON_LINES = 2,
};

/* lines that are being filled */
struct sheet {
	struct buf *out; /* borrowed */
	size_t columns;
	size_t indent; /* of the lines after the first */
	size_t used; /* columns of the last one */
	bool fresh; /* nothing stands in it yet but what all lines begin with */
};

static void sheet_break(struct sheet *sheet, size_t indent)
{
	(void)buf_addf(sheet->out, "\n%*s", (int)indent, "");
	sheet->used = indent;
	sheet->fresh = true;
}

static bool sheet_fits(const struct sheet *sheet, size_t width)
{
	return sheet->used + (sheet->fresh ? 0 : GAP) + width <= sheet->columns;
}

/* adds what is fit for a terminal, on this line or the next */
static void sheet_add(struct sheet *sheet, const char *part, const char *sgr)
{
	size_t width = text_width(part);
	size_t gap;

	if (!sheet->fresh && !sheet_fits(sheet, width))
		sheet_break(sheet, sheet->indent);
	gap = sheet->fresh ? 0 : GAP;
	(void)buf_addf(sheet->out, "%*s", (int)gap, "");
	terminal_add_colored(sheet->out, part, sgr);
	sheet->used += gap + width;
	sheet->fresh = false;
}

/* … what may be cut to so many columns */
static void sheet_add_cut(struct sheet *sheet, const char *text, size_t columns, const char *sgr)
{
	cleanup_buf struct buf part = { 0 };

	if (text == NULL || *text == '\0')
		return;
	terminal_add_cut(&part, text, columns);
	sheet_add(sheet, buf_text(&part), sgr);
}

/* an id has a line of its own, further to the left if need be, where it has no room */
static void sheet_add_whole(struct sheet *sheet, const char *id)
{
	size_t width = text_width(id);
	size_t room = width < sheet->columns ? sheet->columns - width : 0;

	if (!sheet_fits(sheet, width))
		sheet_break(sheet, room < sheet->indent ? room : sheet->indent);
	sheet_add(sheet, id, NULL);
}

/* what it is about and what became of it, on one line; returns whether the id was its name */
static bool add_subject(
	struct sheet *sheet, const struct report *report, const char *id, const char *sgr)
{
	cleanup_buf struct buf word = { 0 };
	bool named = report->name != NULL && *report->name != '\0';
	size_t room = sheet->columns - sheet->used;
	size_t width;
	bool shown;

	terminal_add_cut(&word, report->word, room < WORD_MOST ? room : WORD_MOST);
	width = GAP + text_width(buf_text(&word));
	room = room > width ? room - width : 0;
	shown = !named && text_width(id) <= room;
	if (named)
		sheet_add_cut(sheet, report->name, room > NAME_LEAST ? room : NAME_LEAST, NULL);
	else if (shown && *id != '\0')
		sheet_add(sheet, id, NULL);
	sheet_add(sheet, buf_text(&word), sgr);
	return shown;
}

/* the first lines of it */
static void add_reason(struct sheet *sheet, const char *reason)
{
	cleanup_buf struct buf all = { 0 };
	const char *line;

	if (reason == NULL || *reason == '\0')
		return;
	text_add_wrapped(&all, reason, 0, 0, sheet->columns - sheet->indent);
	line = buf_text(&all);
	for (int left = REASON_LINES; *line != '\0'; left--) {
		size_t len = strcspn(line, "\n");
		bool more = left == 1 && line[len] != '\0';
		cleanup_free char *one = mem_printf(
			"%.*s%s", (int)len, line, more ? terminal_sign(TEXT_ELLIPSIS) : "");

		sheet_break(sheet, sheet->indent);
		sheet_add_cut(sheet, one, sheet->columns - sheet->indent, NULL);
		if (left == 1)
			return;
		line += len + (line[len] != '\0');
	}
}

void report_add(struct buf *out, const struct report *report, size_t columns, bool color)
{
	struct sheet sheet = { .out = out, .columns = columns, .fresh = true };
	const char *sgr = color ? report->look->sgr : NULL;
	cleanup_buf struct buf id = { 0 };

	if (report->time != NULL) {
		(void)buf_addf(out, "%s ", report->time);
		sheet.used = text_width(report->time) + 1;
	}
	terminal_add_colored(out, terminal_sign(report->look->mark), sgr);
	(void)buf_add_char(out, ' ');
	sheet.used += 2;
	sheet.indent = sheet.used;
	text_add_safe(&id, report->id != NULL ? report->id : "");
	if (add_subject(&sheet, report, buf_text(&id), sgr))
		buf_clear(&id);
	sheet_add_cut(&sheet, report->bucket, columns - sheet.indent, NULL);
	sheet_add_cut(&sheet, report->span, columns - sheet.indent, NULL);
	sheet_add_cut(&sheet, report->source, columns - sheet.indent, NULL);
	if (id.len != 0)
		sheet_add_whole(&sheet, buf_text(&id));
	add_reason(&sheet, report->reason);
	(void)buf_add_char(out, '\n');
}
