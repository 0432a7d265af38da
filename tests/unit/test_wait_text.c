/* What `wait` says: no line is wider than the terminal, names are cut and ids are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/wait_text.h"

#define ID "34dd76b3-5fc9-4d7b-a1b6-f32a9c6ffda8"
#define OTHER "34dd76b3-5fc9-4d7b-a1b6-f32a9c6ffda9"

static struct wait_items set = { .sources = 1 };

static struct wait_item *put(const char *id, const char *name, enum status status)
{
	struct task task = {
		.id = id,
		.name = name,
		.status = status,
		.created_us = 1000000,
		.finished_us = status_class(status) == CLASS_ENDED ? 126000000 : STAMP_NONE,
	};

	wait_item_add_active(&set, 0, &task);
	return set.items[set.count - 1];
}

static int teardown(void **state)
{
	(void)state;
	wait_item_done(&set);
	return 0;
}

static char *end_text(const struct wait_item *item, size_t columns)
{
	struct buf out = { 0 };

	wait_text_end(&out, &set, item, false, columns);
	return buf_steal(&out);
}

static void assert_end(const struct wait_item *item, size_t columns, const char *expected)
{
	cleanup_free char *text = end_text(item, columns);

	assert_string_equal(text, expected);
}

static void one_line_where_there_is_room(void **state)
{
	struct wait_item *good = put(ID, "embed-docs", STATUS_SUCCESS);
	struct wait_item *bad = put(OTHER, "embed-wiki-pages", STATUS_FAILURE);

	(void)state;
	bad->reason = mem_strdup("a.pdf: too big");
	assert_end(good, 80, "\xe2\x9c\x93 embed-docs        success  2m 5s\n");
	assert_end(bad, 80, "\xe2\x9c\x97 embed-wiki-pages  failure  2m 5s  a.pdf: too big\n");
	assert_end(bad, 40, "\xe2\x9c\x97 embed-wiki-pages  failure  2m 5s\n    a.pdf: too big\n");
}

static void a_name_is_cut(void **state)
{
	struct wait_item *item = put(ID, "embed-all-the-documentation-there-is", STATUS_SUCCESS);

	(void)state;
	assert_end(item, 40, "\xe2\x9c\x93 embed-all-the-documen\xe2\x80\xa6  success  2m 5s\n");
}

static void an_id_is_not(void **state)
{
	struct wait_item *item = put(ID, NULL, STATUS_SUCCESS);

	(void)state;
	assert_end(item, 40, "\xe2\x9c\x93 " ID "\n  success  2m 5s\n");
	assert_end(item, 80, "\xe2\x9c\x93 " ID "  success  2m 5s\n");
	/* there is no room for it beside the mark */
	item = put(ID "-123", NULL, STATUS_SUCCESS);
	assert_end(item, 40, "\xe2\x9c\x93\n" ID "-123\n  success  2m 5s\n");
}

static void of_two_tasks_of_one_name_the_ids_are_shown(void **state)
{
	struct wait_item *item = put(ID, "same", STATUS_SUCCESS);

	(void)state;
	(void)put(OTHER, "same", STATUS_SUCCESS);
	assert_end(item, 80, "\xe2\x9c\x93 same  success  2m 5s  " ID "\n");
	item->reason = mem_strdup("too big");
	assert_end(item, 40, "\xe2\x9c\x93 same  success  2m 5s\n  " ID "\n    too big\n");
}

static void what_did_not_succeed_says_why(void **state)
{
	struct wait_item *gone = put(ID, "a", STATUS_PROCESSING);
	struct wait_item *missing;

	(void)state;
	wait_item_lose(gone);
	assert_end(gone, 80, "? a  gone  it is in no list any more\n");
	teardown(NULL);
	wait_item_add_named(&set, &(char *){ (char *)"no-such" }, 1);
	missing = set.items[0];
	wait_item_lose(missing);
	assert_end(missing, 80, "? no-such  missing  there is no such task\n");
}

/* whatever the API sends, at any width */
static void no_line_is_wider_than_the_terminal(void **state)
{
	static const char *const names[] = { NULL, "", "n",
		"\xe6\x96\x87\xe4\xbb\xb6\xe6\x96\x87\xe4\xbb\xb6\xe6\x96\x87\xe4\xbb\xb6\xe6\x96"
		"\x87\xe4\xbb\xb6\xe6\x96\x87\xe4\xbb\xb6",
		"a\nb\033[31mc\xff",
		"a name of many words that are all put on a line as it comes" };
	static const char *const reasons[] = {
		NULL, "r",
		"2 of 40 files failed: manual-of-operations.pdf: the file is larger than the 50 MB "
		"that "
		"are allowed; a-word-that-is-longer-than-many-a-line-of-a-terminal-is-wide.txt: no"
	};

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(names); n++)
		for (size_t r = 0; r < ARRAY_LEN(reasons); r++)
			for (size_t columns = 40; columns <= 200; columns++) {
				struct wait_item *item = put(ID, names[n], STATUS_PARTIAL_SUCCESS);
				bool two = (columns & 1) != 0;
				cleanup_free char *text = NULL;
				char *rest;

				if (two)
					(void)put(OTHER, names[n], STATUS_PROCESSING);
				if (reasons[r] != NULL)
					item->reason = mem_strdup(reasons[r]);
				text = end_text(item, columns);
				if (names[n] == NULL || two)
					assert_non_null(strstr(text, ID));
				for (char *line = strtok_r(text, "\n", &rest); line != NULL;
					line = strtok_r(NULL, "\n", &rest))
					assert_true(text_width(line) <= columns);
				teardown(NULL);
			}
}

static void time_text_it_was_seen(void **state)
{
	struct instant now = { .mono_ms = 70000, .wall_ms = 200000 };
	struct wait_item *item = put(ID, "a", STATUS_PROCESSING);
	cleanup_buf struct buf text = { 0 };

	(void)state;
	item->seen_ms = 5000;
	wait_text_last_seen(&text, item, now);
	assert_string_equal(buf_text(&text), "processing, seen 1m 5s ago");
	teardown(NULL);
	wait_item_add_named(&set, &(char *){ (char *)"a" }, 1);
	buf_clear(&text);
	wait_text_last_seen(&text, set.items[0], now);
	assert_string_equal(buf_text(&text), "no source has said anything of it");
	set.items[0]->doubted = true;
	buf_clear(&text);
	wait_text_last_seen(&text, set.items[0], now);
	assert_string_equal(buf_text(&text), "not found");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(one_line_where_there_is_room, teardown),
		cmocka_unit_test_teardown(a_name_is_cut, teardown),
		cmocka_unit_test_teardown(an_id_is_not, teardown),
		cmocka_unit_test_teardown(of_two_tasks_of_one_name_the_ids_are_shown, teardown),
		cmocka_unit_test_teardown(what_did_not_succeed_says_why, teardown),
		cmocka_unit_test_teardown(no_line_is_wider_than_the_terminal, teardown),
		cmocka_unit_test_teardown(time_text_it_was_seen, teardown),
	};

	if (setenv("LC_ALL", "C.UTF-8", 1) != 0)
		return 1;
	return cmocka_run_group_tests_name("wait_text", tests, NULL, NULL);
}
