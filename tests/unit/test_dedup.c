/* JSON lines on their way out: an id counts once among those that are held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/dedup.h"
#include "cli/out.h"

static struct buf written;

void out_bytes(const char *bytes, size_t len)
{
	(void)buf_add(&written, bytes, len);
}

static int setup(void **state)
{
	const struct hash_key key = { 1, 2 };

	buf_done(&written);
	*state = dedup_new(&key);
	return 0;
}

static int teardown(void **state)
{
	dedup_free(*state);
	buf_done(&written);
	return 0;
}

static void add(struct dedup *lines, size_t source, const char *id, const char *line)
{
	(void)buf_add_text(dedup_begin(lines), line);
	dedup_end(lines, source, id);
}

static void dedup_go_out_in_order(void **state)
{
	add(*state, 0, "a", "1");
	add(*state, 0, "b", "2");
	assert_int_equal(written.len, 0);
	dedup_write(*state);
	assert_string_equal(buf_text(&written), "1\n2\n");
	dedup_write(*state);
	assert_string_equal(buf_text(&written), "1\n2\n");
}

static void an_id_counts_once_as_it_stands_last(void **state)
{
	add(*state, 0, "a", "old");
	add(*state, 0, "b", "2");
	add(*state, 0, "a", "older");
	add(*state, 0, "a", "new");
	dedup_write(*state);
	assert_string_equal(buf_text(&written), "2\nnew\n");
}

static void the_same_id_of_two_sources_is_two_tasks(void **state)
{
	add(*state, 0, "a", "1");
	add(*state, 1, "a", "2");
	dedup_write(*state);
	assert_string_equal(buf_text(&written), "1\n2\n");
}

static void a_source_can_be_forgotten_until_it_was_written(void **state)
{
	add(*state, 0, "a", "1");
	add(*state, 1, "b", "2");
	assert_true(dedup_forget(*state, 0));
	add(*state, 0, "a", "again");
	dedup_write(*state);
	assert_string_equal(buf_text(&written), "2\nagain\n");
	assert_false(dedup_forget(*state, 0));
	assert_true(dedup_forget(*state, 2));
}

/* a million lines take as much memory as ten thousand: what is held goes out in between */
static void nothing_is_held_for_ever(void **state)
{
	size_t most = 0;
	size_t before = 0;

	for (unsigned int i = 0; i < 20000; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "%u", i);
		add(*state, 0, id, id);
		before += strlen(id) + 1;
		if (before - written.len > most)
			most = before - written.len;
	}
	dedup_write(*state);
	assert_int_equal(written.len, before);
	assert_true(most < 16 * 1024);
}

static void a_long_line_is_let_through(void **state)
{
	cleanup_free char *line = mem_alloc(1024 * 1024);

	memset(line, 'x', 1024 * 1024 - 1);
	add(*state, 0, "a", line);
	add(*state, 0, "b", "2");
	dedup_write(*state);
	assert_int_equal(written.len, 1024 * 1024 + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(dedup_go_out_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_id_counts_once_as_it_stands_last, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_same_id_of_two_sources_is_two_tasks, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_source_can_be_forgotten_until_it_was_written, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_held_for_ever, setup, teardown),
		cmocka_unit_test_setup_teardown(a_long_line_is_let_through, setup, teardown),
	};

	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
