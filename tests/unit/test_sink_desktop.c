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
#include "box.h"
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

/* a box with one desktop sink, a helper, and the address of a bus */
static struct box *box_desktop(void)
{
	struct box *box = box_new();

	assert_int_equal(setenv("TZ", "UTC0", 1), 0);
	tzset();
	bus_now = "unix:path=/bus";
	fake_notify_install(box);
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

/* how a moment is written in a notification that is shown now */
static const char *when(struct box *box, int64_t wall_ms)
{
	static char text[STAMP_TEXT_MAX];

	return stamp_text_local(wall_ms, box_now(box).wall_ms, text);
}

/* "shown", "refused", "absent" or "nothing": how the helper answers from now on */
static void answers(struct box *box, const char *word)
{
	box_write(box, "answer", word, 0600);
}

static void happens(struct box *box, enum event_type type, const char *name)
{
	struct event event = {
		.wall_ms = box_now(box).wall_ms,
		.type = type,
		.source = "telnyx",
		.task_id = event_info(type)->about == ABOUT_TASK ? name : NULL,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};

	(void)box_event(box, &event);
}

static void fails(struct box *box, const char *name)
{
	happens(box, EVENT_FAILURE, name);
}

/* no turn is needed for so long, but that a descriptor wakes us */
static int64_t sleep_ms(struct box *box)
{
	int64_t next = outbox_next(box->outbox, box_now(box));

	return next == INSTANT_NEVER ? next : next - box_now(box).mono_ms;
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

	(void)state;
	answers(box, "refused");
	box_open(box);
	(void)box_success(box, "a");
	(void)box_success(box, "b");
	box_settle(box);
	/* the second is not even tried: it must not overtake */
	expect_notes(box, "summary: a finished\n--\n");
	box_expect_log(box, "desktop: 2 events: it says why; again in 1s");
	assert_int_equal(box_pending(box, "desktop"), 2);
	answers(box, "shown");
	box_skip(box);
	expect_notes(box, "summary: a finished\n--\nsummary: b finished\n--\n");
	assert_int_equal(box_pending(box, "desktop"), 0);
	box_free(box);
}

/*
 * No server: waiting, no attempt, no age, and nothing to do until one comes. What waited comes as
 * one, at once.
 */
static void test_waits_for_a_server(void **state)
{
	struct box *box = box_desktop();
	int64_t before_ms;

	(void)state;
	box->config->sinks[0].max_age_ms = 1000;
	box->config->sinks[0].window_ms = 5000;
	answers(box, "absent");
	box_open(box);
	(void)box_success(box, "a");
	box_turn(box, 0);
	box_skip(box);
	expect_notes(box, "summary: a finished\n--\n");
	(void)box_success(box, "b");
	for (int i = 0; i < 5; i++) {
		box_settle(box);
		assert_true(sleep_ms(box) == INSTANT_NEVER);
		box->skipped_ms += 10000;
	}
	expect_notes(box, "");
	assert_int_equal(box_pending(box, "desktop"), 2);
	assert_int_equal(box->failed_count, 0);
	/* said once, not at every look */
	assert_non_null(box->log);
	assert_non_null(strstr(box->log, "desktop: waits: it says why"));
	assert_ptr_equal(strchr(box->log, '\n') + 1, box->log + box->log_len);
	answers(box, "shown");
	before_ms = box_now(box).mono_ms;
	fake_notify_tell(box, "server: :1.2\n");
	box_settle(box);
	assert_int_in_range(box_now(box).mono_ms - before_ms, 0, 4999);
	expect_notes(box, "summary: 2 tasks finished\n--\n");
	assert_int_equal(box_pending(box, "desktop"), 0);
	/* and afterwards all is as before */
	(void)box_success(box, "a");
	(void)box_success(box, "b");
	box_turn(box, 0);
	box_skip(box);
	expect_notes(box, "summary: a finished\n--\nsummary: b finished\n--\n");
	box_free(box);
}

/* a reload looks for somebody anew, with a server that may be started now */
static void test_reload_looks_again(void **state)
{
	struct box *box = box_desktop();
	cleanup_free char *started = NULL;

	(void)state;
	answers(box, "absent");
	box_open(box);
	(void)box_success(box, "a");
	box_settle(box);
	answers(box, "shown");
	outbox_reload(box->outbox, box->config);
	box_settle(box);
	assert_int_equal(box_pending(box, "desktop"), 0);
	/* and leaves alone one that is there, with what it has on the screen */
	outbox_reload(box->outbox, box->config);
	(void)box_success(box, "b");
	box_settle(box);
	started = box_file(box, "started");
	assert_string_equal(started, "..");
	box_free(box);
}

/* skips until the outbox has tried for so long */
static void skip_for(struct box *box, int64_t ms)
{
	int64_t end = box_now(box).mono_ms + ms;

	while (box_now(box).mono_ms < end)
		box_skip(box);
}

/* turns a minute apart, as those of polls */
static void turn_for(struct box *box, int64_t ms)
{
	for (; ms > 0; ms -= 60000) {
		box->skipped_ms += 60000;
		box_turn(box, 0);
	}
}

/* after a failure, too: of the age only that counts when somebody was there */
static void test_waiting_is_no_age(void **state)
{
	struct box *box = box_desktop();

	(void)state;
	box->config->sinks[0].max_age_ms = 1200000;
	box->config->sinks[0].window_ms = 0;
	answers(box, "refused");
	box_open(box);
	(void)box_success(box, "a");
	box_settle(box);
	skip_for(box, 120000);
	answers(box, "absent");
	box_skip(box);
	turn_for(box, 1500000);
	box_close(box); /* as in a crash: ten minutes may count */
	box_open(box);
	box_settle(box);
	turn_for(box, 1500000);
	answers(box, "refused");
	fake_notify_tell(box, "server: :1.2\n");
	box_settle(box);
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
	struct monitor_status status = { 0 };

	outbox_status(box->outbox, box->config, box_now(box), &status);
	(void)snprintf(
		why, sizeof(why), "%s", status.sinks[0].waits != NULL ? status.sinks[0].waits : "");
	monitor_status_done(&status);
	return why;
}

/* a program that cannot run is none of a server: the age runs again, and nothing is waited for */
static void test_absence_ends(void **state)
{
	struct box *box = box_desktop();
	cleanup_free char *helper = mem_printf("%s/taskbell-notify", box->dir);

	(void)state;
	box->config->sinks[0].max_age_ms = 600000;
	answers(box, "absent");
	box_open(box);
	(void)box_success(box, "a");
	box_settle(box);
	assert_string_equal(waits_for(box), "it says why");
	assert_int_equal(unlink(helper), 0);
	/* whoever would have told of a server is no more */
	fake_notify_tell(box, "exit");
	while (*waits_for(box) != '\0')
		box_turn(box, 10);
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

/* without a bus no program is started; one that comes is found within a second or two */
static void test_waits_for_a_bus(void **state)
{
	struct box *box = box_desktop();

	(void)state;
	bus_now = NULL;
	box_open(box);
	(void)box_success(box, "a");
	(void)box_success(box, "b");
	box_settle(box);
	for (int i = 0; i < 5; i++) {
		assert_int_in_range(sleep_ms(box), 1, 1500);
		assert_true(outbox_settled(box->outbox, box_now(box)));
		assert_string_equal(waits_for(box), "no session bus: none");
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

/* a directory where something comes all the time, and never a bus: looked at ten times a second */
static void test_waits_for_a_bus_in_a_busy_place(void **state)
{
	struct box *box = box_desktop();
	int64_t left;

	(void)state;
	bus_now = NULL;
	watched = "/dev/zero";
	watches = 0;
	box_open(box);
	(void)box_success(box, "a");
	box_settle(box);
	box_skip(box);
	for (int i = 0; i < 20; i++)
		box_turn(box, 0);
	assert_int_in_range(watches, 1, 2);
	left = sleep_ms(box);
	assert_int_in_range(left, 0, 100);
	bus_now = "unix:path=/bus";
	box_skip(box);
	expect_notes(box, "summary: a finished\n--\n");
	watched = NULL;
	box_free(box);
}

/* somebody listens there and takes nobody in, as the bus of another user: tried ever more rarely */
static void test_a_bus_that_takes_nobody_in(void **state)
{
	struct box *box = box_desktop();
	cleanup_free char *started = NULL;

	(void)state;
	box->config->sinks[0].window_ms = 0;
	answers(box, "shut");
	box_open(box);
	(void)box_success(box, "a");
	box_settle(box);
	for (int64_t end = box_now(box).mono_ms + 300000; box_now(box).mono_ms < end;)
		box_skip(box);
	box_expect_log(box, "desktop: waits: taskbell-notify: the bus does not take it in");
	started = box_file(box, "started");
	assert_int_in_range(strlen(started), 7, 12);
	assert_int_equal(box_pending(box, "desktop"), 1);
	box_free(box);
}

/* a session ends and another one begins: its program is another, with nothing on the screen */
static void test_another_bus(void **state)
{
	struct box *box = box_desktop();
	cleanup_free char *started = NULL;

	(void)state;
	box_open(box);
	fails(box, "a");
	box_settle(box);
	bus_now = "unix:path=/another";
	fails(box, "b");
	fails(box, "c");
	fails(box, "d");
	box_settle(box);
	expect_notes(box, "summary: a failed\n--\nsummary: b failed\n--\n"
			  "summary: c failed\n--\nsummary: d failed\n--\n");
	started = box_file(box, "started");
	assert_string_equal(started, "..");
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
	cleanup_free char *digest = NULL;
	cleanup_free char *single = NULL;
	int64_t left;
	int64_t at_ms;

	(void)state;
	free(box->config->sinks[0].quiet);
	box->config->sinks[0].quiet = mem_strdup("22:00-07:00");
	box->config->sinks[0].max_age_ms = 1000;
	skip_to_minute(box, 23 * 60);
	box_open(box);
	at_ms = box_now(box).wall_ms;
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
	digest = mem_printf("summary: 1 task failed, 1 finished\nbody: at %s\\nb failed\n--\n",
		when(box, at_ms));
	expect_notes(box, digest);
	assert_int_equal(box_pending(box, "desktop"), 0);
	/* by day: singly */
	(void)box_success(box, "a");
	(void)box_success(box, "b");
	box_settle(box);
	expect_notes(box, "summary: a finished\n--\nsummary: b finished\n--\n");
	/* the window is over in quiet hours */
	skip_to_minute(box, 22 * 60);
	box->skipped_ms -= 50;
	at_ms = box_now(box).wall_ms;
	(void)box_success(box, "c");
	box_settle(box);
	expect_notes(box, "");
	assert_int_equal(box_pending(box, "desktop"), 1);
	skip_to_minute(box, 7 * 60);
	box_settle(box);
	single = mem_printf("summary: c finished\nbody: ended %s\n--\n", when(box, at_ms));
	expect_notes(box, single);
	box_free(box);
}

/* a first failure five minutes before a night */
static struct box *box_quiet(int64_t max_age_ms)
{
	struct box *box = box_desktop();

	free(box->config->sinks[0].quiet);
	box->config->sinks[0].quiet = mem_strdup("22:00-07:00");
	box->config->sinks[0].max_age_ms = max_age_ms;
	answers(box, "refused");
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
	assert_int_equal(box->alarm.raised_by, 0);
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
	answers(box, "absent");
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
	cleanup_free char *want = NULL;
	int64_t left;
	int64_t at_ms;

	(void)state;
	free(box->config->sinks[0].quiet);
	box->config->sinks[0].quiet = mem_strdup("22:00-07:00");
	skip_to_minute(box, 6 * 60 + 59);
	box_open(box);
	at_ms = box_now(box).wall_ms;
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
	want = mem_printf("summary: a finished\nbody: ended %s\n--\n", when(box, at_ms));
	expect_notes(box, want);
	box_free(box);
}

/* one that says nothing at all is replaced; what may have reached the server has its half minute */
static void test_helper_hangs(void **state)
{
	struct box *box = box_desktop();
	cleanup_free char *started = NULL;
	cleanup_free char *want = NULL;
	int64_t at_ms;

	(void)state;
	box->config->sinks[0].window_ms = 0;
	answers(box, "nothing");
	box_open(box);
	at_ms = box_now(box).wall_ms;
	(void)box_success(box, "a");
	for (cleanup_free char *notes = NULL; notes == NULL || *notes == '\0';) {
		box_turn(box, 10);
		free(notes);
		notes = box_file(box, "notes");
	}
	box_turn(box, 100);
	box->skipped_ms += 30000;
	box_turn(box, 0);
	assert_false(outbox_settled(box->outbox, box_now(box)));
	box->skipped_ms += 31000;
	box_settle(box);
	box_expect_log(box, "taskbell-notify does not answer; again in 1s");
	assert_int_equal(box_pending(box, "desktop"), 1);
	answers(box, "shown");
	box_skip(box);
	want = mem_printf("summary: a finished\n--\nsummary: a finished\nbody: ended %s\n--\n",
		when(box, at_ms));
	expect_notes(box, want);
	assert_int_equal(box_pending(box, "desktop"), 0);
	started = box_file(box, "started");
	assert_string_equal(started, "..");
	box_free(box);
}

/* it dies with a request under way: the server may show it yet, and has half a minute to */
static void test_helper_dies(void **state)
{
	struct box *box = box_desktop();

	(void)state;
	box->config->sinks[0].window_ms = 0;
	answers(box, "nothing");
	box_open(box);
	(void)box_success(box, "a");
	for (cleanup_free char *notes = NULL; notes == NULL || *notes == '\0';) {
		box_turn(box, 10);
		free(notes);
		notes = box_file(box, "notes");
	}
	fake_notify_tell(box, "exit");
	box_settle(box);
	box_expect_log(box, "taskbell-notify ended with 3; again in 1s");
	expect_notes(box, "summary: a finished\n--\n");
	answers(box, "shown");
	box->skipped_ms += 20000;
	box_turn(box, 0);
	assert_int_in_range(sleep_ms(box), 1, 10000);
	expect_notes(box, "");
	box_skip(box);
	expect_notes(box, "summary: a finished\n--\n");
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
	struct strings secrets = { 0 };
	struct notifier *notifier = notifier_new(&secrets);
	struct sink_setup setup = { .config = &box->config->sinks[0],
		.state_dir = box->dir,
		.notifier = notifier,
		.immediate = true };
	struct event event = { .id = 1,
		.type = EVENT_SUCCESS,
		.task_name = "sample",
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE };
	struct delivery *delivery = delivery_new(&event);
	struct err err = { 0 };
	struct sink *sink;
	bool good;

	(void)state;
	free(box->config->sinks[0].quiet);
	box->config->sinks[0].quiet = mem_strdup("00:00-23:59");
	sink = sink_new(&setup, &good, &err);
	assert_true(good);
	assert_true(sink->ops->capacity(sink, box_now(box)) > 0);
	sink->ops->deliver(sink, delivery, box_now(box));
	while (delivery->state != DELIVERY_ENDED) {
		sink->ops->step(sink, box_now(box));
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(delivery->event_id, 1);
	assert_int_equal(delivery->result, DELIVERY_DELIVERED);
	expect_notes(box, "summary: sample finished\none-shot: yes\n--\n");
	bus_now = NULL;
	delivery_free(delivery);
	delivery = delivery_new(&event);
	sink->ops->deliver(sink, delivery, box_now(box));
	sink->ops->step(sink, box_now(box));
	assert_int_equal(delivery->state, DELIVERY_ENDED);
	assert_int_equal(delivery->result, DELIVERY_RETRY);
	assert_non_null(strstr(delivery->error, "no session bus"));
	sink_free(sink);
	delivery_free(delivery);
	notifier_free(notifier);
	box_free(box);
}

static void test_helper_is_found(void **state)
{
	struct box *box = box_desktop();
	struct err err = { 0 };
	cleanup_free char *path = notifier_path(&err);
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

/* what is said to go on and is over has its place taken by what says so */
static void test_what_is_over_is_replaced(void **state)
{
	struct box *box = box_desktop();

	(void)state;
	box->config->sinks[0].window_ms = 0;
	box_open(box);
	happens(box, EVENT_SOURCE_DOWN, NULL);
	box_settle(box);
	happens(box, EVENT_STUCK, "a");
	box_settle(box);
	expect_notes(box, "summary: telnyx cannot be reached\n--\nsummary: a is stuck\n--\n");
	happens(box, EVENT_SOURCE_UP, NULL);
	box_settle(box);
	fails(box, "a");
	box_settle(box);
	expect_notes(box, "again 1\nsummary: telnyx is reached again\n--\n"
			  "again 2\nsummary: a failed\n--\n");
	/* as long as it is on the screen */
	happens(box, EVENT_SOURCE_DOWN, NULL);
	box_settle(box);
	fake_notify_tell(box, "closed: 1 2\n");
	happens(box, EVENT_SOURCE_UP, NULL);
	box_settle(box);
	expect_notes(box, "again 1\nsummary: telnyx cannot be reached\n--\n"
			  "summary: telnyx is reached again\n--\n");
	/* an end that has no notification of its own takes it down */
	happens(box, EVENT_STUCK, "b");
	box_settle(box);
	for (int i = 0; i < 4; i++)
		(void)box_success(box, i == 2 ? "b" : "c");
	box_settle(box);
	fake_notify_tell(box, "closed: 999 2\n");
	expect_notes(box, "summary: b is stuck\n--\nsummary: 4 tasks finished\n--\nclose 4\n--\n");
	box_free(box);
}

/* a source that was down stays on no screen because that was told late */
static void test_down_is_told_before_up(void **state)
{
	struct box *box = box_desktop();

	(void)state;
	box->config->sinks[0].window_ms = 0;
	answers(box, "refused");
	box_open(box);
	happens(box, EVENT_SOURCE_DOWN, NULL);
	box_settle(box);
	box_expect_log(box, "again in");
	answers(box, "shown");
	happens(box, EVENT_SOURCE_UP, NULL);
	box_settle(box);
	box_skip(box);
	expect_notes(box, "summary: telnyx cannot be reached\n--\n"
			  "summary: telnyx cannot be reached\n--\n"
			  "again 2\nsummary: telnyx is reached again\n--\n");
	box_free(box);
}

/* no wall of failures in the morning: so many as burst says, then one that is updated */
static void test_failures_do_not_pile_up(void **state)
{
	struct box *box = box_desktop();

	(void)state;
	box->config->sinks[0].window_ms = 0;
	box->config->sinks[0].burst = 2;
	box_open(box);
	for (const char *name = "abcd"; *name != '\0'; name++) {
		char id[] = { *name, '\0' };

		fails(box, id);
		box_settle(box);
	}
	expect_notes(box, "summary: a failed\n--\nsummary: b failed\n--\n"
			  "again 1\nsummary: 3 tasks failed\n"
			  "body: c failed\\nb failed\\na failed\n--\nclose 2\n--\n"
			  "again 1\nsummary: 4 tasks failed\n"
			  "body: d failed\\nc failed\\nb failed\\na failed\n--\n");
	/* what comes in one batch goes there too, and successes are told with it once */
	for (int i = 0; i < 3; i++)
		(void)box_success(box, "good");
	happens(box, EVENT_STUCK, "e");
	box_settle(box);
	happens(box, EVENT_GONE, "f");
	box_settle(box);
	expect_notes(box, "again 1\nsummary: 4 tasks failed, 1 stuck, 3 finished\n"
			  "body: e is stuck\\nd failed\\nc failed\\nb failed\\na failed\n--\n"
			  "again 1\nsummary: 4 tasks failed, 1 gone, 1 stuck\n"
			  "body: f is gone\\ne is stuck\\nd failed\\nc failed\\nb failed\\na "
			  "failed\n--\n");
	/* what is over is said there no more */
	(void)box_success(box, "e");
	box_settle(box);
	fake_notify_tell(box, "closed: 999 2\n"); /* none of ours; the update is noted by then */
	expect_notes(box, "summary: e finished\n--\n"
			  "again 1\nsummary: 4 tasks failed, 1 gone\n"
			  "body: f is gone\\nd failed\\nc failed\\nb failed\\na failed\n--\n");
	/* once it was closed it begins anew */
	fake_notify_tell(box, "closed: 1 2\n");
	fails(box, "g");
	box_settle(box);
	/* and so it does with another server, which shows nothing of it */
	fails(box, "h");
	box_settle(box);
	fake_notify_tell(box, "gone:\nserver: :1.2\n");
	fails(box, "i");
	box_settle(box);
	expect_notes(box, "summary: g failed\n--\nsummary: h failed\n--\nsummary: i failed\n--\n");
	box_free(box);
}

/* the answer to a change that nobody waits for is none to what is shown in the same place next */
static void test_each_change_has_its_answer(void **state)
{
	struct box *box = box_desktop();

	(void)state;
	box->config->sinks[0].window_ms = 0;
	box->config->sinks[0].burst = 2;
	box_open(box);
	fails(box, "a");
	box_settle(box);
	fails(box, "b");
	box_settle(box);
	happens(box, EVENT_SOURCE_DOWN, NULL);
	box_settle(box);
	answers(box, "nothing");
	happens(box, EVENT_SOURCE_UP, NULL);
	fails(box, "c");
	box_turn(box, 0);
	fake_notify_tell(box, "shown: 3 13\n"); /* and now 1 is changed for both */
	assert_int_equal(box_pending(box, "desktop"), 1);
	fake_notify_tell(box, "shown: 1 11\n");
	assert_int_equal(box_pending(box, "desktop"), 1);
	fake_notify_tell(box, "refused: 1 no room\n");
	assert_int_equal(box_pending(box, "desktop"), 1);
	box_expect_log(box, "no room; again in");
	box_free(box);
}

/* two sinks, one program; each knows what is its own */
static void test_sinks_share_the_helper(void **state)
{
	struct box *box = box_desktop();
	struct sink_config *second = box_sink(box, SINK_DESKTOP, NULL);
	cleanup_free char *started = NULL;
	cleanup_free char *notes = NULL;

	(void)state;
	free(second->name);
	second->name = mem_strdup("second");
	for (size_t i = 0; i < 2; i++) {
		box->config->sinks[i].window_ms = 0;
		box->config->sinks[i].sound = i == 1;
	}
	box_open(box);
	fails(box, "a");
	box_settle(box);
	notes = box_file(box, "notes");
	assert_non_null(strstr(notes, "summary: a failed\n--\n"));
	assert_non_null(strstr(notes, "summary: a failed\nsound: dialog-error\n--\n"));
	started = box_file(box, "started");
	assert_string_equal(started, ".");
	assert_int_equal(box_pending(box, "desktop") + box_pending(box, "second"), 0);
	box_free(box);
}

/* a stop waits for the answer, but not for long */
static void test_stop_with_one_under_way(void **state)
{
	struct box *box = box_desktop();

	(void)state;
	box->config->sinks[0].window_ms = 0;
	answers(box, "nothing");
	box_open(box);
	(void)box_success(box, "a");
	(void)box_success(box, "b");
	box_turn(box, 0);
	outbox_stop(box->outbox, box_now(box), 5000);
	box_turn(box, 0);
	assert_false(outbox_stopped(box->outbox));
	assert_int_in_range(sleep_ms(box), 1, 5000);
	fake_notify_tell(box, "shown: 1 1\n");
	box_turn(box, 0);
	assert_true(outbox_stopped(box->outbox));
	assert_int_equal(box_pending(box, "desktop"), 1);
	box_close(box);
	box_open(box);
	box_turn(box, 0);
	outbox_stop(box->outbox, box_now(box), 5000);
	box->skipped_ms += 5000;
	box_turn(box, 0);
	assert_true(outbox_stopped(box->outbox));
	assert_int_equal(box_pending(box, "desktop"), 1);
	box_free(box);
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
