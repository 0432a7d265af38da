#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/snapshot.h"

static const struct hash_key key = { 21, 22 };

static struct task task_of(const char *id, enum status status)
{
	return (struct task){
		.id = id, .status = status, .created_us = STAMP_NONE, .finished_us = STAMP_NONE
	};
}

static void shows_a_record_as_the_task_it_was(void **state)
{
	struct snapshot *snapshot = snapshot_new(&key);
	struct task task = {
		.id = "a",
		.name = "embed",
		.bucket = "docs",
		.user_id = "u1",
		.word = "processing",
		.status = STATUS_PROCESSING,
		.created_us = 77,
		.finished_us = 88,
	};
	struct record *record = snapshot_add(snapshot, &task, 1790000000999);
	struct task shown = record_task(snapshot, record);

	(void)state;
	assert_ptr_equal(snapshot_find(snapshot, "a"), record);
	assert_string_equal(shown.id, "a");
	assert_string_equal(shown.name, "embed");
	assert_string_equal(shown.bucket, "docs");
	assert_string_equal(shown.user_id, "u1");
	assert_null(shown.word);
	assert_int_equal(shown.status, STATUS_PROCESSING);
	assert_int_equal(shown.created_us, 77);
	assert_true(shown.finished_us == STAMP_NONE);
	assert_int_equal(record->seen_s, 1790000000);
	assert_int_equal(snapshot->active, 1);
	assert_null(snapshot_find(snapshot, "b"));
	assert_null(snapshot_find(snapshot, ""));
	snapshot_free(snapshot);
}

static void any_text_may_be_missing(void **state)
{
	(void)state;
	for (unsigned int bits = 0; bits < 16; bits++) {
		struct snapshot *snapshot = snapshot_new(&key);
		struct task task = task_of("id", STATUS_UNKNOWN);
		struct task shown;

		task.name = bits & 1 ? "name" : NULL;
		task.bucket = bits & 2 ? "" : NULL;
		task.user_id = bits & 4 ? "user" : NULL;
		task.word = bits & 8 ? "word" : NULL;
		shown = record_task(snapshot, snapshot_add(snapshot, &task, 0));
		assert_int_equal(shown.name != NULL, bits & 1);
		assert_int_equal(shown.bucket != NULL, bits >> 1 & 1);
		assert_int_equal(shown.user_id != NULL, bits >> 2 & 1);
		assert_int_equal(shown.word != NULL, bits >> 3 & 1);
		if (shown.word != NULL)
			assert_string_equal(shown.word, "word");
		assert_int_equal(snapshot->active, 0);
		snapshot_free(snapshot);
	}
}

static void an_update_keeps_what_is_not_said_anew(void **state)
{
	struct snapshot *snapshot = snapshot_new(&key);
	struct task task = { .id = "a",
		.name = "old",
		.bucket = "docs",
		.status = STATUS_QUEUED,
		.created_us = 77 };
	struct task news = task_of("a", STATUS_PROCESSING);
	struct record *record = snapshot_add(snapshot, &task, 5000);
	struct task shown;

	(void)state;
	record->observed_seq = 2;
	record->listed[0] = 3;
	record->listed[1] = 4;
	record->stuck_told = true;
	record_missing_check(record)->confirmations = 2;
	news.name = "new and longer than before";
	record = snapshot_update(snapshot, record, &news);
	assert_ptr_equal(snapshot_find(snapshot, "a"), record);
	shown = record_task(snapshot, record);
	assert_string_equal(shown.name, "new and longer than before");
	assert_string_equal(shown.bucket, "docs");
	assert_int_equal(shown.created_us, 77);
	assert_int_equal(record->observed_seq, 2);
	assert_int_equal(record->listed[0], 3);
	assert_int_equal(record->listed[1], 4);
	assert_int_equal(record->seen_s, 5);
	assert_true(record->stuck_told);
	assert_int_equal(record->missing_check->confirmations, 2);
	assert_int_equal(snapshot->active, 1);
	news.status = STATUS_SUCCESS;
	(void)snapshot_update(snapshot, record, &news);
	assert_int_equal(snapshot->active, 0);
	assert_int_equal(snapshot->count, 1);
	snapshot_free(snapshot);
}

static void finds_what_it_holds_after_any_order_of_changes(void **state)
{
	enum { NUMBERS = 2000 };
	static bool there[NUMBERS];
	struct snapshot *snapshot = snapshot_new(&key);
	uint64_t random = 1;
	size_t count = 0;
	size_t walked = 0;
	size_t pos = 0;
	char id[16];

	(void)state;
	memset(there, 0, sizeof(there));
	for (int step = 0; step < 50000; step++) {
		int number;
		struct record *record;

		random = random * 6364136223846793005 + 1442695040888963407;
		number = (int)(random >> 33) % NUMBERS;
		(void)snprintf(id, sizeof(id), "task-%d", number);
		record = snapshot_find(snapshot, id);
		assert_int_equal(record != NULL, there[number]);
		if (record != NULL) {
			snapshot_remove(snapshot, record);
			count--;
		} else {
			struct task task = task_of(id, STATUS_QUEUED);

			(void)snapshot_add(snapshot, &task, 0);
			count++;
		}
		there[number] = !there[number];
		assert_int_equal(snapshot->count, count);
		assert_int_equal(snapshot->active, count);
	}
	for (int i = 0; i < NUMBERS; i++) {
		(void)snprintf(id, sizeof(id), "task-%d", i);
		assert_int_equal(snapshot_find(snapshot, id) != NULL, there[i]);
	}
	while (snapshot_next(snapshot, &pos) != NULL)
		walked++;
	assert_int_equal(walked, count);
	snapshot_free(snapshot);
}

static void texts_that_repeat_stand_once_and_any_number_is_fine(void **state)
{
	struct snapshot *snapshot = snapshot_new(&key);
	char user[160];
	char id[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct task task;

		(void)snprintf(id, sizeof(id), "t%d", i);
		(void)snprintf(user, sizeof(user), "user-%0*d", i % 3 == 0 ? 140 : 3, i);
		task = task_of(id, STATUS_QUEUED);
		task.user_id = user;
		task.bucket = "docs";
		(void)snapshot_add(snapshot, &task, 0);
	}
	for (int i = 0; i < 1000; i++) {
		struct task task;

		(void)snprintf(id, sizeof(id), "t%d", i);
		(void)snprintf(user, sizeof(user), "user-%0*d", i % 3 == 0 ? 140 : 3, i);
		task = record_task(snapshot, snapshot_find(snapshot, id));
		assert_string_equal(task.user_id, user);
		assert_ptr_equal(
			task.bucket, record_task(snapshot, snapshot_find(snapshot, "t0")).bucket);
	}
	snapshot_free(snapshot);
}

static void knows_ended_tasks_by_id(void **state)
{
	struct snapshot *snapshot = snapshot_new(&key);

	(void)state;
	assert_null(snapshot_ended(snapshot, "a"));
	assert_int_equal(snapshot_set_ended(snapshot, "a", STATUS_SUCCESS)->status, STATUS_SUCCESS);
	assert_int_equal(snapshot_set_ended(snapshot, "a", STATUS_FAILURE)->status, STATUS_FAILURE);
	assert_int_equal(snapshot->ended.count, 1);
	assert_int_equal(snapshot_ended(snapshot, "a")->status, STATUS_FAILURE);
	assert_null(snapshot_ended(snapshot, "b"));
	snapshot_unset_ended(snapshot, "b");
	snapshot_unset_ended(snapshot, "a");
	assert_null(snapshot_ended(snapshot, "a"));
	snapshot_free(snapshot);
	snapshot_free(NULL);
}

/* the layout: 44 bytes and the texts that are its own */
static void a_record_is_small(void **state)
{
	(void)state;
	assert_true(offsetof(struct record, text) <= 44);
	assert_true(sizeof(struct ended) == ENDED_STORED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_a_record_as_the_task_it_was),
		cmocka_unit_test(any_text_may_be_missing),
		cmocka_unit_test(an_update_keeps_what_is_not_said_anew),
		cmocka_unit_test(finds_what_it_holds_after_any_order_of_changes),
		cmocka_unit_test(texts_that_repeat_stand_once_and_any_number_is_fine),
		cmocka_unit_test(knows_ended_tasks_by_id),
		cmocka_unit_test(a_record_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
