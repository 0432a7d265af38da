/*
 * Judges values of the configuration beyond their type. Errors are ERR_CONFIG, say what is wrong
 * and what would be right, and do not name the key: whoever knows the place puts it before.
 */
#ifndef CORE_VALIDATE_H
#define CORE_VALIDATE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

bool validate_name(
	const char *text, struct err *err); /* 1 to 64 bytes, printable, without blanks */
bool validate_kind(const char *text, struct err *err); /* a row of core/source_type */
bool validate_event(const char *text, struct err *err); /* a word of core/event */
bool validate_argument(const char *text, struct err *err); /* each {word} is a field of an event */
bool validate_quiet(const char *text, struct err *err); /* "" or HH:MM-HH:MM */
bool validate_path(const char *text, struct err *err); /* "", absolute, or ~/… */
/* an environment variable that a hook may be given; secrets and what belongs to systemd are refused
 */
bool validate_variable(const char *text, struct err *err);
/* "" or a proxy as libcurl takes it, [scheme://][user:password@]host[:port]; never shown */
bool validate_proxy(const char *text, struct err *err);
/* http or https with a host, without user, query and fragment; never shown when it holds a password
 */
bool validate_base_url(const char *text, bool allow_http, struct err *err);

/* adds a user's text in quotes, escaped and cut to what a line can take */
void validate_quote(struct buf *out, const char *text);

#endif
