/* What a server's headers say of another try, and the time an answer has: all without a clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "core/net_error.h"
#include "core/response_headers.h"
#include "core/transfer_deadline.h"
#include "core/retry_after.h"

#define WALL_MS INT64_C(784111767000) /* Sun, 06 Nov 1994 08:49:27 GMT */

static int64_t wait_of(long status, const char *name, const char *value)
{
	struct retry_after retry = RETRY_INIT;

	retry_after_header(&retry, name, value, WALL_MS);
	return retry_after_wait(&retry, status);
}

static void test_wait(void **state)
{
	static const struct {
		const char *name;
		const char *value;
		int64_t ms;
	} cases[] = {
		{ "retry-after", "7", 7000 },
		{ "Retry-After", "0.5", 500 },
		{ "retry-after", "1.2345", 1234 },
		{ "retry-after", "0", 100 },
		{ "retry-after", "0.001", 100 },
		{ "retry-after", "301", 300000 },
		{ "retry-after", "99999999999999999999999999", 300000 },
		{ "retry-after", "-3", -1 },
		{ "retry-after", "+3", -1 },
		{ "retry-after", "", -1 },
		{ "retry-after", "soon", -1 },
		{ "retry-after", "5m", -1 },
		{ "retry-after", "1e3", -1 },
		{ "retry-after", "0x10", -1 },
		{ "retry-after", "inf", -1 },
		{ "retry-after", "7, 9", -1 },
		{ "retry-after", "Sun, 06 Nov 1994 08:49:37 GMT", 10000 },
		{ "retry-after", "Sun, 06 nov 1994 08:49:37 gmt", 10000 },
		{ "retry-after", "Sun,  06 Nov 1994 08:49:3 GMT", -1 },
		{ "retry-after", "Sun, 06 Nox 1994 08:49:37 GMT", -1 },
		{ "retry-after", "Sun, 6x Nov 1994 08:49:37 GMT", -1 },
		{ "retry-after", "S n, 06 Nov 1994 08:49:37 GMT", -1 },
		{ "retry-after", "Sun, 06 Nov 1994 08:49:37 UTC", -1 },
		{ "retry-after", "Sun, 06 Nov 1994 08:49:97 GMT", -1 },
		{ "retry-after", "Sunday, 06-Nov-94 08:49:37 GMT", 10000 },
		{ "retry-after", "Sun Nov  6 08:49:37 1994", 10000 },
		{ "retry-after", "Sun, 06 Nov 1994 08:00:00 GMT", 100 },
		{ "retry-after", "Sun, 06 Nov 2094 08:00:00 GMT", 300000 },
		{ "retry-after-ms", "1500", 1500 },
		{ "RETRY-AFTER-MS", "1500.7", 1500 },
		{ "retry-after-ms", "1", 100 },
		{ "retry-after-ms", "Sun, 06 Nov 1994 08:49:37 GMT", -1 },
		{ "x-ratelimit-reset", "30", 30000 },
		{ "x-ratelimit-reset", "784111777", 300000 }, /* small: seconds, not a date */
		{ "x-ratelimit-reset", "soon", -1 },
		{ "x-ratelimit-remaining", "0", -1 },
		{ "RateLimit-Reset", "30", 30000 },
		{ "ratelimit-reset", "soon", -1 },
		{ "RateLimit", "limit=100, remaining=0, reset=30", 30000 },
		{ "ratelimit", "\"burst\";r=0;t=30", 30000 },
		{ "ratelimit", "\"burst\"; r=0; t=0.5, \"day\"; r=9; t=3600", 500 },
		{ "ratelimit", "T=30", 30000 },
		{ "ratelimit", "\"t=30\";r=0", -1 },
		{ "ratelimit", "t=", -1 },
		{ "ratelimit", "t=99999999999999999999999999999999999999", -1 },
		{ "ratelimit", "t", -1 },
		{ "ratelimit", "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (wait_of(429, cases[i].name, cases[i].value) != cases[i].ms)
			fail_msg("%s: %s gives %lld", cases[i].name, cases[i].value,
				(long long)wait_of(429, cases[i].name, cases[i].value));
		assert_int_equal(wait_of(503, cases[i].name, cases[i].value), cases[i].ms);
		assert_int_equal(wait_of(200, cases[i].name, cases[i].value), -1);
		assert_int_equal(wait_of(500, cases[i].name, cases[i].value), -1);
	}
}

static void test_reset_as_date(void **state)
{
	struct retry_after retry = RETRY_INIT;
	const int64_t wall_ms = INT64_C(1700000000000);

	(void)state;
	retry_after_header(&retry, "x-ratelimit-reset", "1700000042", wall_ms);
	assert_int_equal(retry_after_wait(&retry, 429), 42000);
	retry_after_header(&retry, "x-ratelimit-reset", "1600000000", wall_ms);
	assert_int_equal(retry_after_wait(&retry, 429), 100);
	/* the draft means seconds, but GitLab writes a date */
	retry = (struct retry_after)RETRY_INIT;
	retry_after_header(&retry, "ratelimit-reset", "1700000042", wall_ms);
	assert_int_equal(retry_after_wait(&retry, 429), 42000);
}

/* a server whose clock is years off means a wait by that clock, wherever its Date stands */
static void test_dates_are_by_the_servers_clock(void **state)
{
	static const char *const lines[][2] = {
		{ "date", "Sun, 06 Nov 2044 08:49:30 GMT" },
		{ "retry-after", "Sun, 06 Nov 2044 08:49:37 GMT" },
	};
	struct retry_after retry;

	(void)state;
	for (size_t first = 0; first < 2; first++) {
		retry = (struct retry_after)RETRY_INIT;
		for (size_t i = 0; i < 2; i++)
			retry_after_header(&retry, lines[(first + i) % 2][0],
				lines[(first + i) % 2][1], WALL_MS);
		assert_int_equal(retry_after_wait(&retry, 429), 7000);
	}
	retry = (struct retry_after)RETRY_INIT;
	retry_after_header(
		&retry, "date", "Thu, 14 Nov 2013 22:13:20 GMT", WALL_MS); /* 1384467200 */
	retry_after_header(&retry, "x-ratelimit-reset", "1384467242", WALL_MS);
	assert_int_equal(retry_after_wait(&retry, 429), 42000);
	/* one that cannot be read is none */
	retry_after_header(&retry, "date", "never", INT64_C(1384467240000));
	assert_int_equal(retry_after_wait(&retry, 429), 2000);
}

static void test_lengths(void **state)
{
	static const char *const odd[] = { "", "-1", "+1", "0x10", "1 1", "5, 5",
		"99999999999999999999", "9223372036854775808" };
	struct response_headers head;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		cleanup_free char *line = mem_printf("Content-Length: %s\r\n", odd[i]);

		response_headers_start(&head);
		response_headers_line(&head, line, strlen(line), WALL_MS);
		assert_true(head.odd_length);
	}
	response_headers_start(&head);
	response_headers_line(&head, "content-length: 9223372036854775807", 35, WALL_MS);
	assert_false(head.odd_length);
}

static void test_order_of_headers(void **state)
{
	struct retry_after retry = RETRY_INIT;

	(void)state;
	assert_int_equal(retry_after_wait(&retry, 429), -1);
	retry_after_header(&retry, "RateLimit-Reset", "40", WALL_MS);
	assert_int_equal(retry_after_wait(&retry, 429), 40000);
	retry_after_header(&retry, "x-ratelimit-reset", "30", WALL_MS);
	assert_int_equal(retry_after_wait(&retry, 429), 30000);
	retry_after_header(&retry, "retry-after", "20", WALL_MS);
	assert_int_equal(retry_after_wait(&retry, 429), 20000);
	retry_after_header(&retry, "retry-after-ms", "10000", WALL_MS);
	assert_int_equal(retry_after_wait(&retry, 429), 10000);
	/* what cannot be read does not undo what could */
	retry_after_header(&retry, "retry-after-ms", "later", WALL_MS);
	assert_int_equal(retry_after_wait(&retry, 429), 10000);
}

static void test_worth(void **state)
{
	static const long yes[] = { 408, 409, 429, 500, 502, 503, 504, 520, 599 };
	static const long no[] = { 200, 204, 301, 400, 401, 403, 404, 418, 422, 600 };
	struct retry_after retry = RETRY_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		assert_true(retry_after_worth(&retry, yes[i]));
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		assert_false(retry_after_worth(&retry, no[i]));
	retry_after_header(&retry, "x-should-retry", "perhaps", WALL_MS);
	assert_true(retry_after_worth(&retry, 503));
	retry_after_header(&retry, "X-Should-Retry", "false", WALL_MS);
	assert_false(retry_after_worth(&retry, 503));
	retry_after_header(&retry, "x-should-retry", "True", WALL_MS);
	assert_true(retry_after_worth(&retry, 400));
}

static void test_date(void **state)
{
	static const char *const bad[] = { "", "GMT", "Sun, 06 Nov 1994 08:49:37",
		"06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 PST",
		"Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT GMT",
		"Sun, 06 Nov 19945 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:37 GMT,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,",
		"Sun, 06 Nov 1994 08:49 GMT" };
	int64_t us;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (http_date_parse(bad[i], &us))
			fail_msg("taken for a date: %s", bad[i]);
	assert_true(http_date_parse("Thu, 01 Jan 1970 00:00:00 GMT", &us));
	assert_int_equal(us, 0);
	assert_true(http_date_parse("Monday, 01-Jan-24 00:00:00 GMT", &us));
	assert_int_equal(us, INT64_C(1704067200000000));
	assert_true(http_date_parse("Thu, 29 Feb 2024 23:59:59 GMT", &us));
	assert_int_equal(us, INT64_C(1709251199000000));
}

static void read_head(struct response_headers *head, const char *text)
{
	response_headers_start(head);
	while (*text != '\0') {
		size_t len = strcspn(text, "\n") + 1;

		response_headers_line(head, text, len, WALL_MS);
		text += len;
	}
}

static void test_head(void **state)
{
	struct response_headers head;

	(void)state;
	read_head(&head,
		"HTTP/1.1 429 Too Many\r\nDATE: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
		"content-type:Application/Problem+JSON; charset=utf-8\r\n"
		"x-request-id:  req-1\t\r\nX-Telnyx-Request-Id: other\r\nRetry-After: 3\r\n\r\n");
	assert_true(head.closed);
	assert_true(head.json);
	assert_string_equal(head.request_id, "req-1");
	assert_int_equal(head.date_us, INT64_C(784111777000000));
	assert_int_equal(retry_after_wait(&head.retry, 429), 3000);
	read_head(&head, "HTTP/2 200 \r\ncontent-type: text/html; a=/json\r\ndate: never\r\n"
			 "x-telnyx-request-id: tel\r\n");
	assert_false(head.closed);
	assert_false(head.json);
	assert_string_equal(head.request_id, "tel");
	assert_int_equal(head.date_us, STAMP_NONE);
}

static void test_head_of_interim_answers(void **state)
{
	struct response_headers head;

	(void)state;
	read_head(
		&head, "HTTP/1.1 103 Early Hints\r\nretry-after: 9\r\nx-request-id: early\r\n\r\n");
	assert_false(head.closed);
	read_head(&head, "HTTP/1.1 103 Early Hints\r\nretry-after: 9\r\nx-request-id: early\r\n\r\n"
			 "HTTP/1.1 503 No\r\nserver: x\r\n\r\n");
	assert_true(head.closed);
	assert_string_equal(head.request_id, "");
	assert_int_equal(retry_after_wait(&head.retry, 503), -1);
}

static void test_response_headers_ignore_trailers(void **state)
{
	struct response_headers head;

	(void)state;
	read_head(&head,
		"HTTP/1.1 503 No\r\nx-request-id: a\r\n\r\nx-request-id: b\r\nretry-after: 5\r\n"
		"HTTP/1.1 200 OK\r\n");
	assert_string_equal(head.request_id, "a");
	assert_int_equal(retry_after_wait(&head.retry, 503), -1);
}

static void test_head_sanitises(void **state)
{
	char line[HEADER_LINE_MAX];
	struct response_headers head;
	int len;

	(void)state;
	read_head(&head, "HTTP/1.1 500 X\r\nx-request-id: a\033[31mb\x7f\xc3\xa4"
			 "c\r\n\r\n");
	assert_string_equal(head.request_id, "a[31mbc");
	len = snprintf(line, sizeof(line), "x-request-id: %0*d\r\n", 5000, 7);
	response_headers_start(&head);
	response_headers_line(&head, line, (size_t)len, WALL_MS);
	assert_int_equal(strlen(head.request_id), HEADER_ID_MAX - 1);
	response_headers_line(&head, ":::", 3, WALL_MS);
	response_headers_line(&head, "no colon at all", 15, WALL_MS);
	response_headers_line(&head, "", 0, WALL_MS);
}

static struct transfer_deadline pace_begun(void)
{
	struct transfer_deadline deadline;

	transfer_deadline_start(&deadline, 30000, 5000, 1000);
	return deadline;
}

static void test_pace_waits_for_a_connection_and_a_byte(void **state)
{
	struct transfer_deadline deadline = pace_begun();
	enum transfer_limit limit;

	(void)state;
	assert_int_equal(transfer_deadline_at(&deadline, &limit), 6000);
	assert_int_equal(limit, LIMIT_CONNECT);
	transfer_deadline_see(&deadline, true, 0, 2000);
	assert_int_equal(transfer_deadline_at(&deadline, &limit), 31000);
	assert_int_equal(limit, LIMIT_FIRST_BYTE);
	transfer_deadline_see(&deadline, true, 17, 20000);
	assert_int_equal(transfer_deadline_at(&deadline, &limit), 50000);
	assert_int_equal(limit, LIMIT_SLOW);
}

static void test_pace_of_a_trickle(void **state)
{
	struct transfer_deadline deadline = pace_begun();
	int64_t now = 1000;
	uint64_t bytes = 0;
	enum transfer_limit limit;

	(void)state;
	while (now < transfer_deadline_at(&deadline, &limit)) {
		now += 100;
		bytes += 990; /* 9.9 kB/s */
		transfer_deadline_see(&deadline, true, bytes, now);
	}
	assert_int_equal(limit, LIMIT_SLOW);
	assert_int_equal(now, 31100);
}

static void test_pace_of_a_long_answer(void **state)
{
	struct transfer_deadline deadline = pace_begun();
	int64_t now = 1000;
	uint64_t bytes = 0;
	enum transfer_limit limit;

	(void)state;
	while (now < transfer_deadline_at(&deadline, &limit)) {
		now += 100;
		bytes += 1010; /* 10.1 kB/s */
		transfer_deadline_see(&deadline, true, bytes, now);
	}
	assert_int_equal(limit, LIMIT_TOTAL);
	assert_int_equal(now, 301000);
}

static void test_pace_forgives_a_short_pause(void **state)
{
	struct transfer_deadline deadline = pace_begun();

	(void)state;
	transfer_deadline_see(&deadline, true, 10, 2000);
	transfer_deadline_see(
		&deadline, true, 11, 31999); /* one byte in 30 s: still the same stretch */
	assert_int_equal(transfer_deadline_at(&deadline, NULL), 32000);
	transfer_deadline_see(&deadline, true, 400000, 31999); /* then the rest at once */
	assert_int_equal(transfer_deadline_at(&deadline, NULL), 61999);
}

static void test_network_errors_in_words(void **state)
{
	struct err err;

	(void)state;
	net_error_describe(NET_ERROR_CONNECT, "127.0.0.1:81", "Connection refused", &err);
	assert_string_equal(err.text, "cannot connect to 127.0.0.1:81: connection refused");
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	net_error_describe(NET_ERROR_TLS, "h:443", "SSL routines: no", &err);
	assert_string_equal(err.text, "no TLS connection to h:443: SSL routines: no");
	net_error_describe(NET_ERROR_EMPTY, "h:443", NULL, &err);
	assert_string_equal(err.text, "h:443 closed the connection without an answer");
	net_error_describe(NET_ERROR_BROKEN, "h:443", "X", &err);
	assert_string_equal(err.text, "the connection to h:443 broke: x");
	net_error_late(NET_ERROR_LATE_ANSWER, "h:443", 30000, &err);
	assert_string_equal(err.text, "no answer from h:443 within 30s");
	assert_true(net_error_passes(NET_ERROR_LATE_ANSWER));
	assert_false(net_error_passes(NET_ERROR_UNTRUSTED));
}

/* where a redirect leads, as far as it can be shown */
static void test_head_origin(void **state)
{
	static const char *const rows[][2] = {
		{ "https://login.example/a?key=S3CRET#x", "https://login.example" },
		{ "HTTP://h:81", "HTTP://h:81" },
		{ "http://[::1]:80/", "http://[::1]:80" },
		{ "https://user:S3CRET@h/", "https://h" },
		{ "https://a@S3CRET@h?u=x@y", "https://h" },
		{ "https://h\\@evil", "https://h" },
		{ "/v2/?next=https://h", "" },
		{ "//h/v2", "" },
		{ "S3CRET@x://h", "" },
		{ "https:///v2", "" },
		{ "https://\033[31mh/", "" },
		{ "https://h h/", "" },
		{ "", "" },
	};
	cleanup_buf struct buf text = { 0 };
	struct response_headers head;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&text);
		(void)buf_addf(&text, "HTTP/1.1 302 Found\r\nLocation: %s\r\n\r\n", rows[i][0]);
		read_head(&head, buf_text(&text));
		assert_string_equal(head.origin, rows[i][1]);
	}
	buf_clear(&text);
	(void)buf_addf(&text, "HTTP/1.1 302 Found\r\nLocation: https://u:%0*d@h\r\n\r\n", 400, 7);
	read_head(&head, buf_text(&text));
	assert_string_equal(head.origin, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_reset_as_date),
		cmocka_unit_test(test_dates_are_by_the_servers_clock),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_order_of_headers),
		cmocka_unit_test(test_worth),
		cmocka_unit_test(test_date),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_head_of_interim_answers),
		cmocka_unit_test(test_response_headers_ignore_trailers),
		cmocka_unit_test(test_head_sanitises),
		cmocka_unit_test(test_head_origin),
		cmocka_unit_test(test_pace_waits_for_a_connection_and_a_byte),
		cmocka_unit_test(test_pace_of_a_trickle),
		cmocka_unit_test(test_pace_of_a_long_answer),
		cmocka_unit_test(test_pace_forgives_a_short_pause),
		cmocka_unit_test(test_network_errors_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
