#include "delivery_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/signals.h"

enum { PATIENCE_MS = 120000, FDS_MAX = 300 };

static struct delivery_fixture *logging;

static void take_log(const char *line, size_t len)
{
	if (logging == NULL)
		return;
	logging->log = mem_grow(logging->log, &logging->log_cap, logging->log_len + len + 1, 1);
	memcpy(logging->log + logging->log_len, line, len);
	logging->log_len += len;
	logging->log[logging->log_len] = '\0';
}

struct delivery_fixture *fixture_new(void)
{
	static const int wake[] = { SIGCHLD };
	struct delivery_fixture *fixture = mem_alloc(sizeof(*fixture));
	struct store_damage damage;
	struct err err = { 0 };

	assert_true(signals_open(wake, 1, &err));
	logging = fixture;
	log_setup(LOG_PLAIN, LOG_INFO, take_log);
	(void)snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/taskbell-deliver-XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	fixture->config = config_new();
	if (!store_open(
		    &fixture->store, fixture->dir, STORE_WRITE, clock_now().wall_ms, &damage, &err))
		fail_msg("%s", err.text);
	fixture->store_failed_events = true;
	return fixture;
}

static void remove_all(const char *dir)
{
	DIR *list = opendir(dir);
	const struct dirent *entry;

	while (list != NULL && (entry = readdir(list)) != NULL) {
		cleanup_free char *path = mem_printf("%s/%s", dir, entry->d_name);

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlink(path) != 0)
			remove_all(path);
	}
	if (list != NULL)
		(void)closedir(list);
	(void)rmdir(dir);
}

void fixture_free(struct delivery_fixture *fixture)
{
	fixture_close(fixture);
	store_close(fixture->store);
	alarm_done(&fixture->alarm);
	config_free(fixture->config);
	remove_all(fixture->dir);
	logging = NULL;
	free(fixture->failed_text);
	free(fixture->log);
	free(fixture);
}

struct sink_config *fixture_sink(
	struct delivery_fixture *fixture, enum sink_type type, const char *script)
{
	struct sink_config *sink = config_add_sink(fixture->config, type);

	if (script != NULL) {
		strings_add(&sink->command, "sh");
		strings_add(&sink->command, "-c");
		strings_add(&sink->command, script);
	}
	return sink;
}

static bool take_event(struct delivery_fixture *fixture, const struct event *event)
{
	struct event *copy;

	assert_int_equal(event->type, EVENT_SINK_FAILED);
	if (fixture->refuse_events > 0) {
		fixture->refuse_events--;
		return false;
	}
	copy = event_copy(event);
	fixture->failed_count++;
	free(fixture->failed_text);
	fixture->failed_text = mem_printf("%s: %s", event->sink, event->message);
	if (fixture->store_failed_events)
		(void)fixture_event(fixture, copy);
	free(copy);
	return true;
}

void fixture_open(struct delivery_fixture *fixture)
{
	struct outbox_setup setup = {
		.config = fixture->config,
		.store = fixture->store,
		.state_dir = fixture->dir,
		.alarm = &fixture->alarm,
	};
	struct err err = { 0 };

	if (!outbox_new(&fixture->outbox, &setup, &err))
		fail_msg("%s", err.text);
}

void fixture_close(struct delivery_fixture *fixture)
{
	outbox_free(fixture->outbox);
	fixture->outbox = NULL;
}

struct instant fixture_now(const struct delivery_fixture *fixture)
{
	struct instant now = clock_now();

	now.mono_ms += fixture->skipped_ms;
	now.wall_ms += fixture->skipped_ms + fixture->set_ms;
	return now;
}

int64_t fixture_event(struct delivery_fixture *fixture, const struct event *event)
{
	struct event *copy = event_copy(event);
	const char *wanted[16];
	struct store_event row = {
		.event = copy, .wanted = wanted, .due_ms = fixture_now(fixture).wall_ms
	};
	struct store_changes changes = { .events = &row, .event_count = 1 };
	struct err err = { 0 };
	int64_t id;

	for (size_t i = 0; i < fixture->config->sink_count; i++)
		if (copy->sink == NULL || strcmp(copy->sink, fixture->config->sinks[i].name) != 0)
			wanted[row.wanted_count++] = fixture->config->sinks[i].name;
	if (!store_commit(fixture->store, &changes, &err))
		fail_msg("%s", err.text);
	id = copy->id;
	free(copy);
	if (fixture->outbox != NULL)
		outbox_wake(fixture->outbox);
	return id;
}

int64_t fixture_success(struct delivery_fixture *fixture, const char *id)
{
	struct event event = {
		.wall_ms = fixture_now(fixture).wall_ms,
		.type = EVENT_SUCCESS,
		.source = "telnyx",
		.task_id = id,
		.task_name = id,
		.from = "processing",
		.to = "success",
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};

	return fixture_event(fixture, &event);
}

void fixture_turn(struct delivery_fixture *fixture, int64_t wait_ms)
{
	struct instant now = fixture_now(fixture);
	struct event failure;
	struct poll_fd fds[FDS_MAX];
	struct pollfd polls[FDS_MAX + 1];
	int64_t next;
	size_t count;

	(void)signals_take(SIGCHLD);
	outbox_step(fixture->outbox, now);
	while (outbox_failure(fixture->outbox, &failure))
		outbox_failure_reported(fixture->outbox, take_event(fixture, &failure));
	if (outbox_settled(fixture->outbox, now) && wait_ms == PATIENCE_MS)
		return;
	next = outbox_next(fixture->outbox, now);
	if (next < now.mono_ms + wait_ms)
		wait_ms = next > now.mono_ms ? next - now.mono_ms : 0;
	count = outbox_fds(fixture->outbox, fds, FDS_MAX);
	for (size_t i = 0; i < count; i++)
		polls[i] = (struct pollfd){ .fd = fds[i].fd,
			.events = fds[i].write ? POLLOUT : POLLIN };
	polls[count] = (struct pollfd){ .fd = signals_fd(), .events = POLLIN };
	(void)poll(polls, (nfds_t)count + 1, (int)wait_ms);
}

void fixture_settle(struct delivery_fixture *fixture)
{
	int64_t end = clock_now().mono_ms + PATIENCE_MS;

	while (!outbox_settled(fixture->outbox, fixture_now(fixture))) {
		if (clock_now().mono_ms > end)
			fail_msg("the outbox does not settle; its log: %s",
				fixture->log != NULL ? fixture->log : "");
		fixture_turn(fixture, PATIENCE_MS);
	}
}

void fixture_skip(struct delivery_fixture *fixture)
{
	struct instant now = fixture_now(fixture);
	int64_t next = outbox_next(fixture->outbox, now);

	assert_true(next != INSTANT_NEVER);
	if (next > now.mono_ms)
		fixture->skipped_ms += next - now.mono_ms;
	fixture_turn(fixture, 0);
	fixture_settle(fixture);
}

static void find_sink(
	struct delivery_fixture *fixture, const char *name, int64_t *pending, int64_t *failed)
{
	struct store_sink *sinks;
	struct err err = { 0 };
	size_t count;

	*pending = 0;
	*failed = 0;
	assert_true(
		store_sinks(fixture->store, fixture_now(fixture).wall_ms, &sinks, &count, &err));
	for (size_t i = 0; i < count; i++)
		if (strcmp(sinks[i].name, name) == 0) {
			*pending = sinks[i].pending;
			*failed = sinks[i].failed;
		}
	store_sinks_free(sinks, count);
}

int64_t fixture_pending(struct delivery_fixture *fixture, const char *sink)
{
	int64_t pending;
	int64_t failed;

	find_sink(fixture, sink, &pending, &failed);
	return pending;
}

int64_t fixture_failed(struct delivery_fixture *fixture, const char *sink)
{
	int64_t pending;
	int64_t failed;

	find_sink(fixture, sink, &pending, &failed);
	return failed;
}

char *fixture_file(const struct delivery_fixture *fixture, const char *name)
{
	cleanup_free char *path = mem_printf("%s/%s", fixture->dir, name);
	cleanup_fd int fd = open(path, O_RDONLY);
	struct buf text = { 0 };
	char chunk[4096];
	ssize_t len;

	while (fd >= 0 && (len = read(fd, chunk, sizeof(chunk))) > 0)
		(void)buf_add(&text, chunk, (size_t)len);
	return buf_steal(&text);
}

void fixture_write(
	const struct delivery_fixture *fixture, const char *name, const char *text, int mode)
{
	cleanup_free char *path = mem_printf("%s/%s", fixture->dir, name);
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, (mode_t)mode), 0);
}

struct rlimit fixture_disk_full(void)
{
	struct rlimit old;
	struct rlimit small;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 2048; /* less than the log of the database holds already */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	return old;
}

void fixture_expect_log(const struct delivery_fixture *fixture, const char *words)
{
	if (fixture->log == NULL || strstr(fixture->log, words) == NULL)
		fail_msg("\"%s\" is not in the log: %s", words,
			fixture->log != NULL ? fixture->log : "");
}
