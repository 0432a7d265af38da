/* Fingerprints of ended tasks, against a plain list that is searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/ended.h"

static const struct hash_key key = { 11, 12 };

static struct fingerprint print_of(int number)
{
	return ended_fingerprint(hash_bytes(&key, &number, sizeof(number)));
}

/* sorted, nothing twice, every entry where a look-up finds it, the count right */
static void check(const struct ended_set *set)
{
	const struct ended *before = NULL;
	const struct ended *entry;
	size_t count = 0;
	size_t pos = 0;

	for (; (entry = ended_next(set, &pos)) != NULL; before = entry) {
		if (before != NULL)
			assert_true(fingerprint_order(before->fingerprint, entry->fingerprint) < 0);
		assert_ptr_equal(ended_find(set, entry->fingerprint), entry);
		count++;
	}
	assert_int_equal(set->count, count);
}

static void agrees_with_a_plain_list(void **state)
{
	enum { NUMBERS = 3000 };
	static struct ended_set set;
	static uint8_t plain[NUMBERS];
	uint64_t random = 1;
	struct fingerprint fingerprint;

	(void)state;
	memset(plain, 0, sizeof(plain));
	for (int step = 0; step < 60000; step++) {
		int number;

		random = random * 6364136223846793005 + 1442695040888963407;
		number = (int)(random >> 33) % NUMBERS;
		fingerprint = print_of(number);
		if (random >> 32 & 1) {
			enum status status = step % 2 == 0 ? STATUS_SUCCESS : STATUS_FAILURE;

			assert_int_equal(ended_put(&set, fingerprint, status)->status, status);
			plain[number] = (uint8_t)status;
		} else {
			ended_remove(&set, fingerprint);
			plain[number] = 0;
		}
	}
	check(&set);
	for (int i = 0; i < NUMBERS; i++) {
		const struct ended *entry;

		fingerprint = print_of(i);
		entry = ended_find(&set, fingerprint);
		if (plain[i] == 0)
			assert_null(entry);
		else
			assert_int_equal(entry->status, plain[i]);
	}
	ended_done(&set);
}

/* prints that a hash would not make: all alike but for the end */
static void prints_alike(uint32_t head)
{
	static struct ended_set set;
	struct fingerprint fingerprint = { { head, head, 0 } };

	for (int i = 0; i < 2000; i++) {
		fingerprint.words[2] = (uint32_t)(i * 7919 % 2000);
		(void)ended_put(&set, fingerprint, STATUS_SUCCESS);
	}
	check(&set);
	assert_int_equal(set.count, 2000);
	fingerprint.words[2] = 2000;
	assert_null(ended_find(&set, fingerprint));
	for (fingerprint.words[2] = 0; fingerprint.words[2] < 2000; fingerprint.words[2]++) {
		struct ended *entry = ended_find(&set, fingerprint);

		assert_non_null(entry);
		entry->absent_day = fingerprint.words[2] % 3 == 0 ? 1 : 0;
	}
	/* a third is forgotten, of the rest every other one is removed */
	ended_prune(&set, 1, 100, 30);
	assert_int_equal(set.count, 1333);
	for (fingerprint.words[2] = 0; fingerprint.words[2] < 2000; fingerprint.words[2] += 2)
		ended_remove(&set, fingerprint);
	check(&set);
	for (fingerprint.words[2] = 0; fingerprint.words[2] < 2000; fingerprint.words[2]++)
		assert_int_equal(ended_find(&set, fingerprint) != NULL,
			fingerprint.words[2] % 3 != 0 && fingerprint.words[2] % 2 != 0);
	ended_done(&set);
}

/* also where all have the last place as theirs, and are pushed off the end */
static void is_right_also_when_prints_are_not_spread(void **state)
{
	(void)state;
	prints_alike(0);
	prints_alike(0x3fffff);
	prints_alike(UINT32_MAX);
}

static void merges_what_is_new_and_what_is_known(void **state)
{
	static struct ended_set set;
	static struct ended_set more;
	struct fingerprint fingerprint;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		fingerprint = print_of(i);
		(void)ended_put(&set, fingerprint, STATUS_SUCCESS);
	}
	for (int i = 10000; i < 50000; i++) {
		fingerprint = print_of(i);
		ended_put(&more, fingerprint, STATUS_FAILURE)->generation = 9;
	}
	ended_merge(&set, &more);
	check(&set);
	assert_int_equal(set.count, 50000);
	assert_int_equal(more.count, 0);
	for (int i = 0; i < 50000; i++) {
		const struct ended *entry;

		fingerprint = print_of(i);
		entry = ended_find(&set, fingerprint);
		assert_int_equal(entry->status, i < 10000 ? STATUS_SUCCESS : STATUS_FAILURE);
		assert_int_equal(entry->generation, i < 10000 ? 0 : 9);
	}
	ended_merge(&set, &more);
	assert_int_equal(set.count, 50000);
	ended_done(&set);
	ended_done(&more);
}

static void the_store_gets_back_what_it_was_given(void **state)
{
	static struct ended_set set;
	static struct ended_set again;
	struct fingerprint fingerprint;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct ended *entry;

		fingerprint = print_of(i);
		entry = ended_put(&set, fingerprint, STATUS_PARTIAL_SUCCESS);
		entry->generation = 7;
		entry->absent_day = (uint16_t)(i * 13);
	}
	for (unsigned int b = 0; b < ENDED_BLOCKS; b++) {
		cleanup_buf struct buf bytes = { 0 };

		ended_block_save(&set, b, &bytes);
		for (size_t i = 0; i < bytes.len; i += ENDED_STORED)
			assert_int_equal(
				(uint8_t)bytes.data[i] << 2 | (uint8_t)bytes.data[i + 1] >> 6, b);
		assert_true(ended_block_load(&again, b, buf_text(&bytes), bytes.len));
		assert_false(again.block_dirty[b]);
	}
	assert_false(again.dirty);
	check(&again);
	assert_int_equal(again.count, 5000);
	for (int i = 0; i < 5000; i++) {
		const struct ended *entry;

		fingerprint = print_of(i);
		entry = ended_find(&again, fingerprint);
		assert_int_equal(entry->status, STATUS_PARTIAL_SUCCESS);
		assert_int_equal(entry->absent_day, (uint16_t)(i * 13));
		assert_int_equal(entry->generation, 0);
	}
	ended_done(&set);
	ended_done(&again);
}

static void bytes_are_the_same_on_every_machine(void **state)
{
	static struct ended_set set;
	cleanup_buf struct buf bytes = { 0 };
	const struct fingerprint fingerprint = { { 0x003f0203, 0x04050607, 0x08090a0b } };
	const uint8_t expected[ENDED_STORED] = { 0, 0x3f, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
		STATUS_SUCCESS, 0, 0x39, 0x30 };

	(void)state;
	ended_put(&set, fingerprint, STATUS_SUCCESS)->absent_day = 12345;
	ended_block_save(&set, 0, &bytes);
	assert_int_equal(bytes.len, sizeof(expected));
	assert_memory_equal(buf_text(&bytes), expected, sizeof(expected));
	/* words of the status are numbers on disk: they may never be renumbered */
	assert_int_equal(STATUS_SUCCESS, 4);
	assert_int_equal(STATUS_FAILURE, 5);
	assert_int_equal(STATUS_PARTIAL_SUCCESS, 6);
	ended_done(&set);
}

static bool loads(unsigned int block, const uint8_t *bytes, size_t len, size_t count)
{
	static struct ended_set set;
	bool loaded = ended_block_load(&set, block, bytes, len);

	if (loaded)
		assert_int_equal(set.count, count);
	ended_done(&set);
	return loaded;
}

static void bytes_that_are_no_block_are_refused(void **state)
{
	uint8_t bytes[2 * ENDED_STORED] = { 0 };

	(void)state;
	bytes[12] = STATUS_SUCCESS;
	bytes[ENDED_STORED + 11] = 1;
	bytes[ENDED_STORED + 12] = STATUS_FAILURE;
	assert_true(loads(0, bytes, sizeof(bytes), 2));
	assert_true(loads(1, NULL, 0, 0));
	assert_false(loads(0, bytes, sizeof(bytes) - 1, 0));
	assert_false(loads(1, bytes, sizeof(bytes), 0));
	assert_false(loads(ENDED_BLOCKS, bytes, sizeof(bytes), 0));
	bytes[12] = STATUS_PROCESSING;
	assert_false(loads(0, bytes, sizeof(bytes), 0));
	bytes[12] = STATUS_COUNT;
	assert_false(loads(0, bytes, sizeof(bytes), 0));
	bytes[12] = STATUS_SUCCESS;
	bytes[11] = 1; /* twice the same */
	assert_false(loads(0, bytes, sizeof(bytes), 0));
	bytes[11] = 2; /* out of order */
	assert_false(loads(0, bytes, sizeof(bytes), 0));
}

/* … and so is the memory that they took */
static void what_was_forgotten_takes_no_memory(void **state)
{
	static struct ended_set set;
	struct fingerprint fingerprint;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		fingerprint = print_of(i);
		ended_put(&set, fingerprint, STATUS_SUCCESS)->generation = i < 500 ? 2 : 1;
	}
	ended_prune(&set, 2, 100, 30);
	assert_int_equal(set.count, 100000);
	assert_int_in_range(set.limit, 100000, 200000);
	ended_prune(&set, 2, 131, 30);
	assert_int_equal(set.count, 500);
	assert_int_in_range(set.limit, 500, 500 * 18);
	check(&set);
	for (int i = 0; i < 600; i++) {
		fingerprint = print_of(i);
		assert_int_equal(ended_find(&set, fingerprint) != NULL, i < 500);
		(void)ended_put(&set, fingerprint, STATUS_SUCCESS);
	}
	check(&set);
	assert_int_equal(set.count, 600);
	ended_done(&set);
}

static void what_is_absent_for_long_is_forgotten(void **state)
{
	static struct ended_set set;
	struct fingerprint there;
	struct fingerprint away;

	(void)state;
	there = print_of(1);
	away = print_of(2);
	(void)ended_put(&set, there, STATUS_SUCCESS);
	(void)ended_put(&set, away, STATUS_SUCCESS);
	for (uint16_t day = 100; day <= 130; day++) {
		uint8_t generation = (uint8_t)(day - 50);

		ended_find(&set, there)->generation = generation;
		ended_clean(&set);
		ended_prune(&set, generation, day, 30);
		assert_int_equal(ended_find(&set, away)->absent_day, 100);
		/* noted once, not written every day */
		for (unsigned int b = 0; b < ENDED_BLOCKS; b++)
			assert_int_equal(
				set.block_dirty[b], day == 100 && b == away.words[0] >> 22);
	}
	/* a clock that was set back forgets nothing */
	ended_prune(&set, 200, 50, 30);
	assert_non_null(ended_find(&set, away));
	ended_find(&set, there)->generation = 201;
	ended_prune(&set, 201, 131, 30);
	assert_null(ended_find(&set, away));
	assert_int_equal(set.count, 1);
	assert_int_equal(ended_find(&set, there)->absent_day, 0);
	check(&set);
	ended_done(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_a_plain_list),
		cmocka_unit_test(is_right_also_when_prints_are_not_spread),
		cmocka_unit_test(merges_what_is_new_and_what_is_known),
		cmocka_unit_test(the_store_gets_back_what_it_was_given),
		cmocka_unit_test(bytes_are_the_same_on_every_machine),
		cmocka_unit_test(bytes_that_are_no_block_are_refused),
		cmocka_unit_test(what_is_absent_for_long_is_forgotten),
		cmocka_unit_test(what_was_forgotten_takes_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
