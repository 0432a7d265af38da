#include "core/options.h"

#include <string.h>

#include "core/config.h"
#include "core/nearest.h"
#include "core/validate.h"

#define MS(n) INT64_C(n)
#define SECONDS(n) (MS(n) * 1000)
#define MINUTES(n) (SECONDS(n) * 60)
#define HOURS(n) (MINUTES(n) * 60)
#define DAYS(n) (HOURS(n) * 24)

#define ON_DESKTOP (1u << SINK_DESKTOP)
#define ON_LOG (1u << SINK_LOG)
#define ON_EXEC (1u << SINK_EXEC)
#define ON_ALL (ON_DESKTOP | ON_LOG | ON_EXEC)

#define TOP(field) .group = GROUP_TOP, .offset = offsetof(struct config, field)
#define SOURCE(field) .group = GROUP_SOURCE, .offset = offsetof(struct source_config, field)
#define SINK(field) .group = GROUP_SINK, .offset = offsetof(struct sink_config, field)

const char *const sink_words[] = {
	[SINK_DESKTOP] = "desktop",
	[SINK_LOG] = "log",
	[SINK_EXEC] = "exec",
	[SINK_EXEC + 1] = NULL,
};

static const char *const first_run_words[] = {
	[FIRST_RUN_BASELINE] = "baseline",
	[FIRST_RUN_SUMMARY] = "summary",
	[FIRST_RUN_ALL] = "all",
	[FIRST_RUN_ALL + 1] = NULL,
};

static const char *const format_words[] = {
	[LOG_FORMAT_TEXT] = "text",
	[LOG_FORMAT_JSON] = "json",
	[LOG_FORMAT_JSON + 1] = NULL,
};

/* clang-format off: a row reads as name, type and default, then limits, then words */
const struct option options[] = {
	{ .group = GROUP_TOP,
		.name = "sources",
		.type = OPTION_BLOCKS,
		.fallback = "",
		.text = "what is watched; left out: one source with the defaults" },
	{ TOP(history_keep_ms), .name = "history_keep", .type = OPTION_DURATION, .fallback = "90d",
		.min = HOURS(1), .max = DAYS(36500),
		.text = "delivered events older than this are forgotten" },
	{ .group = GROUP_TOP,
		.name = "sinks",
		.type = OPTION_BLOCKS,
		.fallback = "",
		.text = "who is told; left out: desktop and log, ( ): nobody" },

	{ SOURCE(name), .name = "name", .type = OPTION_TEXT, .fallback = "telnyx",
		.check = validate_name, .text = "what events, logs and --source call it" },
	{ SOURCE(type), .name = "type", .type = OPTION_TEXT, .fallback = "telnyx-embeddings",
		.check = validate_kind, .text = "the kind of tasks" },
	{ SOURCE(base_url), .name = "base_url", .type = OPTION_TEXT,
		.fallback = "https://api.telnyx.com/v2",
		.text = "where the API is; TELNYX_BASE_URL replaces the default" },
	{ SOURCE(api_key), .name = "api_key", .type = OPTION_TEXT, .fallback = "",
		.text = "where the key is, never the key itself; \"\": TELNYX_API_KEY, a "
			"credential or a file of its own" },
	{ SOURCE(interval_ms), .name = "interval", .type = OPTION_DURATION, .fallback = "10s",
		.min = MS(100), .max = DAYS(1),
		.text = "time between two polls while tasks are active" },
	{ SOURCE(idle_interval_ms), .name = "idle_interval", .type = OPTION_DURATION,
		.fallback = "1m", .min = MS(100), .max = DAYS(1),
		.text = "time between two polls while no task is active" },
	{ SOURCE(sweep_interval_ms), .name = "sweep_interval", .type = OPTION_DURATION,
		.fallback = "5m", .min = MS(100), .max = DAYS(1),
		.text = "time between two sweeps, which find tasks that began and ended between "
			"two polls" },
	{ SOURCE(timeout_ms), .name = "timeout", .type = OPTION_DURATION, .fallback = "30s",
		.min = MS(100), .max = MINUTES(10),
		.text = "patience with a silent server; a whole answer may take ten times as "
			"long" },
	{ SOURCE(connect_timeout_ms), .name = "connect_timeout", .type = OPTION_DURATION,
		.fallback = "5s", .min = MS(100), .max = MINUTES(10),
		.text = "time for name look-up, connection and TLS" },
	{ SOURCE(down_after_ms), .name = "down_after", .type = OPTION_DURATION, .fallback = "2m",
		.min = MS(100), .max = DAYS(30), .zero = true,
		.text = "unreachable for so long: event source_down; 0: at the first failed poll" },
	{ SOURCE(stuck_after_ms), .name = "stuck_after", .type = OPTION_DURATION, .fallback = "0",
		.min = MS(100), .max = DAYS(365), .zero = true,
		.text = "active for longer than this: event stuck, once per task; 0: never" },
	{ SOURCE(first_run), .name = "first_run", .type = OPTION_ENUM, .fallback = "baseline",
		.words = first_run_words,
		.text = "tasks that had ended at first sight: said nothing of, one summary, or all "
			"told" },
	{ SOURCE(explain), .name = "explain", .type = OPTION_BOOL, .fallback = "true",
		.text = "ask once why a task failed and put it into the event's message" },
	{ SOURCE(ca_file), .name = "ca_file", .type = OPTION_TEXT, .fallback = "",
		.check = validate_path, .text = "certificates to trust instead of the system's" },
	{ SOURCE(proxy), .name = "proxy", .type = OPTION_TEXT, .fallback = "",
		.check = validate_proxy,
		.text = "proxy URL; \"\": what http_proxy, https_proxy and no_proxy say" },
	{ SOURCE(allow_http), .name = "allow_http", .type = OPTION_BOOL, .fallback = "false",
		.text = "allow plain http to hosts other than this one; the key is then sent in "
			"clear" },

	{ SINK(name), .name = "name", .type = OPTION_TEXT, .fallback = "desktop",
		.check = validate_name, .sinks = ON_ALL,
		.text = "what status, logs and test call it; left out: its type" },
	{ SINK(type), .name = "type", .type = OPTION_ENUM, .fallback = "desktop",
		.words = sink_words, .sinks = ON_ALL,
		.text = "how it tells: a notification, a line in a file, a program that is run" },
	{ SINK(on), .name = "on", .type = OPTION_LIST, .fallback = "", .check = validate_event,
		.sinks = ON_ALL,
		.text = "the events it gets; [ ]: all but queued and processing, for exec those of "
			"tasks only" },
	{ SINK(names), .name = "names", .type = OPTION_LIST, .fallback = "", .sinks = ON_ALL,
		.text = "only tasks whose name matches one of these globs" },
	{ SINK(buckets), .name = "buckets", .type = OPTION_LIST, .fallback = "", .sinks = ON_ALL,
		.text = "only tasks whose bucket matches one of these globs" },
	{ SINK(users), .name = "users", .type = OPTION_LIST, .fallback = "", .sinks = ON_ALL,
		.text = "only tasks whose user id matches one of these globs" },
	{ SINK(sources), .name = "sources", .type = OPTION_LIST, .fallback = "", .sinks = ON_ALL,
		.text = "only events of sources whose name matches one of these globs" },
	{ SINK(max_age_ms), .name = "max_age", .type = OPTION_DURATION, .fallback = "1d",
		.min = SECONDS(1), .max = DAYS(365), .zero = true, .sinks = ON_ALL,
		.text = "a delivery that still fails this long after its first failure is given "
			"up; 0: never" },
	{ SINK(burst), .name = "burst", .type = OPTION_INT, .fallback = "3", .min = 0, .max = 1000,
		.sinks = ON_DESKTOP,
		.text = "so many events of one window are shown singly, more become one "
			"notification" },
	{ SINK(window_ms), .name = "window", .type = OPTION_DURATION, .fallback = "2s",
		.min = MS(1), .max = HOURS(1), .zero = true, .sinks = ON_DESKTOP,
		.text = "events are collected for so long after the first" },
	{ SINK(quiet), .name = "quiet", .type = OPTION_TEXT, .fallback = "",
		.check = validate_quiet, .sinks = ON_DESKTOP,
		.text = "hours without notifications, local time, as 22:00-07:00; then one "
			"digest" },
	{ SINK(sound), .name = "sound", .type = OPTION_BOOL, .fallback = "false",
		.sinks = ON_DESKTOP,
		.text = "with a sound of the desktop's theme, where its notifications have them" },
	{ SINK(path), .name = "path", .type = OPTION_TEXT, .fallback = "", .check = validate_path,
		.sinks = ON_LOG, .text = "the file; \"\": events.log in the state directory" },
	{ SINK(format), .name = "format", .type = OPTION_ENUM, .fallback = "text",
		.words = format_words, .sinks = ON_LOG,
		.text = "a line for people, or one JSON object a line" },
	{ SINK(command), .name = "command", .type = OPTION_LIST, .fallback = "",
		.check = validate_argument, .sinks = ON_EXEC,
		.text = "the program and its arguments; ~/ is home, {field} is replaced, no shell "
			"sees it" },
	{ SINK(shell), .name = "shell", .type = OPTION_TEXT, .fallback = "", .sinks = ON_EXEC,
		.text = "or a line for /bin/sh -c; the event is in TASKBELL_ variables" },
	{ SINK(timeout_ms), .name = "timeout", .type = OPTION_DURATION, .fallback = "30s",
		.min = MS(100), .max = DAYS(1), .sinks = ON_EXEC,
		.text = "a program that runs longer is ended, and the delivery tried again" },
	{ SINK(attempts), .name = "attempts", .type = OPTION_INT, .fallback = "5", .min = 1,
		.max = 1000, .sinks = ON_EXEC, .text = "how often a delivery is tried" },
	{ SINK(concurrency), .name = "concurrency", .type = OPTION_INT, .fallback = "4", .min = 1,
		.max = 64, .sinks = ON_EXEC, .text = "how many programs of this sink run at once" },
	{ SINK(env), .name = "env", .type = OPTION_LIST, .fallback = "", .check = validate_variable,
		.sinks = ON_EXEC, .text = "further environment variables that the program gets" },
	{ SINK(retry), .name = "retry", .type = OPTION_CODES, .fallback = "75", .min = 1,
		.max = 255, .sinks = ON_EXEC,
		.text = "exit codes that mean: try again; or \"any\" for all but 0" },
};
/* clang-format on */

const size_t option_count = sizeof(options) / sizeof(options[0]);

const struct option *option_find(enum option_group group, const char *name)
{
	for (size_t i = 0; i < option_count; i++)
		if (options[i].group == group && strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}

bool option_known(const struct option *option, enum option_group group, int sink)
{
	return option->group == group &&
	       (group != GROUP_SINK || sink == SINK_ANY || (option->sinks & (1u << sink)) != 0);
}

const char *option_nearest(enum option_group group, int sink, const char *name)
{
	struct nearest nearest = nearest_to(name);

	for (size_t i = 0; i < option_count; i++)
		if (option_known(&options[i], group, sink))
			nearest_offer(&nearest, options[i].name);
	/* `key` and `url` are no slips of the pen: a part of the name, or more than it */
	for (size_t i = 0; i < option_count && nearest.best == NULL && strlen(name) >= 3; i++)
		if (option_known(&options[i], group, sink) &&
			(strstr(options[i].name, name) != NULL ||
				strstr(name, options[i].name) != NULL))
			nearest.best = options[i].name;
	return nearest.best;
}
