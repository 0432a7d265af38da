#include "cli/conf_fold.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum {
	TAB = 8,
	INDENT = 2 * TAB, /* of what goes on below */
	CLOSING = 3, /* what may follow a string on its line: its quote, a bracket, a semicolon */
};

/* one line while it is broken */
struct fold {
	struct buf *out; /* borrowed */
	size_t columns;
	size_t used;
	bool quoted; /* within a string */
};

/* bytes of what may not be broken: a character, or an escape of a string */
static size_t unit_len(const char *at, bool quoted)
{
	uint32_t code;
	size_t len;

	if (quoted && *at == '\\')
		return at[1] == 'x' ? strlen("\\xHH") : 2;
	len = text_decode(at, strlen(at), &code);
	return len != 0 ? len : 1;
}

static size_t unit_width(const struct fold *fold, const char *at, size_t len)
{
	cleanup_free char *unit = mem_strndup(at, len);

	return *at == '\t' ? TAB - fold->used % TAB : text_width(unit);
}

/* columns up to the next blank outside of strings */
static size_t word_width(const char *at, const char *end)
{
	bool quoted = false;
	size_t width = 0;

	while (at < end && (quoted || *at != ' ')) {
		size_t len = unit_len(at, quoted);

		quoted = *at == '"' ? !quoted : quoted;
		width += unit_width(&(struct fold){ 0 }, at, len);
		at += len;
	}
	return width;
}

static void go_on(struct fold *fold, const char *text, size_t columns)
{
	(void)buf_add_text(fold->out, text);
	fold->used = columns;
}

/* is a blank outside of strings the place for a new line? */
static bool breaks_here(const struct fold *fold, const char *at, const char *end)
{
	size_t width = word_width(at + 1, end);

	return fold->used + 1 + width > fold->columns &&
	       (width + INDENT <= fold->columns || fold->used + TAB > fold->columns);
}

static void fold_line(struct fold *fold, const char *at, const char *end)
{
	while (at < end) {
		size_t len = unit_len(at, fold->quoted);
		size_t width = unit_width(fold, at, len);

		if (!fold->quoted && *at == ' ' && at[1] == '#') {
			go_on(fold, "\n\t", TAB);
		} else if (!fold->quoted && *at == ' ' && breaks_here(fold, at, end)) {
			go_on(fold, "\n\t\t", INDENT);
		} else {
			if (fold->quoted && *at != '"' &&
				fold->used + width + CLOSING > fold->columns)
				go_on(fold, "\"\n\t\t\"", INDENT + 1);
			(void)buf_add(fold->out, at, len);
			fold->used += width;
		}
		fold->quoted = *at == '"' ? !fold->quoted : fold->quoted;
		at += len;
	}
}

static void fold_comment(struct buf *out, const char *text, size_t columns)
{
	cleanup_buf struct buf lines = { 0 };

	text_add_wrapped(&lines, text, 0, 0, columns - 2);
	for (const char *line = buf_text(&lines); *line != '\0';) {
		size_t len = strcspn(line, "\n");

		(void)buf_addf(
			out, "%s# %.*s", line != buf_text(&lines) ? "\n" : "", (int)len, line);
		line += len + (line[len] != '\0');
	}
}

void conf_fold(struct buf *out, const char *text, size_t columns)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		cleanup_free char *line = mem_strndup(text, len);
		struct fold fold = { .out = out, .columns = columns };

		if (columns == 0 || text_width(line) + (TAB - 1) * strspn(line, "\t") <= columns)
			(void)buf_add(out, text, len);
		else if (line[0] == '#')
			fold_comment(out, line + strspn(line, "# "), columns);
		else
			fold_line(&fold, line, line + len);
		text += len + (text[len] != '\0');
		(void)buf_add_char(out, '\n');
	}
}
