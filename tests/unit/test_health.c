#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/health.h"

#define DOWN_MS 120000

static const struct err lost = { ERR_UNREACHABLE, "connection refused" };
static const struct err refused = { ERR_AUTH, "the key was refused" };

static struct instant at(int64_t s)
{
	return (struct instant){ .mono_ms = s * 1000, .wall_ms = 1790000000000 + s * 1000 };
}

static void a_bad_poll_is_not_news_and_a_bad_stretch_is_once(void **state)
{
	struct health health = { 0 };

	(void)state;
	assert_false(health_good(&health, at(0)));
	assert_int_equal(health.last_good_ms, at(0).wall_ms);
	assert_false(health_bad(&health, &lost, DOWN_MS, at(10)));
	assert_false(health_bad(&health, &lost, DOWN_MS, at(129)));
	assert_true(health_bad(&health, &lost, DOWN_MS, at(130)));
	assert_int_equal(health.down_since_ms, at(10).wall_ms);
	assert_false(health_bad(&health, &lost, DOWN_MS, at(1000)));
	assert_true(health_good(&health, at(1010)));
	assert_false(health_good(&health, at(1020)));
	assert_int_equal(health.last_error.kind, ERR_NONE);
}

static void a_good_poll_in_between_starts_anew(void **state)
{
	struct health health = { 0 };

	(void)state;
	assert_false(health_bad(&health, &lost, DOWN_MS, at(0)));
	assert_false(health_good(&health, at(100)));
	assert_false(health_bad(&health, &lost, DOWN_MS, at(110)));
	assert_false(health_bad(&health, &lost, DOWN_MS, at(229)));
	assert_true(health_bad(&health, &lost, DOWN_MS, at(230)));
}

static void a_refused_key_is_told_at_once(void **state)
{
	struct health health = { 0 };

	(void)state;
	assert_true(health_bad(&health, &refused, DOWN_MS, at(0)));
	assert_false(health_bad(&health, &refused, DOWN_MS, at(300)));
	assert_string_equal(health.last_error.text, "the key was refused");
	assert_true(health_good(&health, at(600)));
}

static void a_jump_starts_the_stretch_anew(void **state)
{
	struct health health = { 0 };

	(void)state;
	health_resumed(&health, at(0));
	assert_false(health.failing);
	assert_false(health_bad(&health, &lost, DOWN_MS, at(10)));
	health_resumed(&health, at(5000));
	assert_false(health_bad(&health, &lost, DOWN_MS, at(5001)));
	assert_false(health_bad(&health, &lost, DOWN_MS, at(5119)));
	assert_true(health_bad(&health, &lost, DOWN_MS, at(5120)));
	assert_int_equal(health.down_since_ms, at(5000).wall_ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_poll_is_not_news_and_a_bad_stretch_is_once),
		cmocka_unit_test(a_good_poll_in_between_starts_anew),
		cmocka_unit_test(a_refused_key_is_told_at_once),
		cmocka_unit_test(a_jump_starts_the_stretch_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
