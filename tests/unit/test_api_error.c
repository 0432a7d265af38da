/* Error answers of every shape end in one readable line; and why tasks of a bucket failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"
#include "io/api.h"

static void assert_line(const struct err *err)
{
	assert_true(strlen(err->text) < sizeof(err->text));
	for (const char *p = err->text; *p != '\0';) {
		uint32_t code;
		size_t len = text_decode(p, strlen(p), &code);

		assert_true(len > 0 && code >= 0x20 && code != 0x7f);
		p += len;
	}
}

static const struct {
	long status;
	const char *body;
	const char *text;
} shapes[] = {
	/* Telnyx */
	{ 401,
		"{\"errors\":[{\"code\":\"10009\",\"title\":\"Authentication "
		"failed\",\"detail\":\"The API key looks "
		"malformed.\",\"meta\":{\"url\":\"https://x\"}}]}",
		"the API refused the key: HTTP 401 Unauthorized: 10009 Authentication failed: The "
		"API key looks malformed." },
	{ 503, "{\"errors\":[{\"code\":\"10007\",\"detail\":\"An unexpected error occurred.\"}]}",
		"HTTP 503 Service Unavailable: 10007 An unexpected error occurred." },
	{ 503,
		"{\"errors\":[{\"code\":10007,\"title\":null,\"detail\":{\"reason\":\"x\",\"n\":[1,"
		"2]},\"meta\":null}]}",
		"HTTP 503 Service Unavailable: 10007 reason: x; n: 1; 2" },
	{ 400,
		"{\"errors\":[{\"code\":\"10015\",\"title\":\"Bad "
		"Request\"},{\"title\":\"Other\",\"detail\":\"d\"}]}",
		"HTTP 400 Bad Request: 10015 Bad Request; Other: d" },
	{ 422,
		"{\"errors\":[{\"code\":\"20207\",\"title\":\"Invalid\",\"description\":\"The "
		"street.\",\"source\":{\"pointer\":\"/street\"}}]}",
		"HTTP 422 Unprocessable Content: 20207 Invalid: The street. at /street" },
	{ 422, "{\"errors\":{\"status\":[\"is odd\",\"is new\"],\"page\":\"is low\"}}",
		"HTTP 422 Unprocessable Content: status: is odd; is new; page: is low" },
	{ 429, "{\"errors\":[\"too fast\"]}", "HTTP 429 Too Many Requests: too fast" },
	/* FastAPI */
	{ 422,
		"{\"detail\":[{\"loc\":[\"query\",\"status\",0],\"msg\":\"value is not a valid "
		"enumeration "
		"member\",\"type\":\"type_error.enum\",\"ctx\":{\"enum_values\":[\"queued\"]}}]}",
		"HTTP 422 Unprocessable Content: status.0: value is not a valid enumeration "
		"member" },
	{ 422,
		"{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"field "
		"required\"},{\"loc\":[\"path\",\"task_id\"],\"msg\":\"bad\"},{\"msg\":\"bare\"}]}",
		"HTTP 422 Unprocessable Content: body: field required; task_id: bad; bare" },
	{ 404, "{\"detail\":\"Not Found\"}", "HTTP 404 Not Found: Not Found" },
	{ 404,
		"{\"detail\":[{\"code\":\"10005\",\"title\":\"Bucket not found\",\"detail\":\"No "
		"bucket b\"}]}",
		"HTTP 404 Not Found: 10005 Bucket not found: No bucket b" },
	/* others */
	{ 401,
		"{\"type\":\"https://stoplight.io/prism/errors#UNAUTHORIZED\",\"title\":\"Invalid "
		"security scheme used\",\"status\":401,\"detail\":\"Your request does not fulfill "
		"the requirements\"}",
		"the API refused the key: HTTP 401 Unauthorized: Invalid security scheme used: "
		"Your request does not fulfill the requirements" },
	{ 500, "{\"message\":\"boom\"}", "HTTP 500 Internal Server Error: boom" },
	{ 500, "{\"error\":{\"message\":\"boom\"}}",
		"HTTP 500 Internal Server Error: message: boom" },
	{ 418, "{}", "HTTP 418: \"{}\"" },
	{ 500, "{\"errors\":[]}", "HTTP 500 Internal Server Error: \"{\"errors\":[]}\"" },
	{ 500, "{\"errors\":[{\"code\":null,\"title\":[],\"detail\":{}}]}",
		"HTTP 500 Internal Server Error: "
		"\"{\"errors\":[{\"code\":null,\"title\":[],\"detail\":{}}]}\"" },
	{ 500, "{\"detail\":\"old\",\"detail\":\"new\"}", "HTTP 500 Internal Server Error: new" },
	{ 500,
		"{\"errors\":[{\"code\":"
		"1111111111111111111111111111111111111111111111111111111111111111,\"title\":\"t\"}]"
		"}",
		"HTTP 500 Internal Server Error: "
		"1111111111111111111111111111111111111111111111111111111111111111 t" },
	/* what the tree marks numbers with, written by somebody else */
	{ 500, "{\"errors\":[\"\xe0\x80\x81 1\x7f\"]}",
		"HTTP 500 Internal Server Error: \\xe0\\x80\\x81 1\\x7f" },
	{ 500, "{\"errors\":[{\"code\":9007199254740993,\"title\":\"t\",\"detail\":-1.50e2}]}",
		"HTTP 500 Internal Server Error: 9007199254740993 t: -1.50e2" },
	/* what is no JSON */
	{ 502, "", "HTTP 502 Bad Gateway: the answer says no more" },
	{ 502, " \r\n", "HTTP 502 Bad Gateway: the answer says no more" },
	{ 502, "upstream connect error", "HTTP 502 Bad Gateway: \"upstream connect error\"" },
	{ 502,
		"\n<html><head><TITLE lang=en>\n 502 Bad\n Gateway "
		"</Title></head><body>cloudflare</body></html>",
		"HTTP 502 Bad Gateway: a page, not JSON: \"502 Bad Gateway\"" },
	{ 502, "<html><body>no title</body>", "HTTP 502 Bad Gateway: a page, not JSON" },
	{ 502, "<html><title>cut", "HTTP 502 Bad Gateway: a page, not JSON" },
	{ 500, "{\"errors\":[{\"code\":\"1000",
		"HTTP 500 Internal Server Error: \"{\"errors\":[{\"code\":\"1000\"" },
};

/* borrowed */
static struct buf body_of(const char *text, size_t len)
{
	return (struct buf){ .data = (char *)(uintptr_t)text, .len = len };
}

static bool line_of(long status, const char *body, size_t len, const char *id, struct err *err)
{
	struct http_answer answer = { .status = status, .body = body_of(body, len) };
	struct http_advice advice;

	(void)snprintf(answer.request_id, sizeof(answer.request_id), "%s", id != NULL ? id : "");
	return api_error(&answer, &advice, err);
}

/* whose address it is, and what to look at; the page that goes with it is for browsers */
static void test_redirects(void **state)
{
	static const char page[] = "<html><title>302 Found</title></html>";
	struct http_answer answer = { .status = 302, .origin = "https://login.example:8443" };
	struct http_advice advice;
	struct err err = { 0 };

	(void)state;
	answer.body = body_of(page, strlen(page));
	assert_false(api_error(&answer, &advice, &err));
	assert_int_equal(err.kind, ERR_PROTOCOL);
	assert_string_equal(err.text, "HTTP 302 Found: a redirect to https://login.example:8443, "
				      "which is not followed (see base_url)");
	answer = (struct http_answer){ .status = 308, .request_id = "r" };
	assert_false(api_error(&answer, &advice, &err));
	assert_string_equal(err.text, "HTTP 308 Permanent Redirect: a redirect, which is not "
				      "followed (see base_url) (request r)");
	answer = (struct http_answer){ .status = 300, .origin = "https://login.example" };
	answer.body = body_of("x", 1);
	assert_false(api_error(&answer, &advice, &err));
	assert_string_equal(err.text, "HTTP 300: \"x\"");
}

static void test_shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		struct err err = { 0 };

		assert_false(line_of(
			shapes[i].status, shapes[i].body, strlen(shapes[i].body), NULL, &err));
		assert_string_equal(err.text, shapes[i].text);
		assert_line(&err);
	}
}

/* a body may end anywhere */
static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		for (size_t len = 0; len < strlen(shapes[i].body); len++) {
			cleanup_free char *body = mem_strndup(shapes[i].body, len);
			struct err err = { 0 };

			body = mem_resize(body, len, 1);
			assert_false(line_of(shapes[i].status, body, len, "id", &err));
			assert_line(&err);
			assert_non_null(strstr(err.text, " (request id)"));
		}
}

static void test_kinds(void **state)
{
	static const struct {
		long status;
		enum err_kind kind;
	} rows[] = {
		{ 401, ERR_UNREACHABLE },
		{ 403, ERR_UNREACHABLE },
		{ 408, ERR_UNREACHABLE },
		{ 409, ERR_UNREACHABLE },
		{ 429, ERR_UNREACHABLE },
		{ 500, ERR_UNREACHABLE },
		{ 503, ERR_UNREACHABLE },
		{ 599, ERR_UNREACHABLE },
		{ 400, ERR_PROTOCOL },
		{ 404, ERR_PROTOCOL },
		{ 422, ERR_PROTOCOL },
		{ 302, ERR_PROTOCOL },
		{ 204, ERR_PROTOCOL },
		{ 600, ERR_PROTOCOL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = { 0 };

		assert_false(line_of(rows[i].status, "", 0, "", &err));
		assert_int_equal(err.kind, rows[i].kind);
		assert_null(strstr(err.text, "request"));
	}
}

/* only the API knows its keys, and it speaks JSON */
static void test_refusals(void **state)
{
	static const struct {
		const char *body;
		bool limited;
		enum err_kind kind;
	} rows[] = {
		{ "{\"errors\":[{\"code\":\"10009\"}]}", false, ERR_AUTH },
		{ " {}\n", false, ERR_AUTH },
		{ "[]", false, ERR_AUTH },
		{ "{\"message\":\"API rate limit exceeded\"}", true, ERR_UNREACHABLE },
		{ "<html><title>Just a moment...</title></html>", false, ERR_UNREACHABLE },
		{ "error code: 1020", false, ERR_UNREACHABLE },
		{ "1020", false, ERR_UNREACHABLE },
		{ "{\"errors\":[{\"code\":\"100", false, ERR_UNREACHABLE },
		{ "", false, ERR_UNREACHABLE },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		const char *body = rows[i / 2].body;
		struct http_answer answer = {
			.status = i % 2 == 0 ? 401 : 403,
			.advice = { .retry = true, .after_ms = 7000 },
			.limited = rows[i / 2].limited,
			.body = body_of(body, strlen(body)),
		};
		struct http_advice advice;
		struct err err = { 0 };

		assert_false(api_error(&answer, &advice, &err));
		assert_int_equal(err.kind, rows[i / 2].kind);
		assert_int_equal(
			strncmp(err.text, "the API refused", 15) == 0, err.kind == ERR_AUTH);
		assert_int_equal(advice.retry, err.kind != ERR_AUTH);
		assert_int_equal(advice.after_ms, err.kind != ERR_AUTH ? 7000 : -1);
		answer.wanted = true;
		assert_false(api_error(&answer, &advice, &err));
		assert_true(advice.retry);
	}
}

static void test_hostile(void **state)
{
	static const char body[] =
		"{\"errors\":[{\"code\":\"1\\u0007\",\"title\":\"\\u001b[31mred\\u202e\","
		"\"detail\":\"a\\r\\n\\t b\\u0000\\ud800\\u0085\xff %s%n\"}]}";
	static const char raw[] = "\x1b]0;owned\x07 %n\0 after\xc2\x9b";
	struct err err = { 0 };

	(void)state;
	assert_false(line_of(500, body, strlen(body), "\x1b[2J\n", &err));
	assert_string_equal(err.text,
		"HTTP 500 Internal Server Error: 1\\x07 \\x1b[31mred\\u{202e}: a "
		"b\xef\xbf\xbd\xef\xbf\xbd\\x85\\xff "
		"%s%n (request \\x1b[2J\\n)");
	assert_line(&err);
	assert_false(line_of(500, raw, sizeof(raw) - 1, NULL, &err));
	assert_string_equal(
		err.text, "HTTP 500 Internal Server Error: \"\\x1b]0;owned\\x07 %n after\\x9b\"");
	assert_line(&err);
}

/* however long the text, the line ends with the request's id and between two characters */
static void test_long(void **state)
{
	cleanup_buf struct buf body = { 0 };
	struct err err = { 0 };

	(void)state;
	for (int lead = 0; lead < 4; lead++) {
		buf_clear(&body);
		(void)buf_addf(&body, "{\"errors\":[{\"title\":\"%.*s", lead, "xxx");
		for (int i = 0; i < 20000; i++)
			(void)buf_add_text(&body, "\xe2\x82\xac");
		(void)buf_add_text(&body, "\"}]}");
		assert_false(line_of(500, body.data, body.len, "req-1", &err));
		assert_true(strlen(err.text) > 590);
		assert_string_equal(strchr(err.text, '('), "(request req-1)");
		assert_non_null(strstr(err.text, "\xe2\x80\xa6 (request"));
		assert_line(&err);
	}
	assert_false(line_of(500, body.data, body.len, body.data, &err));
	assert_line(&err);
	assert_int_equal(err.text[strlen(err.text) - 1], ')');
}

static void test_many_errors(void **state)
{
	cleanup_buf struct buf body = { 0 };
	struct err err = { 0 };

	(void)state;
	(void)buf_add_text(&body, "{\"errors\":[{}");
	for (int i = 0; i < 3000; i++)
		(void)buf_add_text(&body, ",{\"code\":\"1\"},{}");
	(void)buf_add_text(&body, "]}");
	assert_false(line_of(500, body.data, body.len, NULL, &err));
	assert_non_null(strstr(err.text, "Error: 1; 1; 1; 1"));
	assert_line(&err);
	buf_clear(&body);
	(void)buf_add_text(&body, "{\"errors\":");
	for (int i = 0; i < 60; i++)
		(void)buf_add_text(&body, "[");
	for (int i = 0; i < 60; i++)
		(void)buf_add_text(&body, "]");
	(void)buf_add_text(&body, "}");
	assert_false(line_of(500, body.data, body.len, NULL, &err));
	assert_line(&err);
}

static bool reason(const char *body, struct buf *out)
{
	struct buf bytes = body_of(body, strlen(body));

	buf_clear(out);
	return api_reason(&bytes, out);
}

static void test_reason(void **state)
{
	cleanup_buf struct buf out = { 0 };

	(void)state;
	assert_true(reason(
		"{\"data\":[{\"filename\":\"a.pdf\",\"status\":\"failure\",\"created_at\":\"2027-"
		"01-15T08:00:05Z\","
		"\"error_reason\":\"File is "
		"empty\"},{\"filename\":\"b\",\"status\":\"success\",\"error_reason\":\"old\"},"
		"{\"filename\":\"c.pdf\",\"status\":\"failed\"},{\"filename\":\"d\",\"status\":"
		"\"odd\",\"error_reason\":\"why\"},"
		"{\"filename\":\"e\",\"status\":\"processing\"},{\"status\":\"error\"}]}",
		&out));
	assert_string_equal(buf_text(&out),
		"4 of 6 files failed: a.pdf: File is empty; c.pdf; d: why; a file without a name");
	assert_true(reason(
		"{\"data\":[{\"filename\":\"a\\u0000\xff\",\"status\":\"failure\"}]}", &out));
	assert_string_equal(buf_text(&out), "1 of 1 file failed: a\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_no_reason(void **state)
{
	static const char *const bodies[] = { "", "<html>", "{}", "{\"data\":[]}", "{\"data\":{}}",
		"{\"data\":[7]}", "{\"detail\":\"Not Found\"}",
		"{\"data\":[{\"filename\":\"a\",\"status\":\"success\"}]}",
		"{\"data\":[{\"filename\":\"a\",\"status\":\"failure\"}]",
		"{\"data\":[{\"filename\":7,\"status\":null,\"error_reason\":null}]}" };
	cleanup_buf struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		assert_false(reason(bodies[i], &out));
		assert_int_equal(out.len, 0);
	}
}

static void test_many_reasons(void **state)
{
	cleanup_buf struct buf body = { 0 };
	cleanup_buf struct buf out = { 0 };

	(void)state;
	(void)buf_add_text(&body, "{\"data\":[{\"filename\":\"ok\",\"status\":\"success\"}");
	for (int i = 0; i < 3000; i++)
		(void)buf_addf(&body,
			",{\"filename\":\"f%d\",\"status\":\"failure\",\"error_reason\":\"r\"}", i);
	(void)buf_add_text(&body, "]}");
	assert_true(reason(body.data, &out));
	assert_string_equal(buf_text(&out),
		"3000 of 3001 files failed: f0: r; f1: r; f2: r; f3: r; f4: r; and 2995 more");
	buf_clear(&body);
	(void)buf_add_text(&body, "{\"data\":[{\"status\":\"failure\",\"filename\":\"");
	for (int i = 0; i < 1000; i++)
		(void)buf_add_text(&body, "\xe2\x82\xac");
	(void)buf_add_text(&body, "\"}]}");
	assert_true(reason(body.data, &out));
	assert_true(out.len <= 2048 && out.len > 2040);
	assert_string_equal(out.data + out.len - 6, "\xe2\x82\xac\xe2\x80\xa6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redirects),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_many_errors),
		cmocka_unit_test(test_reason),
		cmocka_unit_test(test_no_reason),
		cmocka_unit_test(test_many_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
