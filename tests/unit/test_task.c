/* Statuses, kinds of sources, tasks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/source_type.h"
#include "core/task.h"
#include "core/task_reader.h"

static void users_may_name_five_statuses_and_an_alias(void **state)
{
	static const char *const bad[] = { "", "unknown", "expected", "gone", "success ", "done" };
	enum status status;

	(void)state;
	for (int i = STATUS_QUEUED; i <= STATUS_PARTIAL_SUCCESS; i++) {
		assert_true(status_from_word(status_word((enum status)i), &status));
		assert_int_equal(status, i);
	}
	assert_true(status_from_word("Success", &status));
	assert_int_equal(status, STATUS_SUCCESS);
	assert_true(status_from_word("failed", &status));
	assert_int_equal(status, STATUS_FAILURE);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(status_from_word(bad[i], &status));
}

static void classes(void **state)
{
	(void)state;
	assert_int_equal(status_class(STATUS_QUEUED), CLASS_ACTIVE);
	assert_int_equal(status_class(STATUS_PROCESSING), CLASS_ACTIVE);
	assert_int_equal(status_class(STATUS_SUCCESS), CLASS_ENDED);
	assert_int_equal(status_class(STATUS_FAILURE), CLASS_ENDED);
	assert_int_equal(status_class(STATUS_PARTIAL_SUCCESS), CLASS_ENDED);
	assert_int_equal(status_class(STATUS_GONE), CLASS_ENDED);
	assert_int_equal(status_class(STATUS_UNKNOWN), CLASS_OPEN);
	assert_int_equal(status_class(STATUS_EXPECTED), CLASS_OPEN);
}

static size_t words_in(const struct source_type *type, enum list_scope scope)
{
	size_t count = 0;

	for (const struct status_word *word = type->words; word->word != NULL; word++)
		count += status_word_in(word, scope);
	return count;
}

static void a_kind_is_a_row(void **state)
{
	const struct source_type *type = source_type_find("telnyx-embeddings");

	(void)state;
	assert_non_null(type);
	assert_null(source_type_find("telnyx"));
	assert_null(source_type_find(""));
	assert_int_equal(task_reader_status(type, "failed", 6), STATUS_FAILURE);
	assert_int_equal(task_reader_status(type, "partial_success", 15), STATUS_PARTIAL_SUCCESS);
	assert_int_equal(task_reader_status(type, "successful", 7), STATUS_SUCCESS);
	assert_int_equal(task_reader_status(type, "successful", 10), STATUS_UNKNOWN);
	assert_int_equal(task_reader_status(type, "", 0), STATUS_UNKNOWN);
	assert_int_equal(task_reader_status(type, "SUCCESS", 7), STATUS_SUCCESS);
	assert_int_equal(task_reader_status(type, "Failed", 6), STATUS_FAILURE);
	assert_int_equal(task_reader_status(type, "SUCCES", 6), STATUS_UNKNOWN);
	/* `failed` is understood but never asked for: the filter may refuse it */
	assert_int_equal(words_in(type, LIST_ACTIVE), 2);
	assert_int_equal(words_in(type, LIST_ENDED), 3);
	assert_int_equal(words_in(type, LIST_ALL), 5);
}

static void ids(void **state)
{
	char longest[TASK_ID_MAX + 1];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	assert_true(task_id_valid("a", 1));
	assert_true(task_id_valid("3c90c3cc-0d44-4b50-8888-8dd25736052a", 36));
	assert_true(task_id_valid("a/b c?d\xc3\xa9", 9));
	assert_true(task_id_valid("...", 3));
	assert_true(task_id_valid(longest, TASK_ID_MAX));
	assert_false(task_id_valid(longest, TASK_ID_MAX + 1));
	assert_false(task_id_valid("", 0));
	assert_false(task_id_valid(".", 1));
	assert_false(task_id_valid("..", 2));
	assert_false(task_id_valid("a\0b", 3));
	assert_false(task_id_valid("a\nb", 3));
	assert_false(task_id_valid("a\x7f", 2));
}

static const struct task known = {
	.id = "a",
	.name = "embed",
	.bucket = "docs",
	.user_id = "u1",
	.word = "failed",
	.status = STATUS_FAILURE,
	.created_us = 1795473535723000,
	.finished_us = 1795473659123000,
};

static void a_copy_owns_its_texts(void **state)
{
	char id[] = "a", word[] = "paused";
	struct task task = { .id = id, .word = word, .status = STATUS_UNKNOWN };
	cleanup_free struct task *copy = task_copy(&task);

	(void)state;
	id[0] = 'X';
	word[0] = 'X';
	assert_string_equal(copy->id, "a");
	assert_string_equal(copy->word, "paused");
	assert_null(copy->name);
	assert_null(copy->bucket);
	assert_null(copy->user_id);
}

static void status_word_for_users(void **state)
{
	struct task task = { .word = "failed", .status = STATUS_FAILURE };

	(void)state;
	assert_string_equal(task_status_word(&task), "failure");
	task = (struct task){ .word = "paused", .status = STATUS_UNKNOWN };
	assert_string_equal(task_status_word(&task), "paused");
	task.word = NULL;
	assert_string_equal(task_status_word(&task), "unknown");
}

static void json_of_a_task(void **state)
{
	const struct task bare = {
		.id = "b",
		.word = "pau\"sed",
		.status = STATUS_UNKNOWN,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};
	cleanup_buf struct buf out = { 0 };

	(void)state;
	task_json(&known, "telnyx", &out);
	assert_string_equal(buf_text(&out),
		"{\"schema\":1,\"source\":\"telnyx\",\"task_id\":\"a\",\"task_name\":\"embed\","
		"\"status\":\"failure\","
		"\"bucket\":\"docs\",\"user_id\":\"u1\",\"created_at\":\"2026-11-23T22:38:55."
		"723Z\","
		"\"finished_at\":\"2026-11-23T22:40:59.123Z\",\"duration_seconds\":123.4}");
	buf_clear(&out);
	task_json(&bare, "telnyx", &out);
	assert_string_equal(buf_text(&out), "{\"schema\":1,\"source\":\"telnyx\",\"task_id\":\"b\","
					    "\"task_name\":null,\"status\":\"pau\\\"sed\","
					    "\"bucket\":null,\"user_id\":null,\"created_at\":null,"
					    "\"finished_at\":null,\"duration_seconds\":null}");
}

static void durations_need_both_ends_in_order(void **state)
{
	struct task task = known;
	int64_t ms = 77;

	(void)state;
	assert_true(task_duration(&task, &ms));
	assert_int_equal(ms, 123400);
	task.finished_us = task.created_us;
	assert_true(task_duration(&task, &ms));
	assert_int_equal(ms, 0);
	task.finished_us--;
	assert_false(task_duration(&task, &ms));
	task.finished_us = STAMP_NONE;
	assert_false(task_duration(&task, &ms));
	task = known;
	task.created_us = STAMP_NONE;
	assert_false(task_duration(&task, &ms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_may_name_five_statuses_and_an_alias),
		cmocka_unit_test(classes),
		cmocka_unit_test(a_kind_is_a_row),
		cmocka_unit_test(ids),
		cmocka_unit_test(a_copy_owns_its_texts),
		cmocka_unit_test(status_word_for_users),
		cmocka_unit_test(json_of_a_task),
		cmocka_unit_test(durations_need_both_ends_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
