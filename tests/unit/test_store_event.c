/* Deliveries: in order for each task and sink, kept until they are confirmed. And the history they
 * leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tmpdir.h"
#include "store_fixture.h"

#define NOW STORED_NOW
#define DAY_MS 86400000

static char *dir;
static struct store *store;

static int set_up(void **state)
{
	(void)state;
	dir = tmpdir_new();
	store = store_fixture_open_good(dir, NOW);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	store_close(store);
	tmpdir_free(dir);
	return 0;
}

/* event n is NOW + n: the ids begin there */
static int64_t id(int n)
{
	return NOW + n;
}

/* the ids of rows less NOW, a blank after each */
static void assert_rows(struct delivery **rows, size_t count, const char *expected)
{
	cleanup_buf struct buf text = { 0 };

	for (size_t i = 0; i < count; i++)
		(void)buf_addf(&text, "%d ", (int)(rows[i]->event->id - NOW));
	assert_string_equal(buf_text(&text), expected);
	deliveries_free(rows, count);
}

static bool due(const char *sink, int64_t wall_ms, struct delivery ***ret, size_t *ret_count,
	struct err *err)
{
	struct store_pull pull = { .sink = sink, .wall_ms = wall_ms, .limit = 10 };

	return store_due(store, &pull, ret, ret_count, err);
}

static void assert_due(
	const char *sink, int64_t wall_ms, int busy, size_t limit, const char *expected)
{
	int64_t busy_id = id(busy);
	struct store_pull pull = { .sink = sink,
		.wall_ms = wall_ms,
		.limit = limit,
		.busy = &busy_id,
		.busy_count = busy >= 0 };
	struct delivery **rows;
	struct err err = { 0 };
	size_t count;

	assert_true(store_due(store, &pull, &rows, &count, &err));
	assert_rows(rows, count, expected);
}

static void assert_batch(
	const char *sink, int64_t wall_ms, int after, size_t limit, const char *expected)
{
	struct store_pull pull = { .sink = sink,
		.wall_ms = wall_ms,
		.limit = limit,
		.batch = true,
		.after_id = id(after) };
	struct delivery **rows;
	struct err err = { 0 };
	size_t count;

	assert_true(store_due(store, &pull, &rows, &count, &err));
	assert_rows(rows, count, expected);
}

static void assert_next(const char *sink, int64_t after_ms, int64_t expected)
{
	int64_t next = 0;
	struct store_pull pull = {
		.sink = sink, .wall_ms = after_ms, .limit = 100, .next_ms = &next
	};
	struct delivery **rows;
	struct err err = { 0 };
	size_t count;

	assert_true(store_due(store, &pull, &rows, &count, &err));
	deliveries_free(rows, count);
	assert_true(next == expected);
}

enum outcome { DELIVERED, RETRY, GIVEN_UP };

static void settle(const char *sink, int n, enum outcome outcome, int64_t due_ms, const char *error,
	int64_t wall_ms)
{
	struct delivery delivery = { .event_id = id(n),
		.result = outcome == DELIVERED ? DELIVERY_DELIVERED : DELIVERY_RETRY,
		.given_up = outcome == GIVEN_UP,
		.attempts = 3,
		.due_ms = due_ms,
		.first_failed_ms = error != NULL ? NOW + 5 : 0,
		.error = mem_strdup(error) };
	const struct delivery *ended = &delivery;
	struct err err = { 0 };

	if (!store_settle(store, sink, &ended, 1, wall_ms, &err))
		fail_msg("%s", err.text);
	free(delivery.error);
}

static void test_order(void **state)
{
	(void)state;
	(void)store_fixture_tell(store, "a", "hook"); /* 0 */
	(void)store_fixture_tell(store, "a", "hook"); /* 1 */
	(void)store_fixture_tell(store, "b", "hook"); /* 2 */
	(void)store_fixture_tell(store, NULL, "hook"); /* 3: of no task */
	(void)store_fixture_tell(store, NULL, "hook"); /* 4 */
	(void)store_fixture_tell(store, "a", "log"); /* 5: another sink */
	(void)store_fixture_tell(store, "c", NULL); /* 6: for nobody */
	assert_due("hook", NOW, -1, 10, "0 2 3 4 ");
	assert_due("hook", NOW, -1, 2, "0 2 ");
	/* while 0 runs, 1 still waits for it */
	assert_due("hook", NOW, 0, 10, "2 3 4 ");
	assert_due("hook", NOW - 1, -1, 10, "");
	assert_due("nobody", NOW, -1, 10, "");
	assert_batch("hook", NOW, -1, 10, "0 1 2 3 4 ");
	assert_batch("hook", NOW, -1, 2, "0 1 ");
	assert_batch("hook", NOW, 1, 2, "2 3 ");
	settle("hook", 0, DELIVERED, 0, NULL, NOW);
	assert_due("hook", NOW, -1, 10, "1 2 3 4 ");
	assert_due("log", NOW, -1, 10, "5 ");
}

static void test_same_id_in_two_sources(void **state)
{
	const char *sink = "hook";
	struct event event = { .wall_ms = NOW,
		.type = EVENT_SUCCESS,
		.source = "other",
		.task_id = "a",
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE };
	struct store_event row = { &event, &sink, 1, NOW };
	struct store_changes changes = { .events = &row, .event_count = 1 };
	struct err err = { 0 };

	(void)state;
	(void)store_fixture_tell(store, "a", "hook");
	assert_true(store_commit(store, &changes, &err));
	assert_due("hook", NOW, -1, 10, "0 1 ");
}

static void test_retry(void **state)
{
	struct delivery **rows;
	struct err err = { 0 };
	size_t count;

	(void)state;
	(void)store_fixture_tell(store, "a", "hook");
	(void)store_fixture_tell(store, "a", "hook");
	(void)store_fixture_tell(store, "b", "hook");
	settle("hook", 0, RETRY, NOW + 1000, "exit 75", NOW);
	assert_due("hook", NOW + 999, -1, 10, "2 ");
	/* a batch does not overtake it either */
	assert_batch("hook", NOW + 999, -1, 10, "2 ");
	assert_batch("hook", NOW + 1000, -1, 10, "0 1 2 ");
	assert_next("hook", 0, NOW);
	assert_next("hook", NOW, NOW + 1000);
	assert_next("hook", NOW + 1000, INT64_MAX);
	assert_true(due("hook", NOW + 1000, &rows, &count, &err));
	assert_int_equal(count, 2);
	assert_int_equal(rows[1]->event->id, id(0));
	assert_int_equal(rows[1]->attempts, 3);
	assert_int_equal(rows[1]->due_ms, NOW + 1000);
	assert_int_equal(rows[1]->first_failed_ms, NOW + 5);
	assert_string_equal(rows[1]->event->task_id, "a");
	assert_string_equal(rows[1]->event->source, "telnyx");
	assert_int_equal(rows[1]->event->type, EVENT_SUCCESS);
	deliveries_free(rows, count);
}

static void assert_sink(size_t i, const char *name, int pending, int failed, int failed_day,
	bool last_failed, const char *error)
{
	struct store_sink *sinks;
	struct err err = { 0 };
	size_t count;

	assert_true(store_sinks(store, NOW + DAY_MS, &sinks, &count, &err));
	assert_true(i < count);
	assert_string_equal(sinks[i].name, name);
	assert_int_equal(sinks[i].pending, pending);
	assert_int_equal(sinks[i].failed, failed);
	assert_int_equal(sinks[i].failed_day, failed_day);
	assert_int_equal(sinks[i].last_failed, last_failed);
	if (error != NULL)
		assert_string_equal(sinks[i].last_error, error);
	else
		assert_null(sinks[i].last_error);
	store_sinks_free(sinks, count);
}

static void test_failed_and_revived(void **state)
{
	struct delivery **rows;
	struct err err = { 0 };
	size_t count;

	(void)state;
	for (int i = 0; i < 4; i++)
		(void)store_fixture_tell(store, i < 2 ? "a" : "b", "hook");
	settle("hook", 0, GIVEN_UP, 0, "exit 1", NOW);
	settle("hook", 2, GIVEN_UP, 0, "exit 2", NOW + DAY_MS);
	/* what was given up holds nothing back, and is not lost */
	assert_due("hook", NOW, -1, 10, "1 3 ");
	assert_sink(0, "hook", 2, 2, 1, true, "exit 2");
	assert_true(store_redeliver(store, id(0), NULL, NOW + 7, &count, &err));
	assert_int_equal(count, 1);
	assert_due("hook", NOW + 6, -1, 10, "3 ");
	assert_true(due("hook", NOW + 7, &rows, &count, &err));
	assert_int_equal(count, 2);
	assert_int_equal(rows[1]->event->id, id(0));
	assert_int_equal(rows[1]->attempts, 0);
	assert_int_equal(rows[1]->first_failed_ms, 0);
	deliveries_free(rows, count);
	assert_true(store_redeliver(store, 0, NULL, NOW + 7, &count, &err));
	assert_int_equal(count, 1);
	assert_true(store_redeliver(store, id(99), NULL, NOW + 7, &count, &err));
	assert_int_equal(count, 0);
	settle("hook", 0, DELIVERED, 0, NULL, NOW + 8);
	assert_sink(0, "hook", 3, 0, 0, false, "exit 2");
}

static void test_waiting_is_no_failure(void **state)
{
	(void)state;
	(void)store_fixture_tell(store, "a", "desktop");
	settle("desktop", 0, RETRY, NOW + 9, NULL, NOW);
	assert_sink(0, "desktop", 1, 0, 0, false, NULL);
	/* a result of what is not there changes nothing */
	settle("desktop", 55, GIVEN_UP, 0, "late", NOW);
	assert_sink(0, "desktop", 1, 0, 0, true, "late");
}

static void test_explain(void **state)
{
	const char *sinks[] = { "hook", "log" };
	struct event event = { .wall_ms = NOW,
		.type = EVENT_FAILURE,
		.task_id = "a",
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE };
	struct store_event row = { &event, sinks, 2, NOW + 5000 };
	struct store_changes changes = { .events = &row, .event_count = 1 };
	struct delivery **rows;
	struct err err = { 0 };
	size_t count;

	(void)state;
	assert_true(store_commit(store, &changes, &err));
	/* a retry of the one sink is not hurried by it */
	settle("log", 0, RETRY, NOW + 60000, "no space", NOW);
	assert_due("hook", NOW + 10, -1, 10, "");
	assert_true(store_explain(store, event.id, "2 of 3 files failed", NOW + 10, &err));
	assert_true(due("hook", NOW + 10, &rows, &count, &err));
	assert_int_equal(count, 1);
	assert_string_equal(rows[0]->event->message, "2 of 3 files failed");
	deliveries_free(rows, count);
	assert_due("log", NOW + 10, -1, 10, "");
}

static void test_sink_reported(void **state)
{
	struct err err = { 0 };
	bool told = true;

	(void)state;
	assert_true(store_sink_reported(store, "hook", &told, &err));
	assert_false(told);
	assert_true(store_set_sink_reported(store, "hook", true, &err));
	store_close(store);
	store = store_fixture_open_good(dir, NOW);
	assert_true(store_sink_reported(store, "hook", &told, &err));
	assert_true(told);
	assert_true(store_set_sink_reported(store, "hook", false, &err));
	assert_true(store_sink_reported(store, "hook", &told, &err));
	assert_false(told);
}

static void test_changed_by_others(void **state)
{
	struct err err = { 0 };
	struct store *other;
	size_t count;

	(void)state;
	(void)store_fixture_tell(store, "a", "hook");
	settle("hook", 0, GIVEN_UP, 0, "exit 1", NOW);
	assert_false(store_changed(store));
	other = store_fixture_open(dir, STORE_EDIT);
	assert_false(store_changed(store));
	assert_true(store_redeliver(other, 0, NULL, NOW, &count, &err));
	assert_int_equal(count, 1);
	assert_true(store_changed(store));
	assert_false(store_changed(store));
	assert_due("hook", NOW, -1, 10, "0 ");
	store_close(other);
}

/* 600 events, one a second; every third a failure, every second of source "b" */
static void fill_history(void)
{
	static const struct event blank = { .created_us = STAMP_NONE, .finished_us = STAMP_NONE };
	struct event events[600];
	struct store_event rows[600];
	struct store_changes changes = { .events = rows, .event_count = 600 };
	struct err err = { 0 };

	for (int i = 0; i < 600; i++) {
		events[i] = blank;
		events[i].wall_ms = NOW + i * 1000;
		events[i].type = i % 3 == 0 ? EVENT_FAILURE : EVENT_SUCCESS;
		events[i].source = i % 2 == 0 ? "a" : "b";
		rows[i] = (struct store_event){ &events[i], NULL, 0, 0 };
	}
	assert_true(store_commit(store, &changes, &err));
}

struct seen {
	size_t count;
	size_t most; /* stops there */
	int first;
	int last;
};

static bool take_seen(void *arg, const struct event *event)
{
	struct seen *seen = arg;

	if (seen->count++ == 0)
		seen->first = (int)(event->id - NOW);
	else
		assert_true(event->id - NOW > seen->last);
	seen->last = (int)(event->id - NOW);
	return seen->count != seen->most;
}

static void assert_history(
	const struct store_query *query, size_t most, size_t count, int first, int last)
{
	struct seen seen = { .most = most };
	struct err err = { 0 };

	assert_true(store_history(store, query, take_seen, &seen, &err));
	assert_int_equal(seen.count, count);
	if (count > 0) {
		assert_int_equal(seen.first, first);
		assert_int_equal(seen.last, last);
	}
}

static void test_history(void **state)
{
	bool failures[EVENT_COUNT] = { [EVENT_FAILURE] = true };
	bool none[EVENT_COUNT] = { false };
	struct store_query query = { 0 };

	(void)state;
	assert_history(&query, 0, 0, 0, 0);
	fill_history();
	assert_history(&query, 0, 600, 0, 599);
	assert_history(&query, 300, 300, 0, 299);
	query.limit = 270;
	assert_history(&query, 0, 270, 330, 599);
	query.types = failures;
	query.limit = 2;
	assert_history(&query, 0, 2, 594, 597);
	query.source = "b";
	assert_history(&query, 0, 2, 591, 597);
	query.limit = 0;
	query.since_ms = NOW + 300 * 1000;
	assert_history(&query, 0, 50, 303, 597);
	query.types = none;
	assert_history(&query, 0, 0, 0, 0);
	query = (struct store_query){ .since_ms = NOW + 600 * 1000, .limit = 5 };
	assert_history(&query, 0, 0, 0, 0);
}

static void test_prune(void **state)
{
	struct store_query all = { 0 };
	struct err err = { 0 };
	size_t count;

	(void)state;
	fill_history();
	(void)store_fixture_tell(store, "pending", "hook"); /* 600 and 601, of the time NOW */
	(void)store_fixture_tell(store, "failed", "hook");
	settle("hook", 601, GIVEN_UP, 0, "exit 1", NOW);
	assert_true(store_prune(store, NOW + 10 * 1000, 4, &count, &err));
	assert_int_equal(count, 4);
	assert_true(store_prune(store, NOW + 10 * 1000, 100, &count, &err));
	assert_int_equal(count, 6);
	assert_history(&all, 0, 592, 10, 601);
	settle("hook", 600, DELIVERED, 0, NULL, NOW);
	assert_true(store_prune(store, NOW + DAY_MS, 1000, &count, &err));
	assert_int_equal(count, 591);
	assert_history(&all, 0, 1, 601, 601);
	/* ids never come again, even when nothing is left of them */
	settle("hook", 601, DELIVERED, 0, NULL, NOW);
	assert_true(store_prune(store, NOW + DAY_MS, 1000, &count, &err));
	assert_history(&all, 0, 0, 0, 0);
	store_close(store);
	store = store_fixture_open_good(dir, NOW);
	assert_int_equal(store_fixture_tell(store, "a", NULL), id(602));
}

static void test_reader_beside_writer(void **state)
{
	struct store *reader;
	struct err err = { 0 };
	int64_t last;

	(void)state;
	(void)store_fixture_tell(store, "a", "hook");
	reader = store_fixture_open(dir, STORE_READ);
	assert_int_equal(store_fixture_events(reader, &last), 1);
	(void)store_fixture_tell(store, "b", "hook");
	assert_int_equal(store_fixture_events(reader, &last), 2);
	assert_int_equal(last, id(1));
	/* whoever only reads can not write */
	assert_false(store_set_sink_reported(reader, "hook", true, &err));
	assert_int_equal(err.kind, ERR_IO);
	store_close(reader);
	assert_int_equal(store_fixture_pending(store, "hook"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_same_id_in_two_sources, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_retry, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failed_and_revived, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_waiting_is_no_failure, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_explain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sink_reported, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_changed_by_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_history, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_prune, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reader_beside_writer, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
