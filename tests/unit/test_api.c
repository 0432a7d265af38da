#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"
#include "core/task.h"
#include "io/api.h"

/* what was read: one line a task */
struct taken {
	struct buf lines;
	size_t tasks;
};

static void add_text(struct buf *out, const char *name, const char *text)
{
	(void)buf_addf(out, " %s=", name);
	if (text == NULL)
		(void)buf_add_text(out, "NULL");
	else
		(void)buf_addf(out, "[%s]", text);
}

static void add_task(struct buf *out, const struct task *task)
{
	char stamp[STAMP_TEXT_MAX];

	(void)buf_add_text(out, status_word(task->status));
	add_text(out, "id", task->id);
	add_text(out, "word", task->word);
	add_text(out, "name", task->name);
	add_text(out, "bucket", task->bucket);
	add_text(out, "user", task->user_id);
	add_text(out, "created",
		task->created_us != STAMP_NONE ? stamp_text(task->created_us, stamp) : NULL);
	add_text(out, "finished",
		task->finished_us != STAMP_NONE ? stamp_text(task->finished_us, stamp) : NULL);
	(void)buf_add_char(out, '\n');
}

static void feed(struct task_reader *reader, const char *bytes, size_t len, struct taken *taken)
{
	/* gone afterwards, so that what is kept of it is found */
	cleanup_free char *copy = mem_resize(NULL, len, 1);
	struct task_element element;

	memcpy(copy, bytes, len);
	task_reader_feed(reader, copy, len);
	while (task_reader_next(reader, &element)) {
		const struct task *view = task_reader_view(reader, &element);

		assert_true(element.json.len > 2 && element.json.bytes[0] == '{' &&
			    element.json.bytes[element.json.len - 1] == '}');
		assert_true(element.escaped || element.status == view->status);
		add_task(&taken->lines, view);
		taken->tasks++;
	}
}

static bool list(const char *text, size_t chunk, struct taken *taken, struct err *err)
{
	struct task_reader *reader = task_reader_new(source_type_find("telnyx-embeddings"));
	size_t len = strlen(text);
	struct api_beside beside;
	bool good;

	for (size_t at = 0; at < len && task_reader_good(reader, err); at += chunk)
		feed(reader, text + at, len - at < chunk ? len - at : chunk, taken);
	good = task_reader_good(reader, err) && api_list_end(reader, &beside, err);
	task_reader_free(reader);
	return good;
}

static void taken_done(struct taken *taken)
{
	buf_done(&taken->lines);
	*taken = (struct taken){ 0 };
}

#define FULL                                                                                       \
	"{\"task_id\":\"t1\",\"user_id\":\"u\",\"task_name\":\"n\",\"status\":\"processing\","     \
	"\"created_at\":\"2026-01-02T03:04:05.123Z\",\"bucket\":\"b\",\"finished_at\":\"2026-01-"  \
	"02 04:04:05+01:00\"}"
#define FULL_LINE                                                                                  \
	"processing id=[t1] word=[processing] name=[n] bucket=[b] user=[u] "                       \
	"created=[2026-01-02T03:04:05.123Z] finished=[2026-01-02T03:04:05Z]\n"

static void test_list(void **state)
{
	static const char text[] =
		"{\"data\":[" FULL ",{\"task_id\":\"t2\",\"status\":\"failed\"}," FULL
		"],\"meta\":{\"total\":3}}";
	static const char lines[] = FULL_LINE
		"failure id=[t2] word=[failed] name=NULL bucket=NULL user=NULL created=NULL "
		"finished=NULL\n" FULL_LINE;

	(void)state;
	for (size_t chunk = 1; chunk <= sizeof(text); chunk++) {
		struct taken taken = { 0 };
		struct err err = { 0 };

		if (!list(text, chunk, &taken, &err))
			fail_msg("%s", err.text);
		assert_string_equal(buf_text(&taken.lines), lines);
		taken_done(&taken);
	}
}

/* all that is read is taken, in the order of the answer, however it is cut into chunks */
static void test_many_tasks(void **state)
{
	cleanup_buf struct buf text = { 0 };
	cleanup_buf struct buf lines = { 0 };

	(void)state;
	(void)buf_add_text(&text, "{\"data\":[");
	for (int i = 0; i < 100; i++) {
		/* some with escapes, and one long enough to go on over several chunks */
		const char *name = i % 40 == 7 ? "\\u0041" : "A";

		if (i == 50)
			name = "a name that goes on over several chunks, as it is longer than each";
		(void)buf_addf(&text,
			"%s{\"task_id\":\"t%d\",\"status\":\"%s\",\"task_name\":\"%s\"}",
			i > 0 ? "," : "", i, i % 3 == 0 ? "queued" : "success", name);
		(void)buf_addf(&lines,
			"%s id=[t%d] word=[%s] name=[%s] bucket=NULL user=NULL created=NULL "
			"finished=NULL\n",
			i % 3 == 0 ? "queued" : "success", i, i % 3 == 0 ? "queued" : "success",
			i % 40 == 7 ? "A" : name);
	}
	(void)buf_add_text(&text, "]}");
	for (size_t chunk = text.len; chunk > 0; chunk = chunk * 2 / 3) {
		struct taken taken = { 0 };
		struct err err = { 0 };

		assert_true(list(buf_text(&text), chunk, &taken, &err));
		assert_string_equal(buf_text(&taken.lines), buf_text(&lines));
		assert_int_equal(taken.tasks, 100);
		taken_done(&taken);
	}
}

/*
 * Reads the element as it is, and once more with a member in front and in two chunks: in `ret` what
 * both say, the fault or the line of the view.
 */
static void decode(const char *element, struct buf *ret)
{
	cleanup_buf struct buf text = { 0 };
	struct buf said[2] = { { 0 }, { 0 } };

	for (int more = 0; more < 2; more++) {
		struct taken taken = { 0 };
		struct err err = { 0 };

		buf_clear(&text);
		(void)buf_addf(&text, "{\"data\":[%s%s]}", more ? "{\"\":[]," : "", element + more);
		if (list(buf_text(&text), more ? 15 : text.len, &taken, &err))
			(void)buf_add_text(&said[more], buf_text(&taken.lines));
		else
			(void)buf_add_text(&said[more], err.text);
		taken_done(&taken);
	}
	assert_string_equal(buf_text(&said[0]), buf_text(&said[1]));
	buf_clear(ret);
	(void)buf_add_text(ret, buf_text(&said[0]));
	buf_done(&said[0]);
	buf_done(&said[1]);
}

static void test_fields(void **state)
{
	static const struct {
		const char *members; /* after a good id and status */
		const char *view; /* after these */
	} rows[] = {
		{ "\"task_name\":\"n\"", "name=[n] bucket=NULL" },
		{ "\"task_name\":\"\"", "name=[] bucket=NULL" },
		{ "\"task_name\":null,\"bucket\":null", "name=NULL bucket=NULL" },
		{ "\"task_name\":7,\"bucket\":true", "name=NULL bucket=NULL" },
		{ "\"task_name\":{\"task_name\":\"x\"},\"bucket\":[\"b\"]",
			"name=NULL bucket=NULL" },
		{ "\"task_name\":\"a\",\"task_name\":\"b\"", "name=[b] bucket=NULL" },
		{ "\"task_name\":\"a\",\"task_name\":null", "name=NULL bucket=NULL" },
		{ "\"task_name\":\"a\",\"task_name\":[]", "name=NULL bucket=NULL" },
		{ "\"Task_Name\":\"a\",\"task_nam\":\"b\",\"task_names\":\"c\",\"\":\"d\"",
			"name=NULL bucket=NULL" },
		{ "\"task\\u005fname\":\"a\"", "name=[a] bucket=NULL" },
		{ "\"task_name\\u0000\":\"a\"", "name=NULL bucket=NULL" },
		{ "\"task_name\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\uD83D\\ude00\"",
			"name=[\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80] bucket=NULL" },
		{ "\"task_name\":\"a\\u0000b\"", "name=[a\xef\xbf\xbd"
						 "b] bucket=NULL" },
		{ "\"task_name\":\"\\ud800\"", "name=[\xef\xbf\xbd] bucket=NULL" },
		{ "\"task_name\":\"\\ud800\\ud800\\udc00\"",
			"name=[\xef\xbf\xbd\xf0\x90\x80\x80] bucket=NULL" },
		{ "\"task_name\":\"\\udc00\\ud800x\\u0041\"",
			"name=[\xef\xbf\xbd\xef\xbf\xbdxA] bucket=NULL" },
		{ "\"task_name\":\"\\ud800\\n\\\\ud800\"",
			"name=[\xef\xbf\xbd\n\\ud800] bucket=NULL" },
		{ "\"task_name\":\"\xc3\xa9 \xff\xc0\x80 \xe0\x80\x80\"",
			"name=[\xc3\xa9 \xff\xc0\x80 \xe0\x80\x80] bucket=NULL" },
		{ "\"task_name\":\"\xe0\x80\x81"
		  "5\",\"bucket\":\"\xe0\x80\x82\"",
			"name=[\xe0\x80\x81"
			"5] bucket=[\xe0\x80\x82]" },
		{ "\"task_name\":\"\xe0\x80\",\"\xe0\x80\x81"
		  "5\":1,\"created_at\":\"\xe0\x80\x81"
		  "1716906071\"",
			"name=[\xe0\x80] bucket=NULL user=NULL created=NULL" },
		{ "\"n\":-0.5e-3,\"bucket\":\"b\"", "name=NULL bucket=[b]" },
		{ "\"n\":"
		  "1000000000000000000000000000000000000000000000000000000000000000000000000000000,"
		  "\"bucket\":\"b\"",
			"name=NULL bucket=[b]" },
		{ "\"n\":[0."
		  "3333333333333333333333333333333333333333333333333333333333333333333333333e-1],"
		  "\"bucket\":\"-1234\"",
			"name=NULL bucket=[-1234]" },
		{ "\"n\":1e999,\"bucket\":\"b\"", "name=NULL bucket=[b]" },
		{ "\"created_at\":\"2024-05-28T14:21:11.123456\",\"finished_at\":\"2024-05-28T14:"
		  "21:12\"",
			"name=NULL bucket=NULL user=NULL created=[2024-05-28T14:21:11.123456Z] "
			"finished=[2024-05-28T14:21:12Z]" },
		{ "\"created_at\":\"yesterday\",\"finished_at\":1716906071",
			"name=NULL bucket=NULL user=NULL created=NULL "
			"finished=[2024-05-28T14:21:11Z]" },
		{ "\"created_at\":1716906071123,\"finished_at\":1716906071.5",
			"name=NULL bucket=NULL user=NULL created=[2024-05-28T14:21:11.123Z] "
			"finished=[2024-05-28T14:21:11.500Z]" },
		/* more than a double can hold */
		{ "\"created_at\":1716906071123457,\"finished_at\":1716906071123457999",
			"name=NULL bucket=NULL user=NULL created=[2024-05-28T14:21:11.123457Z] "
			"finished=[2024-05-28T14:21:11.123457Z]" },
		{ "\"created_at\":\"1716906071\",\"finished_at\":\"1716906071123\"",
			"name=NULL bucket=NULL user=NULL created=[2024-05-28T14:21:11Z] "
			"finished=[2024-05-28T14:21:11.123Z]" },
		/* as some write that there is none */
		{ "\"created_at\":\"0001-01-01T00:00:00Z\",\"finished_at\":0",
			"name=NULL bucket=NULL user=NULL created=NULL finished=NULL" },
		{ "\"created_at\":\"0000-00-00T00:00:00Z\",\"finished_at\":\"1970-01-01T00:00:"
		  "00Z\"",
			"name=NULL bucket=NULL user=NULL created=NULL finished=NULL" },
		{ "\"created_at\":-1,\"finished_at\":1e9",
			"name=NULL bucket=NULL user=NULL created=NULL finished=NULL" },
		{ "\"created_at\":true,\"finished_at\":[1716906071]",
			"name=NULL bucket=NULL user=NULL created=NULL finished=NULL" },
		{ "\"user_id\":1716906071,\"bucket\":5", "name=NULL bucket=NULL user=NULL" },
		{ "\"created_at\":\"2024-05-28T14:21:11Z\\u0000\",\"finished_at\":\"\"",
			"name=NULL bucket=NULL user=NULL created=NULL finished=NULL" },
		{ "\"user_id\" : \"u\" , \"x\" : false , \"y\" : true",
			"name=NULL bucket=NULL user=[u]" },
	};
	cleanup_buf struct buf text = { 0 };
	cleanup_buf struct buf said = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		static const char head[] = "queued id=[i] word=[queued] ";

		buf_clear(&text);
		(void)buf_addf(
			&text, "{\"task_id\":\"i\",\"status\":\"queued\",%s}", rows[i].members);
		decode(buf_text(&text), &said);
		if (strncmp(buf_text(&said), head, strlen(head)) != 0 ||
			strncmp(said.data + strlen(head), rows[i].view, strlen(rows[i].view)) != 0)
			fail_msg("%s: %s", rows[i].members, buf_text(&said));
	}
}

static void test_bad_elements(void **state)
{
	static const struct {
		const char *element;
		const char *said;
	} rows[] = {
		{ "{\"status\":\"queued\"}", "has no id" },
		{ "{\"task_id\":7,\"status\":\"queued\"}", "has no id" },
		{ "{\"task_id\":null,\"status\":\"queued\"}", "has no id" },
		{ "{\"task_id\":\"a\",\"task_id\":null,\"status\":\"queued\"}", "has no id" },
		{ "{\"task_id\":{\"task_id\":\"a\"},\"status\":\"queued\"}", "has no id" },
		{ "{\"task_id\":\"\",\"status\":\"queued\"}", "has an empty id" },
		{ "{\"task_id\":\"..\",\"status\":\"queued\"}", "has an id that is none" },
		{ "{\"task_id\":\"\x7f\",\"status\":\"queued\"}", "has an id that is none" },
		{ "{\"task_id\":\"a\\nb\",\"status\":\"queued\"}", "has an id that is none" },
		{ "{\"task_id\":\"a\\u0000b\",\"status\":\"queued\"}", "has an id that is none" },
		{ "{\"task_id\":\"\\u0000\",\"status\":\"queued\"}", "has an id that is none" },
		{ "{\"task_id\":\"a\\ud800\",\"status\":\"queued\"}", "has an id that is none" },
		{ "{\"task_id\":\"a\"}", "has no status" },
		{ "{\"task_id\":\"a\",\"status\":1}", "has no status" },
		{ "{\"task_id\":\"a\",\"status\":{\"name\":\"queued\"}}", "has no status" },
		{ "{\"task_id\":\"a\",\"status\":\"queued\",\"status\":null}", "has no status" },
		{ "{\"task_id\":\"a\",\"status\":\"\"}", "has an empty status" },
	};
	cleanup_buf struct buf said = { 0 };
	cleanup_buf struct buf expected = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&expected);
		(void)buf_addf(&expected, "element 1 of \"data\" in the answer %s", rows[i].said);
		decode(rows[i].element, &said);
		if (strncmp(buf_text(&said), buf_text(&expected), expected.len) != 0)
			fail_msg("%s: %s", rows[i].element, buf_text(&said));
	}
}

static void test_ids(void **state)
{
	cleanup_buf struct buf text = { 0 };
	cleanup_buf struct buf said = { 0 };
	char id[TASK_ID_MAX + 2] = { 0 };

	(void)state;
	memset(id, 'x', TASK_ID_MAX);
	(void)buf_addf(&text, "{\"task_id\":\"%s\",\"status\":\"queued\"}", id);
	decode(buf_text(&text), &said);
	assert_non_null(strstr(buf_text(&said), id));
	id[TASK_ID_MAX] = 'x';
	buf_clear(&text);
	(void)buf_addf(&text, "{\"task_id\":\"%s\",\"status\":\"queued\"}", id);
	decode(buf_text(&text), &said);
	assert_non_null(strstr(buf_text(&said), "has an id that is none"));
	/* a broken escape elsewhere says nothing against an id that truly has U+FFFD */
	decode("{\"task_id\":\"\xef\xbf\xbd\",\"status\":\"queued\",\"task_name\":\"\\u0000\"}",
		&said);
	assert_non_null(
		strstr(buf_text(&said), "id=[\xef\xbf\xbd] word=[queued] name=[\xef\xbf\xbd]"));
}

static void test_statuses(void **state)
{
	cleanup_buf struct buf said = { 0 };

	(void)state;
	decode("{\"task_id\":\"a\",\"status\":\"paused\"}", &said);
	assert_non_null(strstr(buf_text(&said), "unknown id=[a] word=[paused]"));
	decode("{\"task_id\":\"a\",\"status\":\"partial_success\"}", &said);
	assert_non_null(strstr(buf_text(&said), "partial_success id=[a]"));
	decode("{\"task_id\":\"a\",\"status\":\"Partial_SUCCESS\"}", &said);
	assert_non_null(strstr(buf_text(&said), "partial_success id=[a]"));
	decode("{\"task_id\":\"a\",\"status\":\"SUCCESSFUL\"}", &said);
	assert_non_null(strstr(buf_text(&said), "unknown id=[a] word=[SUCCESSFUL]"));
	decode("{\"task_id\":\"a\",\"status\":\"succe\\u0073s\"}", &said);
	assert_non_null(strstr(buf_text(&said), "success id=[a] word=[success]"));
	decode("{\"task_id\":\"a\",\"status\":\"queued\\u0000\"}", &said);
	assert_non_null(strstr(buf_text(&said), "unknown id=[a] word=[queued\xef\xbf\xbd]"));
}

static void test_many_members(void **state)
{
	cleanup_buf struct buf text = { 0 };
	cleanup_buf struct buf said = { 0 };

	(void)state;
	(void)buf_add_text(&text, "{");
	for (int i = 0; i < 1000; i++)
		(void)buf_addf(&text, "\"m%d\":\"v\",", i);
	(void)buf_add_text(&text, "\"task_id\":\"a\",\"status\":\"queued\"}");
	decode(buf_text(&text), &said);
	assert_non_null(strstr(buf_text(&said), "queued id=[a]"));
}

/* an element of a megabyte is followed by others as if nothing had been */
static void test_large_element(void **state)
{
	cleanup_buf struct buf text = { 0 };
	struct taken taken = { 0 };
	struct err err = { 0 };

	(void)state;
	(void)buf_add_text(&text, "{\"data\":[{\"task_id\":\"a\",\"status\":\"queued\",\"x\":[0");
	for (int i = 0; i < 500000; i++)
		(void)buf_add_text(&text, ",0");
	(void)buf_add_text(&text, "]},{\"task_id\":\"b\",\"status\":\"queued\",\"x\":[]}]}");
	assert_true(list(buf_text(&text), 16384, &taken, &err));
	assert_int_equal(taken.tasks, 2);
	taken_done(&taken);
}

static void test_element_number(void **state)
{
	struct taken taken = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_false(list("{\"data\":[" FULL "," FULL ",{\"task_id\":\"a\"}]}", 10, &taken, &err));
	assert_int_equal(err.kind, ERR_PROTOCOL);
	assert_string_equal(err.text, "element 3 of \"data\" in the answer has no status");
	taken_done(&taken);
}

static void test_duplicate_ids_pass(void **state)
{
	struct taken taken = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_true(list("{\"data\":[" FULL "," FULL "]}", 7, &taken, &err));
	assert_string_equal(buf_text(&taken.lines), FULL_LINE FULL_LINE);
	taken_done(&taken);
}

static bool task_errors(const char *body, struct err *err)
{
	struct http_answer answer = { .status = 200 };
	cleanup_free struct task *task = NULL;
	struct http_advice advice;
	enum api_lookup said;

	(void)buf_add_text(&answer.body, body);
	said = api_lookup(source_type_find("telnyx-embeddings"), "t", &answer, &task, &advice, err);
	buf_done(&answer.body);
	assert_int_equal(said == API_FOUND, task != NULL);
	return said == API_FAILED && err->kind == ERR_UNREACHABLE && advice.retry;
}

/* errors with a good status and no task */
static void test_errors_in_a_good_answer(void **state)
{
	static const char *const lists[] = {
		"{\"errors\":[{\"code\":\"10007\",\"detail\":\"broken\"}]}",
		"{\"errors\":[{\"code\":\"10007\",\"detail\":\"broken\"}],\"data\":[]}",
		("{\"data\":[ "
		 "],\"meta\":{},\"errors\":[{\"code\":\"10007\",\"detail\":\"broken\"}]}"),
		"{\"data\":null,\"errors\":[{\"code\":\"10007\",\"detail\":\"broken\"}]}",
		"{\"data\":{},\"\\u0065rrors\":[{\"code\":\"10007\",\"detail\":\"broken\"}]}",
		"{\"data\":[],\"error\":{\"code\":\"10007\",\"detail\":\"broken\"}}",
	};
	static const char *const silent[] = { "{\"data\":[],\"errors\":[]}",
		"{\"errors\":null,\"data\":[]}", "{\"data\":[],\"errors\":{},\"error\":\"\"}",
		"{\"data\":[],\"error\":false}", "{\"data\":[],\"meta\":{\"errors\":[1]}}" };
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (size_t chunk = 1; chunk <= strlen(lists[i]); chunk++) {
			struct taken taken = { 0 };

			assert_false(list(lists[i], chunk, &taken, &err));
			assert_int_equal(err.kind, ERR_UNREACHABLE);
			assert_string_equal(strchr(err.text, ':') + 1,
				i < 5 ? " 10007 broken" : " code: 10007; detail: broken");
			taken_done(&taken);
			assert_true(task_errors(lists[i], &err));
			assert_int_equal(err.kind, ERR_UNREACHABLE);
		}
	for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
		struct taken taken = { 0 };

		assert_true(list(silent[i], 7, &taken, &err));
		taken_done(&taken);
	}
	assert_false(task_errors("{\"data\":{\"status\":\"queued\"},\"errors\":[1]}", &err));
	assert_false(task_errors("{\"data\":null}", &err));
	assert_false(task_errors("{\"errors\":[1", &err));
	assert_false(task_errors("<html>", &err));
}

static const char *partial_of(const char *text, bool link)
{
	struct task_reader *reader = task_reader_new(source_type_find("telnyx-embeddings"));
	struct http_answer answer = { .status = 200, .more = link };
	static struct api_beside beside;
	struct taken taken = { 0 };
	struct err err;

	feed(reader, text, strlen(text), &taken);
	if (!api_list_end(reader, &beside, &err))
		fail_msg("%s: %s", text, err.text);
	task_reader_free(reader);
	taken_done(&taken);
	return api_list_partial(&beside, &answer);
}

#define ONE "{\"data\":[{\"task_id\":\"a\",\"status\":\"queued\"}]"

static void test_more_pages(void **state)
{
	static const char *const more[] = {
		ONE ",\"meta\":{\"page_number\":1,\"total_pages\":2,\"page_size\":1,\"total_"
		    "results\":2}}",
		ONE ",\"meta\":{\"page_number\":0,\"total_pages\":2}}",
		ONE ",\"meta\":{\"total_pages\":3}}",
		"{\"meta\":{\"total_results\":2,\"page_size\":1},"
		"\"data\":[{\"task_id\":\"a\",\"status\":\"queued\"}]}",
		ONE ",\"has_more\":true}",
		ONE ",\"meta\":{\"pagination\":{\"hasNextPage\":true}}}",
		ONE ",\"links\":{\"next\":\"https://x/?page=2\"}}",
		ONE ",\"_links\":{\"next\":{\"href\":\"/?page=2\"}}}",
		ONE ",\"next\":\"/?page=2\"}",
		ONE ",\"paging\":{\"next\":\"x\"}}",
		ONE ",\"next_page_token\":\"x\"}",
		ONE ",\"meta\":{\"next_page\":2}}",
	};
	static const char *const all[] = {
		ONE "}",
		ONE ",\"meta\":{\"page_number\":1,\"total_pages\":1,\"page_size\":1,\"total_"
		    "results\":1}}",
		ONE ",\"meta\":{\"page_number\":0,\"total_pages\":1}}",
		ONE ",\"meta\":{\"total_pages\":0}}",
		ONE ",\"meta\":{\"total\":7}}",
		ONE ",\"meta\":{\"total_results\":7,\"page_size\":20}}",
		ONE ",\"has_more\":false,\"next\":null,\"next_page_token\":\"\"}",
		ONE ",\"links\":{\"self\":\"https://x/?page=1\",\"prev\":null,\"next\":null}}",
		ONE ",\"_links\":{\"next\":{\"href\":\"\"}}}",
		ONE ",\"meta\":{\"next_page\":0,\"total_pages\":\"many\",\"page\":-1}}",
		ONE ",\"meta\":null,\"links\":[],\"has_more\":\"true\"}",
		("{\"data\":[{\"task_id\":\"a\",\"status\":\"queued\",\"has_more\":true}],\"x\":{"
		 "\"next\":\"y\"}}"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		if (partial_of(more[i], false) == NULL)
			fail_msg("not seen: %s", more[i]);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (partial_of(all[i], false) != NULL)
			fail_msg("no more pages: %s", all[i]);
	assert_non_null(strstr(partial_of(all[0], true), "more pages"));
	assert_string_equal(partial_of(ONE ",\"errors\":[{\"title\":\"half of it\"}]}", false),
		"the answer has errors beside its tasks: half of it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_many_tasks),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_errors_in_a_good_answer),
		cmocka_unit_test(test_more_pages),
		cmocka_unit_test(test_bad_elements),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_many_members),
		cmocka_unit_test(test_large_element),
		cmocka_unit_test(test_element_number),
		cmocka_unit_test(test_duplicate_ids_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
