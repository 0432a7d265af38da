/*
 * The sink `desktop` with a helper of our own: a script that notes what it is given and ends as a
 * file says. The real one and a real bus are in tests/e2e.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/helper.h"
#include "app/sink.h"
#include "base/mem.h"
#include "box.h"
#include "io/bus.h"

static const char *bus_now; /* where the bus is that the sink finds; NULL: nowhere */

/* in place of io/bus: what sockets this machine has is no matter here */
void bus_find(struct bus *ret)
{
	*ret = (struct bus){ .address = mem_strdup(bus_now) };
}

void bus_done(struct bus *bus)
{
	free(bus->address);
	bus->address = NULL;
}

void bus_explain(const struct bus *bus, struct buf *out)
{
	(void)bus;
	(void)buf_add_text(out, "no session bus: none");
}

static const char script[] = "#!/bin/sh\n"
			     "cd \"$HOME\" || exit 9\n"
			     "grep -E '^(summary|body)' >note.$$\n"
			     "cat note.$$ >>notes; rm note.$$; echo -- >>notes\n"
			     "env >env\n"
			     "[ -e code ] && { echo 'it says why' >&2; exit $(cat code); }\n"
			     "exit 0\n";

/* a box with one desktop sink, a helper, and the address of a bus */
static struct box *box_desktop(void)
{
	struct box *box = box_new();

	assert_int_equal(setenv("HOME", box->dir, 1) | setenv("TASKBELL_LIBEXEC", box->dir, 1) |
				 setenv("TZ", "UTC0", 1),
		0);
	tzset();
	bus_now = "unix:path=/bus";
	box_write(box, "taskbell-notify", script, 0700);
	box_sink(box, SINK_DESKTOP, NULL)->window_ms = 100;
	return box;
}

static void expect_notes(struct box *box, const char *want)
{
	cleanup_free char *notes = box_file(box, "notes");
	cleanup_free char *path = mem_printf("%s/notes", box->dir);

	assert_string_equal(notes, want);
	(void)unlink(path);
}

static void fails(struct box *box, const char *name)
{
	struct event event = {
		.wall_ms = box_now(box).wall_ms,
		.type = EVENT_FAILURE,
		.source = "telnyx",
		.task_id = name,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};

	(void)box_event(box, &event);
}

static void test_window_and_burst(void **state)
{
	struct box *box = box_desktop();

	(void)state;
	box->config->sinks[0].window_ms = 2000;
	box_open(box);
	(void)box_success(box, "a");
	box_turn(box, 0);
	assert_int_in_range(outbox_next(box->outbox, box_now(box)), box_now(box).mono_ms + 1000,
		box_now(box).mono_ms + 2000);
	expect_notes(box, "");
	(void)box_success(box, "b");
	fails(box, "c");
	box_settle(box);
	expect_notes(
		box, "summary: a finished\n--\nsummary: b finished\n--\nsummary: c failed\n--\n");
	assert_int_equal(box_pending(box, "desktop"), 0);
	/* one more than burst: one for all */
	(void)box_success(box, "a");
	(void)box_success(box, "b");
	fails(box, "c");
	(void)box_success(box, "d");
	box_turn(box, 0);
	box_skip(box);
	expect_notes(box, "summary: 1 task failed, 3 finished\nbody: c failed\n--\n");
	assert_int_equal(box_pending(box, "desktop"), 0);
	box_free(box);
}

static void test_many_come_as_one(void **state)
{
	struct box *box = box_desktop();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		cleanup_free char *id = mem_printf("t%d", i);

		(void)box_success(box, id);
	}
	box_open(box);
	box_settle(box);
	expect_notes(box, "summary: 1000 tasks finished\n--\n");
	assert_int_equal(box_pending(box, "desktop"), 0);
	box_free(box);
}

static void test_burst_of_none(void **state)
{
	struct box *box = box_desktop();

	(void)state;
	box->config->sinks[0].burst = 0;
	box->config->sinks[0].window_ms = 0;
	box_open(box);
	(void)box_success(box, "a");
	(void)box_success(box, "b");
	box_settle(box);
	expect_notes(box, "summary: 2 tasks finished\n--\n");
	/* one is no digest */
	(void)box_success(box, "a");
	box_settle(box);
	expect_notes(box, "summary: a finished\n--\n");
	box_free(box);
}

static void test_no_keys_for_the_helper(void **state)
{
	struct box *box = box_desktop();
	cleanup_free char *env = NULL;

	(void)state;
	assert_int_equal(setenv("TELNYX_API_KEY", "KEY", 1) | setenv("NOTIFY_SOCKET", "/n", 1) |
				 setenv("PLAIN", "yes", 1),
		0);
	box_open(box);
	(void)box_success(box, "a");
	box_settle(box);
	env = box_file(box, "env");
	assert_null(strstr(env, "TELNYX"));
	assert_null(strstr(env, "NOTIFY_SOCKET"));
	assert_non_null(strstr(env, "PLAIN=yes"));
	assert_int_equal(unsetenv("TELNYX_API_KEY") | unsetenv("NOTIFY_SOCKET"), 0);
	box_free(box);
}

static void test_failure_is_tried_again(void **state)
{
	struct box *box = box_desktop();
	cleanup_free char *code = mem_printf("%s/code", box->dir);

	(void)state;
	box_write(box, "code", "75", 0600);
	box_open(box);
	(void)box_success(box, "a");
	(void)box_success(box, "b");
	box_settle(box);
	/* the second is not even tried: it must not overtake */
	expect_notes(box, "summary: a finished\n--\n");
	box_expect_log(box, "desktop: 2 events: it says why; again in 1s");
	assert_int_equal(box_pending(box, "desktop"), 2);
	assert_int_equal(unlink(code), 0);
	box_skip(box);
	expect_notes(box, "summary: a finished\n--\nsummary: b finished\n--\n");
	assert_int_equal(box_pending(box, "desktop"), 0);
	box_free(box);
}

/* no server: waiting, no attempt, no age; what waited comes as one */
static void test_waits_for_a_server(void **state)
{
	struct box *box = box_desktop();
	cleanup_free char *code = mem_printf("%s/code", box->dir);

	(void)state;
	box->config->sinks[0].max_age_ms = 1000;
	box_write(box, "code", "69", 0600);
	box_open(box);
	(void)box_success(box, "a");
	box_settle(box);
	for (int i = 0; i < 5; i++)
		box_skip(box);
	assert_int_equal(box_pending(box, "desktop"), 1);
	assert_int_equal(box->failed_count, 0);
	/* said once, not at every look */
	assert_non_null(box->log);
	assert_non_null(strstr(box->log, "desktop: waits: "));
	assert_ptr_equal(strchr(box->log, '\n') + 1, box->log + box->log_len);
	(void)box_success(box, "b");
	assert_int_equal(unlink(code), 0);
	{
		cleanup_free char *notes = mem_printf("%s/notes", box->dir);

		assert_int_equal(unlink(notes), 0);
	}
	box_skip(box);
	expect_notes(box, "summary: 2 tasks finished\n--\n");
	assert_int_equal(box_pending(box, "desktop"), 0);
	/* and afterwards all is as before */
	(void)box_success(box, "a");
	(void)box_success(box, "b");
	box_settle(box);
	expect_notes(box, "summary: a finished\n--\nsummary: b finished\n--\n");
	box_free(box);
}

/* skips until the outbox has tried for so long */
static void skip_for(struct box *box, int64_t ms)
{
	int64_t end = box_now(box).mono_ms + ms;

	while (box_now(box).mono_ms < end)
		box_skip(box);
}

/* after a failure, too: of the age only that counts when somebody was there */
static void test_waiting_is_no_age(void **state)
{
	struct box *box = box_desktop();

	(void)state;
	box->config->sinks[0].max_age_ms = 1200000;
	box->config->sinks[0].window_ms = 0;
	box_write(box, "code", "75", 0600);
	box_open(box);
	(void)box_success(box, "a");
	box_settle(box);
	skip_for(box, 120000);
	box_write(box, "code", "69", 0600);
	skip_for(box, 1500000);
	box_close(box); /* as in a crash: ten minutes may count */
	box_open(box);
	skip_for(box, 1500000);
	box_write(box, "code", "75", 0600);
	box_skip(box);
	assert_int_equal(box_pending(box, "desktop"), 1);
	skip_for(box, 60000);
	assert_int_equal(box_pending(box, "desktop"), 1);
	/* two failures are up to five minutes apart */
	for (int i = 0; i < 5 && box_pending(box, "desktop") > 0; i++)
		box_skip(box);
	assert_int_equal(box_failed(box, "desktop"), 1);
	box_free(box);
}

static const char *waits_for(struct box *box)
{
	static char why[200];
	struct pulse pulse = { 0 };

	outbox_pulse(box->outbox, box->config, box_now(box), &pulse);
	(void)snprintf(why, sizeof(why), "%s", pulse.waits.items[0]);
	pulse_done(&pulse);
	return why;
}

/* a program that cannot run is none of a server: the age runs again, and nothing is waited for */
static void test_absence_ends(void **state)
{
	struct box *box = box_desktop();
	cleanup_free char *helper = mem_printf("%s/taskbell-notify", box->dir);

	(void)state;
	box->config->sinks[0].max_age_ms = 600000;
	box_write(box, "code", "69", 0600);
	box_open(box);
	(void)box_success(box, "a");
	box_settle(box);
	assert_string_equal(waits_for(box), "it says why");
	assert_int_equal(unlink(helper), 0);
	for (int i = 0; i < 20 && box_pending(box, "desktop") > 0; i++)
		box_skip(box);
	assert_int_equal(box_failed(box, "desktop"), 1);
	assert_string_equal(waits_for(box), "");
	/* with nothing to show nobody looks for a bus */
	bus_now = NULL;
	box->skipped_ms += 120000;
	box_turn(box, 0);
	assert_string_equal(waits_for(box), "");
	box_free(box);
}

/* without a bus no program is started, and looking grows rarer */
static void test_waits_for_a_bus(void **state)
{
	static const int64_t waits_s[] = { 5, 10, 20, 40, 60, 60 };
	struct box *box = box_desktop();

	(void)state;
	bus_now = NULL;
	box_open(box);
	(void)box_success(box, "a");
	(void)box_success(box, "b");
	box_settle(box);
	for (size_t i = 0; i < ARRAY_LEN(waits_s); i++) {
		struct instant now = box_now(box);
		int64_t wait = outbox_next(box->outbox, now) - now.mono_ms;

		assert_int_in_range(wait, waits_s[i] * 1000 - 900, waits_s[i] * 1000);
		assert_true(outbox_settled(box->outbox, now));
		box_skip(box);
	}
	expect_notes(box, "");
	assert_int_equal(box_pending(box, "desktop"), 2);
	/* the user logs in */
	bus_now = "unix:path=/bus";
	box_skip(box);
	expect_notes(box, "summary: 2 tasks finished\n--\n");
	box_free(box);
}

/* nothing pending: nothing to look for */
static void test_idle_does_not_wake(void **state)
{
	struct box *box = box_desktop();

	(void)state;
	bus_now = NULL;
	free(box->config->sinks[0].quiet);
	box->config->sinks[0].quiet = mem_strdup("00:00-23:59");
	box_open(box);
	box_turn(box, 0);
	box_turn(box, 0);
	assert_true(outbox_settled(box->outbox, box_now(box)));
	box_free(box);
}

static void skip_to_minute(struct box *box, int minute)
{
	int64_t day = 86400000;
	int64_t now = box_now(box).wall_ms % day;

	box->skipped_ms += (minute * 60000 - now + day) % day;
}

static void test_quiet(void **state)
{
	struct box *box = box_desktop();
	int64_t left;

	(void)state;
	free(box->config->sinks[0].quiet);
	box->config->sinks[0].quiet = mem_strdup("22:00-07:00");
	box->config->sinks[0].max_age_ms = 1000;
	skip_to_minute(box, 23 * 60);
	box_open(box);
	(void)box_success(box, "a");
	fails(box, "b");
	box_turn(box, 0);
	assert_true(outbox_settled(box->outbox, box_now(box)));
	expect_notes(box, "");
	left = outbox_next(box->outbox, box_now(box)) - box_now(box).mono_ms;
	assert_int_in_range(left, 8 * 3600000 - 30000, 8 * 3600000);
	/* a restart at night changes nothing */
	box_close(box);
	box_open(box);
	box_settle(box);
	assert_int_equal(box_pending(box, "desktop"), 2);
	skip_to_minute(box, 7 * 60);
	box_settle(box);
	expect_notes(box, "summary: 1 task failed, 1 finished\nbody: b failed\n--\n");
	assert_int_equal(box_pending(box, "desktop"), 0);
	/* by day: singly */
	(void)box_success(box, "a");
	(void)box_success(box, "b");
	box_settle(box);
	expect_notes(box, "summary: a finished\n--\nsummary: b finished\n--\n");
	/* the window is over in quiet hours */
	skip_to_minute(box, 22 * 60);
	box->skipped_ms -= 50;
	(void)box_success(box, "c");
	box_settle(box);
	expect_notes(box, "");
	assert_int_equal(box_pending(box, "desktop"), 1);
	skip_to_minute(box, 7 * 60);
	box_settle(box);
	expect_notes(box, "summary: c finished\n--\n");
	box_free(box);
}

/* a first failure five minutes before a night */
static struct box *box_quiet(int64_t max_age_ms)
{
	struct box *box = box_desktop();

	free(box->config->sinks[0].quiet);
	box->config->sinks[0].quiet = mem_strdup("22:00-07:00");
	box->config->sinks[0].max_age_ms = max_age_ms;
	box_write(box, "code", "75", 0600);
	skip_to_minute(box, 21 * 60 + 55);
	box_open(box);
	(void)box_success(box, "a");
	box_settle(box);
	return box;
}

/* what has failed before a night is as old in the morning */
static void test_quiet_is_no_age(void **state)
{
	struct box *box = box_quiet(600000);

	(void)state;
	skip_to_minute(box, 22 * 60);
	box_turn(box, 0);
	skip_to_minute(box, 7 * 60);
	box_settle(box);
	box_expect_log(box, "again in");
	assert_int_equal(box_pending(box, "desktop"), 1);
	skip_to_minute(box, 7 * 60 + 4);
	box_settle(box);
	assert_int_equal(box_pending(box, "desktop"), 1);
	skip_to_minute(box, 7 * 60 + 12);
	box_settle(box);
	assert_int_equal(box_failed(box, "desktop"), 1);
	box_free(box);
}

/* turns a minute apart, as those of polls */
static void turn_until(struct box *box, int minute)
{
	int64_t end = box_now(box).wall_ms;

	end += (minute * 60000 - end % 86400000 + 86400000) % 86400000;
	while (box_now(box).wall_ms < end) {
		box->skipped_ms += 60000;
		box_turn(box, 0);
	}
}

/* … also when the failure was not stored before they began */
static void test_quiet_while_the_disk_is_full(void **state)
{
	struct box *box = box_quiet(1800000);
	struct rlimit old = box_disk_full();

	(void)state;
	skip_to_minute(box, 21 * 60 + 59);
	box_skip(box);
	turn_until(box, 6 * 60 + 30);
	box_expect_log(box, "the state does not work");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	turn_until(box, 6 * 60 + 40);
	/* what is stored again is said again, although nothing was delivered */
	box_expect_log(box, "the state works again");
	assert_int_equal(box->trouble.met, 0);
	skip_to_minute(box, 7 * 60);
	box_settle(box);
	assert_int_equal(box_pending(box, "desktop"), 1);
	box_free(box);
}

/* it is looked for a server, but the state takes nothing: no turn asks for the next one at once */
static void test_waits_while_the_disk_is_full(void **state)
{
	struct box *box = box_desktop();
	struct rlimit old;
	int64_t end;
	size_t at_once = 0;

	(void)state;
	free(box_sink(box, SINK_LOG, NULL)->path);
	box->config->sinks[1].path = mem_strdup("/dev/null");
	box_write(box, "code", "69", 0600);
	box_open(box);
	(void)box_success(box, "a");
	box_settle(box);
	(void)box_success(box, "b");
	old = box_disk_full();
	end = box_now(box).mono_ms + 900000;
	while (box_now(box).mono_ms < end && at_once < 1000) {
		struct instant now = box_now(box);
		int64_t next = outbox_next(box->outbox, now);

		if (next > now.mono_ms)
			box->skipped_ms += next - now.mono_ms;
		else
			at_once++;
		box_turn(box, 1);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	box_expect_log(box, "the state does not work");
	assert_int_in_range(at_once, 0, 999);
	box_free(box);
}

/* set in quiet hours: they end by the clock as it is now, and until then nothing is awake */
static void test_clock_set_while_quiet(void **state)
{
	struct box *box = box_desktop();
	int64_t left;

	(void)state;
	free(box->config->sinks[0].quiet);
	box->config->sinks[0].quiet = mem_strdup("22:00-07:00");
	skip_to_minute(box, 6 * 60 + 59);
	box_open(box);
	(void)box_success(box, "a");
	box_turn(box, 0);
	box->set_ms = -4 * 3600000;
	box->skipped_ms += 61000;
	box_turn(box, 0);
	box_turn(box, 0);
	left = outbox_next(box->outbox, box_now(box)) - box_now(box).mono_ms;
	assert_int_in_range(left, 4 * 3600000 - 90000, 4 * 3600000);
	box->set_ms = -120000; /* and on again, by almost as much */
	box_turn(box, 0);
	left = outbox_next(box->outbox, box_now(box)) - box_now(box).mono_ms;
	assert_int_in_range(left, 1, 120000);
	expect_notes(box, "");
	box->skipped_ms += 120000;
	box_settle(box);
	expect_notes(box, "summary: a finished\n--\n");
	box_free(box);
}

static void test_helper_missing_and_hanging(void **state)
{
	struct box *box = box_desktop();

	(void)state;
	box_write(box, "taskbell-notify",
		"#!/bin/sh\nmkfifo w; trap '' TERM; while :; do read x <w; done\n", 0700);
	box_open(box);
	(void)box_success(box, "a");
	box_turn(box, 0);
	box->skipped_ms += 2000;
	box_turn(box, 0);
	assert_false(outbox_settled(box->outbox, box_now(box)));
	box->skipped_ms += 10000;
	box_turn(box, 0);
	box->skipped_ms += 5000;
	box_settle(box);
	box_expect_log(box, "taskbell-notify did not end in time; again in 1s");
	assert_int_equal(box_pending(box, "desktop"), 1);
	box_free(box);
}

static void test_stop_gives_back(void **state)
{
	struct box *box = box_desktop();

	(void)state;
	box_open(box);
	(void)box_success(box, "a");
	box_turn(box, 0);
	outbox_stop(box->outbox, box_now(box), 5000);
	box_turn(box, 0);
	assert_true(outbox_stopped(box->outbox));
	expect_notes(box, "");
	assert_int_equal(box_pending(box, "desktop"), 1);
	box_free(box);
}

/* as `taskbell test` uses it: without a store, without a window, and what would be waited for is
 * said */
static void test_direct(void **state)
{
	struct box *box = box_desktop();
	struct sink_setup setup = {
		.config = &box->config->sinks[0], .state_dir = box->dir, .direct = true
	};
	struct event event = { .id = 1,
		.type = EVENT_SUCCESS,
		.task_name = "sample",
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE };
	struct sink_receipt receipt;
	struct err err = { 0 };
	struct sink *sink;
	bool good;

	(void)state;
	free(box->config->sinks[0].quiet);
	box->config->sinks[0].quiet = mem_strdup("00:00-23:59");
	sink = sink_new(&setup, &good, &err);
	assert_true(good);
	assert_true(sink_room(sink, box_now(box)) > 0);
	sink_take(sink, event_copy(&event), 1, box_now(box));
	for (int i = 0; i < 100000 && !sink_receipt_take(sink, &receipt); i++)
		sink_step(sink, box_now(box));
	assert_int_equal(receipt.event_id, 1);
	assert_int_equal(receipt.result, SINK_DELIVERED);
	expect_notes(box, "summary: sample finished\n--\n");
	bus_now = NULL;
	sink_take(sink, event_copy(&event), 1, box_now(box));
	sink_step(sink, box_now(box));
	assert_true(sink_receipt_take(sink, &receipt));
	assert_int_equal(receipt.result, SINK_AGAIN);
	assert_non_null(strstr(receipt.error, "no session bus"));
	free(receipt.error);
	sink_free(sink);
	box_free(box);
}

static void test_helper_is_found(void **state)
{
	struct box *box = box_desktop();
	struct err err = { 0 };
	cleanup_free char *path = helper_find(&err);
	cleanup_free char *want = mem_printf("%s/taskbell-notify", box->dir);

	(void)state;
	assert_string_equal(path, want);
	box_free(box);
}

/* a sink that is no longer configured shows what it has gathered, though the store has more */
static void test_retired_while_gathering(void **state)
{
	struct box *box = box_desktop();
	struct sink_config *sinks = box->config->sinks;
	size_t count = box->config->sink_count;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		cleanup_free char *id = mem_printf("t%d", i);

		(void)box_success(box, id);
	}
	box_open(box);
	outbox_step(box->outbox, box_now(box));
	box->config->sinks = NULL;
	box->config->sink_count = 0;
	outbox_reload(box->outbox, box->config);
	box->config->sinks = sinks;
	box->config->sink_count = count;
	box_settle(box);
	assert_true(outbox_next(box->outbox, box_now(box)) == INSTANT_NEVER);
	assert_int_in_range(box_pending(box, "desktop"), 1, 2999);
	box_free(box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window_and_burst),
		cmocka_unit_test(test_many_come_as_one),
		cmocka_unit_test(test_burst_of_none),
		cmocka_unit_test(test_no_keys_for_the_helper),
		cmocka_unit_test(test_failure_is_tried_again),
		cmocka_unit_test(test_waits_for_a_server),
		cmocka_unit_test(test_waiting_is_no_age),
		cmocka_unit_test(test_absence_ends),
		cmocka_unit_test(test_waits_for_a_bus),
		cmocka_unit_test(test_idle_does_not_wake),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_quiet_is_no_age),
		cmocka_unit_test(test_quiet_while_the_disk_is_full),
		cmocka_unit_test(test_waits_while_the_disk_is_full),
		cmocka_unit_test(test_clock_set_while_quiet),
		cmocka_unit_test(test_retired_while_gathering),
		cmocka_unit_test(test_helper_missing_and_hanging),
		cmocka_unit_test(test_stop_gives_back),
		cmocka_unit_test(test_direct),
		cmocka_unit_test(test_helper_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
