/* What one-shot commands get from the API, and how often they ask for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/client.h"

#include "fake_api.h"

static struct source_config sources[] = {
	{ .name = (char *)"one",
		.type = (char *)"telnyx-embeddings",
		.base_url = (char *)"http://one",
		.api_key = (char *)"env:TB_TEST_KEY" },
	{ .name = (char *)"two",
		.type = (char *)"telnyx-embeddings",
		.base_url = (char *)"http://two",
		.api_key = (char *)"env:TB_TEST_KEY" },
};

static struct config config(size_t count)
{
	return (struct config){ .sources = sources, .source_count = count };
}

struct seen {
	char ids[2][256]; /* of each source, each followed by a blank */
	size_t again;
};

static bool seen_task(void *arg, size_t source, const struct task *view)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->ids[source]);

	(void)snprintf(seen->ids[source] + len, sizeof(seen->ids[source]) - len, "%s ", view->id);
	return true;
}

static bool seen_again(void *arg, size_t source)
{
	struct seen *seen = arg;

	seen->again++;
	seen->ids[source][0] = '\0';
	return true;
}

static bool too_late(void *arg, size_t source)
{
	(void)arg;
	(void)source;
	return false;
}

static const bool active[STATUS_COUNT] = { [STATUS_QUEUED] = true, [STATUS_PROCESSING] = true };

/* lists with `count` sources; the client is the caller's to free */
static struct client *list(size_t count, struct seen *seen)
{
	struct config own = config(count);
	struct client *client = client_new(&own, NULL);
	struct client_taker taker = { seen_task, seen_again, seen };

	client_list(client, active, &taker);
	return client;
}

static int setup(void **state)
{
	(void)state;
	fake_reset();
	return setenv("TB_TEST_KEY", FAKE_KEY, 1);
}

static void list_asks_every_source_at_once(void **state)
{
	struct seen seen = { 0 };
	struct client *client;

	(void)state;
	fake_put("one", "a", "queued");
	fake_put("two", "b", "processing");
	fake_put("two", "c", "success");
	client = list(2, &seen);
	assert_string_equal(seen.ids[0], "a ");
	assert_string_equal(seen.ids[1], "b ");
	assert_int_equal(client_exit_code(client), 0);
	assert_int_equal(fake.requests, 2);
	assert_int_equal(fake.most_at_once, 2);
	assert_int_equal(fake_asked("?status=queued&status=processing"), 2);
	client_free(client);
}

static void only_the_source_that_is_named(void **state)
{
	struct config own = config(2);
	struct client *client = client_new(&own, "two");

	(void)state;
	assert_int_equal(client->count, 1);
	assert_string_equal(client->sources[0].config->name, "two");
	client_free(client);
}

static void a_source_that_fails_leaves_the_others(void **state)
{
	struct seen seen = { 0 };
	struct client *client;

	(void)state;
	fake_put("two", "b", "processing");
	fake.faults[0] = (struct fake_fault){ .part = "one", .times = -1, .status = 503 };
	client = list(2, &seen);
	assert_string_equal(seen.ids[1], "b ");
	assert_int_equal(client->sources[0].err.kind, ERR_UNREACHABLE);
	assert_int_equal(client->sources[1].err.kind, ERR_NONE);
	assert_int_equal(client_exit_code(client), 69);
	assert_int_equal(fake_asked("one"), SCHED_ONCE_TRIES);
	client_free(client);
}

static void the_worst_exit_code_wins(void **state)
{
	struct seen seen = { 0 };
	struct client *client;

	(void)state;
	fake.faults[0] = (struct fake_fault){ .part = "one", .times = -1, .status = 401 };
	fake.faults[1] = (struct fake_fault){ .part = "two", .times = -1, .status = 500 };
	client = list(2, &seen);
	assert_int_equal(client_exit_code(client), 77);
	assert_int_equal(fake_asked("one"), 1);
	client_free(client);
}

static void a_lost_connection_is_tried_again(void **state)
{
	struct seen seen = { 0 };
	struct client *client;

	(void)state;
	fake_put("one", "a", "queued");
	fake.faults[0] = (struct fake_fault){ .times = 2, .status = 0 };
	client = list(1, &seen);
	assert_string_equal(seen.ids[0], "a ");
	assert_int_equal(client_exit_code(client), 0);
	assert_int_equal(fake.requests, 3);
	assert_int_equal(seen.again, 2);
	/* 0.5 s and 1 s, less a quarter of jitter at most */
	assert_int_in_range(fake.now_ms - FAKE_START_MS, 1125, 1500);
	client_free(client);
}

static void what_was_shown_is_not_read_again(void **state)
{
	struct config own = config(1);
	struct client *client = client_new(&own, NULL);
	struct seen seen = { 0 };
	struct client_taker taker = { seen_task, too_late, &seen };

	(void)state;
	fake.faults[0] = (struct fake_fault){ .times = 1, .status = 503 };
	client_list(client, active, &taker);
	assert_int_equal(fake.requests, 1);
	assert_int_equal(client_exit_code(client), 69);
	client_free(client);
}

static void a_refusal_is_not_repeated(void **state)
{
	static const struct {
		long status;
		const char *body;
		int code;
	} rows[] = {
		{ 401, "{}", 77 },
		{ 403, "{}", 77 },
		{ 422, "{\"detail\":[{\"loc\":[\"query\"],\"msg\":\"no\",\"type\":\"x\"}]}", 76 },
		{ 404, "<html>", 76 },
		{ 302, "", 76 },
		{ 200, "<html>", 76 },
		{ 200, "{\"data\":[{\"task_id\":\"a\"}]}", 76 },
		{ 200, "{\"data\":[", 76 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct seen seen = { 0 };
		struct client *client;

		fake_reset();
		fake.faults[0] = (struct fake_fault){
			.times = -1, .status = rows[i].status, .body = rows[i].body
		};
		client = list(1, &seen);
		assert_int_equal(client_exit_code(client), rows[i].code);
		assert_int_equal(fake.requests, 1);
		assert_string_not_equal(client->sources[0].err.text, "");
		client_free(client);
	}
}

/* a CDN's challenge, a proxy's block page: only the API itself knows its keys */
static void a_page_that_refuses_is_tried_again(void **state)
{
	static const struct {
		long status;
		const char *body;
	} rows[] = {
		{ 403, "<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>" },
		{ 401, "<html><title>Sign in</title></html>" },
		{ 403, "error code: 1020" },
		{ 401, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct seen seen = { 0 };
		struct client *client;

		fake_reset();
		fake_put("one", "a", "queued");
		fake.faults[0] = (struct fake_fault){
			.times = 2, .status = rows[i].status, .body = rows[i].body
		};
		client = list(1, &seen);
		assert_int_equal(client_exit_code(client), 0);
		assert_string_equal(seen.ids[0], "a ");
		client_free(client);
		fake.faults[0].times = -1;
		client = list(1, &seen);
		assert_int_equal(client_exit_code(client), 69);
		client_free(client);
	}
}

static void waits_are_ten_seconds_at_most(void **state)
{
	struct seen seen = { 0 };
	struct client *client;

	(void)state;
	/* the second wish is one too many */
	fake.faults[0] = (struct fake_fault){ .times = -1, .status = 429, .after_ms = 6000 };
	client = list(1, &seen);
	assert_int_equal(client_exit_code(client), 69);
	assert_int_equal(fake.requests, 2);
	assert_int_equal(fake.now_ms, FAKE_START_MS + 6000);
	client_free(client);
}

static void waits_at_the_same_time_count_once(void **state)
{
	struct seen seen = { 0 };
	struct client *client;

	(void)state;
	fake.faults[0] =
		(struct fake_fault){ .part = "one", .times = 1, .status = 429, .after_ms = 9000 };
	fake.faults[1] =
		(struct fake_fault){ .part = "two", .times = 1, .status = 429, .after_ms = 9000 };
	client = list(2, &seen);
	assert_int_equal(client_exit_code(client), 0);
	assert_int_equal(fake.now_ms, FAKE_START_MS + 9000);
	client_free(client);
}

static void without_a_key_nothing_is_asked(void **state)
{
	struct seen seen = { 0 };
	struct client *client;

	(void)state;
	assert_int_equal(unsetenv("TB_TEST_KEY"), 0);
	client = list(1, &seen);
	assert_int_equal(client_exit_code(client), 77);
	assert_int_equal(fake.requests, 0);
	client_free(client);
}

/* what client_find() makes of one id, in up to two sources */
struct found {
	struct client *client;
	struct task *tasks[2];
};

static struct found find(size_t count, const char *id)
{
	struct config own = config(count);
	struct found found = { .client = client_new(&own, NULL) };

	client_find(found.client, id, found.tasks);
	return found;
}

static void found_done(struct found *found)
{
	free(found->tasks[0]);
	free(found->tasks[1]);
	client_free(found->client);
}

static void find_fills_what_by_id_leaves_out(void **state)
{
	struct found found;

	(void)state;
	fake_put("one", "a", "failure");
	found = find(1, "a");
	assert_non_null(found.tasks[0]);
	assert_int_equal(found.tasks[0]->status, STATUS_FAILURE);
	assert_string_equal(found.tasks[0]->bucket, "bucket a");
	assert_string_equal(found.tasks[0]->user_id, "user");
	assert_int_equal(fake_asked("?status=failure"), 1);
	assert_int_equal(fake.requests, 2);
	found_done(&found);
}

static void a_failure_to_fill_is_none_to_find(void **state)
{
	struct found found;

	(void)state;
	fake_put("one", "a", "success");
	fake.faults[0] = (struct fake_fault){ .part = "?status", .times = -1, .status = 500 };
	found = find(1, "a");
	assert_non_null(found.tasks[0]);
	assert_null(found.tasks[0]->bucket);
	assert_int_equal(client_exit_code(found.client), 0);
	found_done(&found);
}

static void the_list_of_all_five_decides(void **state)
{
	struct found found;

	(void)state;
	fake.by_id = false;
	fake_put("one", "a", "success");
	found = find(1, "a");
	assert_non_null(found.tasks[0]);
	assert_int_equal(found.tasks[0]->status, STATUS_SUCCESS);
	assert_string_equal(found.tasks[0]->bucket, "bucket a");
	found_done(&found);
}

static void nowhere_is_no_failure(void **state)
{
	struct found found;

	(void)state;
	fake_put("one", "b", "success");
	found = find(2, "a");
	assert_null(found.tasks[0]);
	assert_null(found.tasks[1]);
	assert_int_equal(client_exit_code(found.client), 0);
	assert_int_equal(fake_asked("status=partial_success"), 2);
	found_done(&found);
}

static void a_404_of_a_proxy_is_not_not_found(void **state)
{
	struct found found;

	(void)state;
	fake_put("one", "a", "success");
	fake.faults[0] = (struct fake_fault){
		.part = "/a", .times = -1, .status = 404, .body = "<html>not found</html>"
	};
	fake.faults[1] = fake.faults[0];
	fake.faults[0].part = "embeddings/a";
	found = find(1, "a");
	assert_null(found.tasks[0]);
	assert_int_equal(client_exit_code(found.client), 76);
	found_done(&found);
}

static void found_in_one_though_another_fails(void **state)
{
	struct found found;

	(void)state;
	fake_put("two", "a", "queued");
	fake.faults[0] = (struct fake_fault){ .part = "one", .times = -1, .status = 403 };
	found = find(2, "a");
	assert_null(found.tasks[0]);
	assert_non_null(found.tasks[1]);
	assert_int_equal(client_exit_code(found.client), 77);
	found_done(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(list_asks_every_source_at_once, setup),
		cmocka_unit_test_setup(only_the_source_that_is_named, setup),
		cmocka_unit_test_setup(a_source_that_fails_leaves_the_others, setup),
		cmocka_unit_test_setup(the_worst_exit_code_wins, setup),
		cmocka_unit_test_setup(a_lost_connection_is_tried_again, setup),
		cmocka_unit_test_setup(what_was_shown_is_not_read_again, setup),
		cmocka_unit_test_setup(a_refusal_is_not_repeated, setup),
		cmocka_unit_test_setup(a_page_that_refuses_is_tried_again, setup),
		cmocka_unit_test_setup(waits_are_ten_seconds_at_most, setup),
		cmocka_unit_test_setup(waits_at_the_same_time_count_once, setup),
		cmocka_unit_test_setup(without_a_key_nothing_is_asked, setup),
		cmocka_unit_test_setup(find_fills_what_by_id_leaves_out, setup),
		cmocka_unit_test_setup(a_failure_to_fill_is_none_to_find, setup),
		cmocka_unit_test_setup(the_list_of_all_five_decides, setup),
		cmocka_unit_test_setup(nowhere_is_no_failure, setup),
		cmocka_unit_test_setup(a_404_of_a_proxy_is_not_not_found, setup),
		cmocka_unit_test_setup(found_in_one_though_another_fails, setup),
	};

	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
