/* What the configuration says, as plain data. io/conf fills it from the table in core/options. */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/strings.h"

enum first_run { FIRST_RUN_BASELINE, FIRST_RUN_SUMMARY, FIRST_RUN_ALL };
enum sink_type { SINK_DESKTOP, SINK_LOG, SINK_EXEC };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct source_config {
	char *name; /* own */
	char *type; /* own; the name of a row in core/source_type */
	char *base_url; /* own; without a trailing slash */
	char *api_key; /* own; how to find the key, never the key: see io/key */
	int64_t interval_ms;
	int64_t idle_interval_ms;
	int64_t sweep_interval_ms;
	int64_t timeout_ms;
	int64_t connect_timeout_ms;
	int64_t down_after_ms;
	int64_t stuck_after_ms; /* 0: off */
	int first_run; /* enum first_run */
	bool explain;
	char *ca_file; /* own; "" : the system's */
	char *proxy; /* own; "" : what the environment says */
	bool allow_http;
	bool base_url_set; /* stood in the file: TELNYX_BASE_URL does not replace it */
};

struct sink_config {
	char *name; /* own */
	int type; /* enum sink_type */
	struct strings on; /* event names; empty: the default of the type */
	struct strings names; /* globs; empty: all */
	struct strings buckets;
	struct strings users;
	struct strings sources;
	int64_t max_age_ms; /* 0: for ever */
	int64_t burst; /* desktop */
	int64_t window_ms;
	char *quiet; /* own; "" or "HH:MM-HH:MM" */
	bool sound;
	char *path; /* own; log: "" is events.log in the state directory */
	int format; /* enum log_format */
	struct strings command; /* exec: argv; or … */
	char *shell; /* own; … a line for /bin/sh -c; "" when not set */
	int64_t timeout_ms;
	int64_t attempts;
	int64_t concurrency;
	struct strings env; /* names of further variables for the hook */
	struct strings retry; /* exit codes that mean "try again", as text; or the one word "any" */
};

struct config {
	char *file; /* own; absolute path it was read from; NULL: built-in defaults */
	struct source_config *sources; /* own */
	size_t source_count;
	struct sink_config *sinks; /* own */
	size_t sink_count;
	int64_t history_keep_ms;
};

/* without sources and sinks, all else at its default; the caller frees it */
struct config *config_new(void);
/* one more, all at its defaults; the pointer is good until the next is added */
struct source_config *config_add_source(struct config *config);
struct sink_config *config_add_sink(struct config *config, enum sink_type type);
void config_free(struct config *config); /* NULL is fine */
CLEANUP_DEFINE(config_cleanup, struct config *, config_free)
/* an owned copy, for what outlives a reload; sink_config_free releases it, NULL is fine */
struct sink_config *sink_config_copy(const struct sink_config *sink);
void sink_config_free(struct sink_config *sink);

#endif
