/* The table of options is well-formed: each row's default obeys the row, each range makes sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/parse.h"
#include "core/config.h"
#include "core/options.h"
#include "core/option_value.h"

static void names_are_words_and_stand_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &options[i];

		assert_int_equal(
			strspn(option->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(option->name));
		assert_ptr_equal(option_find(option->group, option->name), option);
		assert_non_null(option->text);
		assert_true(strlen(option->text) > 0 && strlen(option->text) <= 100);
		assert_null(strchr(option->text, '\n'));
	}
}

/* printing keeps the table's order, so a group must not be torn apart */
static void groups_stand_together(void **state)
{
	(void)state;
	for (size_t i = 1; i < option_count; i++)
		assert_true(options[i].group >= options[i - 1].group);
}

static void defaults_obey_their_rows(void **state)
{
	union {
		struct config config;
		struct source_config source;
		struct sink_config sink;
	} any;

	(void)state;
	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &options[i];
		struct err err = { 0 };
		int64_t number;

		memset(&any, 0, sizeof(any));
		switch (option->type) {
		case OPTION_TEXT:
		case OPTION_DURATION:
		case OPTION_ENUM:
			assert_true(option_value_set_text(option, &any, option->fallback, &err));
			break;
		case OPTION_INT:
			assert_true(parse_int(option->fallback, option->min, option->max, &number));
			break;
		case OPTION_BOOL:
			assert_true(strcmp(option->fallback, "true") == 0 ||
				    strcmp(option->fallback, "false") == 0);
			break;
		case OPTION_CODES:
			assert_true(parse_int(option->fallback, option->min, option->max, &number));
			break;
		case OPTION_LIST:
		case OPTION_BLOCKS:
			assert_string_equal(option->fallback, "");
			break;
		}
		option_value_clear(option, &any);
	}
}

static void ranges_make_sense(void **state)
{
	(void)state;
	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &options[i];
		bool ranged = option->type == OPTION_INT || option->type == OPTION_DURATION ||
			      option->type == OPTION_CODES;

		assert_int_equal(option->words != NULL, option->type == OPTION_ENUM);
		assert_int_equal(option->sinks != 0, option->group == GROUP_SINK);
		assert_true(!option->zero || option->type == OPTION_DURATION);
		if (ranged)
			assert_true(option->min >= 0 && option->min < option->max);
		/* what is a number of seconds must be exact in milliseconds, also as a double */
		assert_true(option->max < INT64_C(1) << 52);
	}
}

/* taskbell.conf(5): 100ms to 1d for the three of them */
static void intervals_are_those_of_the_manual(void **state)
{
	static const char *const names[] = { "interval", "idle_interval", "sweep_interval" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct option *option = option_find(GROUP_SOURCE, names[i]);

		assert_int_equal(option->min, 100);
		assert_int_equal(option->max, 86400000);
		assert_false(option->zero);
	}
}

static void near_names(void **state)
{
	(void)state;
	assert_string_equal(option_nearest(GROUP_SOURCE, SINK_ANY, "intervall"), "interval");
	assert_string_equal(
		option_nearest(GROUP_SOURCE, SINK_ANY, "idle-interval"), "idle_interval");
	assert_string_equal(option_nearest(GROUP_SOURCE, SINK_ANY, "Timeout"), "timeout");
	assert_string_equal(option_nearest(GROUP_TOP, SINK_ANY, "sink"), "sinks");
	assert_string_equal(option_nearest(GROUP_SINK, SINK_EXEC, "comamnd"), "command");
	assert_null(option_nearest(GROUP_SINK, SINK_LOG, "comamnd"));
	assert_null(option_nearest(GROUP_SOURCE, SINK_ANY, "nothing_like_it"));
	assert_null(option_nearest(GROUP_SINK, SINK_DESKTOP, "x"));
	assert_null(option_nearest(GROUP_SINK, SINK_DESKTOP, ""));
}

/* a value that is refused leaves the field as it was */
static void a_refused_value_changes_nothing(void **state)
{
	const struct option *interval = option_find(GROUP_SOURCE, "interval");
	const struct option *name = option_find(GROUP_SOURCE, "name");
	struct source_config source = { 0 };
	struct err err = { 0 };

	(void)state;
	option_value_reset_group(GROUP_SOURCE, &source);
	assert_false(option_value_set_text(interval, &source, "1ms", &err));
	assert_false(option_value_set_int(interval, &source, INT64_MAX, &err));
	assert_false(option_value_set_int(interval, &source, INT64_MIN, &err));
	assert_int_equal(source.interval_ms, 10000);
	assert_false(option_value_set_text(name, &source, "", &err));
	assert_string_equal(source.name, "telnyx");
	option_value_clear_group(GROUP_SOURCE, &source);
	assert_null(source.name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_words_and_stand_once),
		cmocka_unit_test(groups_stand_together),
		cmocka_unit_test(defaults_obey_their_rows),
		cmocka_unit_test(ranges_make_sense),
		cmocka_unit_test(intervals_are_those_of_the_manual),
		cmocka_unit_test(near_names),
		cmocka_unit_test(a_refused_value_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
