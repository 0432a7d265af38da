/*
 * The sink `desktop` with a helper of our own, which notes what it is given and answers as a file
 * says. The real one and a real bus are in tests/e2e.
 */
#include <fcntl.h>
#include <poll.h>
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

#include "deliver/notifier_path.h"
#include "deliver/sink.h"
#include "base/mem.h"
#include "delivery_fixture.h"
#include "fake_notify.h"
#include "io/bus.h"

static const char *bus_now; /* where the bus is that the sink finds; NULL: nowhere */

/* in place of io/bus: what sockets this machine has is no matter here */
void bus_find(struct bus *ret)
{
	*ret = (struct bus){ .address = mem_strdup(bus_now) };
}

static const char *watched; /* what is read to find that something has come; NULL: nobody tells */
static unsigned int watches;

int bus_watch(void)
{
	watches++;
	return watched != NULL ? open(watched, O_RDONLY | O_CLOEXEC) : -1;
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

/* a fixture with one desktop sink, a helper, and the address of a bus */
static struct delivery_fixture *fixture_desktop(void)
{
	struct delivery_fixture *fixture = fixture_new();

	assert_int_equal(setenv("TZ", "UTC0", 1), 0);
	tzset();
	bus_now = "unix:path=/bus";
	fake_notify_install(fixture);
	fixture_sink(fixture, SINK_DESKTOP, NULL)->window_ms = 100;
	return fixture;
}

static void expect_notes(struct delivery_fixture *fixture, const char *want)
{
	cleanup_free char *notes = fixture_file(fixture, "notes");
	cleanup_free char *path = mem_printf("%s/notes", fixture->dir);

	assert_string_equal(notes, want);
	(void)unlink(path);
}

/* how a moment is written in a notification that is shown now */
static const char *when(struct delivery_fixture *fixture, int64_t wall_ms)
{
	static char text[STAMP_TEXT_MAX];

	return stamp_text_local(wall_ms, fixture_now(fixture).wall_ms, text);
}

/* "shown", "refused", "absent" or "nothing": how the helper answers from now on */
static void answers(struct delivery_fixture *fixture, const char *word)
{
	fixture_write(fixture, "answer", word, 0600);
}

static void happens(struct delivery_fixture *fixture, enum event_type type, const char *name)
{
	struct event event = {
		.wall_ms = fixture_now(fixture).wall_ms,
		.type = type,
		.source = "telnyx",
		.task_id = event_types[type].about == ABOUT_TASK ? name : NULL,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};

	(void)fixture_event(fixture, &event);
}

static void fails(struct delivery_fixture *fixture, const char *name)
{
	happens(fixture, EVENT_FAILURE, name);
}

/* no turn is needed for so long, but that a descriptor wakes us */
static int64_t sleep_ms(struct delivery_fixture *fixture)
{
	int64_t next = outbox_next(fixture->outbox, fixture_now(fixture));

	return next == INSTANT_NEVER ? next : next - fixture_now(fixture).mono_ms;
}

static void test_window_and_burst(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();

	(void)state;
	fixture->config->sinks[0].window_ms = 2000;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_turn(fixture, 0);
	assert_int_in_range(outbox_next(fixture->outbox, fixture_now(fixture)),
		fixture_now(fixture).mono_ms + 1000, fixture_now(fixture).mono_ms + 2000);
	expect_notes(fixture, "");
	(void)fixture_success(fixture, "b");
	fails(fixture, "c");
	fixture_settle(fixture);
	expect_notes(fixture,
		"summary: a finished\n--\nsummary: b finished\n--\nsummary: c failed\n--\n");
	assert_int_equal(fixture_pending(fixture, "desktop"), 0);
	/* one more than burst: one for all */
	(void)fixture_success(fixture, "a");
	(void)fixture_success(fixture, "b");
	fails(fixture, "c");
	(void)fixture_success(fixture, "d");
	fixture_turn(fixture, 0);
	fixture_skip(fixture);
	expect_notes(fixture, "summary: 1 task failed, 3 finished\nbody: c failed\n--\n");
	assert_int_equal(fixture_pending(fixture, "desktop"), 0);
	fixture_free(fixture);
}

static void test_many_come_as_one(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		cleanup_free char *id = mem_printf("t%d", i);

		(void)fixture_success(fixture, id);
	}
	fixture_open(fixture);
	fixture_settle(fixture);
	expect_notes(fixture, "summary: 1000 tasks finished\n--\n");
	assert_int_equal(fixture_pending(fixture, "desktop"), 0);
	fixture_free(fixture);
}

static void test_burst_of_none(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();

	(void)state;
	fixture->config->sinks[0].burst = 0;
	fixture->config->sinks[0].window_ms = 0;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	(void)fixture_success(fixture, "b");
	fixture_settle(fixture);
	expect_notes(fixture, "summary: 2 tasks finished\n--\n");
	/* one is no digest */
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	expect_notes(fixture, "summary: a finished\n--\n");
	fixture_free(fixture);
}

static void test_no_keys_for_the_helper(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();
	cleanup_free char *env = NULL;

	(void)state;
	assert_int_equal(setenv("TELNYX_API_KEY", "KEY", 1) | setenv("NOTIFY_SOCKET", "/n", 1) |
				 setenv("PLAIN", "yes", 1),
		0);
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	env = fixture_file(fixture, "env");
	assert_null(strstr(env, "TELNYX"));
	assert_null(strstr(env, "NOTIFY_SOCKET"));
	assert_non_null(strstr(env, "PLAIN=yes"));
	assert_int_equal(unsetenv("TELNYX_API_KEY") | unsetenv("NOTIFY_SOCKET"), 0);
	fixture_free(fixture);
}

static void test_failure_is_tried_again(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();

	(void)state;
	answers(fixture, "refused");
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	(void)fixture_success(fixture, "b");
	fixture_settle(fixture);
	/* the second is not even tried: it must not overtake */
	expect_notes(fixture, "summary: a finished\n--\n");
	fixture_expect_log(fixture, "desktop: 2 events: it says why; again in 1s");
	assert_int_equal(fixture_pending(fixture, "desktop"), 2);
	answers(fixture, "shown");
	fixture_skip(fixture);
	expect_notes(fixture, "summary: a finished\n--\nsummary: b finished\n--\n");
	assert_int_equal(fixture_pending(fixture, "desktop"), 0);
	fixture_free(fixture);
}

/*
 * No server: waiting, no attempt, no age, and nothing to do until one comes. What waited comes as
 * one, at once.
 */
static void test_waits_for_a_server(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();
	int64_t before_ms;

	(void)state;
	fixture->config->sinks[0].max_age_ms = 1000;
	fixture->config->sinks[0].window_ms = 5000;
	answers(fixture, "absent");
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_turn(fixture, 0);
	fixture_skip(fixture);
	expect_notes(fixture, "summary: a finished\n--\n");
	(void)fixture_success(fixture, "b");
	for (int i = 0; i < 5; i++) {
		fixture_settle(fixture);
		assert_true(sleep_ms(fixture) == INSTANT_NEVER);
		fixture->skipped_ms += 10000;
	}
	expect_notes(fixture, "");
	assert_int_equal(fixture_pending(fixture, "desktop"), 2);
	assert_int_equal(fixture->failed_count, 0);
	/* said once, not at every look */
	assert_non_null(fixture->log);
	assert_non_null(strstr(fixture->log, "desktop: waits: it says why"));
	assert_ptr_equal(strchr(fixture->log, '\n') + 1, fixture->log + fixture->log_len);
	answers(fixture, "shown");
	before_ms = fixture_now(fixture).mono_ms;
	fake_notify_tell(fixture, "server: :1.2\n");
	fixture_settle(fixture);
	assert_int_in_range(fixture_now(fixture).mono_ms - before_ms, 0, 4999);
	expect_notes(fixture, "summary: 2 tasks finished\n--\n");
	assert_int_equal(fixture_pending(fixture, "desktop"), 0);
	/* and afterwards all is as before */
	(void)fixture_success(fixture, "a");
	(void)fixture_success(fixture, "b");
	fixture_turn(fixture, 0);
	fixture_skip(fixture);
	expect_notes(fixture, "summary: a finished\n--\nsummary: b finished\n--\n");
	fixture_free(fixture);
}

/* a reload looks for somebody anew, with a server that may be started now */
static void test_reload_looks_again(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();
	cleanup_free char *started = NULL;

	(void)state;
	answers(fixture, "absent");
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	answers(fixture, "shown");
	outbox_reload(fixture->outbox, fixture->config);
	fixture_settle(fixture);
	assert_int_equal(fixture_pending(fixture, "desktop"), 0);
	/* and leaves alone one that is there, with what it has on the screen */
	outbox_reload(fixture->outbox, fixture->config);
	(void)fixture_success(fixture, "b");
	fixture_settle(fixture);
	started = fixture_file(fixture, "started");
	assert_string_equal(started, "..");
	fixture_free(fixture);
}

/* skips until the outbox has tried for so long */
static void skip_for(struct delivery_fixture *fixture, int64_t ms)
{
	int64_t end = fixture_now(fixture).mono_ms + ms;

	while (fixture_now(fixture).mono_ms < end)
		fixture_skip(fixture);
}

/* turns a minute apart, as those of polls */
static void turn_for(struct delivery_fixture *fixture, int64_t ms)
{
	for (; ms > 0; ms -= 60000) {
		fixture->skipped_ms += 60000;
		fixture_turn(fixture, 0);
	}
}

/* after a failure, too: of the age only that counts when somebody was there */
static void test_waiting_is_no_age(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();

	(void)state;
	fixture->config->sinks[0].max_age_ms = 1200000;
	fixture->config->sinks[0].window_ms = 0;
	answers(fixture, "refused");
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	skip_for(fixture, 120000);
	answers(fixture, "absent");
	fixture_skip(fixture);
	turn_for(fixture, 1500000);
	fixture_close(fixture); /* as in a crash: ten minutes may count */
	fixture_open(fixture);
	fixture_settle(fixture);
	turn_for(fixture, 1500000);
	answers(fixture, "refused");
	fake_notify_tell(fixture, "server: :1.2\n");
	fixture_settle(fixture);
	assert_int_equal(fixture_pending(fixture, "desktop"), 1);
	skip_for(fixture, 60000);
	assert_int_equal(fixture_pending(fixture, "desktop"), 1);
	/* two failures are up to five minutes apart */
	for (int i = 0; i < 5 && fixture_pending(fixture, "desktop") > 0; i++)
		fixture_skip(fixture);
	assert_int_equal(fixture_failed(fixture, "desktop"), 1);
	fixture_free(fixture);
}

static const char *waits_for(struct delivery_fixture *fixture)
{
	static char why[200];
	struct monitor_status status = { 0 };

	outbox_status(fixture->outbox, fixture->config, fixture_now(fixture), &status);
	(void)snprintf(
		why, sizeof(why), "%s", status.sinks[0].waits != NULL ? status.sinks[0].waits : "");
	monitor_status_done(&status);
	return why;
}

/* a program that cannot run is none of a server: the age runs again, and nothing is waited for */
static void test_absence_ends(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();
	cleanup_free char *helper = mem_printf("%s/taskbell-notify", fixture->dir);

	(void)state;
	fixture->config->sinks[0].max_age_ms = 600000;
	answers(fixture, "absent");
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	assert_string_equal(waits_for(fixture), "it says why");
	assert_int_equal(unlink(helper), 0);
	/* whoever would have told of a server is no more */
	fake_notify_tell(fixture, "exit");
	while (*waits_for(fixture) != '\0')
		fixture_turn(fixture, 10);
	for (int i = 0; i < 20 && fixture_pending(fixture, "desktop") > 0; i++)
		fixture_skip(fixture);
	assert_int_equal(fixture_failed(fixture, "desktop"), 1);
	assert_string_equal(waits_for(fixture), "");
	/* with nothing to show nobody looks for a bus */
	bus_now = NULL;
	fixture->skipped_ms += 120000;
	fixture_turn(fixture, 0);
	assert_string_equal(waits_for(fixture), "");
	fixture_free(fixture);
}

/* without a bus no program is started; one that comes is found within a second or two */
static void test_waits_for_a_bus(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();

	(void)state;
	bus_now = NULL;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	(void)fixture_success(fixture, "b");
	fixture_settle(fixture);
	for (int i = 0; i < 5; i++) {
		assert_int_in_range(sleep_ms(fixture), 1, 1500);
		assert_true(outbox_settled(fixture->outbox, fixture_now(fixture)));
		assert_string_equal(waits_for(fixture), "no session bus: none");
		fixture_skip(fixture);
	}
	expect_notes(fixture, "");
	assert_int_equal(fixture_pending(fixture, "desktop"), 2);
	/* the user logs in */
	bus_now = "unix:path=/bus";
	fixture_skip(fixture);
	expect_notes(fixture, "summary: 2 tasks finished\n--\n");
	fixture_free(fixture);
}

/* a directory where something comes all the time, and never a bus: looked at ten times a second */
static void test_waits_for_a_bus_in_a_busy_place(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();
	int64_t left;

	(void)state;
	bus_now = NULL;
	watched = "/dev/zero";
	watches = 0;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	fixture_skip(fixture);
	for (int i = 0; i < 20; i++)
		fixture_turn(fixture, 0);
	assert_int_in_range(watches, 1, 2);
	left = sleep_ms(fixture);
	assert_int_in_range(left, 0, 100);
	bus_now = "unix:path=/bus";
	fixture_skip(fixture);
	expect_notes(fixture, "summary: a finished\n--\n");
	watched = NULL;
	fixture_free(fixture);
}

/* somebody listens there and takes nobody in, as the bus of another user: tried ever more rarely */
static void test_a_bus_that_takes_nobody_in(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();
	cleanup_free char *started = NULL;

	(void)state;
	fixture->config->sinks[0].window_ms = 0;
	answers(fixture, "shut");
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	for (int64_t end = fixture_now(fixture).mono_ms + 300000;
		fixture_now(fixture).mono_ms < end;)
		fixture_skip(fixture);
	fixture_expect_log(fixture, "desktop: waits: taskbell-notify: the bus does not take it in");
	started = fixture_file(fixture, "started");
	assert_int_in_range(strlen(started), 7, 12);
	assert_int_equal(fixture_pending(fixture, "desktop"), 1);
	fixture_free(fixture);
}

/* a session ends and another one begins: its program is another, with nothing on the screen */
static void test_another_bus(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();
	cleanup_free char *started = NULL;

	(void)state;
	fixture_open(fixture);
	fails(fixture, "a");
	fixture_settle(fixture);
	bus_now = "unix:path=/another";
	fails(fixture, "b");
	fails(fixture, "c");
	fails(fixture, "d");
	fixture_settle(fixture);
	expect_notes(fixture, "summary: a failed\n--\nsummary: b failed\n--\n"
			      "summary: c failed\n--\nsummary: d failed\n--\n");
	started = fixture_file(fixture, "started");
	assert_string_equal(started, "..");
	fixture_free(fixture);
}

/* nothing pending: nothing to look for */
static void test_idle_does_not_wake(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();

	(void)state;
	bus_now = NULL;
	free(fixture->config->sinks[0].quiet);
	fixture->config->sinks[0].quiet = mem_strdup("00:00-23:59");
	fixture_open(fixture);
	fixture_turn(fixture, 0);
	fixture_turn(fixture, 0);
	assert_true(outbox_settled(fixture->outbox, fixture_now(fixture)));
	fixture_free(fixture);
}

static void skip_to_minute(struct delivery_fixture *fixture, int minute)
{
	int64_t day = 86400000;
	int64_t now = fixture_now(fixture).wall_ms % day;

	fixture->skipped_ms += (minute * 60000 - now + day) % day;
}

static void test_quiet(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();
	cleanup_free char *digest = NULL;
	cleanup_free char *single = NULL;
	int64_t left;
	int64_t at_ms;

	(void)state;
	free(fixture->config->sinks[0].quiet);
	fixture->config->sinks[0].quiet = mem_strdup("22:00-07:00");
	fixture->config->sinks[0].max_age_ms = 1000;
	skip_to_minute(fixture, 23 * 60);
	fixture_open(fixture);
	at_ms = fixture_now(fixture).wall_ms;
	(void)fixture_success(fixture, "a");
	fails(fixture, "b");
	fixture_turn(fixture, 0);
	assert_true(outbox_settled(fixture->outbox, fixture_now(fixture)));
	expect_notes(fixture, "");
	left = outbox_next(fixture->outbox, fixture_now(fixture)) - fixture_now(fixture).mono_ms;
	assert_int_in_range(left, 8 * 3600000 - 30000, 8 * 3600000);
	/* a restart at night changes nothing */
	fixture_close(fixture);
	fixture_open(fixture);
	fixture_settle(fixture);
	assert_int_equal(fixture_pending(fixture, "desktop"), 2);
	skip_to_minute(fixture, 7 * 60);
	fixture_settle(fixture);
	digest = mem_printf("summary: 1 task failed, 1 finished\nbody: at %s\\nb failed\n--\n",
		when(fixture, at_ms));
	expect_notes(fixture, digest);
	assert_int_equal(fixture_pending(fixture, "desktop"), 0);
	/* by day: singly */
	(void)fixture_success(fixture, "a");
	(void)fixture_success(fixture, "b");
	fixture_settle(fixture);
	expect_notes(fixture, "summary: a finished\n--\nsummary: b finished\n--\n");
	/* the window is over in quiet hours */
	skip_to_minute(fixture, 22 * 60);
	fixture->skipped_ms -= 50;
	at_ms = fixture_now(fixture).wall_ms;
	(void)fixture_success(fixture, "c");
	fixture_settle(fixture);
	expect_notes(fixture, "");
	assert_int_equal(fixture_pending(fixture, "desktop"), 1);
	skip_to_minute(fixture, 7 * 60);
	fixture_settle(fixture);
	single = mem_printf("summary: c finished\nbody: ended %s\n--\n", when(fixture, at_ms));
	expect_notes(fixture, single);
	fixture_free(fixture);
}

/* a first failure five minutes before a night */
static struct delivery_fixture *fixture_quiet(int64_t max_age_ms)
{
	struct delivery_fixture *fixture = fixture_desktop();

	free(fixture->config->sinks[0].quiet);
	fixture->config->sinks[0].quiet = mem_strdup("22:00-07:00");
	fixture->config->sinks[0].max_age_ms = max_age_ms;
	answers(fixture, "refused");
	skip_to_minute(fixture, 21 * 60 + 55);
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	return fixture;
}

/* what has failed before a night is as old in the morning */
static void test_quiet_is_no_age(void **state)
{
	struct delivery_fixture *fixture = fixture_quiet(600000);

	(void)state;
	skip_to_minute(fixture, 22 * 60);
	fixture_turn(fixture, 0);
	skip_to_minute(fixture, 7 * 60);
	fixture_settle(fixture);
	fixture_expect_log(fixture, "again in");
	assert_int_equal(fixture_pending(fixture, "desktop"), 1);
	skip_to_minute(fixture, 7 * 60 + 4);
	fixture_settle(fixture);
	assert_int_equal(fixture_pending(fixture, "desktop"), 1);
	skip_to_minute(fixture, 7 * 60 + 12);
	fixture_settle(fixture);
	assert_int_equal(fixture_failed(fixture, "desktop"), 1);
	fixture_free(fixture);
}

/* turns a minute apart, as those of polls */
static void turn_until(struct delivery_fixture *fixture, int minute)
{
	int64_t end = fixture_now(fixture).wall_ms;

	end += (minute * 60000 - end % 86400000 + 86400000) % 86400000;
	while (fixture_now(fixture).wall_ms < end) {
		fixture->skipped_ms += 60000;
		fixture_turn(fixture, 0);
	}
}

/* … also when the failure was not stored before they began */
static void test_quiet_while_the_disk_is_full(void **state)
{
	struct delivery_fixture *fixture = fixture_quiet(1800000);
	struct rlimit old = fixture_disk_full();

	(void)state;
	skip_to_minute(fixture, 21 * 60 + 59);
	fixture_skip(fixture);
	turn_until(fixture, 6 * 60 + 30);
	fixture_expect_log(fixture, "the state does not work");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	turn_until(fixture, 6 * 60 + 40);
	/* what is stored again is said again, although nothing was delivered */
	fixture_expect_log(fixture, "the state works again");
	assert_int_equal(fixture->alarm.raised_by, 0);
	skip_to_minute(fixture, 7 * 60);
	fixture_settle(fixture);
	assert_int_equal(fixture_pending(fixture, "desktop"), 1);
	fixture_free(fixture);
}

/* it is looked for a server, but the state takes nothing: no turn asks for the next one at once */
static void test_waits_while_the_disk_is_full(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();
	struct rlimit old;
	int64_t end;
	size_t at_once = 0;

	(void)state;
	free(fixture_sink(fixture, SINK_LOG, NULL)->path);
	fixture->config->sinks[1].path = mem_strdup("/dev/null");
	answers(fixture, "absent");
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_settle(fixture);
	(void)fixture_success(fixture, "b");
	old = fixture_disk_full();
	end = fixture_now(fixture).mono_ms + 900000;
	while (fixture_now(fixture).mono_ms < end && at_once < 1000) {
		struct instant now = fixture_now(fixture);
		int64_t next = outbox_next(fixture->outbox, now);

		if (next > now.mono_ms)
			fixture->skipped_ms += next - now.mono_ms;
		else
			at_once++;
		fixture_turn(fixture, 1);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	fixture_expect_log(fixture, "the state does not work");
	assert_int_in_range(at_once, 0, 999);
	fixture_free(fixture);
}

/* set in quiet hours: they end by the clock as it is now, and until then nothing is awake */
static void test_clock_set_while_quiet(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();
	cleanup_free char *want = NULL;
	int64_t left;
	int64_t at_ms;

	(void)state;
	free(fixture->config->sinks[0].quiet);
	fixture->config->sinks[0].quiet = mem_strdup("22:00-07:00");
	skip_to_minute(fixture, 6 * 60 + 59);
	fixture_open(fixture);
	at_ms = fixture_now(fixture).wall_ms;
	(void)fixture_success(fixture, "a");
	fixture_turn(fixture, 0);
	fixture->set_ms = -4 * 3600000;
	fixture->skipped_ms += 61000;
	fixture_turn(fixture, 0);
	fixture_turn(fixture, 0);
	left = outbox_next(fixture->outbox, fixture_now(fixture)) - fixture_now(fixture).mono_ms;
	assert_int_in_range(left, 4 * 3600000 - 90000, 4 * 3600000);
	fixture->set_ms = -120000; /* and on again, by almost as much */
	fixture_turn(fixture, 0);
	left = outbox_next(fixture->outbox, fixture_now(fixture)) - fixture_now(fixture).mono_ms;
	assert_int_in_range(left, 1, 120000);
	expect_notes(fixture, "");
	fixture->skipped_ms += 120000;
	fixture_settle(fixture);
	want = mem_printf("summary: a finished\nbody: ended %s\n--\n", when(fixture, at_ms));
	expect_notes(fixture, want);
	fixture_free(fixture);
}

/* one that says nothing at all is replaced; what may have reached the server has its half minute */
static void test_helper_hangs(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();
	cleanup_free char *started = NULL;
	cleanup_free char *want = NULL;
	int64_t at_ms;

	(void)state;
	fixture->config->sinks[0].window_ms = 0;
	answers(fixture, "nothing");
	fixture_open(fixture);
	at_ms = fixture_now(fixture).wall_ms;
	(void)fixture_success(fixture, "a");
	for (cleanup_free char *notes = NULL; notes == NULL || *notes == '\0';) {
		fixture_turn(fixture, 10);
		free(notes);
		notes = fixture_file(fixture, "notes");
	}
	fixture_turn(fixture, 100);
	fixture->skipped_ms += 30000;
	fixture_turn(fixture, 0);
	assert_false(outbox_settled(fixture->outbox, fixture_now(fixture)));
	fixture->skipped_ms += 31000;
	fixture_settle(fixture);
	fixture_expect_log(fixture, "taskbell-notify does not answer; again in 1s");
	assert_int_equal(fixture_pending(fixture, "desktop"), 1);
	answers(fixture, "shown");
	fixture_skip(fixture);
	want = mem_printf("summary: a finished\n--\nsummary: a finished\nbody: ended %s\n--\n",
		when(fixture, at_ms));
	expect_notes(fixture, want);
	assert_int_equal(fixture_pending(fixture, "desktop"), 0);
	started = fixture_file(fixture, "started");
	assert_string_equal(started, "..");
	fixture_free(fixture);
}

/* it dies with a request under way: the server may show it yet, and has half a minute to */
static void test_helper_dies(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();

	(void)state;
	fixture->config->sinks[0].window_ms = 0;
	answers(fixture, "nothing");
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	for (cleanup_free char *notes = NULL; notes == NULL || *notes == '\0';) {
		fixture_turn(fixture, 10);
		free(notes);
		notes = fixture_file(fixture, "notes");
	}
	fake_notify_tell(fixture, "exit");
	fixture_settle(fixture);
	fixture_expect_log(fixture, "taskbell-notify ended with 3; again in 1s");
	expect_notes(fixture, "summary: a finished\n--\n");
	answers(fixture, "shown");
	fixture->skipped_ms += 20000;
	fixture_turn(fixture, 0);
	assert_int_in_range(sleep_ms(fixture), 1, 10000);
	expect_notes(fixture, "");
	fixture_skip(fixture);
	expect_notes(fixture, "summary: a finished\n--\n");
	fixture_free(fixture);
}

static void test_stop_gives_back(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();

	(void)state;
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	fixture_turn(fixture, 0);
	outbox_stop(fixture->outbox, fixture_now(fixture), 5000);
	fixture_turn(fixture, 0);
	assert_true(outbox_stopped(fixture->outbox));
	expect_notes(fixture, "");
	assert_int_equal(fixture_pending(fixture, "desktop"), 1);
	fixture_free(fixture);
}

/* the caller frees it */
static struct delivery *delivery_of(const struct event *event)
{
	struct delivery *delivery = mem_alloc(sizeof(*delivery));

	delivery->event_id = event->id;
	delivery->type = event->type;
	delivery->event = event_copy(event);
	return delivery;
}

/* as `taskbell test` uses it: without a store, without a window, and what would be waited for is
 * said */
static void test_direct(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();
	struct strings secrets = { 0 };
	struct notifier *notifier = notifier_new(&secrets);
	struct sink_setup setup = { .config = &fixture->config->sinks[0],
		.state_dir = fixture->dir,
		.notifier = notifier,
		.immediate = true };
	struct event event = { .id = 1,
		.type = EVENT_SUCCESS,
		.task_name = "sample",
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE };
	struct delivery *delivery = delivery_of(&event);
	struct err err = { 0 };
	struct sink *sink;
	bool good;

	(void)state;
	free(fixture->config->sinks[0].quiet);
	fixture->config->sinks[0].quiet = mem_strdup("00:00-23:59");
	sink = sink_new(&setup, &good, &err);
	assert_true(good);
	assert_true(sink->ops->capacity(sink, fixture_now(fixture)) > 0);
	sink->ops->deliver(sink, delivery, fixture_now(fixture));
	while (delivery->state != DELIVERY_ENDED) {
		sink->ops->step(sink, fixture_now(fixture));
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(delivery->event_id, 1);
	assert_int_equal(delivery->result, DELIVERY_DELIVERED);
	expect_notes(fixture, "summary: sample finished\none-shot: yes\n--\n");
	bus_now = NULL;
	delivery_free(delivery);
	delivery = delivery_of(&event);
	sink->ops->deliver(sink, delivery, fixture_now(fixture));
	sink->ops->step(sink, fixture_now(fixture));
	assert_int_equal(delivery->state, DELIVERY_ENDED);
	assert_int_equal(delivery->result, DELIVERY_RETRY);
	assert_non_null(strstr(delivery->error, "no session bus"));
	sink_free(sink);
	delivery_free(delivery);
	notifier_free(notifier);
	fixture_free(fixture);
}

static void test_helper_is_found(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();
	struct err err = { 0 };
	cleanup_free char *path = notifier_path(&err);
	cleanup_free char *want = mem_printf("%s/taskbell-notify", fixture->dir);

	(void)state;
	assert_string_equal(path, want);
	fixture_free(fixture);
}

/* a sink that is no longer configured shows what it has gathered, though the store has more */
static void test_retired_while_gathering(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();
	struct sink_config *sinks = fixture->config->sinks;
	size_t count = fixture->config->sink_count;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		cleanup_free char *id = mem_printf("t%d", i);

		(void)fixture_success(fixture, id);
	}
	fixture_open(fixture);
	outbox_step(fixture->outbox, fixture_now(fixture));
	fixture->config->sinks = NULL;
	fixture->config->sink_count = 0;
	outbox_reload(fixture->outbox, fixture->config);
	fixture->config->sinks = sinks;
	fixture->config->sink_count = count;
	fixture_settle(fixture);
	assert_true(outbox_next(fixture->outbox, fixture_now(fixture)) == INSTANT_NEVER);
	assert_int_in_range(fixture_pending(fixture, "desktop"), 1, 2999);
	fixture_free(fixture);
}

/* what is said to go on and is over has its place taken by what says so */
static void test_what_is_over_is_replaced(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();

	(void)state;
	fixture->config->sinks[0].window_ms = 0;
	fixture_open(fixture);
	happens(fixture, EVENT_SOURCE_DOWN, NULL);
	fixture_settle(fixture);
	happens(fixture, EVENT_STUCK, "a");
	fixture_settle(fixture);
	expect_notes(fixture, "summary: telnyx cannot be reached\n--\nsummary: a is stuck\n--\n");
	happens(fixture, EVENT_SOURCE_UP, NULL);
	fixture_settle(fixture);
	fails(fixture, "a");
	fixture_settle(fixture);
	expect_notes(fixture, "again 1\nsummary: telnyx is reached again\n--\n"
			      "again 2\nsummary: a failed\n--\n");
	/* as long as it is on the screen */
	happens(fixture, EVENT_SOURCE_DOWN, NULL);
	fixture_settle(fixture);
	fake_notify_tell(fixture, "closed: 1 2\n");
	happens(fixture, EVENT_SOURCE_UP, NULL);
	fixture_settle(fixture);
	expect_notes(fixture, "again 1\nsummary: telnyx cannot be reached\n--\n"
			      "summary: telnyx is reached again\n--\n");
	/* an end that has no notification of its own takes it down */
	happens(fixture, EVENT_STUCK, "b");
	fixture_settle(fixture);
	for (int i = 0; i < 4; i++)
		(void)fixture_success(fixture, i == 2 ? "b" : "c");
	fixture_settle(fixture);
	fake_notify_tell(fixture, "closed: 999 2\n");
	expect_notes(
		fixture, "summary: b is stuck\n--\nsummary: 4 tasks finished\n--\nclose 4\n--\n");
	fixture_free(fixture);
}

/* a source that was down stays on no screen because that was told late */
static void test_down_is_told_before_up(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();

	(void)state;
	fixture->config->sinks[0].window_ms = 0;
	answers(fixture, "refused");
	fixture_open(fixture);
	happens(fixture, EVENT_SOURCE_DOWN, NULL);
	fixture_settle(fixture);
	fixture_expect_log(fixture, "again in");
	answers(fixture, "shown");
	happens(fixture, EVENT_SOURCE_UP, NULL);
	fixture_settle(fixture);
	fixture_skip(fixture);
	expect_notes(fixture, "summary: telnyx cannot be reached\n--\n"
			      "summary: telnyx cannot be reached\n--\n"
			      "again 2\nsummary: telnyx is reached again\n--\n");
	fixture_free(fixture);
}

/* no wall of failures in the morning: so many as burst says, then one that is updated */
static void test_failures_do_not_pile_up(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();

	(void)state;
	fixture->config->sinks[0].window_ms = 0;
	fixture->config->sinks[0].burst = 2;
	fixture_open(fixture);
	for (const char *name = "abcd"; *name != '\0'; name++) {
		char id[] = { *name, '\0' };

		fails(fixture, id);
		fixture_settle(fixture);
	}
	expect_notes(fixture, "summary: a failed\n--\nsummary: b failed\n--\n"
			      "again 1\nsummary: 3 tasks failed\n"
			      "body: c failed\\nb failed\\na failed\n--\nclose 2\n--\n"
			      "again 1\nsummary: 4 tasks failed\n"
			      "body: d failed\\nc failed\\nb failed\\na failed\n--\n");
	/* what comes in one batch goes there too, and successes are told with it once */
	for (int i = 0; i < 3; i++)
		(void)fixture_success(fixture, "good");
	happens(fixture, EVENT_STUCK, "e");
	fixture_settle(fixture);
	happens(fixture, EVENT_GONE, "f");
	fixture_settle(fixture);
	expect_notes(fixture, "again 1\nsummary: 4 tasks failed, 1 stuck, 3 finished\n"
			      "body: e is stuck\\nd failed\\nc failed\\nb failed\\na failed\n--\n"
			      "again 1\nsummary: 4 tasks failed, 1 gone, 1 stuck\n"
			      "body: f is gone\\ne is stuck\\nd failed\\nc failed\\nb failed\\na "
			      "failed\n--\n");
	/* what is over is said there no more */
	(void)fixture_success(fixture, "e");
	fixture_settle(fixture);
	fake_notify_tell(
		fixture, "closed: 999 2\n"); /* none of ours; the update is noted by then */
	expect_notes(fixture, "summary: e finished\n--\n"
			      "again 1\nsummary: 4 tasks failed, 1 gone\n"
			      "body: f is gone\\nd failed\\nc failed\\nb failed\\na failed\n--\n");
	/* once it was closed it begins anew */
	fake_notify_tell(fixture, "closed: 1 2\n");
	fails(fixture, "g");
	fixture_settle(fixture);
	/* and so it does with another server, which shows nothing of it */
	fails(fixture, "h");
	fixture_settle(fixture);
	fake_notify_tell(fixture, "gone:\nserver: :1.2\n");
	fails(fixture, "i");
	fixture_settle(fixture);
	expect_notes(
		fixture, "summary: g failed\n--\nsummary: h failed\n--\nsummary: i failed\n--\n");
	fixture_free(fixture);
}

/* the answer to a change that nobody waits for is none to what is shown in the same place next */
static void test_each_change_has_its_answer(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();

	(void)state;
	fixture->config->sinks[0].window_ms = 0;
	fixture->config->sinks[0].burst = 2;
	fixture_open(fixture);
	fails(fixture, "a");
	fixture_settle(fixture);
	fails(fixture, "b");
	fixture_settle(fixture);
	happens(fixture, EVENT_SOURCE_DOWN, NULL);
	fixture_settle(fixture);
	answers(fixture, "nothing");
	happens(fixture, EVENT_SOURCE_UP, NULL);
	fails(fixture, "c");
	fixture_turn(fixture, 0);
	fake_notify_tell(fixture, "shown: 3 13\n"); /* and now 1 is changed for both */
	assert_int_equal(fixture_pending(fixture, "desktop"), 1);
	fake_notify_tell(fixture, "shown: 1 11\n");
	assert_int_equal(fixture_pending(fixture, "desktop"), 1);
	fake_notify_tell(fixture, "refused: 1 no room\n");
	assert_int_equal(fixture_pending(fixture, "desktop"), 1);
	fixture_expect_log(fixture, "no room; again in");
	fixture_free(fixture);
}

/* two sinks, one program; each knows what is its own */
static void test_sinks_share_the_helper(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();
	struct sink_config *second = fixture_sink(fixture, SINK_DESKTOP, NULL);
	cleanup_free char *started = NULL;
	cleanup_free char *notes = NULL;

	(void)state;
	free(second->name);
	second->name = mem_strdup("second");
	for (size_t i = 0; i < 2; i++) {
		fixture->config->sinks[i].window_ms = 0;
		fixture->config->sinks[i].sound = i == 1;
	}
	fixture_open(fixture);
	fails(fixture, "a");
	fixture_settle(fixture);
	notes = fixture_file(fixture, "notes");
	assert_non_null(strstr(notes, "summary: a failed\n--\n"));
	assert_non_null(strstr(notes, "summary: a failed\nsound: dialog-error\n--\n"));
	started = fixture_file(fixture, "started");
	assert_string_equal(started, ".");
	assert_int_equal(
		fixture_pending(fixture, "desktop") + fixture_pending(fixture, "second"), 0);
	fixture_free(fixture);
}

/* a stop waits for the answer, but not for long */
static void test_stop_with_one_under_way(void **state)
{
	struct delivery_fixture *fixture = fixture_desktop();

	(void)state;
	fixture->config->sinks[0].window_ms = 0;
	answers(fixture, "nothing");
	fixture_open(fixture);
	(void)fixture_success(fixture, "a");
	(void)fixture_success(fixture, "b");
	fixture_turn(fixture, 0);
	outbox_stop(fixture->outbox, fixture_now(fixture), 5000);
	fixture_turn(fixture, 0);
	assert_false(outbox_stopped(fixture->outbox));
	assert_int_in_range(sleep_ms(fixture), 1, 5000);
	fake_notify_tell(fixture, "shown: 1 1\n");
	fixture_turn(fixture, 0);
	assert_true(outbox_stopped(fixture->outbox));
	assert_int_equal(fixture_pending(fixture, "desktop"), 1);
	fixture_close(fixture);
	fixture_open(fixture);
	fixture_turn(fixture, 0);
	outbox_stop(fixture->outbox, fixture_now(fixture), 5000);
	fixture->skipped_ms += 5000;
	fixture_turn(fixture, 0);
	assert_true(outbox_stopped(fixture->outbox));
	assert_int_equal(fixture_pending(fixture, "desktop"), 1);
	fixture_free(fixture);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window_and_burst),
		cmocka_unit_test(test_many_come_as_one),
		cmocka_unit_test(test_burst_of_none),
		cmocka_unit_test(test_no_keys_for_the_helper),
		cmocka_unit_test(test_failure_is_tried_again),
		cmocka_unit_test(test_waits_for_a_server),
		cmocka_unit_test(test_reload_looks_again),
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
		cmocka_unit_test(test_waits_for_a_bus_in_a_busy_place),
		cmocka_unit_test(test_a_bus_that_takes_nobody_in),
		cmocka_unit_test(test_another_bus),
		cmocka_unit_test(test_helper_hangs),
		cmocka_unit_test(test_what_is_over_is_replaced),
		cmocka_unit_test(test_down_is_told_before_up),
		cmocka_unit_test(test_failures_do_not_pile_up),
		cmocka_unit_test(test_each_change_has_its_answer),
		cmocka_unit_test(test_sinks_share_the_helper),
		cmocka_unit_test(test_stop_with_one_under_way),
		cmocka_unit_test(test_helper_dies),
		cmocka_unit_test(test_stop_gives_back),
		cmocka_unit_test(test_direct),
		cmocka_unit_test(test_helper_is_found),
	};

	fake_notify_main(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
