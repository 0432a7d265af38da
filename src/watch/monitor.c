#include "watch/monitor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "watch/explain.h"
#include "watch/status.h"
#include "watch/recorder.h"
#include "deliver/outbox.h"
#include "watch/sources.h"
#include "watch/streams.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/conf.h"
#include "io/http.h"
#include "io/loop.h"
#include "io/status_file.h"
#include "io/sdnotify.h"
#include "io/signals.h"
#include "io/statedir.h"
#include "io/store.h"

/* more than a process may open by default; a hook past it would only be heard at its end */
#define MONITOR_FDS 4096
#define MONITOR_STOP_MS 8000 /* a stop takes no longer … */
#define MONITOR_GRACE_MS 5000 /* … of which running hooks have so much to end by themselves */
#define MONITOR_STATUS_MS                                                                          \
	1000 /* the status file, and the line for systemd, are written no more often */
#define MONITOR_CHANGED_MS 60000 /* what another process changed is looked for no more often */
#define MONITOR_TIDY_MS 3600000 /* old events and idle memory go so often, together with a poll */
#define MONITOR_PRUNE_AFTER_MS 600000 /* … and not before: a clock wrong at boot is set by then */
#define MONITOR_PRUNE_LIMIT 1000 /* … and so many are forgotten at once */

struct monitor {
	const struct monitor_setup *setup; /* borrowed */
	struct config *config; /* own */
	int lock_fd;
	struct loop loop;
	struct store *store; /* own */
	struct http *http; /* own */
	struct outbox *outbox; /* own */
	struct explain *explain; /* own */
	struct sources *sources; /* own */
	struct status_file *status_file; /* own */
	struct streams streams;
	struct recorder recorder;
	struct alarm alarm; /* of the state */
	int64_t started_ms; /* wall */
	int64_t changed_due_ms; /* mono; 0: at once */
	int64_t status_due_ms; /* mono; INSTANT_NEVER: nothing new */
	int64_t status_written_ms;
	int64_t watchdog_due_ms; /* mono; INSTANT_NEVER: none */
	int64_t tidy_due_ms; /* mono */
	int64_t stop_ms; /* mono; when a stop is over at the latest; 0: nobody stops us */
	int code; /* the exit code of the stop */
};

static void monitor_stop(struct monitor *monitor, int code)
{
	if (monitor->stop_ms != 0)
		return;
	sd_tell("STOPPING=1\nSTATUS=stopping");
	monitor->code = code;
	monitor->stop_ms = monitor->loop.now.mono_ms + MONITOR_STOP_MS;
	sources_free(monitor->sources);
	monitor->sources = NULL;
	outbox_stop(monitor->outbox, monitor->loop.now, MONITOR_GRACE_MS);
}

static bool config_check_source(
	const struct monitor *monitor, const struct config *config, struct err *err)
{
	const char *only = monitor->setup->only_source;

	for (size_t i = 0; i < config->source_count; i++)
		if (only == NULL || strcmp(config->sources[i].name, only) == 0)
			return true;
	if (only == NULL)
		return err_set(
			err, ERR_CONFIG, "no source is configured; nothing would be watched");
	return err_set(err, ERR_USAGE, "--source %s: no such source in the configuration", only);
}

static void monitor_reload(struct monitor *monitor)
{
	cleanup_buf struct buf faults = { 0 };
	struct config *config = NULL;
	struct config *old = monitor->config;
	struct err err = { 0 };

	sd_tell("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_monotonic_us());
	if (!conf_load(old->file, CONF_TEXT, &config, &faults, &err) ||
		!config_check_source(monitor, config, &err)) {
		for (char *line = faults.data; line != NULL && *line != '\0';) {
			size_t len = strcspn(line, "\n");

			log_line(LOG_ERROR, "%.*s", (int)len, line);
			line += len + (line[len] == '\n');
		}
		log_line(
			LOG_ERROR, "configuration not read again, the old one stays: %s", err.text);
		config_free(config);
		outbox_reload(monitor->outbox, old);
		config = old;
	} else {
		monitor->config = config;
		monitor->recorder.config = config;
		outbox_reload(monitor->outbox, config);
		log_line(LOG_NOTICE, "configuration read again");
	}
	sources_reload(monitor->sources, config, monitor->loop.now);
	if (config != old)
		config_free(old);
	sd_tell("READY=1");
}

static void monitor_signals(struct monitor *monitor)
{
	unsigned int terms = signals_take(SIGTERM);
	unsigned int ints = signals_take(SIGINT);
	bool hup = signals_take(SIGHUP) > 0;
	bool poll_now = signals_take(SIGUSR1) > 0;

	if (terms + ints > 1 || (terms + ints > 0 && monitor->stop_ms != 0)) {
		outbox_free(monitor->outbox);
		signals_die(terms > 0 ? SIGTERM : SIGINT);
	}
	if (terms + ints > 0 || (hup && monitor->streams.hangup_stops))
		monitor_stop(monitor, 0);
	if (monitor->sources == NULL)
		return;
	if (hup)
		monitor_reload(monitor);
	if (poll_now) {
		sources_poll_now(monitor->sources, monitor->loop.now);
		outbox_wake(monitor->outbox);
	}
}

/* nobody is left to read: a closed terminal is a stop, as HUP from it; a pipe ends us as any filter
 */
static void monitor_output(struct monitor *monitor)
{
	int failed;

	streams_step(&monitor->streams);
	failed = nb_writer_failed(monitor->streams.out);
	if (failed == 0 || monitor->stop_ms != 0)
		return;
	if (nb_writer_terminal(monitor->streams.out)) {
		monitor_stop(monitor, 0);
		return;
	}
	if (failed != EPIPE)
		log_line(LOG_ERROR, "stdout: %s", strerror(failed));
	monitor_stop(monitor, failed == EPIPE ? 128 + SIGPIPE : err_exit_code(ERR_IO));
}

static void monitor_tidy(struct monitor *monitor)
{
	int64_t before_ms = monitor->loop.now.wall_ms - monitor->config->history_keep_ms;
	struct err err = { 0 };
	size_t count = 0;

	/* a failure is that of the disk, of which the next commit will tell */
	if (monitor->loop.now.mono_ms < monitor->tidy_due_ms ||
		(store_prune(monitor->store, before_ms, MONITOR_PRUNE_LIMIT, &count, &err) &&
			count == MONITOR_PRUNE_LIMIT))
		return;
	mem_trim();
	monitor->tidy_due_ms = monitor->loop.now.mono_ms + MONITOR_TIDY_MS;
}

/* what goes along with polls, so that it never wakes us by itself */
static void monitor_polled(struct monitor *monitor)
{
	bool polled;

	if (monitor->sources == NULL)
		return;
	polled = sources_polled(monitor->sources);
	if (outbox_waits_changed(monitor->outbox) || polled) {
		int64_t due = monitor->status_written_ms + MONITOR_STATUS_MS;

		monitor->status_due_ms =
			due > monitor->loop.now.mono_ms ? due : monitor->loop.now.mono_ms;
	}
	if (polled)
		monitor_tidy(monitor);
	if (monitor->loop.now.mono_ms >= monitor->status_due_ms) {
		struct monitor_status status = { .pid = (int64_t)getpid(),
			.started_ms = monitor->started_ms };

		sources_status(monitor->sources, monitor->loop.now, &status);
		outbox_status(monitor->outbox, monitor->config, monitor->loop.now, &status);
		status_file_write(monitor->status_file, &status);
		if (sd_listens()) {
			cleanup_buf struct buf line = { 0 };

			status_add_line(&line, &status);
			sd_tell("STATUS=%s", buf_text(&line));
		}
		monitor_status_done(&status);
		monitor->status_written_ms = monitor->loop.now.mono_ms;
		monitor->status_due_ms = INSTANT_NEVER;
	}
}

/* redeliver sends SIGUSR1, unless the kernel hides our id from it: in another pid namespace */
static void monitor_state_changed(struct monitor *monitor)
{
	if (monitor->loop.now.mono_ms < monitor->changed_due_ms)
		return;
	monitor->changed_due_ms = monitor->loop.now.mono_ms + MONITOR_CHANGED_MS;
	if (store_changed(monitor->store))
		outbox_wake(monitor->outbox);
}

/* everything that can be done now */
static void monitor_turn(struct monitor *monitor)
{
	struct event failure; /* sink_failed */

	bool resumed = loop_turn(&monitor->loop);

	monitor->recorder.now = monitor->loop.now;
	log_wall_ms = monitor->loop.now.wall_ms;
	if (resumed)
		http_drop_connections(monitor->http);
	if (resumed && monitor->sources != NULL)
		sources_resumed(monitor->sources, monitor->loop.now);
	if (monitor->loop.signaled)
		monitor_signals(monitor);
	/* what is asked is sent in the same turn, and what has ended is delivered before its source
	 * goes on */
	do {
		http_step(monitor->http, monitor->loop.now);
		while (monitor->sources != NULL &&
			sources_step(monitor->sources, monitor->loop.now))
			outbox_step(monitor->outbox, monitor->loop.now);
	} while (http_started(monitor->http));
	recorder_explain(&monitor->recorder);
	monitor_state_changed(monitor);
	outbox_step(monitor->outbox, monitor->loop.now);
	while (outbox_failure(monitor->outbox, &failure))
		outbox_failure_reported(
			monitor->outbox, recorder_event(&monitor->recorder, &failure));
	monitor_output(monitor);
	monitor_polled(monitor);
	if (monitor->loop.now.mono_ms < monitor->watchdog_due_ms)
		return;
	sd_tell("WATCHDOG=1");
	monitor->watchdog_due_ms = monitor->loop.now.mono_ms + sd_watchdog_ms();
}

static int64_t monitor_next(const struct monitor *monitor)
{
	int64_t next = outbox_next(monitor->outbox, monitor->loop.now);

	next = instant_earlier(next, http_next(monitor->http));
	next = instant_earlier(next, explain_next(monitor->explain));
	if (monitor->sources != NULL)
		next = instant_earlier(next, sources_next(monitor->sources));
	next = instant_earlier(next, monitor->status_due_ms);
	next = instant_earlier(next, monitor->watchdog_due_ms);
	return monitor->stop_ms != 0 ? instant_earlier(next, monitor->stop_ms) : next;
}

/* is there a reason to end, by ourselves? */
static void monitor_consider(struct monitor *monitor)
{
	struct err err = { 0 };

	if (sources_keyless(monitor->sources, &err)) {
		log_line(LOG_ERROR, "%s", err.text);
		monitor_stop(monitor, err_exit_code(err.kind));
		return;
	}
	if (!monitor->setup->once || !sources_finished(monitor->sources, &err))
		return;
	/* a slow reader gets all of it: it is the end of a pipeline */
	if (explain_next(monitor->explain) != INSTANT_NEVER ||
		nb_writer_waits(monitor->streams.out) ||
		!outbox_settled(monitor->outbox, monitor->loop.now))
		return;
	if (err.kind != ERR_NONE)
		log_line(LOG_ERROR, "%s", err.text);
	monitor_stop(monitor, err_exit_code(err.kind));
}

static bool monitor_done(struct monitor *monitor)
{
	if (monitor->stop_ms == 0)
		monitor_consider(monitor);
	return monitor->stop_ms != 0 &&
	       (outbox_stopped(monitor->outbox) || monitor->loop.now.mono_ms >= monitor->stop_ms);
}

static bool monitor_open_state(
	struct monitor *monitor, struct store_damage *damage, struct err *err)
{
	const char *dir = monitor->setup->state_dir;

	if (!statedir_make(dir, err) || !statedir_lock(dir, &monitor->lock_fd, err))
		return false;
	return store_open(
		&monitor->store, dir, STORE_WRITE, monitor->loop.now.wall_ms, damage, err);
}

static bool monitor_open(struct monitor *monitor, struct err *err)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD };
	const struct monitor_setup *setup = monitor->setup;
	struct store_damage damage = { 0 };
	struct outbox_setup outbox = {
		.config = monitor->config,
		.state_dir = setup->state_dir,
		.alarm = &monitor->alarm,
		.once = setup->once,
	};
	struct sources_setup sources = {
		.config = monitor->config, .only = setup->only_source, .once = setup->once
	};

	if (!config_check_source(monitor, monitor->config, err) ||
		!signals_open(numbers, ARRAY_LEN(numbers), err) ||
		!monitor_open_state(monitor, &damage, err))
		return false;
	/* each run tries all there is; when that cannot be written, what is due by itself */
	if (setup->once)
		(void)store_make_due(monitor->store, monitor->loop.now.wall_ms, err);
	outbox.store = monitor->store;
	if (!outbox_new(&monitor->outbox, &outbox, err))
		return false;
	monitor->explain = explain_new(monitor->http);
	monitor->recorder = (struct recorder){
		.config = monitor->config,
		.store = monitor->store,
		.outbox = monitor->outbox,
		.explain = monitor->explain,
		.streams = &monitor->streams,
		.alarm = &monitor->alarm,
		.json = setup->json,
		.color = setup->color,
		.stamped = !sd_stderr_is_journal(),
		.now = monitor->loop.now,
	};
	sources.http = monitor->http;
	sources.recorder = &monitor->recorder;
	sources.explain = monitor->explain;
	monitor->sources = sources_new(&sources, monitor->loop.now);
	store_free_loaded(monitor->store);
	monitor->status_file = status_file_open(setup->state_dir, monitor->lock_fd);
	recorder_tell_damage(&monitor->recorder, &damage);
	return true;
}

static void monitor_start(struct monitor *monitor)
{
	monitor->started_ms = monitor->loop.now.wall_ms;
	if (!monitor->setup->once)
		monitor->tidy_due_ms = monitor->loop.now.mono_ms + MONITOR_PRUNE_AFTER_MS;
	monitor->status_due_ms = monitor->loop.now.mono_ms;
	monitor->watchdog_due_ms =
		sd_watchdog_ms() != 0 ? monitor->loop.now.mono_ms : INSTANT_NEVER;
	log_line(LOG_NOTICE, "watching %zu source%s; state in %s", sources_count(monitor->sources),
		sources_count(monitor->sources) == 1 ? "" : "s", monitor->setup->state_dir);
	sd_tell("READY=1");
}

int monitor_run(const struct monitor_setup *setup)
{
	struct monitor monitor = {
		.setup = setup,
		.config = setup->config,
		.lock_fd = -1,
	};
	struct err err = { 0 };

	monitor.http = http_new();
	loop_open(&monitor.loop, monitor.http);
	streams_open(&monitor.streams, sd_stderr_is_journal() ? LOG_JOURNAL : LOG_STAMPED,
		NB_WRITER_WAITING_MAX);
	sd_open();
	log_wall_ms = monitor.loop.now.wall_ms;
	if (monitor_open(&monitor, &err)) {
		monitor_start(&monitor);
		for (monitor_turn(&monitor); !monitor_done(&monitor); monitor_turn(&monitor)) {
			struct poll_fd fds[MONITOR_FDS + LOOP_FDS];
			size_t count = streams_fds(&monitor.streams, fds, MONITOR_FDS);

			if (monitor.sources != NULL)
				count += sources_fds(
					monitor.sources, fds + count, MONITOR_FDS - count);
			count += outbox_fds(monitor.outbox, fds + count, MONITOR_FDS - count);
			loop_wait(&monitor.loop, fds, count, monitor_next(&monitor));
		}
		if (!setup->once && monitor.code == 0)
			recorder_sum_up(
				&monitor.recorder, monitor.loop.now.wall_ms - monitor.started_ms);
	} else {
		log_line(LOG_ERROR, "%s", err.text);
		monitor.code = err_exit_code(err.kind);
	}
	sources_free(monitor.sources);
	explain_free(monitor.explain);
	outbox_free(monitor.outbox);
	http_free(monitor.http);
	store_close(monitor.store);
	alarm_done(&monitor.alarm);
	status_file_close(monitor.status_file);
	loop_close(&monitor.loop);
	if (monitor.lock_fd >= 0)
		(void)close(monitor.lock_fd);
	config_free(monitor.config);
	streams_close(&monitor.streams);
	if (monitor.code == 128 + SIGPIPE)
		signals_die(SIGPIPE);
	return monitor.code;
}
