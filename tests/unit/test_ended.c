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

static void print_of(int number, uint8_t print[ENDED_PRINT])
{
	ended_print(hash_bytes(&key, &number, sizeof(number)), print);
}

/* sorted, nothing twice, every entry in its block, the count right */
static void check(const struct ended_set *set)
{
	size_t count = 0;

	for (unsigned int b = 0; b < ENDED_BLOCKS; b++) {
		const struct ended_block *block = &set->blocks[b];

		for (uint32_t i = 0; i < block->count; i++) {
			const uint8_t *print = block->items[i].print;

			assert_int_equal(print[0] << 2 | print[1] >> 6, b);
			if (i > 0)
				assert_true(
					memcmp(block->items[i - 1].print, print, ENDED_PRINT) < 0);
		}
		count += block->count;
	}
	assert_int_equal(set->count, count);
}

static void agrees_with_a_plain_list(void **state)
{
	enum { NUMBERS = 3000 };
	static struct ended_set set;
	static uint8_t plain[NUMBERS];
	uint64_t random = 1;
	uint8_t print[ENDED_PRINT];

	(void)state;
	memset(plain, 0, sizeof(plain));
	for (int step = 0; step < 60000; step++) {
		int number;

		random = random * 6364136223846793005 + 1442695040888963407;
		number = (int)(random >> 33) % NUMBERS;
		print_of(number, print);
		if (random >> 32 & 1) {
			enum status status = step % 2 == 0 ? STATUS_SUCCESS : STATUS_FAILURE;

			assert_int_equal(ended_put(&set, print, status)->status, status);
			plain[number] = (uint8_t)status;
		} else {
			ended_remove(&set, print);
			plain[number] = 0;
		}
	}
	check(&set);
	for (int i = 0; i < NUMBERS; i++) {
		const struct ended *entry;

		print_of(i, print);
		entry = ended_find(&set, print);
		if (plain[i] == 0)
			assert_null(entry);
		else
			assert_int_equal(entry->status, plain[i]);
	}
	ended_done(&set);
}

/* prints that a hash would not make: all alike but for the last bytes */
static void is_right_also_when_prints_are_not_spread(void **state)
{
	static struct ended_set set;
	uint8_t print[ENDED_PRINT] = { 0 };

	(void)state;
	for (int i = 0; i < 2000; i++) {
		int number = i * 7919 % 2000;

		print[10] = (uint8_t)(number >> 8);
		print[11] = (uint8_t)number;
		(void)ended_put(&set, print, STATUS_SUCCESS);
	}
	check(&set);
	assert_int_equal(set.count, 2000);
	for (int i = 0; i < 2000; i++) {
		print[10] = (uint8_t)(i >> 8);
		print[11] = (uint8_t)i;
		assert_non_null(ended_find(&set, print));
	}
	print[10] = 0xff;
	assert_null(ended_find(&set, print));
	ended_done(&set);
}

static void merges_what_is_new_and_what_is_known(void **state)
{
	static struct ended_set set;
	static struct ended_set more;
	uint8_t print[ENDED_PRINT];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		print_of(i, print);
		(void)ended_put(&set, print, STATUS_SUCCESS);
	}
	for (int i = 10000; i < 50000; i++) {
		print_of(i, print);
		ended_put(&more, print, STATUS_FAILURE)->generation = 9;
	}
	ended_merge(&set, &more);
	check(&set);
	assert_int_equal(set.count, 50000);
	assert_int_equal(more.count, 0);
	for (int i = 0; i < 50000; i++) {
		const struct ended *entry;

		print_of(i, print);
		entry = ended_find(&set, print);
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
	uint8_t print[ENDED_PRINT];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct ended *entry;

		print_of(i, print);
		entry = ended_put(&set, print, STATUS_PARTIAL_SUCCESS);
		entry->generation = 7;
		entry->absent_day = (uint16_t)(i * 13);
	}
	for (unsigned int b = 0; b < ENDED_BLOCKS; b++) {
		cleanup_buf struct buf bytes = { 0 };

		ended_block_save(&set.blocks[b], &bytes);
		assert_int_equal(bytes.len, set.blocks[b].count * ENDED_STORED);
		assert_true(ended_block_load(&again, b, buf_text(&bytes), bytes.len));
		assert_false(again.blocks[b].dirty);
	}
	check(&again);
	assert_int_equal(again.count, 5000);
	for (int i = 0; i < 5000; i++) {
		const struct ended *entry;

		print_of(i, print);
		entry = ended_find(&again, print);
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
	const uint8_t print[ENDED_PRINT] = { 0, 0x3f, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
	const uint8_t expected[ENDED_STORED] = { 0, 0x3f, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
		STATUS_SUCCESS, 0, 0x39, 0x30 };

	(void)state;
	ended_put(&set, print, STATUS_SUCCESS)->absent_day = 12345;
	ended_block_save(&set.blocks[0], &bytes);
	assert_int_equal(bytes.len, sizeof(expected));
	assert_memory_equal(buf_text(&bytes), expected, sizeof(expected));
	/* words of the status are numbers on disk: they may never be renumbered */
	assert_int_equal(STATUS_SUCCESS, 4);
	assert_int_equal(STATUS_FAILURE, 5);
	assert_int_equal(STATUS_PARTIAL_SUCCESS, 6);
	ended_done(&set);
}

static void bytes_that_are_no_block_are_refused(void **state)
{
	static struct ended_set set;
	uint8_t bytes[2 * ENDED_STORED] = { 0 };

	(void)state;
	bytes[12] = STATUS_SUCCESS;
	bytes[ENDED_STORED + 11] = 1;
	bytes[ENDED_STORED + 12] = STATUS_FAILURE;
	assert_false(ended_block_load(&set, 0, bytes, sizeof(bytes) - 1));
	assert_false(ended_block_load(&set, 1, bytes, sizeof(bytes)));
	assert_false(ended_block_load(&set, ENDED_BLOCKS, bytes, sizeof(bytes)));
	bytes[12] = STATUS_PROCESSING;
	assert_false(ended_block_load(&set, 0, bytes, sizeof(bytes)));
	bytes[12] = STATUS_COUNT;
	assert_false(ended_block_load(&set, 0, bytes, sizeof(bytes)));
	bytes[12] = STATUS_SUCCESS;
	bytes[11] = 1; /* twice the same */
	assert_false(ended_block_load(&set, 0, bytes, sizeof(bytes)));
	bytes[11] = 2; /* out of order */
	assert_false(ended_block_load(&set, 0, bytes, sizeof(bytes)));
	bytes[11] = 0;
	assert_int_equal(set.count, 0);
	assert_true(ended_block_load(&set, 0, bytes, sizeof(bytes)));
	assert_int_equal(set.count, 2);
	assert_false(ended_block_load(&set, 0, bytes, sizeof(bytes)));
	assert_true(ended_block_load(&set, 1, NULL, 0));
	ended_done(&set);
}

static size_t capacity(const struct ended_set *set)
{
	size_t sum = 0;

	for (size_t b = 0; b < ENDED_BLOCKS; b++)
		sum += set->blocks[b].cap;
	return sum;
}

/* … and so is the memory that they took */
static void what_was_forgotten_takes_no_memory(void **state)
{
	static struct ended_set set;
	uint8_t print[ENDED_PRINT];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		print_of(i, print);
		ended_put(&set, print, STATUS_SUCCESS)->generation = i < 500 ? 2 : 1;
	}
	ended_prune(&set, 2, 100, 30);
	assert_int_equal(set.count, 100000);
	assert_in_range(capacity(&set), 100000, 200000);
	ended_prune(&set, 2, 131, 30);
	assert_int_equal(set.count, 500);
	assert_in_range(capacity(&set), 500, 500 * 18);
	check(&set);
	for (int i = 0; i < 600; i++) {
		print_of(i, print);
		assert_int_equal(ended_find(&set, print) != NULL, i < 500);
		(void)ended_put(&set, print, STATUS_SUCCESS);
	}
	check(&set);
	assert_int_equal(set.count, 600);
	ended_done(&set);
}

static void what_is_absent_for_long_is_forgotten(void **state)
{
	static struct ended_set set;
	uint8_t there[ENDED_PRINT];
	uint8_t away[ENDED_PRINT];

	(void)state;
	print_of(1, there);
	print_of(2, away);
	(void)ended_put(&set, there, STATUS_SUCCESS);
	(void)ended_put(&set, away, STATUS_SUCCESS);
	for (uint16_t day = 100; day <= 130; day++) {
		uint8_t generation = (uint8_t)(day - 50);

		ended_find(&set, there)->generation = generation;
		for (unsigned int b = 0; b < ENDED_BLOCKS; b++)
			set.blocks[b].dirty = false;
		ended_prune(&set, generation, day, 30);
		assert_int_equal(ended_find(&set, away)->absent_day, 100);
		/* noted once, not written every day */
		for (unsigned int b = 0; b < ENDED_BLOCKS; b++)
			assert_int_equal(set.blocks[b].dirty,
				day == 100 && b == (unsigned int)(away[0] << 2 | away[1] >> 6));
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
