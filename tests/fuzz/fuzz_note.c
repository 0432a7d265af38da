/*
 * Any bytes on the stdin of taskbell-notify: refused, or texts that are valid UTF-8 without
 * controls, as D-Bus needs them, and no longer than is shown.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/text.h"
#include "notify/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct buf *text, bool lines, size_t max)
{
	size_t points = 0;
	size_t took;

	for (size_t pos = 0; pos < text->len; pos += took) {
		uint32_t code = 0;

		took = text_decode(text->data + pos, text->len - pos, &code);
		if (took == 0 || ((code < 0x20 || (code >= 0x7f && code < 0xa0)) &&
					 !(lines && code == '\n')))
			abort();
		points++;
	}
	if (points > max)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct note note = { 0 };
	struct err err = { 0 };

	if (size > NOTE_INPUT_MAX)
		return 0;
	if (note_parse(&note, (const char *)data, size, &err)) {
		if (note.urgency < 0 || note.urgency > 2 || note.timeout_ms < -1 || note.number < 1)
			abort();
		if (!note.close && note.fields[NOTE_SUMMARY].len == 0)
			abort();
		for (int i = 0; i < NOTE_FIELDS; i++)
			check_text(&note.fields[i], i == NOTE_BODY,
				i == NOTE_SUMMARY ? NOTE_SUMMARY_MAX : NOTE_BODY_MAX);
	} else if (err.kind != ERR_USAGE || err.text[0] == '\0') {
		abort();
	}
	note_done(&note);
	return 0;
}
