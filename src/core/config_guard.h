/*
 * Reads configuration text only as far as libconfig's own reader cannot be trusted with it: where
 * files are included, and what it would take silently for something else (an open comment, a number
 * that does not fit, a NUL in a string). It keeps to libconfig's lexical rules, so that both agree
 * on what is a comment and what a string.
 */
#ifndef CORE_CONFIG_GUARD_H
#define CORE_CONFIG_GUARD_H

#include <stddef.h>

#include "base/err.h"

enum config_guard_found {
	CONFIG_GUARD_END, /* the piece goes to the end of the text */
	CONFIG_GUARD_INCLUDE, /* after the piece comes @include "path" */
	CONFIG_GUARD_FAULT, /* at `line`, err says what */
};

struct config_guard {
	const char *text; /* borrowed */
	size_t len;
	size_t at; /* where the next piece begins, always the begin of a line */
	unsigned int line; /* of `at`, from 1 */
	/* the last result */
	size_t piece; /* where the piece begins; it ends where the directive's line begins */
	size_t piece_len;
	unsigned int piece_line; /* of its first line */
	unsigned int found_line; /* of the directive or fault */
	char *path; /* own; CONFIG_GUARD_INCLUDE */
};

/* the text is borrowed until config_guard_done */
struct config_guard config_guard_begin(const char *text, size_t len);
/* on to the next directive, the end, or a fault (after which there is no going on) */
enum config_guard_found config_guard_next(struct config_guard *scan, struct err *err);
void config_guard_done(struct config_guard *scan);

#endif
