#include "box.h"

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

static struct box *logging;

static void take_log(const char *line, size_t len)
{
	if (logging == NULL)
		return;
	logging->log = mem_grow(logging->log, &logging->log_cap, logging->log_len + len + 1, 1);
	memcpy(logging->log + logging->log_len, line, len);
	logging->log_len += len;
	logging->log[logging->log_len] = '\0';
}

struct box *box_new(void)
{
	static const int wake[] = { SIGCHLD };
	struct box *box = mem_alloc(sizeof(*box));
	struct store_damage damage;
	struct err err = { 0 };

	assert_true(signals_open(wake, 1, &err));
	logging = box;
	log_setup(LOG_PLAIN, LOG_INFO, take_log);
	(void)snprintf(box->dir, sizeof(box->dir), "/tmp/taskbell-box-XXXXXX");
	assert_non_null(mkdtemp(box->dir));
	box->config = config_new();
	if (!store_open(&box->store, box->dir, STORE_WRITE, clock_now().wall_ms, &damage, &err))
		fail_msg("%s", err.text);
	box->store_failed_events = true;
	return box;
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

void box_free(struct box *box)
{
	box_close(box);
	store_close(box->store);
	alarm_done(&box->alarm);
	config_free(box->config);
	remove_all(box->dir);
	logging = NULL;
	free(box->failed_text);
	free(box->log);
	free(box);
}

struct sink_config *box_sink(struct box *box, enum sink_type type, const char *script)
{
	struct sink_config *sink = config_add_sink(box->config, type);

	if (script != NULL) {
		strings_add(&sink->command, "sh");
		strings_add(&sink->command, "-c");
		strings_add(&sink->command, script);
	}
	return sink;
}

static bool take_event(struct box *box, const struct event *event)
{
	struct event *copy;

	assert_int_equal(event->type, EVENT_SINK_FAILED);
	if (box->refuse_events > 0) {
		box->refuse_events--;
		return false;
	}
	copy = event_copy(event);
	box->failed_count++;
	free(box->failed_text);
	box->failed_text = mem_printf("%s: %s", event->sink, event->message);
	if (box->store_failed_events)
		(void)box_event(box, copy);
	free(copy);
	return true;
}

void box_open(struct box *box)
{
	struct outbox_setup setup = {
		.config = box->config,
		.store = box->store,
		.state_dir = box->dir,
		.alarm = &box->alarm,
	};
	struct err err = { 0 };

	if (!outbox_new(&box->outbox, &setup, &err))
		fail_msg("%s", err.text);
}

void box_close(struct box *box)
{
	outbox_free(box->outbox);
	box->outbox = NULL;
}

struct instant box_now(const struct box *box)
{
	struct instant now = clock_now();

	now.mono_ms += box->skipped_ms;
	now.wall_ms += box->skipped_ms + box->set_ms;
	return now;
}

int64_t box_event(struct box *box, const struct event *event)
{
	struct event *copy = event_copy(event);
	const char *wanted[16];
	struct store_event row = {
		.event = copy, .wanted = wanted, .due_ms = box_now(box).wall_ms
	};
	struct store_changes changes = { .events = &row, .event_count = 1 };
	struct err err = { 0 };
	int64_t id;

	for (size_t i = 0; i < box->config->sink_count; i++)
		if (copy->sink == NULL || strcmp(copy->sink, box->config->sinks[i].name) != 0)
			wanted[row.wanted_count++] = box->config->sinks[i].name;
	if (!store_commit(box->store, &changes, &err))
		fail_msg("%s", err.text);
	id = copy->id;
	free(copy);
	if (box->outbox != NULL)
		outbox_wake(box->outbox);
	return id;
}

int64_t box_success(struct box *box, const char *id)
{
	struct event event = {
		.wall_ms = box_now(box).wall_ms,
		.type = EVENT_SUCCESS,
		.source = "telnyx",
		.task_id = id,
		.task_name = id,
		.from = "processing",
		.to = "success",
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};

	return box_event(box, &event);
}

void box_turn(struct box *box, int64_t wait_ms)
{
	struct instant now = box_now(box);
	struct event failure;
	struct poll_fd fds[FDS_MAX];
	struct pollfd polls[FDS_MAX + 1];
	int64_t next;
	size_t count;

	(void)signals_take(SIGCHLD);
	outbox_step(box->outbox, now);
	while (outbox_failure(box->outbox, &failure))
		outbox_failure_reported(box->outbox, take_event(box, &failure));
	if (outbox_settled(box->outbox, now) && wait_ms == PATIENCE_MS)
		return;
	next = outbox_next(box->outbox, now);
	if (next < now.mono_ms + wait_ms)
		wait_ms = next > now.mono_ms ? next - now.mono_ms : 0;
	count = outbox_fds(box->outbox, fds, FDS_MAX);
	for (size_t i = 0; i < count; i++)
		polls[i] = (struct pollfd){ .fd = fds[i].fd,
			.events = fds[i].write ? POLLOUT : POLLIN };
	polls[count] = (struct pollfd){ .fd = signals_fd(), .events = POLLIN };
	(void)poll(polls, (nfds_t)count + 1, (int)wait_ms);
}

void box_settle(struct box *box)
{
	int64_t end = clock_now().mono_ms + PATIENCE_MS;

	while (!outbox_settled(box->outbox, box_now(box))) {
		if (clock_now().mono_ms > end)
			fail_msg("the outbox does not settle; its log: %s",
				box->log != NULL ? box->log : "");
		box_turn(box, PATIENCE_MS);
	}
}

void box_skip(struct box *box)
{
	struct instant now = box_now(box);
	int64_t next = outbox_next(box->outbox, now);

	assert_true(next != INSTANT_NEVER);
	if (next > now.mono_ms)
		box->skipped_ms += next - now.mono_ms;
	box_turn(box, 0);
	box_settle(box);
}

static void find_sink(struct box *box, const char *name, int64_t *pending, int64_t *failed)
{
	struct store_sink *sinks;
	struct err err = { 0 };
	size_t count;

	*pending = 0;
	*failed = 0;
	assert_true(store_sinks(box->store, box_now(box).wall_ms, &sinks, &count, &err));
	for (size_t i = 0; i < count; i++)
		if (strcmp(sinks[i].name, name) == 0) {
			*pending = sinks[i].pending;
			*failed = sinks[i].failed;
		}
	store_sinks_free(sinks, count);
}

int64_t box_pending(struct box *box, const char *sink)
{
	int64_t pending;
	int64_t failed;

	find_sink(box, sink, &pending, &failed);
	return pending;
}

int64_t box_failed(struct box *box, const char *sink)
{
	int64_t pending;
	int64_t failed;

	find_sink(box, sink, &pending, &failed);
	return failed;
}

char *box_file(const struct box *box, const char *name)
{
	cleanup_free char *path = mem_printf("%s/%s", box->dir, name);
	cleanup_fd int fd = open(path, O_RDONLY);
	struct buf text = { 0 };
	char chunk[4096];
	ssize_t len;

	while (fd >= 0 && (len = read(fd, chunk, sizeof(chunk))) > 0)
		(void)buf_add(&text, chunk, (size_t)len);
	return buf_steal(&text);
}

void box_write(const struct box *box, const char *name, const char *text, int mode)
{
	cleanup_free char *path = mem_printf("%s/%s", box->dir, name);
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, (mode_t)mode), 0);
}

struct rlimit box_disk_full(void)
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

void box_expect_log(const struct box *box, const char *words)
{
	if (box->log == NULL || strstr(box->log, words) == NULL)
		fail_msg("\"%s\" is not in the log: %s", words, box->log != NULL ? box->log : "");
}
