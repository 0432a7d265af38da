/* The outbox over a real store: at least once, in order, each sink at its own pace. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "delivery_fixture.h"

static size_t count_lines(const struct delivery_fixture *fixture, const char *name)
{
	cleanup_free char *text = fixture_file(fixture, name);
	size_t lines = 0;

	for (const char *c = text; *c != '\0'; c++)
		lines += *c == '\n' ? 1 : 0;
	return lines;
}

static void expect_file(const struct delivery_fixture *fixture, const char *name, const char *text)
{
	cleanup_free char *has = fixture_file(fixture, name);

	assert_string_equal(has, text);
}

static bool has_file(const struct delivery_fixture *fixture, const char *name)
{
	cleanup_free char *path = mem_printf("%s/%s", fixture->dir, name);

	return access(path, F_OK) == 0;
}

/* turns until the file is there, for what happens while hooks run */
static void await_file(struct delivery_fixture *fixture, const char *name)
{
	for (int i = 0; i < 2000 && !has_file(fixture, name); i++)
		fixture_turn(fixture, 10);
	assert_true(has_file(fixture, name));
}

/* a fixture whose scripts run in its directory */
static struct delivery_fixture *fixture_here(void)
{
	struct delivery_fixture *fixture = fixture_new();

	assert_int_equal(setenv("HOME", fixture->dir, 1), 0);
	return fixture;
}

static void test_each_event_to_each_sink(void **state)
{
	struct delivery_fixture *fixture = fixture_here();
	cleanup_free char *log = NULL;

	(void)state;
	fixture_sink(fixture, SINK_EXEC, "echo $TASKBELL_TASK_ID >>out")->concurrency = 1;
	(void)fixture_sink(fixture, SINK_LOG, NULL);
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	(void)fixture_success(fixture, "b");
	fixture_settle(fixture);
	expect_file(fixture, "out", "a\nb\n");
	log = fixture_file(fixture, "events.log");
	assert_non_null(strstr(log, "success telnyx a a\n"));
	assert_non_null(strstr(log, "success telnyx b b\n"));
	assert_int_equal(fixture_pending(fixture, "exec") + fixture_pending(fixture, "log"), 0);
	assert_true(outbox_next(fixture->outbox, fixture_now(fixture)) == INSTANT_NEVER);
	fixture_free(fixture);
}

static void test_exit_codes(void **state)
{
	static const struct {
		const char *script;
		const char *retry; /* NULL: the default */
		int pending;
		int failed;
		const char *log;
	} cases[] = {
		{ "exit 0", NULL, 0, 0, "delivered" },
		{ "exit 75", NULL, 1, 0, "ended with 75; again in 1s" },
		{ "exit 1", NULL, 0, 1, "ended with 1; given up" },
		{ "exit 126", NULL, 0, 1, "ended with 126" },
		{ "exit 255", NULL, 0, 1, "ended with 255" },
		{ "exit 75", "3", 0, 1, "ended with 75" },
		{ "exit 3", "3", 1, 0, "ended with 3; again" },
		{ "exit 3", "any", 1, 0, "ended with 3; again" },
		{ "exit 0", "any", 0, 0, "delivered" },
		{ "kill -SEGV $$", NULL, 1, 0, "ended by signal 11; again" },
		{ "echo one; echo no disk >&2; exit 4", NULL, 0, 1,
			"ended with 4: no disk; given up" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct delivery_fixture *fixture = fixture_here();
		struct sink_config *sink = fixture_sink(fixture, SINK_EXEC, cases[i].script);

		if (cases[i].retry != NULL) {
			strings_done(&sink->retry);
			strings_add(&sink->retry, cases[i].retry);
		}
		fixture_open(fixture);
		(void)fixture_success(fixture, "a");
		fixture_settle(fixture);
		fixture_expect_log(fixture, cases[i].log);
		assert_int_equal(fixture_pending(fixture, "exec"), cases[i].pending);
		assert_int_equal(fixture_failed(fixture, "exec"), cases[i].failed);
		fixture_free(fixture);
	}
}

/* a shell that cannot find something says so with 126 and 127: it may be there later */
static void test_shell_codes(void **state)
{
	struct delivery_fixture *fixture = fixture_here();
	struct sink_config *sink = fixture_sink(fixture, SINK_EXEC, NULL);

	(void)state;
	free(sink->shell);
	sink->shell = mem_strdup("./later; code=$?; echo {task_id} $code >>out; exit $code");
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	assert_int_equal(fixture_pending(fixture, "exec"), 1);
	fixture_write(fixture, "later", "#!/bin/sh\n", 0600);
	fixture_skip(fixture);
	assert_int_equal(fixture_pending(fixture, "exec"), 1);
	fixture_write(fixture, "later", "#!/bin/sh\n", 0700);
	fixture_skip(fixture);
	assert_int_equal(fixture_pending(fixture, "exec"), 0);
	/* no field is replaced in a line for the shell */
	expect_file(fixture, "out", "{task_id} 127\n{task_id} 126\n{task_id} 0\n");
	fixture_free(fixture);
}

/* a missing hook is tried again without counting, by a delay that doubles, and comes back */
static void test_missing_hook_appears(void **state)
{
	struct delivery_fixture *fixture = fixture_here();
	struct sink_config *sink = fixture_sink(fixture, SINK_EXEC, NULL);
	int64_t start;

	(void)state;
	strings_add(&sink->command, "");
	free(sink->command.items[0]);
	sink->command.items[0] = mem_printf("%s/hook", fixture->dir);
	sink->attempts = 2;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	start = fixture_now(fixture).mono_ms;
	fixture_settle(fixture);
	for (int i = 0; i < 5; i++)
		fixture_skip(fixture);
	/* 1 + 2 + 4 + 8 + 16 s, and as long as the machine took */
	assert_int_in_range(fixture_now(fixture).mono_ms - start, 30990, 41000);
	assert_int_equal(fixture_pending(fixture, "exec"), 1);
	fixture_expect_log(fixture, "hook: No such file or directory; again in 1s");
	fixture_write(fixture, "hook", "#!/bin/sh\necho $TASKBELL_ATTEMPT >>out\n", 0600);
	fixture_skip(fixture);
	fixture_expect_log(fixture, "hook: Permission denied; again in");
	fixture_write(fixture, "hook", "#!/bin/sh\necho $TASKBELL_ATTEMPT >>out\n", 0700);
	fixture_skip(fixture);
	expect_file(fixture, "out", "1\n");
	assert_int_equal(fixture_pending(fixture, "exec"), 0);
	fixture_free(fixture);
}

static void test_max_age_ends_it(void **state)
{
	struct delivery_fixture *fixture = fixture_here();
	struct sink_config *sink = fixture_sink(fixture, SINK_EXEC, NULL);
	int skips = 0;

	(void)state;
	strings_add(&sink->command, "/nowhere/hook");
	sink->max_age_ms = 3600 * 1000;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	for (; fixture_pending(fixture, "exec") > 0 && skips < 100; skips++)
		fixture_skip(fixture);
	/* 1, 2, 4 … 256 s are 511 s, then every 300 s until an hour is over */
	assert_int_equal(skips, 20);
	assert_int_equal(fixture_failed(fixture, "exec"), 1);
	assert_int_equal(fixture->failed_count, 1);
	fixture_free(fixture);
}

static void test_attempts_are_counted(void **state)
{
	struct delivery_fixture *fixture = fixture_here();
	size_t revived;
	struct err err;

	(void)state;
	fixture_sink(fixture, SINK_EXEC, "echo $TASKBELL_EVENT_ID $TASKBELL_ATTEMPT >>out; exit 75")
		->attempts = 3;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	fixture_skip(fixture);
	assert_int_equal(fixture_pending(fixture, "exec"), 1);
	fixture_skip(fixture);
	assert_int_equal(fixture_failed(fixture, "exec"), 1);
	assert_int_equal(count_lines(fixture, "out"), 3);
	/* redeliver starts anew */
	assert_true(store_redeliver(
		fixture->store, 0, NULL, fixture_now(fixture).wall_ms, &revived, &err));
	assert_int_equal(revived, 1);
	outbox_wake(fixture->outbox);
	fixture_settle(fixture);
	fixture_skip(fixture);
	{
		cleanup_free char *out = fixture_file(fixture, "out");
		cleanup_free char *id = mem_strndup(out, strcspn(out, " "));
		cleanup_free char *want =
			mem_printf("%s 1\n%s 2\n%s 3\n%s 1\n%s 2\n", id, id, id, id, id);

		assert_string_equal(out, want);
	}
	fixture_free(fixture);
}

/* told once, not for each, not of itself, and again only after a task's event was delivered */
static void test_sink_failed_is_told_once(void **state)
{
	struct delivery_fixture *fixture = fixture_here();

	(void)state;
	(void)fixture_sink(fixture, SINK_EXEC, "[ -e good ]");
	(void)fixture_sink(fixture, SINK_LOG, NULL);
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	(void)fixture_success(fixture, "b");
	fixture_settle(fixture);
	assert_int_equal(fixture_failed(fixture, "exec"), 2);
	assert_int_equal(fixture->failed_count, 1);
	assert_non_null(strstr(fixture->failed_text, "exec: gave up on event "));
	assert_non_null(strstr(fixture->failed_text, "ended with 1"));
	/* also not after a restart */
	fixture_close(fixture);
	fixture_open(fixture);
	(void)fixture_success(fixture, "c");
	fixture_settle(fixture);
	assert_int_equal(fixture->failed_count, 1);
	fixture_write(fixture, "good", "", 0600);
	(void)fixture_success(fixture, "d");
	fixture_settle(fixture);
	{
		cleanup_free char *path = mem_printf("%s/good", fixture->dir);

		assert_int_equal(unlink(path), 0);
	}
	(void)fixture_success(fixture, "e");
	fixture_settle(fixture);
	assert_int_equal(fixture->failed_count, 2);
	fixture_free(fixture);
}

/* what could not be stored was not told */
static void test_sink_failed_is_told_after_the_store_failed(void **state)
{
	struct delivery_fixture *fixture = fixture_here();

	(void)state;
	(void)fixture_sink(fixture, SINK_EXEC, "exit 1");
	fixture_open(fixture);
	fixture->refuse_events = 1;
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	assert_int_equal(fixture->refuse_events, 0);
	for (int i = 0; i < 5 && fixture->failed_count == 0; i++) {
		fixture->skipped_ms += 60000;
		fixture_settle(fixture);
	}
	assert_int_equal(fixture->failed_count, 1);
	assert_int_equal(fixture_failed(fixture, "exec"), 1);
	fixture_free(fixture);
}

/* a success that comes before the event could be stored does not undo it, and counts for the next
 */
static void test_sink_failed_is_told_after_a_success_in_between(void **state)
{
	struct delivery_fixture *fixture = fixture_here();
	cleanup_free char *path = mem_printf("%s/good", fixture->dir);

	(void)state;
	(void)fixture_sink(fixture, SINK_EXEC, "[ -e good ]");
	fixture_open(fixture);
	fixture->refuse_events = 2;
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	assert_int_equal(fixture->refuse_events, 1);
	fixture_write(fixture, "good", "", 0600);
	(void)fixture_success(fixture, "b");
	for (int i = 0; i < 5 && fixture->failed_count == 0; i++) {
		fixture->skipped_ms += 60000;
		fixture_settle(fixture);
	}
	fixture_settle(fixture);
	assert_int_equal(fixture->failed_count, 1);
	assert_int_equal(fixture_pending(fixture, "exec"), 0);
	assert_int_equal(unlink(path), 0);
	(void)fixture_success(fixture, "c");
	fixture_settle(fixture);
	assert_int_equal(fixture->failed_count, 2);
	fixture_free(fixture);
}

static void test_failing_to_tell_of_failure_is_no_news(void **state)
{
	struct delivery_fixture *fixture = fixture_here();
	struct event event = {
		.type = EVENT_SINK_FAILED,
		.sink = "other",
		.message = "x",
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};

	(void)state;
	(void)fixture_sink(fixture, SINK_EXEC, "exit 1");
	fixture_open(fixture);
	(void)fixture_event(fixture, &event);
	fixture_settle(fixture);
	assert_int_equal(fixture_failed(fixture, "exec"), 1);
	assert_int_equal(fixture->failed_count, 0);
	fixture_free(fixture);
}

static void test_events_of_a_task_stay_in_order(void **state)
{
	struct delivery_fixture *fixture = fixture_here();

	(void)state;
	/* the first run of a's first event fails for now: its second must wait, b's must not */
	fixture_sink(fixture, SINK_EXEC,
		"echo $TASKBELL_TASK_ID$TASKBELL_ATTEMPT >>out;"
		"[ $TASKBELL_TASK_ID$TASKBELL_ATTEMPT = a1 ] && [ ! -e once ] && >once && exit 75; "
		"exit 0")
		->concurrency = 1;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	(void)fixture_success(fixture, "a");
	(void)fixture_success(fixture, "b");
	fixture_settle(fixture);
	expect_file(fixture, "out", "a1\nb1\n");
	fixture_skip(fixture);
	expect_file(fixture, "out", "a1\nb1\na2\na1\n");
	assert_int_equal(fixture_pending(fixture, "exec"), 0);
	fixture_free(fixture);
}

static void test_concurrency_is_bounded(void **state)
{
	struct delivery_fixture *fixture = fixture_here();
	cleanup_free char *out = NULL;
	int now = 0;
	int most = 0;

	(void)state;
	fixture_sink(fixture, SINK_EXEC, "echo + >>out; echo - >>out")->concurrency = 3;
	fixture_open(fixture);
	for (int i = 0; i < 60; i++) {
		cleanup_free char *id = mem_printf("t%d", i);

		(void)fixture_success(fixture, id);
	}
	fixture_settle(fixture);
	out = fixture_file(fixture, "out");
	for (const char *c = out; *c != '\0'; c++) {
		now += *c == '+' ? 1 : *c == '-' ? -1 : 0;
		most = now > most ? now : most;
	}
	assert_int_equal(count_lines(fixture, "out"), 120);
	assert_int_in_range(most, 1, 3);
	fixture_free(fixture);
}

/* more slots are used at once than one */
static void test_hooks_run_side_by_side(void **state)
{
	struct delivery_fixture *fixture = fixture_here();

	(void)state;
	/* each opens its end of a FIFO, which takes two */
	fixture_sink(fixture, SINK_EXEC,
		"[ $TASKBELL_TASK_ID = a ] && { echo x >fifo; :; } || read x <fifo")
		->concurrency = 2;
	{
		cleanup_free char *command = mem_printf("mkfifo %s/fifo", fixture->dir);

		assert_int_equal(system(command), 0);
	}
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	(void)fixture_success(fixture, "b");
	fixture_settle(fixture);
	assert_int_equal(fixture_pending(fixture, "exec"), 0);
	fixture_free(fixture);
}

static void test_timeout(void **state)
{
	struct delivery_fixture *fixture = fixture_here();
	struct sink_config *sink = fixture_sink(fixture, SINK_EXEC,
		"mkfifo w; echo $TASKBELL_ATTEMPT >>out; trap 'echo term >>out; exit 0' TERM; "
		">started; "
		"while :; do read x <w; done");

	(void)state;
	sink->timeout_ms = 30000;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	await_file(fixture, "started");
	assert_int_in_range(outbox_next(fixture->outbox, fixture_now(fixture)),
		fixture_now(fixture).mono_ms + 15000, fixture_now(fixture).mono_ms + 30000);
	/* it ends well on TERM, but it was late: again */
	fixture->skipped_ms += 30000;
	fixture_settle(fixture);
	expect_file(fixture, "out", "1\nterm\n");
	fixture_expect_log(fixture, "did not end within 30s");
	fixture_expect_log(fixture, "; again in 1s");
	assert_int_equal(fixture_pending(fixture, "exec"), 1);
	fixture_free(fixture);
}

static void test_timeout_of_one_that_ignores_term(void **state)
{
	struct delivery_fixture *fixture = fixture_here();
	struct sink_config *sink = fixture_sink(fixture, SINK_EXEC,
		"trap '' TERM; mkfifo w; >started; read x <w & echo $! >>pids; echo $$ >>pids; "
		"while :; do "
		"read x <w; done");

	(void)state;
	sink->timeout_ms = 1000;
	sink->attempts = 1;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	await_file(fixture, "pids");
	fixture->skipped_ms += 1000;
	fixture_turn(fixture, 0);
	assert_false(outbox_settled(fixture->outbox, fixture_now(fixture)));
	/* the KILL is due 5 s after the TERM */
	assert_int_in_range(outbox_next(fixture->outbox, fixture_now(fixture)),
		fixture_now(fixture).mono_ms + 2000, fixture_now(fixture).mono_ms + 5000);
	fixture->skipped_ms += 5000;
	fixture_settle(fixture);
	assert_int_equal(fixture_failed(fixture, "exec"), 1);
	fixture_expect_log(fixture, "did not end within 1s");
	fixture_free(fixture);
}

/* the hook is done when its process is; what it started goes on, keeps its pipe, and delays nothing
 */
static void test_left_in_background(void **state)
{
	struct delivery_fixture *fixture = fixture_here();

	(void)state;
	(void)fixture_sink(
		fixture, SINK_EXEC, "mkfifo go; (read x <go; echo late; >late) & exit 0");
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	assert_int_equal(fixture_pending(fixture, "exec"), 0);
	assert_true(outbox_next(fixture->outbox, fixture_now(fixture)) == INSTANT_NEVER);
	fixture_write(fixture, "go", "x\n", 0600);
	await_file(fixture, "late");
	fixture_free(fixture);
}

/* past its timeout the hook itself dies of TERM, and what it left gets the KILL: nothing stays */
static void test_group_is_killed_after_timeout(void **state)
{
	struct delivery_fixture *fixture = fixture_here();
	struct sink_config *sink = fixture_sink(fixture, SINK_EXEC,
		"(trap '' TERM; mkfifo w; >started; while :; do read x <w; done) & wait");

	(void)state;
	sink->timeout_ms = 1000;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	await_file(fixture, "started");
	fixture->skipped_ms += 1000;
	for (int i = 0;
		i < 500 && (fixture->log == NULL || strstr(fixture->log, "did not end") == NULL);
		i++)
		fixture_turn(fixture, 10);
	fixture_expect_log(fixture, "did not end within 1s; again in 1s");
	/* the retry runs meanwhile; it is the first one's group that is due */
	fixture->skipped_ms += 5000;
	for (int i = 0; i < 3; i++)
		fixture_turn(fixture, 20);
	fixture_free(fixture);
}

static void test_output_reaches_the_log(void **state)
{
	struct delivery_fixture *fixture = fixture_here();

	(void)state;
	(void)fixture_sink(fixture, SINK_EXEC,
		"echo one; echo two >&2; printf '\\033[31mred\\000\\377'; exit 0");
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	fixture_expect_log(fixture, "taskbell: exec: one\n");
	fixture_expect_log(fixture, "taskbell: exec: two\n");
	fixture_expect_log(fixture, "taskbell: exec: \\x1b[31mred \\xff\n");
	fixture_free(fixture);
}

static void test_output_is_bounded(void **state)
{
	struct delivery_fixture *fixture = fixture_here();
	char *first;

	(void)state;
	(void)fixture_sink(fixture, SINK_EXEC, "yes 0123456789abcdef | head -c 5000000");
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	assert_true(fixture->log_len < 3 * 64 * 1024);
	first = strstr(fixture->log, "output truncated after 64 KiB");
	assert_non_null(first);
	assert_null(strstr(first + 1, "output truncated"));
	assert_int_equal(fixture_pending(fixture, "exec"), 0);
	fixture_free(fixture);
}

/* a hook that prints for ever is ended in time, and other sinks go on meanwhile */
static void test_endless_printing(void **state)
{
	struct delivery_fixture *fixture = fixture_here();
	struct sink_config *sink = fixture_sink(fixture, SINK_EXEC, ">started; exec yes");

	(void)state;
	sink->timeout_ms = 2000;
	(void)fixture_sink(fixture, SINK_LOG, NULL);
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	await_file(fixture, "started");
	(void)fixture_success(fixture, "b");
	for (int i = 0; i < 20; i++)
		fixture_turn(fixture, 10);
	assert_int_equal(fixture_pending(fixture, "log"), 0);
	fixture->skipped_ms += 2000;
	fixture_settle(fixture);
	assert_int_equal(fixture_pending(fixture, "exec"), 2);
	fixture_expect_log(fixture, "did not end within 2s: y;");
	fixture_free(fixture);
}

static void test_stop_lets_hooks_end(void **state)
{
	struct delivery_fixture *fixture = fixture_here();

	(void)state;
	fixture_sink(fixture, SINK_EXEC, "mkfifo go; >started; read x <go; echo done >>out")
		->concurrency = 1;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	(void)fixture_success(fixture, "b");
	await_file(fixture, "started");
	outbox_stop(fixture->outbox, fixture_now(fixture), 5000);
	fixture_turn(fixture, 0);
	assert_false(outbox_stopped(fixture->outbox));
	fixture_write(fixture, "go", "x\n", 0600);
	for (int i = 0; i < 500 && !outbox_stopped(fixture->outbox); i++)
		fixture_turn(fixture, 20);
	assert_true(outbox_stopped(fixture->outbox));
	/* what ended by itself counts, and nothing more was started */
	expect_file(fixture, "out", "done\n");
	assert_int_equal(fixture_pending(fixture, "exec"), 1);
	fixture_free(fixture);
}

static void test_stop_ends_hooks_uncounted(void **state)
{
	struct delivery_fixture *fixture = fixture_here();

	(void)state;
	fixture_sink(fixture, SINK_EXEC,
		"echo $TASKBELL_ATTEMPT >>out; [ -e again ] && exit 0; trap '' TERM; mkfifo w; "
		">started; "
		"while :; do read x <w; done")
		->attempts = 1;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	await_file(fixture, "started");
	outbox_stop(fixture->outbox, fixture_now(fixture), 5000);
	fixture->skipped_ms += 5000;
	fixture_turn(fixture, 0);
	assert_false(outbox_stopped(fixture->outbox));
	assert_int_in_range(outbox_next(fixture->outbox, fixture_now(fixture)),
		fixture_now(fixture).mono_ms, fixture_now(fixture).mono_ms + 2000);
	fixture->skipped_ms += 2000;
	for (int i = 0; i < 500 && !outbox_stopped(fixture->outbox); i++)
		fixture_turn(fixture, 20);
	assert_true(outbox_stopped(fixture->outbox));
	assert_int_equal(fixture_pending(fixture, "exec"), 1);
	assert_int_equal(fixture->failed_count, 0);
	/* the next start runs it again, under the same number */
	fixture_close(fixture);
	fixture_write(fixture, "again", "", 0600);
	fixture_open(fixture);
	fixture_settle(fixture);
	expect_file(fixture, "out", "1\n1\n");
	assert_int_equal(fixture_pending(fixture, "exec"), 0);
	fixture_free(fixture);
}

/* killed without a word: what was running runs again under the same number */
static void test_crash_repeats_what_ran(void **state)
{
	struct delivery_fixture *fixture = fixture_here();

	(void)state;
	fixture_sink(fixture, SINK_EXEC,
		"echo $TASKBELL_ATTEMPT >>out; [ -e again ] && exit 0; mkfifo w; >started; read x "
		"<w")
		->attempts = 1;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	await_file(fixture, "started");
	fixture_close(fixture);
	fixture_write(fixture, "again", "", 0600);
	fixture_open(fixture);
	fixture_settle(fixture);
	expect_file(fixture, "out", "1\n1\n");
	fixture_free(fixture);
}

static void test_reload(void **state)
{
	struct delivery_fixture *fixture = fixture_here();
	struct config *old = NULL;

	(void)state;
	(void)fixture_sink(fixture, SINK_EXEC, "mkfifo go; >started; read x <go; echo old >>out");
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	await_file(fixture, "started");
	/* the sink goes away: its hook ends as it would, what is pending stays for when it comes
	 * back */
	(void)fixture_success(fixture, "b");
	old = fixture->config;
	fixture->config = config_new();
	(void)fixture_sink(fixture, SINK_LOG, NULL);
	outbox_reload(fixture->outbox, fixture->config);
	config_free(old);
	(void)fixture_success(fixture, "c");
	fixture_write(fixture, "go", "x\n", 0600);
	fixture_settle(fixture);
	for (int i = 0; i < 500 && fixture_pending(fixture, "exec") > 1; i++)
		fixture_turn(fixture, 20);
	expect_file(fixture, "out", "old\n");
	assert_int_equal(fixture_pending(fixture, "exec"), 1);
	assert_int_equal(count_lines(fixture, "events.log"), 1);
	old = fixture->config;
	fixture->config = config_new();
	(void)fixture_sink(fixture, SINK_EXEC, "echo new $TASKBELL_TASK_ID >>out");
	outbox_reload(fixture->outbox, fixture->config);
	config_free(old);
	fixture_settle(fixture);
	expect_file(fixture, "out", "old\nnew b\n");
	assert_int_equal(fixture_pending(fixture, "exec"), 0);
	fixture_free(fixture);
}

/* a log whose directory goes and comes back: nothing is lost, and the order of a task is kept */
static void test_log_comes_back(void **state)
{
	struct delivery_fixture *fixture = fixture_here();
	struct sink_config *sink = fixture_sink(fixture, SINK_LOG, NULL);
	cleanup_free char *dir = mem_printf("%s/logs", fixture->dir);
	cleanup_free char *log = mem_printf("%s/log", dir);
	cleanup_free char *out = NULL;

	(void)state;
	free(sink->path);
	sink->path = mem_strdup(log);
	assert_int_equal(mkdir(dir, 0700), 0);
	fixture_open(fixture);
	assert_int_equal(unlink(log) | rmdir(dir), 0);
	(void)fixture_success(fixture, "a");
	(void)fixture_success(fixture, "b");
	fixture_settle(fixture);
	fixture_expect_log(fixture, "2 events: cannot open the log");
	fixture_expect_log(fixture, "again in 1s");
	/* a later event of the same task waits for the first, that of another need not */
	(void)fixture_success(fixture, "a");
	assert_int_equal(mkdir(dir, 0700), 0);
	(void)fixture_success(fixture, "c");
	fixture_settle(fixture);
	assert_int_equal(fixture_pending(fixture, "log"), 3);
	fixture_skip(fixture);
	assert_int_equal(fixture_pending(fixture, "log"), 0);
	assert_int_equal(fixture->failed_count, 0);
	out = fixture_file(fixture, "logs/log");
	assert_non_null(strstr(out, " c c\n"));
	assert_int_equal(count_lines(fixture, "logs/log"), 4);
	fixture_free(fixture);
}

/* what was delivered while the state could not be written is not delivered again in this run */
static void test_state_that_fails(void **state)
{
	struct delivery_fixture *fixture = fixture_here();
	struct rlimit old;

	(void)state;
	fixture_sink(fixture, SINK_EXEC, "echo $TASKBELL_TASK_ID >>out")->concurrency = 1;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	(void)fixture_success(fixture, "b");
	old = fixture_disk_full();
	fixture_settle(fixture);
	fixture_expect_log(fixture, "deliveries wait, the state does not work: ");
	expect_file(fixture, "out", "a\n");
	assert_int_equal(fixture_pending(fixture, "exec"), 2);
	fixture_skip(fixture);
	expect_file(fixture, "out", "a\n");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	fixture_skip(fixture);
	fixture_expect_log(fixture, "the state works again");
	expect_file(fixture, "out", "a\nb\n");
	assert_int_equal(fixture_pending(fixture, "exec"), 0);
	fixture_free(fixture);
}

/* put off under a clock that was years ahead: not for years */
static void test_clock_set_back(void **state)
{
	struct delivery_fixture *fixture = fixture_here();

	(void)state;
	(void)fixture_sink(fixture, SINK_EXEC, "[ -e good ]");
	strings_done(&fixture->config->sinks[0].retry);
	strings_add(&fixture->config->sinks[0].retry, "any");
	fixture->skipped_ms = 365LL * 86400000;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	assert_int_equal(fixture_pending(fixture, "exec"), 1);
	fixture_close(fixture);
	fixture->skipped_ms = 0;
	fixture_write(fixture, "good", "", 0600);
	fixture_open(fixture);
	fixture_settle(fixture);
	assert_int_equal(fixture_pending(fixture, "exec"), 0);
	fixture_free(fixture);
}

/* set by a year while it runs: the next try comes when it would have come, and no age is a year */
static void test_clock_set_while_running(void **state)
{
	static const int64_t years[] = { -365LL * 86400000, 365LL * 86400000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(years); i++) {
		struct delivery_fixture *fixture = fixture_here();
		int64_t left;

		fixture_sink(fixture, SINK_EXEC, "[ -e good ] || exit 75")->max_age_ms = 3600000;
		fixture_open(fixture);
		(void)fixture_success(fixture, "a");
		fixture_settle(fixture);
		fixture->set_ms = years[i];
		fixture_turn(fixture, 0);
		left = outbox_next(fixture->outbox, fixture_now(fixture)) -
		       fixture_now(fixture).mono_ms;
		assert_int_in_range(left, 0, 1100); /* two readings of two clocks */
		fixture_skip(fixture);
		assert_int_equal(fixture_pending(fixture, "exec"), 1);
		assert_int_equal(fixture_failed(fixture, "exec"), 0);
		/* also an event that is told now does not hide the one that waits */
		(void)fixture_success(fixture, "b");
		fixture_write(fixture, "good", "", 0600);
		fixture_settle(fixture);
		fixture_skip(fixture);
		assert_int_equal(fixture_pending(fixture, "exec"), 0);
		fixture_free(fixture);
	}
}

static void test_many(void **state)
{
	struct delivery_fixture *fixture = fixture_here();

	(void)state;
	(void)fixture_sink(fixture, SINK_EXEC, "echo >>out");
	(void)fixture_sink(fixture, SINK_LOG, NULL);
	for (int i = 0; i < 700; i++) {
		cleanup_free char *id = mem_printf("t%d", i % 350);

		(void)fixture_success(fixture, id);
	}
	fixture_open(fixture);
	fixture_settle(fixture);
	assert_int_equal(count_lines(fixture, "out"), 700);
	assert_int_equal(count_lines(fixture, "events.log"), 700);
	assert_int_equal(fixture_pending(fixture, "exec") + fixture_pending(fixture, "log"), 0);
	fixture_free(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_event_to_each_sink),
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_shell_codes),
		cmocka_unit_test(test_missing_hook_appears),
		cmocka_unit_test(test_max_age_ends_it),
		cmocka_unit_test(test_attempts_are_counted),
		cmocka_unit_test(test_sink_failed_is_told_once),
		cmocka_unit_test(test_sink_failed_is_told_after_the_store_failed),
		cmocka_unit_test(test_sink_failed_is_told_after_a_success_in_between),
		cmocka_unit_test(test_failing_to_tell_of_failure_is_no_news),
		cmocka_unit_test(test_events_of_a_task_stay_in_order),
		cmocka_unit_test(test_concurrency_is_bounded),
		cmocka_unit_test(test_hooks_run_side_by_side),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_timeout_of_one_that_ignores_term),
		cmocka_unit_test(test_left_in_background),
		cmocka_unit_test(test_group_is_killed_after_timeout),
		cmocka_unit_test(test_output_reaches_the_log),
		cmocka_unit_test(test_output_is_bounded),
		cmocka_unit_test(test_endless_printing),
		cmocka_unit_test(test_stop_lets_hooks_end),
		cmocka_unit_test(test_stop_ends_hooks_uncounted),
		cmocka_unit_test(test_crash_repeats_what_ran),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_log_comes_back),
		cmocka_unit_test(test_state_that_fails),
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_clock_set_while_running),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
