#include "notify/note.h"

#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"

static const char *const field_names[NOTE_FIELDS] = {
	[NOTE_SHOW] = "show",
	[NOTE_CLOSE] = "close",
	[NOTE_SUMMARY] = "summary",
	[NOTE_BODY] = "body",
	[NOTE_URGENCY] = "urgency",
	[NOTE_CATEGORY] = "category",
	[NOTE_ICON] = "icon",
	[NOTE_DESKTOP_ENTRY] = "desktop-entry",
	[NOTE_APP_NAME] = "app-name",
	[NOTE_TIMEOUT] = "timeout",
	[NOTE_SOUND] = "sound",
	[NOTE_ONE_SHOT] = "one-shot",
};

static const char *const urgency_names[] = { "low", "normal", "critical" };

void note_done(struct note *note)
{
	for (size_t i = 0; i < NOTE_FIELDS; i++)
		buf_done(&note->fields[i]);
}

const char *note_text(const struct note *note, enum note_field field)
{
	return buf_text(&note->fields[field]);
}

/* a C escape after its backslash: n t \ xHH; the characters it takes, 0 when it is none */
static size_t escape_decode(const char *text, size_t len, char *ret)
{
	int high;
	int low;

	if (len == 0)
		return 0;
	if (text[0] == '\\')
		*ret = '\\';
	else if (text[0] == 'n')
		*ret = '\n';
	else if (text[0] == 't')
		*ret = '\t';
	else if (text[0] != 'x' || len < 3)
		return 0;
	if (text[0] != 'x')
		return 1;
	high = parse_hex(text[1]);
	low = parse_hex(text[2]);
	if (high < 0 || low < 0)
		return 0;
	*ret = (char)(high * 16 + low);
	return 3;
}

static bool value_decode(struct buf *value, const char *text, size_t len)
{
	buf_clear(value);
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '\\') {
			size_t took = escape_decode(text + i + 1, len - i - 1, &c);

			if (took == 0)
				return false;
			i += took;
		}
		/* NUL would end the text early for every library below */
		(void)(c != '\0' ? buf_add_char(value, c) : buf_add_text(value, "\xef\xbf\xbd"));
	}
	return true;
}

static bool line_read(struct note *note, const char *line, size_t len, struct err *err)
{
	const char *colon = memchr(line, ':', len);
	size_t name_len = colon != NULL ? (size_t)(colon - line) : 0;
	size_t skip = name_len + 1;

	if (len == 0)
		return true;
	if (colon == NULL)
		return err_set(err, ERR_USAGE, "a line without a colon");
	if (skip < len && line[skip] == ' ')
		skip++;
	for (size_t i = 0; i < NOTE_FIELDS; i++)
		if (strlen(field_names[i]) == name_len &&
			memcmp(field_names[i], line, name_len) == 0)
			return value_decode(&note->fields[i], line + skip, len - skip) ||
			       err_set(err, ERR_USAGE, "%s: a backslash that begins no escape",
				       field_names[i]);
	return true;
}

/* what is asked for, and of which notification */
static bool number_read(struct note *note, struct err *err)
{
	const char *close = note_text(note, NOTE_CLOSE);
	const char *number = *close != '\0' ? close : note_text(note, NOTE_SHOW);

	note->close = *close != '\0';
	if (parse_int(number, 1, INT64_MAX, &note->number))
		return true;
	note->number = 0;
	return err_set(err, ERR_USAGE, "no number to show or to close");
}

static bool note_check(struct note *note, struct err *err)
{
	const char *urgency = note_text(note, NOTE_URGENCY);
	const char *timeout = note_text(note, NOTE_TIMEOUT);
	int64_t ms = -1;
	size_t i = 0;

	if (note->close)
		return true;
	if (note->fields[NOTE_SUMMARY].len == 0)
		return err_set(err, ERR_USAGE, "no summary");
	note->one_shot = strcmp(note_text(note, NOTE_ONE_SHOT), "yes") == 0;
	note->urgency = 1;
	if (*urgency != '\0') {
		while (i < ARRAY_LEN(urgency_names) && strcmp(urgency, urgency_names[i]) != 0)
			i++;
		if (i == ARRAY_LEN(urgency_names))
			return err_set(err, ERR_USAGE, "urgency is low, normal or critical");
		note->urgency = (int)i;
	}
	if (*timeout != '\0' && !parse_int(timeout, -1, INT32_MAX, &ms))
		return err_set(err, ERR_USAGE, "timeout is -1, 0 or milliseconds");
	note->timeout_ms = (int)ms;
	return true;
}

/* What could deceive is shown escaped, as in a terminal; D-Bus takes nothing but valid UTF-8. */
static void field_make_safe(struct buf *field, bool lines, size_t max)
{
	cleanup_buf struct buf raw = *field;
	char *rest = raw.data;
	char *newline;
	size_t pos = 0;
	uint32_t code;

	*field = (struct buf){ 0 };
	while (rest != NULL) {
		newline = lines ? strchr(rest, '\n') : NULL;
		if (newline != NULL)
			*newline = '\0';
		text_add_safe(field, rest);
		if (newline != NULL)
			(void)buf_add_char(field, '\n');
		rest = newline != NULL ? newline + 1 : NULL;
	}
	for (size_t i = 0; i + 1 < max && pos < field->len; i++)
		pos += text_decode(field->data + pos, field->len - pos, &code);
	if (pos == field->len ||
		pos + text_decode(field->data + pos, field->len - pos, &code) == field->len)
		return;
	field->len = pos;
	(void)buf_add_text(field, "\xe2\x80\xa6");
}

bool note_parse(struct note *note, const char *text, size_t len, struct err *err)
{
	const char *line = text;
	const char *end = text + len;
	struct err fault = { 0 };

	while (line < end) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));

		stop = stop != NULL ? stop : end;
		if (!line_read(note, line, (size_t)(stop - line), &fault))
			break;
		line = stop + 1;
	}
	for (size_t i = 0; i < NOTE_FIELDS; i++)
		field_make_safe(&note->fields[i], i == NOTE_BODY,
			i == NOTE_SUMMARY ? NOTE_SUMMARY_MAX : NOTE_BODY_MAX);
	/* a refusal says what it refuses */
	if (!number_read(note, err) || fault.kind == ERR_NONE)
		return note->number != 0 && note_check(note, err);
	*err = fault;
	return false;
}
