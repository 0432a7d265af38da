/*
 * The text of a configuration, with the files it includes put in their places. They are read here
 * and not by libconfig, because each is checked on the descriptor it is read from, and because
 * libconfig's versions differ in where they look for them.
 */
#ifndef IO_CONF_TEXT_H
#define IO_CONF_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/strings.h"
#include "core/diagnostics.h"

#define CONF_TEXT_MAX (1024 * 1024) /* bytes, included files and all */

/* lines of the text that follow each other in one file */
struct conf_span {
	unsigned int line; /* of the text, the first of the span */
	unsigned int file_line;
	size_t file; /* index into files */
};

struct conf_text {
	struct buf text;
	struct strings files; /* absolute paths, the configuration itself first */
	struct conf_span *spans; /* own; by line */
	size_t span_count;
	unsigned int lines; /* complete lines so far */
	bool wanting; /* a file was not read for want of memory or descriptors */
};

/* reads an absolute path; false when there were faults */
bool conf_text_read(struct conf_text *text, const char *path, struct diagnostics *faults);
void conf_text_done(struct conf_text *text);
/* where a line of the text comes from; the file's name is borrowed */
const char *conf_text_place(
	const struct conf_text *text, unsigned int line, unsigned int *ret_line);

#endif
