/*
 * One thing that became known, as a terminal shows it: when, a mark, what it is about, what became
 * of it; below, what has no room in that line, and why. No line is wider than the terminal.
 */
#ifndef CORE_REPORT_H
#define CORE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "core/event.h"

/* all borrowed; NULL: not known, or not shown */
struct report {
	const char *time; /* as it is to be shown */
	const struct event_type_info *look; /* mark and colour; never NULL */
	const char *name; /* cut where it is too long */
	const char *word; /* never NULL */
	const char *bucket; /* cut as well */
	const char *span; /* how long it took */
	const char *source;
	const char *id; /* stays whole; stands first where there is no name */
	const char *reason; /* on two lines of its own or so, then it is cut */
};

/* adds its lines, each with a newline; `columns` of the terminal */
void report_add(struct buf *out, const struct report *report, size_t columns, bool color);

#endif
