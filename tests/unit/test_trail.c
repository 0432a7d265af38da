#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/trail.h"

/* a list of records in these slots, ended by 0, each with an element of 100 + slot bytes */
static size_t walk_list(struct walk *walk, const uint32_t *slots)
{
	size_t hits = 0;

	for (; *slots != 0; slots++) {
		const struct trail_step *step = walk_next(walk);

		if (step != NULL && step->slot == *slots && step->len == 100 + *slots) {
			walk_hit(walk);
			hits++;
			continue;
		}
		if (step != NULL)
			walk_miss(walk);
		walk_meet(walk, *slots, 100 + *slots);
	}
	return hits;
}

/* as walk_list, of an answer that is complete; returns how many guesses were right */
static size_t follow(struct trail *trail, const uint32_t *slots)
{
	struct walk walk = { .trail = trail };
	size_t hits = walk_list(&walk, slots);

	walk_close(&walk);
	walk_done(&walk);
	return hits;
}

#define LIST(...) ((const uint32_t[]){ __VA_ARGS__, 0 })

static void the_same_list_again_is_foreseen(void **state)
{
	struct trail trail = { 0 };

	(void)state;
	assert_int_equal(follow(&trail, LIST(3, 1, 2)), 0);
	assert_int_equal(trail.count, 3);
	assert_int_equal(follow(&trail, LIST(3, 1, 2)), 3);
	assert_int_equal(trail.count, 3);
	trail_done(&trail);
}

static void what_comes_and_goes_costs_one_guess(void **state)
{
	struct trail trail = { 0 };

	(void)state;
	(void)follow(&trail, LIST(1, 2, 3, 4, 5, 6));
	/* one at the top, one in between, one at the end */
	assert_int_equal(follow(&trail, LIST(9, 1, 2, 8, 3, 4, 5, 6, 7)), 6);
	assert_int_equal(follow(&trail, LIST(9, 1, 2, 8, 3, 4, 5, 6, 7)), 9);
	/* the first that follows a gap is found by its id, as is each that has moved */
	assert_int_equal(follow(&trail, LIST(1, 2, 3, 4, 6, 7)), 3);
	assert_int_equal(follow(&trail, LIST(1, 2, 3, 4, 6, 7)), 6);
	assert_int_equal(follow(&trail, LIST(1, 2)), 2);
	assert_int_equal(trail.count, 2);
	assert_int_equal(follow(&trail, LIST(7)), 0);
	assert_int_equal(follow(&trail, (const uint32_t[]){ 0 }), 0);
	assert_int_equal(trail.count, 0);
	assert_null(trail.steps);
}

static void an_element_of_another_length_is_learned(void **state)
{
	struct trail trail = { 0 };
	struct walk walk = { .trail = &trail };

	(void)state;
	(void)follow(&trail, LIST(1, 2, 3));
	walk_meet(&walk, 1, 101);
	walk_meet(&walk, 2, 7);
	walk_meet(&walk, 3, 103);
	walk_close(&walk);
	walk_done(&walk);
	assert_int_equal(trail.count, 3);
	assert_int_equal(trail.steps[1].slot, 2);
	assert_int_equal(trail.steps[1].len, 7);
	trail_done(&trail);
}

static void a_list_that_was_cut_changes_nothing(void **state)
{
	struct trail trail = { 0 };
	struct walk walk = { .trail = &trail };

	(void)state;
	(void)follow(&trail, LIST(1, 2, 3));
	(void)walk_list(&walk, LIST(7, 1, 2));
	walk_done(&walk);
	assert_int_equal(follow(&trail, LIST(1, 2, 3)), 3);
	trail_done(&trail);
}

/* each wrong guess is a hash over an element in vain */
static void another_order_is_soon_given_up(void **state)
{
	struct trail trail = { 0 };
	struct walk walk = { .trail = &trail };
	uint32_t slots[201] = { 0 };
	size_t guesses = 0;

	(void)state;
	for (uint32_t i = 0; i < 200; i++)
		slots[i] = i + 1;
	(void)follow(&trail, slots);
	for (uint32_t i = 200; i > 0; i--) {
		if (walk_next(&walk) != NULL) {
			guesses++;
			walk_miss(&walk);
		}
		walk_meet(&walk, i, 100 + i);
	}
	/* again and again for those at the end, which come within reach of what was expected */
	assert_int_in_range(guesses, 1, 20);
	walk_close(&walk);
	walk_done(&walk);
	assert_int_equal(trail.count, 200);
	trail_done(&trail);
}

static void without_a_trail_there_is_no_guess(void **state)
{
	struct walk walk = { 0 };

	(void)state;
	assert_null(walk_next(&walk));
	walk_meet(&walk, 1, 100);
	assert_null(walk_next(&walk));
	walk_close(&walk);
	walk_done(&walk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_list_again_is_foreseen),
		cmocka_unit_test(what_comes_and_goes_costs_one_guess),
		cmocka_unit_test(an_element_of_another_length_is_learned),
		cmocka_unit_test(a_list_that_was_cut_changes_nothing),
		cmocka_unit_test(another_order_is_soon_given_up),
		cmocka_unit_test(without_a_trail_there_is_no_guess),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
