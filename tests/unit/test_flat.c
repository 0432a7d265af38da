/* What a flat has read before must not change what it reads: each object twice, after any other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "core/element.h"
#include "json/flat.h"

#define LONG_NAME "a_name_that_is_longer_than_any_lead_which_is_kept"

static const char *const objects[] = {
	"{}",
	"{ }",
	"{\"task_id\":\"a\",\"status\":\"queued\"}",
	"{\"task_id\":\"bb\",\"status\":\"x\"}",
	"{\"task_id\": \"a\" , \"status\" :\"queued\" }",
	"{\"task_id\":   \"a\",\"status\":  \"queued\"}",
	"{ \"task_id\":\"a\",\"status\":\"queued\"}",
	"{\"status\":\"queued\",\"task_id\":\"a\"}",
	"{\"task_id\":\"a\",\"finished_at\":null,\"status\":\"queued\"}",
	"{\"task_id\":\"a\",\"finished_at\":\"b\",\"status\":\"queued\"}",
	"{\"task_id\":\"a\",\"finished_at\":12,\"status\":\"queued\"}",
	"{\"task_id\":1,\"status\":true}",
	"{\"task_id\":\"a\",\"task_id\":\"b\"}",
	"{\"" LONG_NAME "\":\"a\",\"status\":\"queued\"}",
	"{\"" LONG_NAME "_\":\"a\",\"status\":\"queued\"}",
	"{\"\":\"\",\"status\":\"queued\"}",
	/* not plain, or not valid */
	"{\"task_id\":\"a\",\"status\":[]}",
	"{\"task_id\":\"a\",\"status\":}",
	"{\"task_id\":\"a\",\"status\"}",
	"{\"task_id\":\"a\",}",
	"{\"task_id\":\"a\" \"status\":\"queued\"}",
	"{\"task_id\":\"\\u0041\",\"status\":\"queued\"}",
	"{,\"task_id\":\"a\"}",
};

/* what the flat says of the object, which is put where it ends exactly */
static void say(
	struct flat *flat, struct element_map *map, const char *text, size_t len, struct buf *out)
{
	cleanup_free char *copy = mem_resize(NULL, len, 1);
	struct element element;
	const char *stop;

	memcpy(copy, text, len);
	stop = flat_read(flat, copy, copy + len);
	buf_clear(out);
	if (stop == NULL) {
		(void)buf_add_text(out, "not plain");
		return;
	}
	(void)buf_addf(out, "%d,", (int)(stop - copy));
	for (size_t i = 0; i < flat->count; i++) {
		const struct flat_member *member = &flat->members[i];

		(void)buf_addf(out, "%.*s=%.*s,", (int)member->name_len, member->name,
			(int)member->text_len, member->text != NULL ? member->text : "");
	}
	element_from_flat(&source_types[0], flat, map, &element);
	for (int i = 0; i < FIELD_COUNT; i++)
		(void)buf_addf(out, "%d:%.*s,", element.fields[i].text != NULL,
			(int)element.fields[i].len,
			element.fields[i].text != NULL ? element.fields[i].text : "");
}

static void test_after_any_other(void **state)
{
	cleanup_buf struct buf alone = { 0 };
	cleanup_buf struct buf after = { 0 };
	struct flat flat = { 0 };
	struct element_map map = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(objects); i++)
		for (size_t j = 0; j < ARRAY_LEN(objects); j++) {
			struct flat fresh = { 0 };
			struct element_map fresh_map = { 0 };
			size_t len = strlen(objects[j]);

			/* cut anywhere, it is not whole, and leaves nothing behind */
			for (size_t cut = 1; cut < len; cut++) {
				say(&flat, &map, objects[i], strlen(objects[i]), &after);
				say(&flat, &map, objects[j], cut, &after);
				assert_string_equal(buf_text(&after), "not plain");
			}
			say(&fresh, &fresh_map, objects[j], len, &alone);
			for (int twice = 0; twice < 2; twice++) {
				say(&flat, &map, objects[j], len, &after);
				assert_string_equal(buf_text(&after), buf_text(&alone));
			}
		}
}

static void test_what_it_says(void **state)
{
	cleanup_buf struct buf said = { 0 };
	struct flat flat = { 0 };
	struct element_map map = { 0 };
	uint64_t shape;

	(void)state;
	say(&flat, &map, objects[2], strlen(objects[2]), &said);
	assert_string_equal(
		buf_text(&said), "33,task_id=a,status=queued,1:a,1:queued,0:,0:,0:,0:,0:,");
	shape = flat.shape;
	/* alike but for the values: no name is read again */
	say(&flat, &map, objects[3], strlen(objects[3]), &said);
	assert_string_equal(buf_text(&said), "29,task_id=bb,status=x,1:bb,1:x,0:,0:,0:,0:,0:,");
	assert_true(flat.shape == shape);
	say(&flat, &map, objects[7], strlen(objects[7]), &said);
	assert_string_equal(
		buf_text(&said), "33,status=queued,task_id=a,1:a,1:queued,0:,0:,0:,0:,0:,");
	assert_true(flat.shape != shape);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_after_any_other),
		cmocka_unit_test(test_what_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
