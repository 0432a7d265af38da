/* One task by id, what counts as JSON at all, and where all this is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "io/api.h"

static enum api_lookup look_up(
	long status, const char *id, const char *body, struct task **ret, struct err *err)
{
	struct http_answer answer = { .status = status };
	struct http_advice advice;
	enum api_lookup said;

	(void)buf_add_text(&answer.body, body);
	said = api_lookup(source_type_find("telnyx-embeddings"), id, &answer, ret, &advice, err);
	buf_done(&answer.body);
	return said;
}

static bool task(const char *id, const char *body, struct task **ret, struct err *err)
{
	return look_up(200, id, body, ret, err) == API_FOUND;
}

static void test_task(void **state)
{
	cleanup_free struct task *view = NULL;
	struct err err = { 0 };

	(void)state;
	assert_true(task("t1",
		"{\"data\":{\"task_id\":\"t1\",\"task_name\":\"n\\u0000\",\"status\":\"failed\","
		"\"bucket\":\"b\",\"user_id\":\"u\","
		"\"created_at\":\"1970-01-01T00:00:01Z\",\"finished_at\":\"1970-01-01T00:00:02."
		"5Z\"}}",
		&view, &err));
	assert_string_equal(view->id, "t1");
	assert_string_equal(view->name, "n\xef\xbf\xbd");
	assert_string_equal(view->word, "failed");
	assert_int_equal(view->status, STATUS_FAILURE);
	assert_string_equal(view->bucket, "b");
	assert_string_equal(view->user_id, "u");
	assert_int_equal(view->created_us, 1000000);
	assert_int_equal(view->finished_us, 2500000);
}

/* by id only the status is required, and the id is the one that was asked for */
static void test_sparse_task(void **state)
{
	static const char *const bodies[] = { "{\"data\":{\"status\":\"success\"}}",
		"{\"data\":{\"task_id\":null,\"status\":\"success\"},\"meta\":[]}",
		"{\"x\":{\"data\":1},\"data\":{\"status\":\"success\",\"task_id\":7}}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		cleanup_free struct task *view = NULL;
		struct err err = { 0 };

		assert_true(task("t9", bodies[i], &view, &err));
		assert_string_equal(view->id, "t9");
		assert_int_equal(view->status, STATUS_SUCCESS);
		assert_null(view->name);
		assert_true(view->created_us == STAMP_NONE && view->finished_us == STAMP_NONE);
	}
}

static void test_bad_task(void **state)
{
	static const struct {
		const char *body;
		const char *said;
	} rows[] = {
		{ "", "empty" },
		{ "<html>", "is a page" },
		{ "{\"data\":{\"status\":\"queued\"}", "cut off" },
		{ "{\"data\":{\"status\":\"queued\"}}}", "nothing more expected" },
		{ "[]", "no task" },
		{ "7", "no task" },
		{ "{}", "no task" },
		{ "{\"data\":null}", "no task" },
		{ "{\"data\":[{\"task_id\":\"t\",\"status\":\"queued\"}]}", "no task" },
		{ "{\"data\":{\"status\":\"queued\"},\"data\":{\"status\":\"queued\"}}",
			"\"data\" twice" },
		{ "{\"data\":{\"task_id\":\"t\"}}", "has no status" },
		{ "{\"data\":{}}", "has no status" },
		{ "{\"data\":{},\"errors\":[]}", "has no status" },
		{ "{\"data\":{\"task_id\":\"t\"},\"errors\":[1]}", "has no status" },
		{ "{\"data\":{\"task_id\":\"u\"}}x", "nothing more expected" },
		{ "{\"data\":{\"task_id\":\"t\",\"status\":\"\"}}", "has an empty status" },
		{ "{\"data\":{\"task_id\":\"u\",\"status\":\"queued\"}}", "is another task" },
		{ "{\"data\":{\"task_id\":\"\",\"status\":\"queued\"}}", "is another task" },
		{ "{\"data\":{\"task_id\":\"t\\u0000\",\"status\":\"queued\"}}",
			"is another task" },
	};
	cleanup_free struct task *view = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = { 0 };

		assert_false(task("t", rows[i].body, &view, &err));
		assert_null(view);
		assert_int_equal(err.kind, ERR_PROTOCOL);
		if (strstr(err.text, rows[i].said) == NULL)
			fail_msg("%s: %s", rows[i].body, err.text);
	}
}

/* where the task can be in its answer: rows of pointer, answer and what it says of it */
static void test_task_pointers(void **state)
{
	static const struct {
		const char *pointer;
		const char *body;
		const char *said; /* the status, or what is wrong */
	} rows[] = {
		{ "/data", "{\"data\":{\"status\":\"a\",\"data\":{}},\"x\":[]}", "a" },
		{ "/data", "\xef\xbb\xbf {\"data\":{\"status\":\"a\"}}\n", "a" },
		{ "", " {\"status\":\"a\",\"l\":[{\"status\":\"b\"}]} ", "a" },
		{ "", "[]", "but no task" },
		{ "/jobs/0", "{\"jobs\":[{\"status\":\"a\"},{\"status\":\"b\"}]}", "a" },
		{ "/jobs/1", "{\"jobs\":[{\"status\":\"a\"},{\"status\":\"b\"}]}", "b" },
		{ "/jobs/0", "{\"jobs\":[]}", "no task in \"jobs/0\"" },
		{ "/a~1b", "{\"a/b\":{\"st\\u0061tus\":\"\\u0062\"}}", "b" },
		{ "/data", "{\"data\":[{}]}", "no task in \"data\"" },
		{ "/data", "{\"data\":1,\"data\":{\"status\":\"a\"}}", "\"data\" twice" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct source_type type = *source_type_find("telnyx-embeddings");
		cleanup_free struct task *view = NULL;
		struct err err = { 0 };
		const char *said;

		type.task_pointer = rows[i].pointer;
		said = task_from_answer(&type, "t", rows[i].body, strlen(rows[i].body), &view,
			       &err) == TASK_READ
			       ? view->word
			       : err.text;
		if (strstr(said, rows[i].said) == NULL)
			fail_msg("%s in %s: %s", rows[i].pointer, rows[i].body, said);
		assert_int_equal(view != NULL, err.kind == ERR_NONE);
	}
}

/* only the API itself, which speaks JSON, knows that there is no such task */
static void test_not_found(void **state)
{
	static const char *const yes[] = { "{}", " {\"detail\":\"Not Found\"}\n", "[]" };
	static const char *const no[] = { "", " ", "<html></html>", "Not Found", "404", "\"404\"",
		"{\"a\":1", "{} {}", "null" };
	static const long statuses[] = { 400, 404, 422 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes) * ARRAY_LEN(statuses); i++) {
		struct task *view = NULL;
		struct err err = { 0 };

		assert_int_equal(look_up(statuses[i / ARRAY_LEN(yes)], "t", yes[i % ARRAY_LEN(yes)],
					 &view, &err),
			API_NOT_FOUND);
		assert_int_equal(
			look_up(500, "t", yes[i % ARRAY_LEN(yes)], &view, &err), API_FAILED);
	}
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		struct task *view = NULL;
		struct err err = { 0 };

		assert_int_equal(look_up(404, "t", no[i], &view, &err), API_FAILED);
		assert_int_equal(strncmp(err.text, "HTTP 404 Not Found", 18), 0);
	}
}

static void assert_url(char *url, const char *expected)
{
	assert_string_equal(url, expected);
	free(url);
}

static void test_urls(void **state)
{
	const struct source_type *type = source_type_find("telnyx-embeddings");

	(void)state;
	assert_url(api_list_url(type, "https://api.telnyx.com/v2", LIST_ACTIVE),
		"https://api.telnyx.com/v2/ai/embeddings?status=queued&status=processing");
	assert_url(api_list_url(type, "http://[::1]:8080//", LIST_ENDED),
		"http://[::1]:8080/ai/"
		"embeddings?status=success&status=failure&status=partial_success");
	assert_url(api_list_url(type, "http://h/", LIST_ALL),
		"http://h/ai/"
		"embeddings?status=queued&status=processing&status=success&status=failure"
		"&status=partial_success");
	assert_url(
		api_task_url(type, "http://h", "3c90-A_z.~"), "http://h/ai/embeddings/3c90-A_z.~");
	assert_url(api_task_url(type, "http://h", "a/../b?c#d %\xc3\xa9+&="),
		"http://h/ai/embeddings/a%2F..%2Fb%3Fc%23d%20%25%C3%A9%2B%26%3D");
	assert_url(api_reason_url(type, "http://h/v2", "my bucket"),
		"http://h/v2/ai/embeddings/buckets/my%20bucket");
	assert_memory_equal(api_version(), "cJSON/", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_task),
		cmocka_unit_test(test_sparse_task),
		cmocka_unit_test(test_bad_task),
		cmocka_unit_test(test_task_pointers),
		cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
