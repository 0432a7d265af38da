/*
 * A week of polling on a virtual clock, against a simulation that knows the truth: tasks of any
 * length of life, answers that are late, lost, cut, empty, short or nonsense, restarts, commits
 * that fail, suspends, a wall clock that jumps. Afterwards a few quiet hours, and then every end
 * has to have been told, once, and nothing that did not happen. The HTTP client is the one below;
 * all else is what `watch` runs.
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
#include "fake_key.h"
#include "fake_store.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define NEVER INT64_MAX
#define STEPS_MAX 8
#define CALLS_MAX 16
#define EPOCH_MS INT64_C(1790000000000)

/* what a task does: from each moment on it has this status, until it is deleted */
struct life {
	struct {
		int64_t ms;
		enum status status;
	} steps[STEPS_MAX];
	int step_count;
	int64_t deleted_ms;
	bool regresses;
	/* what was told of it */
	int told;
	int ends;
	int gone;
	enum event_type last;
	int last_step;
	char last_to[32];
};

struct http_call {
	bool open;
	bool ended;
	struct http_answer answer;
	int64_t due_ms;
	long status; /* 0: lost */
	struct buf body;
	struct http_request request;
};

struct simulation {
	uint64_t random;
	uint64_t seed;
	struct source_config config;
	struct life *lives; /* own */
	size_t life_count;
	int64_t end_ms; /* of the bad times */
	bool calm;
	struct http_call calls[CALLS_MAX];
	struct source *source;
	struct snapshot *stored; /* own */
	struct instant now;
	int64_t wall_offset_ms;
	int64_t trouble_ms; /* the next one */
	uint64_t polls;
	uint64_t restarts;
	uint64_t downs;
	uint64_t ups;
};

static struct simulation sim;

static uint64_t random_next(void)
{
	sim.random ^= sim.random << 13;
	sim.random ^= sim.random >> 7;
	sim.random ^= sim.random << 17;
	return sim.random;
}

static int64_t random_in(int64_t low, int64_t high)
{
	return low + (int64_t)(random_next() % (uint64_t)(high - low + 1));
}

static bool chance(int percent)
{
	return random_in(0, 99) < percent;
}

static enum status random_end(void)
{
	return (enum status)random_in(STATUS_SUCCESS, STATUS_PARTIAL_SUCCESS);
}

static void life_step(struct life *life, int64_t ms, enum status status)
{
	if (life->step_count == STEPS_MAX)
		return;
	life->steps[life->step_count].ms = ms;
	life->steps[life->step_count++].status = status;
}

static int64_t random_span(void)
{
	if (chance(30))
		return random_in(1, 8 * SECOND);
	return chance(70) ? random_in(8 * SECOND, 20 * MINUTE) : random_in(20 * MINUTE, 10 * HOUR);
}

static void life_make(struct life *life, int64_t begin_ms)
{
	int64_t ms = begin_ms;

	*life = (struct life){ .deleted_ms = NEVER };
	life_step(life, ms, STATUS_QUEUED);
	if (chance(80))
		life_step(life, ms += random_span() / 4, STATUS_PROCESSING);
	if (chance(5))
		life_step(life, ms += random_span(), STATUS_UNKNOWN);
	if (chance(8)) {
		/* deleted while it was active */
		life->deleted_ms = ms + random_span();
		return;
	}
	life_step(life, ms += random_span(), random_end());
	if (chance(5)) {
		life->regresses = true;
		life_step(life, ms += random_in(MINUTE, HOUR), STATUS_PROCESSING);
		life_step(life, ms += random_in(MINUTE, HOUR), random_end());
	}
	if (chance(30))
		life->deleted_ms = ms + random_in(HOUR, 3 * DAY);
}

static int by_begin(const void *a, const void *b)
{
	const struct life *x = a;
	const struct life *y = b;

	return x->steps[0].ms < y->steps[0].ms ? -1 : x->steps[0].ms > y->steps[0].ms;
}

static void lives_make(int64_t length_ms, size_t count)
{
	sim.lives = mem_alloc(count * sizeof(*sim.lives));
	sim.life_count = count;
	for (size_t i = 0; i < count; i++) {
		life_make(&sim.lives[i], random_in(-DAY, length_ms));
		/* now and then many end at the same moment */
		if (i >= 12 && chance(2))
			for (size_t j = i - 12; j < i; j++) {
				sim.lives[j] = (struct life){ .deleted_ms = NEVER };
				life_step(
					&sim.lives[j], sim.lives[i].steps[0].ms, STATUS_PROCESSING);
				life_step(&sim.lives[j], sim.lives[i].steps[0].ms + 5 * MINUTE,
					random_end());
			}
	}
	qsort(sim.lives, count, sizeof(*sim.lives), by_begin);
}

/* STATUS_EXPECTED: it is not there */
static enum status life_at(const struct life *life, int64_t ms)
{
	enum status status = STATUS_EXPECTED;

	if (ms >= life->deleted_ms)
		return STATUS_EXPECTED;
	for (int i = 0; i < life->step_count && life->steps[i].ms <= ms; i++)
		status = life->steps[i].status;
	return status;
}

/* the last step so far that gave it this status; -1: none did */
static int step_of(const struct life *life, enum status status, int64_t by_ms)
{
	int found = -1;

	for (int i = 0; i < life->step_count && life->steps[i].ms <= by_ms; i++)
		if (life->steps[i].status == status)
			found = i;
	return found;
}

static const char *word_of(enum status status)
{
	return status == STATUS_UNKNOWN ? "paused" : status_word(status);
}

static void body_add(struct buf *body, const struct life *life, enum status status, bool listed)
{
	if (listed)
		(void)buf_addf(body,
			"{\"task_id\":\"t%zu\",\"task_name\":\"n\",\"user_id\":\"u\",\"status\":\"%"
			"s\"}",
			(size_t)(life - sim.lives), word_of(status));
	else
		(void)buf_addf(
			body, "{\"data\":{\"status\":\"%s\",\"task_name\":null}}", word_of(status));
}

static void body_list(struct buf *body, bool active, bool ended, int short_percent)
{
	const char *comma = "";

	(void)buf_add_text(body, "{\"data\":[");
	for (size_t i = 0; i < sim.life_count; i++) {
		const struct life *life = &sim.lives[i];
		enum status status;
		enum status_class class;

		if (life->steps[0].ms > sim.now.mono_ms)
			break;
		status = life_at(life, sim.now.mono_ms);
		class = status_class(status);
		if ((class == CLASS_ACTIVE && active) || (class == CLASS_ENDED && ended)) {
			if (short_percent > 0 && chance(short_percent))
				continue;
			(void)buf_add_text(body, comma);
			body_add(body, life, status, true);
			comma = ",";
		}
	}
	(void)buf_add_text(body, "]}");
}

/* the truth of this moment, or part of it: a list that is short, or a task not found, by mistake */
static void call_truth(struct http_call *call, const char *url)
{
	bool active = strstr(url, "status=queued") != NULL;
	bool ended = strstr(url, "status=success") != NULL;
	int short_percent = 0;
	enum status status;
	size_t number;

	call->status = 200;
	if (active || ended) {
		if (!sim.calm && chance(6))
			short_percent = chance(30) ? 100 : 20;
		body_list(&call->body, active, ended, short_percent);
		return;
	}

	number = (size_t)strtoull(strrchr(url, '/') + 2, NULL, 10);
	assert_true(number < sim.life_count);
	status = life_at(&sim.lives[number], sim.now.mono_ms);
	/* one of unknown status stands in no list: three such mistakes in a row would be the API's
	 * own word */
	if (status != STATUS_EXPECTED && (sim.calm || status == STATUS_UNKNOWN || !chance(15))) {
		body_add(&call->body, &sim.lives[number], status, false);
		return;
	}
	call->status = chance(50) ? 404 : 422;
	(void)buf_add_text(&call->body, "{\"detail\":\"Not Found\"}");
}

static void call_spoil(struct http_call *call)
{
	switch (random_in(0, 6)) {
	case 0:
		call->status = 0;
		break;
	case 1:
		call->status = 503;
		buf_clear(&call->body);
		(void)buf_add_text(&call->body, "{\"errors\":[{\"code\":\"10007\"}]}");
		break;
	case 2:
		call->status = 404;
		buf_clear(&call->body);
		(void)buf_add_text(&call->body, "<html>no such page</html>");
		break;
	case 3:
		call->body.len /= 2;
		break;
	case 4:
		buf_clear(&call->body);
		break;
	case 5:
		buf_clear(&call->body);
		(void)buf_add_text(&call->body, "{\"data\":[{\"task_id\":\"t1\"}]}");
		break;
	default:
		call->due_ms = sim.now.mono_ms + 5 * MINUTE;
		call->status = 0;
		break;
	}
}

struct http_call *http_start(
	struct http *http, const struct http_request *request, struct instant now)
{
	struct http_call *call = NULL;

	(void)http;
	(void)now;
	for (size_t i = 0; i < CALLS_MAX && call == NULL; i++)
		if (!sim.calls[i].open)
			call = &sim.calls[i];
	assert_non_null(call);
	call->open = true;
	call->ended = false;
	call->request = *request;
	buf_clear(&call->body);
	call->due_ms = sim.now.mono_ms + random_in(1, chance(95) ? 300 : 40 * SECOND);
	call_truth(call, request->url);
	call->request.url = NULL;
	if (!sim.calm && chance(8))
		call_spoil(call);
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

static void call_answer(struct http_call *call)
{
	struct http_answer answer = {
		.status = call->status, .json = true, .advice = { .after_ms = -1 }
	};

	answer.advice.retry = call->status == 0 || call->status == 503;
	if (call->status == 0)
		answer.err = (struct err){ ERR_UNREACHABLE, "lost" };
	else if (call->status != 200 || call->request.body == NULL)
		(void)buf_add(&answer.body, buf_text(&call->body), call->body.len);
	else if (call->body.len > 0 &&
		 !call->request.body(call->request.arg, call->body.data, call->body.len))
		answer.err = (struct err){ ERR_UNREACHABLE, "the taker has seen enough" };
	call->answer = answer;
	call->ended = true;
}

static _Noreturn void wrong(const struct life *life, const struct event *event, const char *what)
{
	fail_msg("seed %" PRIu64 ", at %" PRId64 " s, t%zu, %s %s->%s: %s", sim.seed,
		sim.now.mono_ms / 1000, (size_t)(life - sim.lives), event_types[event->type].word,
		event->from != NULL ? event->from : "-", event->to != NULL ? event->to : "-", what);
	abort();
}

/* is this event true, and does it follow from what was told before? */
static void told_of_task(const struct event *event)
{
	struct life *life = &sim.lives[strtoull(event->task_id + 1, NULL, 10)];
	enum status status = STATUS_UNKNOWN;
	int step;

	if (event->type == EVENT_GONE) {
		if (life->deleted_ms > sim.now.mono_ms)
			wrong(life, event, "it is not gone");
		life->gone++;
	} else {
		(void)status_from_word(event_types[event->type].word, &status);
		step = step_of(life, status, sim.now.mono_ms);
		if (step < 0)
			wrong(life, event, "it never was");
		if (step < life->last_step && !life->regresses)
			wrong(life, event, "a step back");
		life->last_step = step;
		life->ends += status_class(status) == CLASS_ENDED;
	}
	if (life->told > 0 && life->last != EVENT_GONE &&
		(event->from == NULL || strcmp(event->from, life->last_to) != 0))
		wrong(life, event, "does not follow from what was told before");
	if (life->told > 0 && event->type == life->last)
		wrong(life, event, "told twice");
	life->told++;
	life->last = event->type;
	(void)snprintf(
		life->last_to, sizeof(life->last_to), "%s", event->to != NULL ? event->to : "");
}

static void take(const struct source_batch *batch)
{
	bool stored = !batch->store || sim.calm || random_in(0, 999) != 0;

	for (size_t i = 0; stored && i < batch->changes.event_count; i++) {
		const struct event *event = batch->changes.events[i];

		sim.downs += event->type == EVENT_SOURCE_DOWN;
		sim.ups += event->type == EVENT_SOURCE_UP;
		assert_true(sim.downs == sim.ups || sim.downs == sim.ups + 1);
		if (event_types[event->type].about == ABOUT_TASK)
			told_of_task(event);
	}
	if (batch->store && stored)
		fake_store_store(sim.stored, sim.source->snapshot, &batch->changes);
	source_stored(sim.source, stored);
	sim.polls += batch->polled && stored;
}

static void load(void)
{
	if (source_wants_snapshot(sim.source, sim.now))
		source_set_snapshot(
			sim.source, sim.calm || chance(90) ? fake_store_copy(sim.stored) : NULL);
}

static void source_begin(void)
{
	struct source_setup setup = {
		.config = &sim.config,
		.snapshot = fake_store_copy(sim.stored),
		.mode = SOURCE_WATCH,
		.seed = random_next(),
	};

	sim.source = source_new(&setup, sim.now);
	source_restore_down(sim.source, sim.downs != sim.ups, 0);
}

static void moment(int64_t ms)
{
	sim.now.mono_ms = ms;
	sim.now.wall_ms = EPOCH_MS + sim.wall_offset_ms + ms;
}

static void trouble(void)
{
	sim.trouble_ms = sim.now.mono_ms + random_in(MINUTE, 3 * HOUR);
	switch (random_in(0, 5)) {
	case 0:
	case 1:
		sim.restarts++;
		source_free(sim.source);
		if (chance(50))
			moment(sim.now.mono_ms + random_in(0, HOUR));
		source_begin();
		break;
	case 2:
		/* a suspend */
		moment(sim.now.mono_ms + random_in(MINUTE, 8 * HOUR));
		source_resumed(sim.source, sim.now);
		break;
	case 3:
		sim.wall_offset_ms += random_in(-2 * HOUR, 2 * HOUR);
		moment(sim.now.mono_ms);
		break;
	case 4:
		source_poll_now(sim.source, sim.now);
		break;
	default:
		source_renew_key(sim.source);
		break;
	}
}

static int64_t next_moment(void)
{
	int64_t next = source_next(sim.source);

	for (size_t i = 0; i < CALLS_MAX; i++)
		if (sim.calls[i].open && sim.calls[i].due_ms < next)
			next = sim.calls[i].due_ms;
	return !sim.calm && sim.trouble_ms < next ? sim.trouble_ms : next;
}

/* what the monitor does at every wake-up */
static void turn(void)
{
	struct source_batch batch;

	for (size_t i = 0; i < CALLS_MAX; i++)
		if (sim.calls[i].open && !sim.calls[i].ended &&
			sim.calls[i].due_ms <= sim.now.mono_ms)
			call_answer(&sim.calls[i]);
	load();
	while (source_step(sim.source, sim.now, &batch)) {
		take(&batch);
		source_batch_done(&batch);
		load();
	}
}

static void live_until(int64_t until_ms)
{
	while (sim.now.mono_ms < until_ms) {
		int64_t next;

		turn();
		next = next_moment();
		assert_true(next < NEVER);
		moment(next > sim.now.mono_ms ? next : sim.now.mono_ms);
		if (!sim.calm && sim.now.mono_ms >= sim.trouble_ms)
			trouble();
	}
}

static _Noreturn void missed(const struct life *life, const char *what)
{
	fail_msg("seed %" PRIu64 ", t%zu (begun at %" PRId64 " s, deleted at %" PRId64
		 " s): %s; told %d, ends %d, gone %d",
		sim.seed, (size_t)(life - sim.lives), life->steps[0].ms / 1000,
		life->deleted_ms / 1000, what, life->told, life->ends, life->gone);
	abort();
}

static void check_life(const struct life *life, int64_t begin_ms)
{
	enum status at_begin = life_at(life, begin_ms);
	enum status at_end = life_at(life, sim.now.mono_ms);
	bool history = status_class(at_begin) == CLASS_ENDED || begin_ms >= life->deleted_ms;
	char id[16];

	(void)snprintf(id, sizeof(id), "t%zu", (size_t)(life - sim.lives));
	if (history && !life->regresses && life->told != 0)
		missed(life, "it was history");
	if (at_end == STATUS_EXPECTED) {
		if (snapshot_find(sim.source->snapshot, id) != NULL)
			missed(life, "it is gone and still awaited");
		if (life->gone > 1 || (life->gone > 0 && life->ends > 0 && !life->regresses))
			missed(life, "its end and that it is gone were told");
		if (life->told > 0 && life->gone + life->ends == 0)
			missed(life, "nothing was told of its end");
		return;
	}
	if (status_class(at_end) != CLASS_ENDED || history)
		return;
	if (life->ends == 0 || (!life->regresses && life->ends != 1) || life->gone != 0)
		missed(life, "its end has to be told once");
	if (strcmp(life->last_to, status_word(at_end)) != 0)
		missed(life, "another end was told last");
}

static void run(uint64_t seed, int64_t length_ms, size_t lives)
{
	static const struct hash_key key = { 3, 5 };
	static char name[] = "src", type[] = "telnyx-embeddings", url[] = "http://127.0.0.1",
		    none[] = "";

	sim = (struct simulation){
		.random = seed * 0x9e3779b97f4a7c15 | 1,
		.seed = seed,
		.config = {
			.name = name, .type = type, .base_url = url, .api_key = none, .ca_file = none, .proxy = none,
			.interval_ms = 10 * SECOND, .idle_interval_ms = MINUTE, .sweep_interval_ms = 5 * MINUTE,
			.timeout_ms = 30 * SECOND, .connect_timeout_ms = 5 * SECOND, .down_after_ms = 2 * MINUTE,
		},
		.stored = snapshot_new(&key),
		.trouble_ms = random_in(0, HOUR),
	};
	lives_make(length_ms, lives);
	moment(0);
	source_begin();
	/* the first list is the beginning of what has to be told */
	sim.calm = true;
	live_until(41 * SECOND);
	assert_true(sim.source->snapshot->baseline);
	sim.calm = false;
	live_until(length_ms);
	sim.calm = true;
	live_until(sim.now.mono_ms + DAY);
	for (size_t i = 0; i < sim.life_count; i++)
		check_life(&sim.lives[i], 0);
	assert_int_equal(sim.downs, sim.ups);
	source_free(sim.source);
	snapshot_free(sim.stored);
	for (size_t i = 0; i < CALLS_MAX; i++)
		buf_done(&sim.calls[i].body);
	free(sim.lives);
}

static void a_week(void **state)
{
	(void)state;
	run(1, 7 * DAY, 700);
	assert_true(sim.polls > 10000);
	assert_true(sim.restarts > 20);
}

static void many_days(void **state)
{
	(void)state;
	for (uint64_t seed = 2; seed <= 21; seed++)
		run(seed, DAY, 150);
}

static void days_with_crowds(void **state)
{
	(void)state;
	for (uint64_t seed = 31; seed <= 33; seed++)
		run(seed, 6 * HOUR, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_week),
		cmocka_unit_test(many_days),
		cmocka_unit_test(days_with_crowds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
