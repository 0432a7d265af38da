/*
 * A source on a clock of its own and against answers by hand: what is asked and when, what is
 * told, and what it does when answers are bad, late or never come. The HTTP client is the one
 * below.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "watch/source.h"
#include "base/mem.h"
#include "core/sched.h"
#include "fake_key.h"
#include "fake_store.h"

#define CALLS_MAX 64
/* what only the API says */
#define REFUSED "{\"errors\":[{\"code\":\"10009\",\"title\":\"Authentication failed\"}]}"
#define START_MS INT64_C(1790000000000)

struct http_call {
	bool open;
	bool ended;
	struct http_answer answer;
	char what[64]; /* active, all, ended, or the id */
	char key[32];
	struct http_request request;
};

struct fixture {
	struct source_config config;
	struct source *source;
	struct snapshot *stored; /* own; as the last commit left it */
	struct instant now;
	bool commit_fails;
	bool reload_fails;
	int commits;
	int polled;
	struct http_call calls[CALLS_MAX]; /* a ring */
	size_t call_count;
	struct buf asked; /* "SECONDS what," of each request */
	struct buf told; /* "event id," of each event that was stored */
};

static struct fixture fixture;

static struct http_call *call_open(const char *what)
{
	for (size_t i = 0; i < CALLS_MAX; i++)
		if (fixture.calls[i].open && strcmp(fixture.calls[i].what, what) == 0)
			return &fixture.calls[i];
	return NULL;
}

static size_t calls_open(void)
{
	size_t count = 0;

	for (size_t i = 0; i < CALLS_MAX; i++)
		count += fixture.calls[i].open;
	return count;
}

static void url_name(const char *url, char name[64])
{
	const char *const path = "http://127.0.0.1/ai/embeddings";
	bool active = strstr(url, "status=queued") != NULL;
	bool ended = strstr(url, "status=success") != NULL;

	assert_memory_equal(url, path, strlen(path));
	if (url[strlen(path)] == '?')
		(void)snprintf(name, 64, "%s", !ended ? "active" : active ? "all" : "ended");
	else
		(void)snprintf(name, 64, "%s", url + strlen(path) + 1);
}

struct http_call *http_start(
	struct http *http, const struct http_request *request, struct instant now)
{
	struct http_call *call = &fixture.calls[fixture.call_count++ % CALLS_MAX];

	assert_null(http);
	assert_false(call->open);
	assert_int_equal(now.mono_ms, fixture.now.mono_ms);
	assert_int_equal(request->timeout_ms, fixture.config.timeout_ms);
	*call = (struct http_call){ .open = true, .request = *request };
	(void)snprintf(call->key, sizeof(call->key), "%s", request->key);
	url_name(request->url, call->what);
	call->request.url = NULL;
	assert_true(buf_addf(
		&fixture.asked, "%g %s,", (double)(now.mono_ms - 1000) / 1000, call->what));
	return call;
}

void http_forget_keys(struct http *http)
{
	(void)http;
}

const struct http_answer *http_ended(const struct http_call *call)
{
	assert_true(call->open);
	return call->ended ? &call->answer : NULL;
}

void http_release(struct http *http, struct http_call *call)
{
	(void)http;
	assert_true(call->open);
	call->open = false;
	buf_done(&call->answer.body);
}

/* as the monitor does with what a step found */
static void take(const struct source_batch *batch)
{
	bool stored = !batch->store || !fixture.commit_fails;

	if (batch->store && stored) {
		fixture.commits++;
		for (size_t i = 0; i < batch->changes.event_count; i++) {
			const struct event *event = batch->changes.events[i];

			assert_true(buf_addf(&fixture.told, "%s%s%s,",
				event_types[event->type].word, event->task_id != NULL ? " " : "",
				event->task_id != NULL ? event->task_id : ""));
		}
		fake_store_store(fixture.stored, fixture.source->snapshot, &batch->changes);
	}
	source_stored(fixture.source, stored);
	fixture.polled += batch->polled && stored;
}

static int begin(void **state)
{
	static const struct hash_key key = { 5, 6 };
	static char name[] = "src", type[] = "telnyx-embeddings", url[] = "http://127.0.0.1",
		    none[] = "";

	(void)state;
	fake_key_missing = false;
	fake_keys_wanted = 0;
	fixture = (struct fixture){
		.config = {
			.name = name, .type = type, .base_url = url, .api_key = none, .ca_file = none, .proxy = none,
			.interval_ms = 10000, .idle_interval_ms = 60000, .sweep_interval_ms = 300000,
			.timeout_ms = 30000, .connect_timeout_ms = 5000, .down_after_ms = 120000,
		},
		.stored = snapshot_new(&key),
		.now = { .mono_ms = 1000, .wall_ms = START_MS },
	};
	return 0;
}

static int end(void **state)
{
	(void)state;
	source_free(fixture.source);
	assert_int_equal(calls_open(), 0);
	snapshot_free(fixture.stored);
	buf_done(&fixture.asked);
	buf_done(&fixture.told);
	return 0;
}

static void load(void)
{
	if (source_wants_snapshot(fixture.source, fixture.now))
		source_set_snapshot(fixture.source,
			fixture.reload_fails ? NULL : fake_store_copy(fixture.stored));
}

static void drain(void)
{
	struct source_batch batch;

	load();
	while (source_step(fixture.source, fixture.now, &batch)) {
		take(&batch);
		source_batch_done(&batch);
		load();
	}
}

/* as the monitor does at every wake-up */
static void step(void)
{
	drain();
	if (fixture.source->key_state != KEY_LOOKUP_MISSING)
		return;
	source_no_key(fixture.source, fixture.now);
	drain();
}

static void start(enum source_mode mode)
{
	struct source_setup setup = {
		.config = &fixture.config,
		.snapshot = fake_store_copy(fixture.stored),
		.mode = mode,
		.seed = 7,
	};

	fixture.source = source_new(&setup, fixture.now);
	step();
}

/* time passes, with a wake-up whenever the source wants one */
static void pass(int64_t ms)
{
	int64_t until = fixture.now.mono_ms + ms;

	for (int turns = 0;; turns++) {
		int64_t next = source_next(fixture.source);

		/* a source that wants to be called again and again at once would spin */
		assert_true(turns < 10000);
		if (next > until)
			next = until;
		if (next > fixture.now.mono_ms) {
			fixture.now.wall_ms += next - fixture.now.mono_ms;
			fixture.now.mono_ms = next;
		}
		step();
		if (fixture.now.mono_ms == until && source_next(fixture.source) > until)
			return;
	}
}

static void reply_full(const char *what, const struct http_answer *answer, const char *body)
{
	struct http_call *call = call_open(what);
	struct http_answer told = *answer;

	if (call == NULL)
		fail_msg("%s is not asked; asked was %s", what, buf_text(&fixture.asked));
	/* in two pieces, as networks do */
	if (body != NULL && told.status != 0) {
		size_t half = strlen(body) / 2;

		if (told.status != 200 || call->request.body == NULL)
			(void)buf_add_text(&told.body, body);
		else if (!call->request.body(call->request.arg, body, half) ||
			 !call->request.body(call->request.arg, body + half, strlen(body) - half))
			told.err = (struct err){ ERR_UNREACHABLE, "the taker has seen enough" };
	}
	call->answer = told;
	call->ended = true;
	step();
}

static struct http_answer answer_of(long status)
{
	struct http_answer answer = {
		.status = status, .json = true, .advice = { .after_ms = -1 }
	};

	answer.advice.retry =
		status == 0 || status == 401 || status == 403 || status == 429 || status >= 500;
	if (status == 0)
		answer.err = (struct err){ ERR_UNREACHABLE, "connection refused" };
	return answer;
}

static void reply(const char *what, long status, const char *body)
{
	struct http_answer answer = answer_of(status);

	reply_full(what, &answer, body);
}

/* a complete list: "a=queued b=success" */
static void list(const char *what, const char *tasks)
{
	cleanup_buf struct buf body = { 0 };
	cleanup_free char *copy = mem_strdup(tasks);
	char *save = NULL;
	const char *comma = "";

	assert_true(buf_add_text(&body, "{\"data\":["));
	for (char *task = strtok_r(copy, " ", &save); task != NULL;
		task = strtok_r(NULL, " ", &save)) {
		char *status = strchr(task, '=');

		*status++ = '\0';
		assert_true(buf_addf(&body,
			"%s{\"task_id\":\"%s\",\"status\":\"%s\",\"task_name\":\"n\",\"user_id\":"
			"\"u\"}",
			comma, task, status));
		comma = ",";
	}
	assert_true(buf_add_text(&body, "]}"));
	reply(what, 200, buf_text(&body));
}

static void found(const char *id, const char *status)
{
	cleanup_free char *body = mem_printf("{\"data\":{\"status\":\"%s\"}}", status);

	reply(id, 200, body);
}

static void not_found(const char *id)
{
	reply(id, 404, "{\"errors\":[{\"code\":\"10005\",\"title\":\"Not found\"}]}");
}

static void expect_buf(struct buf *is, const char *expected)
{
	assert_string_equal(buf_text(is), expected);
	buf_clear(is);
}

static void expect_asked(const char *expected)
{
	expect_buf(&fixture.asked, expected);
}

static void expect_told(const char *expected)
{
	expect_buf(&fixture.told, expected);
}

/* a source that has been watched for a while and has these tasks */
static void settled(enum source_mode mode, const char *tasks)
{
	start(mode);
	list("all", tasks);
	expect_asked("0 all,");
	expect_told("");
}

static void begins_so_too_when_its_key_was_long_in_coming(void **state)
{
	(void)state;
	fake_key_missing = true;
	start(SOURCE_WATCH);
	pass(200000);
	fake_key_missing = false;
	pass(100000);
	expect_asked("300 all,");
	pass(9999);
	expect_asked("");
	pass(1);
	expect_asked("310 active,");
}

static void begins_with_a_sweep_that_is_the_first_poll(void **state)
{
	(void)state;
	start(SOURCE_WATCH);
	expect_asked("0 all,");
	list("all", "a=processing b=success");
	assert_int_equal(fixture.commits > 0, 1);
	assert_int_equal(fixture.source->lists, 1);
	assert_true(fixture.source->saw_active);
	pass(10000);
	list("active", "a=processing");
	pass(10000);
	list("active", "a=processing");
	expect_asked("10 active,20 active,");
	expect_told("");
}

static void polls_slowly_while_nothing_is_active(void **state)
{
	(void)state;
	start(SOURCE_WATCH);
	list("all", "");
	pass(10000);
	list("active", "");
	pass(60000);
	list("active", "");
	pass(60000);
	list("active", "");
	expect_asked("0 all,10 active,70 active,130 active,");
}

static void turns_to_its_busy_pace_at_once(void **state)
{
	(void)state;
	start(SOURCE_WATCH);
	pass(10000);
	list("active", "");
	pass(15000);
	expect_asked("0 all,10 active,");
	/* the slow first list finds something: the next poll does not wait for its idle beat */
	list("all", "a=queued");
	expect_asked("25 active,");
}

static void sweeps_at_their_interval_and_nothing_delays_polls(void **state)
{
	char times[16];

	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	for (int s = 10; s <= 300; s += 10) {
		pass(10000);
		list("active", "a=processing");
	}
	assert_non_null(call_open("all"));
	buf_clear(&fixture.asked);
	/* the sweep hangs, the polls do not */
	for (int s = 310; s <= 900; s += 10) {
		pass(10000);
		(void)snprintf(times, sizeof(times), "%d active,", s);
		expect_asked(times);
		list("active", "a=processing");
	}
	/* late, and never a burst to catch up: one at once, for its beat has passed */
	list("all", "a=processing");
	pass(0);
	expect_asked("900 all,");
	list("all", "a=processing");
	pass(299999);
	assert_null(strstr(buf_text(&fixture.asked), "all"));
}

static void backs_off_and_recovers(void **state)
{
	static const int64_t most[] = { 500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };

	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	fixture.config.down_after_ms = 86400000;
	pass(10000);
	for (size_t i = 0; i < ARRAY_LEN(most); i++) {
		int64_t before = fixture.now.mono_ms;

		reply("active", i % 2 == 0 ? 503 : 0, "");
		while (call_open("active") == NULL)
			pass(source_next(fixture.source) - fixture.now.mono_ms);
		assert_int_in_range(fixture.now.mono_ms - before, most[i] - most[i] / 4, most[i]);
	}
	buf_clear(&fixture.asked);
	list("active", "a=processing");
	pass(9999);
	expect_asked("");
	pass(1);
	assert_non_null(call_open("active"));
	expect_told("");
}

static void retry_after_applies_to_poll_and_sweep(void **state)
{
	struct http_answer limited = answer_of(429);

	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(290000);
	buf_clear(&fixture.asked);
	limited.advice.after_ms = 30000;
	reply_full("active", &limited, "{\"errors\":[]}");
	pass(29999);
	expect_asked("");
	pass(1);
	assert_non_null(call_open("active"));
	assert_non_null(call_open("all"));
}

/* a good answer, and what would follow it, do not end what another answer asked for */
static void retry_after_outlasts_a_good_answer(void **state)
{
	struct http_answer limited = answer_of(429);

	(void)state;
	settled(SOURCE_WATCH, "a=processing b=processing");
	pass(300000);
	buf_clear(&fixture.asked);
	limited.advice.after_ms = 20000;
	reply_full("active", &limited, "{\"errors\":[]}");
	list("all", "a=processing");
	pass(19999);
	expect_asked("");
	pass(1);
	expect_asked("320 active,");
	/* now the other way round, and what is missing is asked for when one may ask again */
	pass(280000);
	buf_clear(&fixture.asked);
	reply_full("all", &limited, "{\"errors\":[]}");
	list("active", "a=processing");
	pass(19999);
	expect_asked("");
	pass(1);
	expect_asked("620 active,620 all,");
	list("active", "a=processing");
	expect_asked("620 b,");
	expect_told("");
}

static void retry_after_of_one_lookup_holds_the_others_back(void **state)
{
	struct http_answer limited = answer_of(429);
	char all[400] = "";

	(void)state;
	for (int i = 0; i < 10; i++)
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "t%d=processing ", i);
	settled(SOURCE_WATCH, all);
	pass(10000);
	list("active", "");
	list("ended", "");
	assert_non_null(call_open("t0"));
	assert_null(call_open("t4"));
	limited.advice.after_ms = 20000;
	reply_full("t1", &limited, "");
	found("t0", "success");
	expect_told("success t0,");
	buf_clear(&fixture.asked);
	reply_full("t2", &limited, "");
	not_found("t3");
	pass(19999);
	expect_asked("");
	pass(1);
	assert_non_null(call_open("active"));
}

static void a_refused_key_stops_everything_for_five_minutes(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(10000);
	assert_string_equal(call_open("active")->key, "KEY1");
	reply("active", 401, REFUSED);
	expect_told("source_down,");
	assert_int_equal(fake_keys_wanted, 1);
	buf_clear(&fixture.asked);
	pass(299999);
	expect_asked("");
	assert_int_equal(fake_keys_wanted, 1);
	pass(1);
	/* read again; one request, not two */
	assert_int_equal(fake_keys_wanted, 2);
	expect_asked("310 active,");
	assert_string_equal(call_open("active")->key, "KEY2");
	reply("active", 403, REFUSED);
	pass(300000);
	expect_told("");
	expect_asked("610 active,");
	list("active", "a=processing");
	expect_told("source_up,");
	expect_asked("610 all,");
}

/* a directory locks an account that is tried with a wrong password again and again */
static void a_proxy_that_refuses_us_is_asked_every_five_minutes(void **state)
{
	struct http_answer refused = answer_of(0);

	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(300000);
	buf_clear(&fixture.asked);
	refused.advice = (struct http_advice){ .refused = true, .after_ms = 300000 };
	reply_full("active", &refused, NULL);
	expect_told("source_down,");
	assert_true(fixture.source->reauth);
	reply_full("all", &refused, NULL);
	for (int i = 1; i <= 3; i++) {
		pass(299999);
		expect_asked("");
		pass(1);
		assert_null(call_open("all"));
		reply_full("active", &refused, NULL);
		buf_clear(&fixture.asked);
	}
	expect_told("");
	assert_int_equal(fake_keys_wanted, 1);
	source_poll_now(fixture.source, fixture.now);
	step();
	list("active", "a=processing");
	expect_told("source_up,");
	assert_false(fixture.source->reauth);
	assert_non_null(call_open("all"));
	list("all", "a=processing");
}

/* somebody between the API and us: the key is kept, and the next try comes soon */
static void a_page_with_401_is_unreachable_and_retried(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(10000);
	buf_clear(&fixture.asked);
	for (int i = 0; i < 3; i++) {
		reply("active", 403, "<html><title>Just a moment...</title></html>");
		pass(20000);
	}
	expect_told("");
	assert_int_equal(fake_keys_wanted, 1);
	assert_non_null(call_open("active"));
	reply("active", 403, REFUSED);
	expect_told("source_down,");
	assert_int_equal(fake_keys_wanted, 1);
}

static void a_key_refused_at_the_start_comes_back_with_the_sweep(void **state)
{
	(void)state;
	start(SOURCE_WATCH);
	reply("all", 401, REFUSED);
	expect_told("source_down,");
	pass(300000);
	expect_asked("0 all,300 active,");
	list("active", "");
	expect_asked("300 all,");
	expect_told("");
	list("all", "");
	expect_told("source_up,");
}

static void a_sweep_that_is_always_refused_makes_no_ups_and_downs(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(10000);
	for (int i = 0; i < 100; i++) {
		if (call_open("active") != NULL)
			list("active", "a=processing");
		if (call_open("all") != NULL)
			reply("all", 403, REFUSED);
		pass(10000);
	}
	expect_told("source_down,");
}

static void without_a_key_nothing_is_asked(void **state)
{
	(void)state;
	fake_key_missing = true;
	start(SOURCE_WATCH);
	expect_told("source_down,");
	pass(299999);
	assert_int_equal(fake_keys_wanted, 1);
	pass(1);
	assert_int_equal(fake_keys_wanted, 2);
	expect_asked("");
	expect_told("");
	fake_key_missing = false;
	source_poll_now(fixture.source, fixture.now);
	step();
	assert_int_equal(fake_keys_wanted, 3);
	assert_non_null(call_open("all"));
	list("all", "");
	expect_told("source_up,");
}

static void a_forgotten_key_is_read_again(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	source_renew_key(fixture.source);
	step();
	assert_int_equal(fake_keys_wanted, 2);
	pass(10000);
	assert_string_equal(call_open("active")->key, "KEY2");
	/* what the answer to that leads to is not asked without a key */
	source_renew_key(fixture.source);
	list("active", "");
	assert_string_equal(call_open("a")->key, "KEY2");
}

/* fails whatever is asked for so long */
static void fail_for(int64_t ms, long status, const char *body)
{
	int64_t until = fixture.now.mono_ms + ms;

	while (fixture.now.mono_ms < until) {
		int64_t next;

		while (call_open("active") != NULL)
			reply("active", status, body);
		while (call_open("all") != NULL)
			reply("all", status, body);
		next = source_next(fixture.source);
		pass((next < until ? next : until) - fixture.now.mono_ms);
	}
}

static void is_down_after_a_while_and_up_again_once(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(10000);
	fail_for(119000, 0, NULL);
	expect_told("");
	fail_for(62000, 0, NULL);
	expect_told("source_down,");
	fail_for(600000, 502, "<html>bad gateway</html>");
	expect_told("");
	assert_true(fixture.source->health.down);
	while (call_open("active") == NULL)
		pass(1000);
	list("active", "a=processing");
	expect_told("source_up,");
	assert_false(fixture.source->health.down);
	assert_int_equal(fixture.source->health.last_good_ms, fixture.now.wall_ms);
}

static void an_answer_that_is_not_valid_counts_as_failing_but_is_no_storm(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(10000);
	buf_clear(&fixture.asked);
	fail_for(121000, 200, "{\"data\":[{\"task_id\":\"a\"}]}");
	expect_told("source_down,");
	/* not sooner than the interval, then as slow as any backoff */
	assert_true(strlen(buf_text(&fixture.asked)) < sizeof("100 active,") * 13);
	assert_int_equal(fixture.source->health.last_error.kind, ERR_PROTOCOL);
	assert_int_equal(fixture.source->snapshot->active, 1);
}

static void a_refused_question_is_no_storm(void **state)
{
	(void)state;
	fixture.config.interval_ms = 20000;
	settled(SOURCE_WATCH, "a=processing");
	pass(20000);
	buf_clear(&fixture.asked);
	reply("active", 422,
		"{\"detail\":[{\"loc\":[\"query\",\"status\",0],\"msg\":\"no\",\"type\":\"t\"}]}");
	assert_int_equal(fixture.source->health.last_error.kind, ERR_PROTOCOL);
	pass(19999);
	expect_asked("");
	pass(1);
	expect_asked("40 active,");
	reply("active", 400, "{}");
	pass(19999);
	expect_asked("");
}

static void a_sweep_that_always_fails_while_polls_work_is_no_news(void **state)
{
	(void)state;
	fixture.config.interval_ms = 150000;
	settled(SOURCE_WATCH, "a=processing");
	for (int64_t until = fixture.now.mono_ms + 7200000; fixture.now.mono_ms < until;) {
		if (call_open("active") != NULL)
			list("active", "a=processing");
		if (call_open("all") != NULL)
			reply("all", 500, "");
		pass(1000);
	}
	expect_told("");
	/* but it can be seen */
	assert_int_equal(fixture.source->health.last_error.kind, ERR_UNREACHABLE);
	assert_false(fixture.source->health.failing);
}

static void polls_that_always_fail_while_sweeps_work_are_told_once(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	for (int64_t until = fixture.now.mono_ms + 7200000; fixture.now.mono_ms < until;) {
		if (call_open("active") != NULL)
			reply("active", 500, "");
		if (call_open("all") != NULL)
			list("all", "a=processing");
		pass(1000);
	}
	expect_told("source_down,");
}

static void a_source_that_never_answered_is_down_too(void **state)
{
	(void)state;
	start(SOURCE_WATCH);
	fail_for(185000, 0, NULL);
	expect_told("source_down,");
}

static void down_is_remembered_across_restarts(void **state)
{
	struct source_setup setup = {
		.config = &fixture.config,
		.mode = SOURCE_WATCH,
		.seed = 7,
	};

	(void)state;
	setup.snapshot = fake_store_copy(fixture.stored);
	fixture.source = source_new(&setup, fixture.now);
	source_restore_down(fixture.source, true, START_MS - 60000);
	step();
	fail_for(600000, 0, NULL);
	expect_told("");
	while (call_open("all") == NULL && call_open("active") == NULL)
		pass(1000);
	list(call_open("active") != NULL ? "active" : "all", "");
	/* polls that fail decide; with the poll all is well */
	while (fixture.source->health.down) {
		pass(1000);
		if (call_open("active") != NULL)
			list("active", "");
	}
	expect_told("source_up,");
}

static void few_missing_tasks_are_asked_for_by_id(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing b=processing c=queued d=queued e=queued");
	pass(10000);
	list("active", "e=queued");
	expect_asked("10 active,10 a,10 b,10 c,10 d,");
	found("a", "success");
	found("b", "failure");
	expect_told("success a,failure b,");
	found("c", "processing");
	found("d", "partial_success");
	expect_told("processing c,partial_success d,");
	pass(10000);
	list("active", "c=processing e=queued");
	expect_asked("20 active,");
}

static void many_missing_tasks_are_looked_for_in_the_list_of_ended_ones(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=queued b=queued c=queued d=queued e=queued f=queued");
	pass(10000);
	list("active", "f=queued");
	expect_asked("10 active,10 ended,");
	list("ended", "a=success b=success c=failure d=success x=success");
	expect_told("success a,success b,failure c,success d,success x,");
	expect_asked("10 e,");
	found("e", "success");
	expect_told("success e,");
}

/* t00 to t49 were active, and are in no list now */
static void fifty_vanish(void)
{
	cleanup_buf struct buf tasks = { 0 };

	for (int i = 0; i < 50; i++)
		assert_true(buf_addf(&tasks, "%st%02d=processing", i > 0 ? " " : "", i));
	settled(SOURCE_WATCH, buf_text(&tasks));
	pass(10000);
	list("active", "");
	list("ended", "");
}

static void look_ups_are_bounded_and_go_round(void **state)
{
	char id[8];

	(void)state;
	fifty_vanish();
	for (int i = 0; i < 20; i++) {
		assert_true(calls_open() <= 4);
		(void)snprintf(id, sizeof(id), "t%02d", i);
		found(id, "success");
	}
	assert_int_equal(calls_open(), 0);
	buf_clear(&fixture.told);
	pass(10000);
	list("active", "");
	list("ended", "");
	for (int i = 20; i < 40; i++) {
		(void)snprintf(id, sizeof(id), "t%02d", i);
		found(id, "processing");
	}
	pass(10000);
	list("active", "");
	list("ended", "");
	/* those that were never asked for come first */
	assert_non_null(call_open("t40"));
}

static void the_sweep_of_a_poll_has_no_look_ups_of_its_own(void **state)
{
	char id[8];

	(void)state;
	fifty_vanish();
	for (int i = 0; i < 20; i++) {
		(void)snprintf(id, sizeof(id), "t%02d", i);
		not_found(id);
	}
	list("all", "");
	assert_int_equal(calls_open(), 0);
	pass(10000);
	list("active", "");
	list("ended", "");
	assert_non_null(call_open("t20"));
}

static void an_unknown_status_is_asked_for_at_each_sweep(void **state)
{
	(void)state;
	start(SOURCE_WATCH);
	list("all", "a=odd");
	expect_told("unknown a,");
	for (int i = 0; i < 4; i++) {
		while (call_open("all") == NULL) {
			if (call_open("active") != NULL)
				list("active", "");
			pass(source_next(fixture.source) - fixture.now.mono_ms);
		}
		/* an answer that takes its time, and then one that does not */
		if (call_open("active") != NULL)
			list("active", "");
		pass(i % 2 == 0 ? 50 : 0);
		list("all", "");
		found("a", "odd");
	}
}

static void gone_after_three_complete_sweeps(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(10000);
	list("active", "");
	not_found("a");
	list("all", "");
	expect_asked("10 active,10 a,10 all,");
	pass(10000);
	list("active", "");
	not_found("a");
	list("all", "");
	expect_asked("20 active,20 a,20 all,");
	expect_told("");
	pass(10000);
	list("active", "");
	not_found("a");
	expect_told("");
	list("all", "");
	expect_told("gone a,");
	pass(10000);
	list("active", "");
	pass(60000);
	list("active", "");
	expect_asked("30 active,30 a,30 all,40 active,100 active,");
	expect_told("");
}

/* two sweeps of one moment are one look, however late the answer of the second comes */
static void a_not_found_counts_from_its_request(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	for (int i = 0; i < 2; i++) {
		pass(i == 0 ? 10000 : 200);
		source_poll_now(fixture.source, fixture.now);
		step();
		list("active", "");
		not_found("a");
		pass(1500 * i);
		list("all", "");
	}
	pass(10000);
	list("active", "");
	not_found("a");
	list("all", "");
	expect_told("");
	pass(10000);
	list("active", "");
	not_found("a");
	list("all", "");
	expect_told("gone a,");
}

/* what is not on the first page may be on the second */
static void a_list_that_is_not_all_there_is_says_nothing_of_what_is_not_in_it(void **state)
{
	static const char page[] = "{\"data\":[],\"has_more\":true}";

	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	for (int i = 0; i < 5; i++) {
		pass(10000);
		list("active", "");
		not_found("a");
		reply("all", 200, page);
	}
	expect_told("");
	for (int i = 0; i < 3; i++) {
		pass(10000);
		list("active", "");
		not_found("a");
		list("all", "");
	}
	expect_told("gone a,");
}

/* it is no list without tasks, and it passes as a 500 does */
static void errors_in_a_good_answer_are_a_failure(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(10000);
	reply("active", 200, "{\"data\":[],\"errors\":[{\"title\":\"broken\"}]}");
	assert_int_equal(fixture.source->health.last_error.kind, ERR_UNREACHABLE);
	assert_non_null(strstr(fixture.source->health.last_error.text, "broken"));
	pass(500);
	assert_non_null(call_open("active"));
	list("active", "a=processing");
	assert_int_equal(fixture.source->health.last_error.kind, ERR_NONE);
	expect_told("");
}

/* two requests of one moment are one look, however late the second answer comes */
static void a_step_back_counts_by_when_it_was_asked_for(void **state)
{
	(void)state;
	fixture.config.interval_ms = 200;
	settled(SOURCE_WATCH, "a=processing b=processing");
	pass(200);
	list("active", "a=success b=processing");
	expect_told("success a,");
	pass(200);
	list("active", "a=processing b=processing");
	pass(200);
	assert_non_null(call_open("active"));
	pass(1500);
	list("active", "a=processing b=processing");
	expect_told("");
	pass(200);
	list("active", "a=processing b=processing");
	expect_told("processing a,");
}

static void polls_in_quick_succession_sweep_once_a_second(void **state)
{
	int64_t begin_ms;

	(void)state;
	fixture.config.interval_ms = 100;
	settled(SOURCE_WATCH, "a=processing");
	begin_ms = fixture.now.mono_ms;
	while (fixture.told.len == 0) {
		pass(100);
		if (call_open("active") != NULL)
			list("active", "");
		if (call_open("a") != NULL)
			not_found("a");
		if (call_open("all") != NULL)
			list("all", "");
		assert_true(fixture.now.mono_ms - begin_ms < 10000);
	}
	expect_told("gone a,");
	assert_true(fixture.now.mono_ms - begin_ms >= 2000);
	/* three sweeps, each a second or more after the one before */
	for (int i = 0; i < 3; i++) {
		char *at = strstr(fixture.asked.data, " all,");

		assert_non_null(at);
		buf_drop(&fixture.asked, (size_t)(at - fixture.asked.data) + 5);
	}
	assert_null(strstr(buf_text(&fixture.asked), " all,"));
}

static void a_proxys_404_is_not_not_found(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(10000);
	for (int64_t until = fixture.now.mono_ms + 3600000; fixture.now.mono_ms < until;
		pass(1000)) {
		if (call_open("active") != NULL)
			list("active", "");
		if (call_open("a") != NULL)
			reply("a", 404, "<html>not found</html>");
		if (call_open("all") != NULL)
			list("all", "");
	}
	expect_told("");
	assert_int_equal(fixture.source->snapshot->active, 1);
}

static void a_look_up_that_fails_is_answered_by_the_sweep(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(10000);
	list("active", "");
	reply("a", 403, "{\"errors\":[{\"code\":\"10010\"}]}");
	/* the key is not refused: the list was had with it */
	expect_told("");
	assert_non_null(call_open("all"));
	list("all", "a=failure");
	expect_told("failure a,");
	assert_int_equal(fake_keys_wanted, 1);
}

static void what_cannot_be_stored_was_not_told(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing b=processing");
	pass(10000);
	fixture.commit_fails = true;
	list("active", "a=queued b=processing c=queued");
	expect_told("");
	assert_int_equal(fixture.source->snapshot->active, 2);
	fixture.commit_fails = false;
	buf_clear(&fixture.asked);
	pass(1000);
	expect_asked("11 active,");
	list("active", "a=queued b=processing c=queued");
	expect_told("queued a,queued c,");
	/* also in the middle of look-ups */
	pass(10000);
	list("active", "");
	fixture.commit_fails = true;
	found("b", "success");
	fixture.commit_fails = false;
	expect_told("");
	assert_int_equal(calls_open(), 0);
	pass(1000);
	list("active", "");
	found("b", "success");
	expect_told("success b,");
}

static void what_cannot_be_stored_of_the_health_is_told_later(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(10000);
	fixture.commit_fails = true;
	reply("active", 401, REFUSED);
	expect_told("");
	fixture.commit_fails = false;
	pass(300000);
	reply("active", 401, REFUSED);
	expect_told("source_down,");
	pass(300000);
	fixture.commit_fails = true;
	list("active", "a=processing");
	expect_told("");
	fixture.commit_fails = false;
	pass(1000);
	list("active", "a=processing");
	expect_told("source_up,");
}

static void a_snapshot_that_cannot_be_read_is_asked_for_once_a_second(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(10000);
	fixture.commit_fails = true;
	fixture.reload_fails = true;
	list("active", "a=queued");
	assert_null(fixture.source->snapshot);
	buf_clear(&fixture.asked);
	pass(5000);
	expect_asked("");
	fixture.commit_fails = false;
	fixture.reload_fails = false;
	pass(1000);
	list("active", "a=queued");
	expect_told("queued a,");
}

static void after_a_jump_one_poll_follows_soon_and_may_fail(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(10000);
	fail_for(110000, 0, NULL);
	fixture.now.mono_ms += 3600000;
	fixture.now.wall_ms += 3600000;
	source_resumed(fixture.source, fixture.now);
	assert_int_equal(calls_open(), 0);
	buf_clear(&fixture.asked);
	step();
	expect_asked("");
	pass(999);
	expect_asked("");
	pass(1);
	assert_non_null(call_open("active"));
	reply("active", 0, NULL);
	fail_for(100000, 0, NULL);
	expect_told("");
	fail_for(120000, 0, NULL);
	expect_told("source_down,");
}

static void an_answer_from_before_a_jump_is_dropped(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(10000);
	assert_int_equal(calls_open(), 1);
	source_resumed(fixture.source, fixture.now);
	assert_int_equal(calls_open(), 0);
	pass(1000);
	list("active", "a=processing");
	pass(10000);
	expect_asked("10 active,11 active,21 active,");
}

static void hurry_asks_at_once(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "");
	pass(3000);
	source_poll_now(fixture.source, fixture.now);
	step();
	assert_non_null(call_open("active"));
	assert_non_null(call_open("all"));
	list("active", "");
	list("all", "");
	buf_clear(&fixture.asked);
	pass(59999);
	expect_asked("");
}

static void a_new_configuration_counts_from_the_next_plan(void **state)
{
	struct source_config faster;

	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	faster = fixture.config;
	faster.interval_ms = 1000;
	source_reconfigure(fixture.source, &faster);
	assert_ptr_equal(fixture.source->config, &faster);
	pass(10000);
	list("active", "a=processing");
	pass(1000);
	list("active", "a=processing");
	expect_asked("10 active,11 active,");
	source_reconfigure(fixture.source, &fixture.config);
}

static void another_address_is_asked_from_the_next_poll_on(void **state)
{
	struct source_config moved;

	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(10000);
	list("active", "a=processing");
	moved = fixture.config;
	moved.base_url = "http://127.0.0.1/ai/embeddings/x";
	source_reconfigure(fixture.source, &moved);
	pass(10000);
	expect_asked("10 active,20 x/ai/embeddings?status=queued&status=processing,");
	source_reconfigure(fixture.source, &fixture.config);
}

static void expect_finished(enum err_kind kind)
{
	struct err err;

	assert_true(source_finished(fixture.source, &err));
	assert_int_equal(err.kind, kind);
	assert_true(source_next(fixture.source) == INSTANT_NEVER);
	assert_int_equal(calls_open(), 0);
}

static void once_is_one_poll_and_one_sweep(void **state)
{
	struct err err;

	(void)state;
	fixture.stored->baseline = true;
	start(SOURCE_ONCE);
	list("active", "a=processing");
	expect_asked("0 active,0 all,");
	assert_false(source_finished(fixture.source, &err));
	list("all", "a=processing b=success");
	expect_told("processing a,success b,");
	expect_finished(ERR_NONE);
	pass(86400000);
	expect_asked("");
}

static void once_resolves_what_has_vanished(void **state)
{
	const struct task task = {
		.id = "a", .status = STATUS_PROCESSING, .created_us = STAMP_NONE
	};

	(void)state;
	fixture.stored->baseline = true;
	(void)snapshot_add(fixture.stored, &task, START_MS);
	for (int run = 1; run <= 3; run++) {
		start(SOURCE_ONCE);
		list("active", "");
		not_found("a");
		assert_string_equal(buf_text(&fixture.told), "");
		list("all", "");
		expect_finished(ERR_NONE);
		expect_told(run < 3 ? "" : "gone a,");
		source_free(fixture.source);
		fixture.source = NULL;
		fixture.now.mono_ms += 1000;
		fixture.now.wall_ms += 1000;
	}
}

static void once_tries_three_times(void **state)
{
	(void)state;
	start(SOURCE_ONCE);
	for (int i = 0; i < 3; i++) {
		assert_non_null(call_open("active"));
		reply("active", 503, "");
		pass(1000);
	}
	for (int i = 0; i < 3; i++) {
		assert_non_null(call_open("all"));
		reply("all", 503, "");
		pass(1000);
	}
	expect_finished(ERR_UNREACHABLE);
}

static void once_never_sleeps_past_ten_seconds_in_all(void **state)
{
	struct http_answer limited = answer_of(429);

	(void)state;
	limited.advice.after_ms = 6000;
	start(SOURCE_ONCE);
	reply_full("active", &limited, "");
	pass(6000);
	reply_full("active", &limited, "");
	/* the poll is given up, and nothing is slept for the sweep */
	assert_non_null(call_open("all"));
	reply_full("all", &limited, "");
	expect_finished(ERR_UNREACHABLE);
	expect_asked("0 active,6 active,6 all,");
}

static void once_ends_at_a_refused_key_and_at_nonsense(void **state)
{
	(void)state;
	start(SOURCE_ONCE);
	reply("active", 401, REFUSED);
	expect_finished(ERR_AUTH);
	expect_told("source_down,");
	source_free(fixture.source);
	start(SOURCE_ONCE);
	reply("active", 200, "<html>");
	reply("all", 200, "<html>");
	expect_finished(ERR_PROTOCOL);
	source_free(fixture.source);
	fake_key_missing = true;
	start(SOURCE_ONCE);
	expect_finished(ERR_AUTH);
}

static void once_asks_a_proxy_that_refuses_us_no_more(void **state)
{
	struct http_answer refused = answer_of(0);

	(void)state;
	refused.advice = (struct http_advice){ .refused = true, .after_ms = 300000 };
	start(SOURCE_ONCE);
	reply_full("active", &refused, NULL);
	expect_finished(ERR_UNREACHABLE);
	expect_asked("0 active,");
}

static void once_ends_when_nothing_can_be_stored(void **state)
{
	(void)state;
	fixture.commit_fails = true;
	start(SOURCE_ONCE);
	for (int i = 0; i < 3; i++) {
		list("active", "a=queued");
		pass(1000);
	}
	expect_finished(ERR_IO);
}

static void wait_polls_only_and_sweeps_when_a_task_is_nowhere(void **state)
{
	const struct task task = { .id = "a", .status = STATUS_EXPECTED, .created_us = STAMP_NONE };

	(void)state;
	fixture.stored->baseline = true;
	(void)snapshot_add(fixture.stored, &task, START_MS);
	start(SOURCE_WAIT);
	expect_asked("0 active,");
	list("active", "a=queued");
	expect_told("queued a,");
	for (int i = 0; i < 100; i++) {
		pass(10000);
		list("active", "a=queued");
	}
	assert_null(strstr(buf_text(&fixture.asked), "all"));
	pass(10000);
	list("active", "");
	buf_clear(&fixture.asked);
	not_found("a");
	expect_asked("1010 all,");
	/* a sweep that fails does not mean that there will never be another one */
	reply("all", 200, "<html>");
	for (int i = 0; i < 10 && call_open("all") == NULL; i++) {
		pass(10000);
		if (call_open("active") != NULL)
			list("active", "");
		if (call_open("a") != NULL)
			not_found("a");
	}
	list("all", "a=success");
	expect_told("success a,");
}

static void wait_is_through_with_a_poll_and_what_it_led_to(void **state)
{
	const struct task task = { .id = "a", .status = STATUS_EXPECTED, .created_us = STAMP_NONE };

	(void)state;
	(void)snapshot_add(fixture.stored, &task, START_MS);
	start(SOURCE_WAIT);
	assert_false(source_idle(fixture.source));
	list("active", "");
	not_found("a");
	expect_asked("0 active,0 a,0 all,");
	assert_false(source_idle(fixture.source));
	list("all", "");
	assert_true(source_idle(fixture.source));
	assert_true(detect_is_missing(fixture.source->snapshot, "a"));
}

static void a_list_that_is_cut_changes_nothing(void **state)
{
	struct http_call *call;
	struct http_answer cut = answer_of(0);
	static const char half[] = "{\"data\":[{\"task_id\":\"b\",\"status\":\"success\"},{\"task";

	(void)state;
	settled(SOURCE_WATCH, "a=processing");
	pass(300000 - 10000);
	list("active", "a=processing");
	pass(10000);
	call = call_open("all");
	assert_non_null(call);
	assert_true(call->request.body(call->request.arg, half, sizeof(half) - 1));
	call->answer = cut;
	call->ended = true;
	step();
	expect_told("");
	pass(1000);
	list("all", "a=processing b=success");
	expect_told("success b,");
}

static void whatever_is_under_way_is_cancelled_at_the_end(void **state)
{
	(void)state;
	settled(SOURCE_WATCH, "a=processing b=processing");
	pass(10000);
	list("active", "");
	pass(300000);
	assert_true(calls_open() >= 2);
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(begins_with_a_sweep_that_is_the_first_poll),
		test(begins_so_too_when_its_key_was_long_in_coming),
		test(polls_slowly_while_nothing_is_active),
		test(turns_to_its_busy_pace_at_once),
		test(sweeps_at_their_interval_and_nothing_delays_polls),
		test(backs_off_and_recovers),
		test(retry_after_applies_to_poll_and_sweep),
		test(retry_after_outlasts_a_good_answer),
		test(retry_after_of_one_lookup_holds_the_others_back),
		test(a_refused_key_stops_everything_for_five_minutes),
		test(a_proxy_that_refuses_us_is_asked_every_five_minutes),
		test(a_page_with_401_is_unreachable_and_retried),
		test(a_key_refused_at_the_start_comes_back_with_the_sweep),
		test(a_sweep_that_is_always_refused_makes_no_ups_and_downs),
		test(without_a_key_nothing_is_asked),
		test(a_forgotten_key_is_read_again),
		test(is_down_after_a_while_and_up_again_once),
		test(an_answer_that_is_not_valid_counts_as_failing_but_is_no_storm),
		test(a_refused_question_is_no_storm),
		test(a_sweep_that_always_fails_while_polls_work_is_no_news),
		test(polls_that_always_fail_while_sweeps_work_are_told_once),
		test(a_source_that_never_answered_is_down_too),
		test(down_is_remembered_across_restarts),
		test(few_missing_tasks_are_asked_for_by_id),
		test(many_missing_tasks_are_looked_for_in_the_list_of_ended_ones),
		test(look_ups_are_bounded_and_go_round),
		test(the_sweep_of_a_poll_has_no_look_ups_of_its_own),
		test(an_unknown_status_is_asked_for_at_each_sweep),
		test(gone_after_three_complete_sweeps),
		test(a_not_found_counts_from_its_request),
		test(a_list_that_is_not_all_there_is_says_nothing_of_what_is_not_in_it),
		test(errors_in_a_good_answer_are_a_failure),
		test(a_step_back_counts_by_when_it_was_asked_for),
		test(polls_in_quick_succession_sweep_once_a_second),
		test(a_proxys_404_is_not_not_found),
		test(a_look_up_that_fails_is_answered_by_the_sweep),
		test(what_cannot_be_stored_was_not_told),
		test(what_cannot_be_stored_of_the_health_is_told_later),
		test(a_snapshot_that_cannot_be_read_is_asked_for_once_a_second),
		test(after_a_jump_one_poll_follows_soon_and_may_fail),
		test(an_answer_from_before_a_jump_is_dropped),
		test(hurry_asks_at_once),
		test(a_new_configuration_counts_from_the_next_plan),
		test(another_address_is_asked_from_the_next_poll_on),
		test(once_is_one_poll_and_one_sweep),
		test(once_resolves_what_has_vanished),
		test(once_tries_three_times),
		test(once_never_sleeps_past_ten_seconds_in_all),
		test(once_ends_at_a_refused_key_and_at_nonsense),
		test(once_asks_a_proxy_that_refuses_us_no_more),
		test(once_ends_when_nothing_can_be_stored),
		test(wait_polls_only_and_sweeps_when_a_task_is_nowhere),
		test(wait_is_through_with_a_poll_and_what_it_led_to),
		test(a_list_that_is_cut_changes_nothing),
		test(whatever_is_under_way_is_cancelled_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
