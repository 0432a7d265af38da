/* `wait` in virtual time: what it tells, when it stops, and how often it asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/waiter.h"

#include "fake_api.h"

#define INTERVAL_MS 1000

static struct source_config sources[] = {
	{ .name = (char *)"one",
		.type = (char *)"telnyx-embeddings",
		.base_url = (char *)"http://one",
		.api_key = (char *)"env:TB_TEST_KEY",
		.interval_ms = INTERVAL_MS,
		.idle_interval_ms = 60000,
		.sweep_interval_ms = 300000,
		.timeout_ms = 30000,
		.down_after_ms = 120000 },
	{ .name = (char *)"two",
		.type = (char *)"telnyx-embeddings",
		.base_url = (char *)"http://two",
		.api_key = (char *)"env:TB_TEST_KEY",
		.interval_ms = INTERVAL_MS,
		.idle_interval_ms = 60000,
		.sweep_interval_ms = 300000,
		.timeout_ms = 30000,
		.down_after_ms = 120000 },
};

/* one wait, and what it told */
struct run {
	struct config config;
	struct waiter_setup setup;
	struct waiter *waiter;
	char *ids[16];
	char told[512]; /* "id=status " of each end */
	char begun[256]; /* "source:id " of those that are waited for without being named */
	char reasons[256]; /* "id=reason " */
	size_t doubts;
	int64_t doubted_ms;
	size_t changes; /* that were no ends */
	size_t troubles; /* "source: …; trying again" */
	size_t relieves; /* "reachable again" */
	char word[64]; /* the last status that was no end */
	int code; /* -1: it goes on */
	struct err err;
};

static void run_changed(struct run *run, const struct wait_item *item, bool told)
{
	size_t len = strlen(run->told);
	const char *word = task_status_word(item->task);

	if (told) {
		(void)snprintf(
			run->told + len, sizeof(run->told) - len, "%s=%s ", item->task->id, word);
		len = strlen(run->reasons);
		if (item->reason != NULL)
			(void)snprintf(run->reasons + len, sizeof(run->reasons) - len, "%s=%s ",
				item->task->id, item->reason);
		if (run->setup.fields) {
			assert_non_null(item->task->bucket);
			assert_non_null(item->task->user_id);
		}
		return;
	}
	run->changes++;
	(void)snprintf(run->word, sizeof(run->word), "%s", word);
}

static void run_begun(
	struct run *run, struct wait_item *const *items, size_t count, const char *source)
{
	size_t len = strlen(run->begun);

	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(run->begun + len, sizeof(run->begun) - len, "%s:%s ",
			source, items[i]->task->id);
}

/* what the last step brought */
static void run_news(struct run *run)
{
	struct wait_news news;

	while (waiter_take(run->waiter, &news))
		switch (news.kind) {
		case WAIT_CHANGED:
		case WAIT_ENDED:
			run_changed(run, news.item, news.kind == WAIT_ENDED);
			break;
		case WAIT_BEGUN:
			run_begun(run, waiter_tasks(run->waiter)->items + news.first, news.count,
				news.source);
			break;
		case WAIT_NOT_FOUND:
			run->doubts++;
			run->doubted_ms = fake.now_ms;
			break;
		case WAIT_SOURCE_FAILS:
		case WAIT_SOURCE_RECOVERED:
			assert_non_null(strchr(news.text, ':'));
			if (news.kind == WAIT_SOURCE_FAILS)
				run->troubles++;
			else
				run->relieves++;
			break;
		}
}

/* `ids`: separated by blanks; "": those that are active */
static struct run *run_new(size_t source_count, const char *ids)
{
	struct run *run = mem_alloc(sizeof(*run));

	run->config = (struct config){ .sources = sources, .source_count = source_count };
	while (*ids != '\0') {
		size_t len = strcspn(ids, " ");

		run->ids[run->setup.id_count++] = mem_strndup(ids, len);
		ids += len + (ids[len] == ' ');
	}
	run->setup.config = &run->config;
	run->setup.ids = run->ids;
	run->setup.fail_missing = true;
	run->setup.timeout_ms = WAITER_FOR_EVER;
	run->code = -1;
	return run;
}

static void run_free(struct run *run)
{
	waiter_free(run->waiter);
	for (size_t i = 0; i < run->setup.id_count; i++)
		free(run->ids[i]);
	free(run);
}

/* goes on until it is over, or for so long */
static void run_for(struct run *run, int64_t ms)
{
	int64_t end_ms = fake.now_ms + ms;

	if (run->waiter == NULL)
		run->waiter = waiter_new(&run->setup, clock_now());
	while (run->code < 0) {
		int64_t next;

		waiter_step(run->waiter, clock_now());
		run_news(run);
		if (waiter_over(run->waiter, &run->code, &run->err))
			return;
		run->code = -1;
		next = waiter_next(run->waiter);
		if (next > end_ms) {
			fake.now_ms = end_ms;
			return;
		}
		/* a request takes a millisecond, so that nothing can be asked without end in no
		 * time */
		fake.now_ms = next > fake.now_ms ? next : fake.now_ms + 1;
	}
}

static void run_to_end(struct run *run)
{
	run_for(run, 3600 * 1000);
	assert_true(run->code >= 0);
}

static int setup(void **state)
{
	(void)state;
	fake_reset();
	return setenv("TB_TEST_KEY", FAKE_KEY, 1);
}

static void ends_are_told_as_they_come(void **state)
{
	struct run *run = run_new(1, "a b");

	(void)state;
	fake_put("one", "a", "queued");
	fake_put("one", "b", "processing");
	run_for(run, 2500);
	assert_int_equal(run->code, -1);
	assert_string_equal(run->told, "");
	fake_put("one", "b", "success");
	run_for(run, 2000);
	assert_string_equal(run->told, "b=success ");
	fake_put("one", "a", "success");
	run_to_end(run);
	assert_string_equal(run->told, "b=success a=success ");
	assert_int_equal(run->code, 0);
	run_free(run);
}

static void ended_tasks_count_at_once(void **state)
{
	struct run *run = run_new(1, "a b");

	(void)state;
	fake_put("one", "a", "success");
	fake_put("one", "b", "partial_success");
	run_to_end(run);
	assert_int_equal(run->code, 2);
	assert_true(fake.now_ms - FAKE_START_MS < INTERVAL_MS);
	run_free(run);
}

static void many_ended_tasks_are_found_in_one_list(void **state)
{
	struct run *run = run_new(1, "a b c d e f g h");

	(void)state;
	for (size_t i = 0; i < 8; i++)
		fake_put("one", run->ids[i], i == 3 ? "failure" : "success");
	run_to_end(run);
	assert_int_equal(run->code, 1);
	assert_int_equal(fake.requests, 2);
	run_free(run);
}

static void ten_tasks_cost_one_request_a_poll(void **state)
{
	struct run *run = run_new(1, "a b c d e f g h i j");

	(void)state;
	for (size_t i = 0; i < 10; i++)
		fake_put("one", run->ids[i], "processing");
	run_for(run, 20 * INTERVAL_MS + 500);
	assert_int_in_range(fake.requests, 20, 21);
	assert_int_equal(fake_asked("?status=queued&status=processing"), fake.requests);
	run_free(run);
}

static void tasks_of_others_cost_nothing(void **state)
{
	struct run *run = run_new(1, "a");

	(void)state;
	fake_put("one", "a", "processing");
	fake_put("one", "x", "processing");
	fake_put("one", "y", "queued");
	run_for(run, 2500);
	fake_put("one", "x", "success");
	fake_put("one", "y", NULL);
	run_for(run, 3000);
	assert_int_equal(fake_asked("?status=queued&status=processing"), fake.requests);
	assert_int_equal(run->changes, 1);
	run_free(run);
}

static void failure_before_gone_before_partial(void **state)
{
	static const struct {
		const char *words[3];
		int code;
	} rows[] = {
		{ { "success", "success", "success" }, 0 },
		{ { "success", "partial_success", "success" }, 2 },
		{ { "partial_success", NULL, "success" }, 3 },
		{ { NULL, "failure", "partial_success" }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run *run = run_new(1, "a b c");

		fake_reset();
		for (size_t j = 0; j < 3; j++)
			fake_put("one", run->ids[j], rows[i].words[j]);
		run_to_end(run);
		assert_int_equal(run->code, rows[i].code);
		run_free(run);
	}
}

static void missing_after_three_polls(void **state)
{
	struct run *run = run_new(1, "nobody");

	(void)state;
	run_for(run, INTERVAL_MS + 500);
	assert_int_equal(run->code, -1);
	run_to_end(run);
	assert_string_equal(run->told, "nobody=missing ");
	assert_int_equal(run->code, 3);
	assert_int_equal(fake_asked("?status=queued&status=processing&status=success"), 3);
	run_free(run);
}

static void a_task_just_created_is_found(void **state)
{
	struct run *run = run_new(1, "late");

	(void)state;
	run_for(run, INTERVAL_MS + 500);
	fake_put("one", "late", "queued");
	run_for(run, 10 * INTERVAL_MS);
	fake_put("one", "late", "success");
	run_to_end(run);
	assert_int_equal(run->code, 0);
	run_free(run);
}

static void missing_may_be_waited_for(void **state)
{
	struct run *run = run_new(1, "late");

	(void)state;
	run->setup.fail_missing = false;
	run_for(run, 60 * INTERVAL_MS);
	assert_int_equal(run->code, -1);
	fake_put("one", "late", "partial_success");
	run_to_end(run);
	assert_string_equal(run->told, "late=partial_success ");
	assert_int_equal(run->code, 2);
	run_free(run);
}

static void gone_is_an_end(void **state)
{
	struct run *run = run_new(1, "a");

	(void)state;
	run->setup.fail_missing = false;
	fake_put("one", "a", "processing");
	run_for(run, 1500);
	fake_put("one", "a", NULL);
	run_to_end(run);
	assert_string_equal(run->told, "a=gone ");
	assert_int_equal(run->code, 3);
	run_free(run);
}

static void without_ids_those_that_are_active(void **state)
{
	struct run *run = run_new(1, "");

	(void)state;
	fake_put("one", "a", "processing");
	fake_put("one", "b", "queued");
	fake_put("one", "old", "failure");
	run_for(run, 1500);
	assert_string_equal(run->begun, "one:a one:b ");
	fake_put("one", "new", "queued");
	fake_put("one", "a", "success");
	fake_put("one", "b", "success");
	run_to_end(run);
	assert_int_equal(run->code, 0);
	assert_null(strstr(run->told, "new"));
	assert_null(strstr(run->told, "old"));
	run_free(run);
}

static void nothing_to_wait_for(void **state)
{
	struct run *run = run_new(1, "");

	(void)state;
	fake_put("one", "old", "success");
	run_to_end(run);
	assert_int_equal(run->code, 3);
	assert_string_not_equal(run->err.text, "");
	assert_int_equal(fake.requests, 1);
	run_free(run);
}

static void any_stops_at_the_first_end(void **state)
{
	struct run *run = run_new(1, "a b c");

	(void)state;
	run->setup.any = true;
	fake_put("one", "a", "processing");
	fake_put("one", "b", "processing");
	fake_put("one", "c", "processing");
	run_for(run, 1500);
	fake_put("one", "b", "partial_success");
	run_to_end(run);
	assert_string_equal(run->told, "b=partial_success ");
	assert_int_equal(run->code, 2);
	run_free(run);
}

static void fail_fast_stops_at_the_first_that_did_not_succeed(void **state)
{
	struct run *run = run_new(1, "a b c");

	(void)state;
	run->setup.fail_fast = true;
	fake_put("one", "a", "success");
	fake_put("one", "b", "processing");
	fake_put("one", "c", "processing");
	run_for(run, 1500);
	assert_int_equal(run->code, -1);
	fake_put("one", "c", "failure");
	run_to_end(run);
	assert_string_equal(run->told, "a=success c=failure ");
	assert_int_equal(run->code, 1);
	run_free(run);
}

/* the result is that of the poll, whichever answer came first */
static void what_ended_together_counts_together(void **state)
{
	struct run *run = run_new(1, "a b c d");

	(void)state;
	run->setup.any = true;
	fake_put("one", "a", "success");
	fake_put("one", "b", "partial_success");
	fake_put("one", "c", "failure");
	fake_put("one", "d", "processing");
	run_to_end(run);
	assert_string_equal(run->told, "a=success b=partial_success c=failure ");
	assert_int_equal(run->code, 1);
	run_free(run);
}

static void time_runs_out(void **state)
{
	struct run *run = run_new(1, "a b");

	(void)state;
	run->setup.timeout_ms = 2500;
	fake_put("one", "a", "failure");
	fake_put("one", "b", "processing");
	run_to_end(run);
	assert_int_equal(run->code, WAITER_TIMED_OUT);
	assert_string_equal(run->told, "a=failure ");
	assert_int_equal(fake.now_ms, FAKE_START_MS + 2500);
	run_free(run);
}

/* the interval is long, and the task ends between the last poll and the deadline */
static void a_last_look_at_the_deadline(void **state)
{
	struct run *run = run_new(1, "a");

	(void)state;
	run->setup.interval_ms = 60000;
	run->setup.timeout_ms = 30000;
	fake_put("one", "a", "processing");
	run_for(run, 20000);
	assert_int_equal(fake.requests, 1);
	fake_put("one", "a", "success");
	run_to_end(run);
	assert_string_equal(run->told, "a=success ");
	assert_int_equal(run->code, 0);
	assert_int_in_range(fake.now_ms - FAKE_START_MS, 30000, 31000);
	run_free(run);
}

static void an_answer_of_the_last_second_is_the_last(void **state)
{
	struct run *run = run_new(1, "a");

	(void)state;
	run->setup.timeout_ms = 10500;
	fake_put("one", "a", "processing");
	run_to_end(run);
	assert_int_equal(run->code, WAITER_TIMED_OUT);
	assert_int_equal(fake.now_ms, FAKE_START_MS + 10500);
	assert_int_equal(fake.requests, 11);
	run_free(run);
}

/* a request that hangs is begun anew for the last look, which may hang as well */
static void the_last_look_has_its_own_deadline(void **state)
{
	struct waiter_source source;
	struct run *run = run_new(1, "a");

	(void)state;
	run->setup.timeout_ms = 10000;
	fake_put("one", "a", "processing");
	run_for(run, 4500);
	fake.faults[0] = (struct fake_fault){ .times = 2, .status = -1 };
	run_to_end(run);
	assert_int_equal(run->code, WAITER_TIMED_OUT);
	assert_int_equal(fake.now_ms, FAKE_START_MS + 12000);
	assert_int_equal(fake.faults[0].times, 0);
	assert_true(waiter_look(run->waiter, 0, &source));
	assert_int_in_range(source.heard_ms, FAKE_START_MS + 4000, FAKE_START_MS + 4100);
	assert_int_equal(waiter_tasks(run->waiter)->items[0]->seen_ms, source.heard_ms);
	assert_false(waiter_look(run->waiter, 1, &source));
	run_free(run);

	fake_reset();
	run = run_new(1, "a");
	run->setup.timeout_ms = 10000;
	fake_put("one", "a", "processing");
	run_for(run, 4500);
	fake_put("one", "a", "failure");
	fake.faults[0] = (struct fake_fault){ .times = 1, .status = -1 };
	run_to_end(run);
	assert_int_equal(run->code, 1);
	run_free(run);
}

/* it ended in one source, and the other one has not said that it has no such task */
static void what_ended_unseen_is_told_at_the_deadline(void **state)
{
	struct run *run = run_new(2, "a");

	(void)state;
	run->setup.timeout_ms = 10000;
	fake_put("one", "a", "success");
	fake.faults[0] = (struct fake_fault){ .part = "two", .times = -1, .status = -1 };
	run_to_end(run);
	assert_string_equal(run->told, "a=success ");
	assert_int_equal(run->code, 0);
	run_free(run);
}

static void a_mistyped_id_is_doubted_at_once(void **state)
{
	struct run *run = run_new(1, "a wrong");

	(void)state;
	run->setup.fail_missing = false;
	fake_put("one", "a", "processing");
	run_for(run, 60 * INTERVAL_MS);
	assert_int_equal(run->doubts, 1);
	assert_int_in_range(run->doubted_ms, FAKE_START_MS, FAKE_START_MS + 500);
	run_free(run);
}

/* run_changed holds it to that */
static void all_fields_whenever_it_ended(void **state)
{
	struct run *run = run_new(1, "early late");

	(void)state;
	run->setup.fields = true;
	fake_put("one", "early", "success");
	fake_put("one", "late", "processing");
	run_for(run, 2500);
	assert_string_equal(run->told, "early=success ");
	fake_put("one", "late", "failure");
	run_to_end(run);
	assert_string_equal(run->told, "early=success late=failure ");
	/* what the list of active tasks had said was not asked for again */
	assert_int_equal(fake_asked("?status=success"), 1);
	assert_int_equal(fake_asked("?status=failure"), 0);
	run_free(run);
}

#define REASONS                                                                                    \
	"{\"data\":[{\"filename\":\"f\",\"status\":\"failed\",\"error_reason\":\"too big\"}]}"

static void why_it_failed_is_told_with_the_end(void **state)
{
	struct run *run = run_new(1, "early late good");

	(void)state;
	sources[0].explain = true;
	run->setup.reasons = true;
	fake.faults[0] = (struct fake_fault){
		.part = "/buckets/", .times = -1, .status = 200, .body = REASONS
	};
	fake_put("one", "early", "partial_success");
	fake_put("one", "late", "processing");
	fake_put("one", "good", "success");
	run_for(run, 2500);
	fake_put("one", "late", "failure");
	run_to_end(run);
	sources[0].explain = false;
	assert_string_equal(run->told, "early=partial_success good=success late=failure ");
	assert_non_null(strstr(run->reasons, "early="));
	assert_non_null(strstr(run->reasons, "late="));
	assert_non_null(strstr(run->reasons, "too big"));
	assert_null(strstr(run->reasons, "good="));
	assert_int_equal(fake_asked("/buckets/"), 2);
	run_free(run);
}

static void a_reason_that_does_not_come_is_not_waited_for(void **state)
{
	struct run *run = run_new(1, "a");

	(void)state;
	sources[0].explain = true;
	run->setup.reasons = true;
	fake.faults[0] = (struct fake_fault){ .part = "/buckets/", .times = -1, .status = -1 };
	fake_put("one", "a", "failure");
	run_to_end(run);
	sources[0].explain = false;
	assert_int_equal(run->code, 1);
	assert_int_in_range(fake.now_ms - FAKE_START_MS, 5000, 6000);
	run_free(run);
}

/* look-ups are answered in any order, lists are in the API's */
static void ends_of_a_poll_are_told_in_the_order_of_the_line(void **state)
{
	struct run *run = run_new(1, "d c b a");

	(void)state;
	fake_put("one", "a", "success");
	fake_put("one", "b", "success");
	fake_put("one", "c", "success");
	fake_put("one", "d", "success");
	run_to_end(run);
	assert_string_equal(run->told, "d=success c=success b=success a=success ");
	run_free(run);

	fake_reset();
	run = run_new(1, "d c b a e f");
	for (size_t i = 0; i < 6; i++)
		fake_put("one", run->ids[5 - i], "processing");
	run_for(run, 1500);
	for (size_t i = 0; i < 6; i++)
		fake_put("one", run->ids[5 - i], "success");
	run_to_end(run);
	assert_string_equal(
		run->told, "d=success c=success b=success a=success e=success f=success ");
	run_free(run);
}

static void without_ids_the_oldest_first(void **state)
{
	struct run *run = run_new(2, "");

	(void)state;
	fake_put("two", "c", "processing");
	fake_put("one", "b", "processing");
	fake_put("one", "a", "processing");
	run_for(run, 1500);
	assert_true(strcmp(run->begun, "one:a one:b two:c ") == 0 ||
		    strcmp(run->begun, "two:c one:a one:b ") == 0);
	fake_put("two", "c", "success");
	fake_put("one", "a", "success");
	fake_put("one", "b", "success");
	run_to_end(run);
	assert_string_equal(run->told, "a=success b=success c=success ");
	run_free(run);
}

static void no_time_is_one_poll(void **state)
{
	struct run *run = run_new(1, "a");

	(void)state;
	run->setup.timeout_ms = 0;
	fake_put("one", "a", "processing");
	run_to_end(run);
	assert_int_equal(run->code, WAITER_TIMED_OUT);
	assert_int_equal(fake.requests, 1);
	run_free(run);

	fake_reset();
	fake_put("one", "a", "success");
	run = run_new(1, "a");
	run->setup.timeout_ms = 0;
	run_to_end(run);
	assert_int_equal(run->code, 0);
	run_free(run);

	fake_reset();
	fake.faults[0] = (struct fake_fault){ .times = -1, .status = 503 };
	run = run_new(1, "a");
	run->setup.timeout_ms = 0;
	run_to_end(run);
	assert_int_equal(run->code, 69);
	assert_int_equal(fake.requests, 1);
	run_free(run);
}

static void a_refused_key_ends_it_at_the_first_poll(void **state)
{
	struct run *run = run_new(1, "a");

	(void)state;
	assert_int_equal(setenv("TB_TEST_KEY", "KEY_wrong", 1), 0);
	run_to_end(run);
	assert_int_equal(run->code, 77);
	assert_int_equal(fake.requests, 1);
	run_free(run);
}

static void no_key_ends_it(void **state)
{
	struct run *run = run_new(1, "a");

	(void)state;
	assert_int_equal(unsetenv("TB_TEST_KEY"), 0);
	run_to_end(run);
	assert_int_equal(run->code, 77);
	assert_int_equal(fake.requests, 0);
	run_free(run);
}

static void a_later_refusal_ends_it_when_it_lasts(void **state)
{
	struct run *run = run_new(1, "a");
	int64_t since_ms;
	size_t before;

	(void)state;
	fake_put("one", "a", "processing");
	run_for(run, 1500);
	fake.faults[0] = (struct fake_fault){
		.times = 1, .status = 401, .body = "{\"errors\":[{\"title\":\"no\"}]}"
	};
	run_for(run, 5 * INTERVAL_MS);
	assert_int_equal(run->code, -1);
	assert_int_equal(fake.faults[0].times, 0);
	assert_int_equal(run->relieves, 1);
	/* for down_after, and not asked about at every poll */
	fake.faults[0] = (struct fake_fault){
		.times = -1, .status = 403, .body = "{\"errors\":[{\"title\":\"no\"}]}"
	};
	since_ms = fake.now_ms;
	before = fake.requests;
	run_to_end(run);
	assert_int_equal(run->code, 77);
	assert_int_in_range(fake.now_ms - since_ms, 120000, 125000);
	assert_int_in_range(fake.requests - before, 3, 15);
	run_free(run);
}

/* with an interval as long as that: three refusals it is all the same */
static void a_refusal_is_believed_after_three(void **state)
{
	struct run *run = run_new(1, "a");

	(void)state;
	fake_put("one", "a", "processing");
	run->setup.interval_ms = 300000;
	run_for(run, 1500);
	fake.faults[0] = (struct fake_fault){
		.times = -1, .status = 401, .body = "{\"errors\":[{\"title\":\"no\"}]}"
	};
	run_to_end(run);
	assert_int_equal(run->code, 77);
	assert_int_equal(fake.requests, 1 + 3);
	run_free(run);
}

/* a proxy that was put in between, an API that is being replaced: it may pass */
static void after_a_good_answer_no_nonsense_ends_it(void **state)
{
	static const struct fake_fault faults[] = {
		{ .times = -1, .status = 204 },
		{ .times = -1, .status = 302 },
		{ .times = -1, .status = 404, .body = "{\"errors\":[{\"title\":\"no\"}]}" },
		{ .times = -1, .status = 422, .body = "{\"detail\":\"no\"}" },
		{ .times = -1, .status = 200, .body = "<html>" },
		{ .times = -1, .status = 200, .body = "{\"data\":null}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct run *run = run_new(1, "a");

		fake_reset();
		fake_put("one", "a", "processing");
		run_for(run, 1500);
		fake.faults[0] = faults[i];
		run_for(run, 600000);
		assert_int_equal(run->code, -1);
		assert_int_equal(run->troubles, 1);
		fake.faults[0].times = 0;
		fake_put("one", "a", "success");
		run_to_end(run);
		assert_int_equal(run->code, 0);
		assert_int_equal(run->relieves, 1);
		run_free(run);

		fake_reset();
		fake_put("one", "a", "processing");
		run = run_new(1, "a");
		run->setup.unreachable_ms = 20000;
		run_for(run, 1500);
		fake.faults[0] = faults[i];
		run_to_end(run);
		assert_true(run->code == 69 || run->code == 76);
		assert_int_in_range(fake.now_ms - FAKE_START_MS, 20000, 24000);
		run_free(run);
	}
}

static void a_refused_list_ends_it_at_the_first_poll(void **state)
{
	struct run *run = run_new(1, "a");

	(void)state;
	fake.faults[0] =
		(struct fake_fault){ .times = -1, .status = 422, .body = "{\"detail\":\"no\"}" };
	run_to_end(run);
	assert_int_equal(run->code, 76);
	assert_int_equal(fake.requests, 1);
	run_free(run);
}

static void a_garbled_answer_is_tried_again(void **state)
{
	struct run *run = run_new(1, "a");

	(void)state;
	fake_put("one", "a", "success");
	fake.faults[0] = (struct fake_fault){ .times = 2, .status = 200, .body = "<html>" };
	run_to_end(run);
	assert_int_equal(run->code, 0);
	run_free(run);

	fake_reset();
	fake.faults[0] = (struct fake_fault){ .times = -1, .status = 200, .body = "<html>" };
	run = run_new(1, "a");
	run_to_end(run);
	assert_int_equal(run->code, 76);
	assert_int_equal(fake.requests, 3);
	run_free(run);
}

static void a_failing_source_is_reported_once_and_so_is_its_end(void **state)
{
	struct run *run = run_new(1, "a");

	(void)state;
	fake_put("one", "a", "processing");
	run_for(run, 1500);
	fake.faults[0] = (struct fake_fault){ .times = 6, .status = 503 };
	run_for(run, 120 * INTERVAL_MS);
	assert_int_equal(run->code, -1);
	assert_int_equal(run->troubles, 1);
	assert_int_equal(run->relieves, 1);
	fake_put("one", "a", "success");
	run_to_end(run);
	assert_int_equal(run->code, 0);
	run_free(run);
}

static void unreachable_for_too_long(void **state)
{
	struct run *run = run_new(1, "a");

	(void)state;
	run->setup.unreachable_ms = 20000;
	fake_put("one", "a", "processing");
	run_for(run, 1500);
	fake.faults[0] = (struct fake_fault){ .times = -1, .status = 0 };
	run_for(run, 19000);
	assert_int_equal(run->code, -1);
	run_for(run, 5000);
	assert_int_equal(run->code, 69);
	run_free(run);
}

static void an_unknown_status_is_no_end(void **state)
{
	struct run *run = run_new(1, "a");

	(void)state;
	fake_put("one", "a", "paused");
	run_for(run, 30 * INTERVAL_MS);
	assert_int_equal(run->code, -1);
	assert_string_equal(run->word, "paused");
	assert_int_equal(run->changes, 1);
	fake_put("one", "a", "success");
	run_for(run, 2 * INTERVAL_MS);
	assert_int_equal(run->code, 0);
	run_free(run);
}

static void an_end_once_seen_stays(void **state)
{
	struct run *run = run_new(1, "a b");

	(void)state;
	fake_put("one", "a", "success");
	fake_put("one", "b", "processing");
	run_for(run, 1500);
	fake_put("one", "a", "processing");
	run_for(run, 5 * INTERVAL_MS);
	fake_put("one", "a", "failure");
	fake_put("one", "b", "success");
	run_to_end(run);
	assert_string_equal(run->told, "a=success b=success ");
	assert_int_equal(run->code, 0);
	run_free(run);
}

static void an_id_named_twice_is_told_once(void **state)
{
	struct run *run = run_new(1, "b a b a c");

	(void)state;
	fake_put("one", "a", "success");
	fake_put("one", "b", "success");
	fake_put("one", "c", "success");
	run_to_end(run);
	assert_string_equal(run->told, "b=success a=success c=success ");
	run_free(run);
}

static void every_source_is_looked_in(void **state)
{
	struct run *run = run_new(2, "a b");

	(void)state;
	fake_put("one", "a", "success");
	fake_put("two", "b", "processing");
	run_for(run, 2500);
	assert_string_equal(run->told, "a=success ");
	/* what each source does not have was asked there once, not at every poll */
	assert_int_equal(fake_asked("two/ai/embeddings/a"), 1);
	fake_put("two", "b", "success");
	run_to_end(run);
	assert_int_equal(run->code, 0);
	run_free(run);
}

static void an_id_in_two_sources_is_a_question(void **state)
{
	struct run *run = run_new(2, "a");

	(void)state;
	fake_put("one", "a", "success");
	fake_put("two", "a", "processing");
	run_to_end(run);
	assert_int_equal(run->code, 64);
	assert_string_equal(run->told, "");
	run_free(run);

	fake_reset();
	fake_put("one", "a", "success");
	fake_put("two", "a", "processing");
	run = run_new(2, "a");
	run->setup.only_source = "one";
	run_to_end(run);
	assert_int_equal(run->code, 0);
	run_free(run);
}

static void a_source_that_fails_does_not_hold_up_another(void **state)
{
	struct run *run = run_new(2, "a");

	(void)state;
	fake_put("one", "a", "processing");
	fake.faults[0] = (struct fake_fault){ .part = "two", .times = -1, .status = 401 };
	run_for(run, 3000);
	assert_int_equal(run->code, -1);
	fake_put("one", "a", "success");
	run_to_end(run);
	assert_int_equal(run->code, 0);
	run_free(run);

	/* it may be in the one that refuses */
	fake_reset();
	fake.faults[0] = (struct fake_fault){ .part = "two", .times = -1, .status = 401 };
	run = run_new(2, "a");
	run_to_end(run);
	assert_int_equal(run->code, 77);
	run_free(run);
}

static void without_ids_two_sources_have_their_own_tasks(void **state)
{
	struct run *run = run_new(2, "");

	(void)state;
	fake_put("one", "a", "processing");
	fake_put("two", "a", "processing");
	run_for(run, 1500);
	fake_put("one", "a", "success");
	run_for(run, 1500);
	assert_string_equal(run->told, "a=success ");
	fake_put("two", "a", "failure");
	run_to_end(run);
	assert_string_equal(run->told, "a=success a=failure ");
	assert_int_equal(run->code, 1);
	run_free(run);
}

static void the_pace_is_the_user_s(void **state)
{
	struct run *run = run_new(1, "a");

	(void)state;
	run->setup.interval_ms = 200;
	fake_put("one", "a", "processing");
	run_for(run, 2100);
	assert_int_in_range(fake.requests, 10, 11);
	run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ends_are_told_as_they_come, setup),
		cmocka_unit_test_setup(ended_tasks_count_at_once, setup),
		cmocka_unit_test_setup(many_ended_tasks_are_found_in_one_list, setup),
		cmocka_unit_test_setup(ten_tasks_cost_one_request_a_poll, setup),
		cmocka_unit_test_setup(tasks_of_others_cost_nothing, setup),
		cmocka_unit_test_setup(failure_before_gone_before_partial, setup),
		cmocka_unit_test_setup(missing_after_three_polls, setup),
		cmocka_unit_test_setup(a_task_just_created_is_found, setup),
		cmocka_unit_test_setup(missing_may_be_waited_for, setup),
		cmocka_unit_test_setup(gone_is_an_end, setup),
		cmocka_unit_test_setup(without_ids_those_that_are_active, setup),
		cmocka_unit_test_setup(nothing_to_wait_for, setup),
		cmocka_unit_test_setup(any_stops_at_the_first_end, setup),
		cmocka_unit_test_setup(fail_fast_stops_at_the_first_that_did_not_succeed, setup),
		cmocka_unit_test_setup(what_ended_together_counts_together, setup),
		cmocka_unit_test_setup(time_runs_out, setup),
		cmocka_unit_test_setup(no_time_is_one_poll, setup),
		cmocka_unit_test_setup(a_refused_key_ends_it_at_the_first_poll, setup),
		cmocka_unit_test_setup(no_key_ends_it, setup),
		cmocka_unit_test_setup(a_later_refusal_ends_it_when_it_lasts, setup),
		cmocka_unit_test_setup(a_refusal_is_believed_after_three, setup),
		cmocka_unit_test_setup(after_a_good_answer_no_nonsense_ends_it, setup),
		cmocka_unit_test_setup(a_last_look_at_the_deadline, setup),
		cmocka_unit_test_setup(an_answer_of_the_last_second_is_the_last, setup),
		cmocka_unit_test_setup(the_last_look_has_its_own_deadline, setup),
		cmocka_unit_test_setup(what_ended_unseen_is_told_at_the_deadline, setup),
		cmocka_unit_test_setup(a_mistyped_id_is_doubted_at_once, setup),
		cmocka_unit_test_setup(all_fields_whenever_it_ended, setup),
		cmocka_unit_test_setup(why_it_failed_is_told_with_the_end, setup),
		cmocka_unit_test_setup(a_reason_that_does_not_come_is_not_waited_for, setup),
		cmocka_unit_test_setup(ends_of_a_poll_are_told_in_the_order_of_the_line, setup),
		cmocka_unit_test_setup(without_ids_the_oldest_first, setup),
		cmocka_unit_test_setup(a_refused_list_ends_it_at_the_first_poll, setup),
		cmocka_unit_test_setup(a_garbled_answer_is_tried_again, setup),
		cmocka_unit_test_setup(a_failing_source_is_reported_once_and_so_is_its_end, setup),
		cmocka_unit_test_setup(unreachable_for_too_long, setup),
		cmocka_unit_test_setup(an_unknown_status_is_no_end, setup),
		cmocka_unit_test_setup(an_end_once_seen_stays, setup),
		cmocka_unit_test_setup(an_id_named_twice_is_told_once, setup),
		cmocka_unit_test_setup(every_source_is_looked_in, setup),
		cmocka_unit_test_setup(an_id_in_two_sources_is_a_question, setup),
		cmocka_unit_test_setup(a_source_that_fails_does_not_hold_up_another, setup),
		cmocka_unit_test_setup(without_ids_two_sources_have_their_own_tasks, setup),
		cmocka_unit_test_setup(the_pace_is_the_user_s, setup),
	};

	return cmocka_run_group_tests_name("waiter", tests, NULL, NULL);
}
