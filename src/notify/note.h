/*
 * One request as it comes on stdin: `key: value` lines, values with C escapes. `show: NUMBER` shows
 * a notification that is known by this number from then on, or changes the one that is;
 * `close: NUMBER` takes it down.
 */
#ifndef NOTIFY_NOTE_H
#define NOTIFY_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define NOTE_INPUT_MAX 65536
/* code points that are shown; the rest becomes an ellipsis */
#define NOTE_SUMMARY_MAX 200
#define NOTE_BODY_MAX 2000

enum note_field {
	NOTE_SHOW,
	NOTE_CLOSE,
	NOTE_SUMMARY,
	NOTE_BODY,
	NOTE_URGENCY,
	NOTE_CATEGORY,
	NOTE_ICON,
	NOTE_DESKTOP_ENTRY,
	NOTE_APP_NAME,
	NOTE_TIMEOUT,
	NOTE_SOUND, /* a name of the sound theme */
	NOTE_ONE_SHOT, /* "yes": its sender ends as soon as it is shown */
	NOTE_FIELDS,
};

struct note {
	/* own; valid UTF-8 without controls, but for newlines in the body */
	struct buf fields[NOTE_FIELDS];
	int64_t number; /* from 1 */
	bool close; /* take it down; else show it */
	bool one_shot;
	int urgency; /* 0 low, 1 normal, 2 critical: the bytes of the Desktop Notifications spec */
	int timeout_ms; /* -1: as the server likes; 0: never */
};

/*
 * Reads the lines in `text`; unknown keys are ignored, of a repeated key the last counts. ERR_USAGE
 * on a line without a colon, a bad escape, number, urgency or timeout, and on nothing to show.
 * `number` is set also then, 0 when it is not known.
 */
bool note_parse(struct note *note, const char *text, size_t len, struct err *err);
/* the value of a field, "" when it was not given */
const char *note_text(const struct note *note, enum note_field field);
void note_done(struct note *note);

#endif
