/* When is a monitor healthy? Its lock, pulse and state are faked here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/vitals.h"
#include "base/mem.h"
#include "io/statedir.h"

#define NOW 1000000000
#define STORE ((struct store *)&fake) /* only ever handed to the fakes */

static struct {
	bool held;
	int64_t holder;
	bool pulsing;
	int64_t pulse_pid;
	struct pulse_source source;
	bool down_told;
	size_t active_a;
	size_t active_b;
	struct store_sink sink;
	bool broken;
} fake;

bool statedir_held(const char *path, int64_t *ret_pid)
{
	(void)path;
	*ret_pid = fake.held ? fake.holder : 0;
	return fake.held;
}

bool pulse_read(const char *state_dir, struct pulse *ret)
{
	(void)state_dir;
	if (!fake.pulsing)
		return false;
	*ret = (struct pulse){
		.pid = fake.pulse_pid, .started_ms = NOW - 500000, .source_count = 1
	};
	ret->sources = mem_alloc(sizeof(*ret->sources));
	ret->sources[0] = fake.source;
	return true;
}

void pulse_done(struct pulse *pulse)
{
	free(pulse->sources);
}

bool store_load_source(
	struct store *store, const char *source, struct store_source *ret, struct err *err)
{
	(void)store;
	(void)err;
	*ret = (struct store_source){ .name = mem_strdup(source), .down_told = fake.down_told };
	return true;
}

bool store_active(struct store *store, const char *source,
	bool (*take)(void *arg, const char *source, const struct task *task), void *arg,
	struct err *err)
{
	struct task task = { 0 };

	(void)store;
	(void)err;
	assert_null(source);
	for (size_t i = 0; i < fake.active_a; i++)
		assert_true(take(arg, "a", &task));
	for (size_t i = 0; i < fake.active_b; i++)
		assert_true(take(arg, "b", &task));
	return true;
}

bool store_sinks(struct store *store, int64_t wall_ms, struct store_sink **ret, size_t *ret_count,
	struct err *err)
{
	(void)store;
	assert_int_equal(wall_ms, NOW);
	if (fake.broken)
		return err_set(err, ERR_SOFTWARE, "the state is damaged");
	*ret = mem_alloc(sizeof(**ret));
	**ret = fake.sink;
	(*ret)->name = mem_strdup("log");
	*ret_count = 1;
	return true;
}

void store_sinks_free(struct store_sink *sinks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(sinks[i].name);
	free(sinks);
}

/* a monitor that polls every 10 s, and just did */
static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.held = true;
	fake.holder = 42;
	fake.pulsing = true;
	fake.pulse_pid = 42;
	(void)snprintf(fake.source.name, sizeof(fake.source.name), "a");
	fake.source.active = 3;
	fake.source.last_good_ms = NOW - 1000;
	fake.source.next_ms = NOW + 9000;
	fake.source.down_after_ms = 120000;
	return 0;
}

static bool healthy(void)
{
	struct vitals vitals;
	struct err err = { 0 };
	bool result;

	assert_true(vitals_read(&vitals, "/d", STORE, NOW, &err));
	result = vitals_healthy(&vitals);
	vitals_done(&vitals);
	return result;
}

static void a_good_monitor(void **state)
{
	struct vitals vitals;
	struct err err = { 0 };

	(void)state;
	fake.down_told = true;
	fake.active_a = 7; /* the pulse knows better */
	assert_true(vitals_read(&vitals, "/d", STORE, NOW, &err));
	assert_true(vitals.running);
	assert_true(vitals.reported);
	assert_int_equal(vitals.pid, 42);
	assert_int_equal(vitals.started_ms, NOW - 500000);
	assert_int_equal(vitals.source_count, 1);
	assert_string_equal(vitals.sources[0].name, "a");
	assert_int_equal(vitals.sources[0].active, 3);
	assert_true(vitals.sources[0].down);
	assert_null(vitals.sources[0].error);
	assert_int_equal(vitals.sink_count, 1);
	assert_true(vitals_healthy(&vitals));
	assert_non_null(vitals_find(&vitals, "a"));
	assert_null(vitals_find(&vitals, "b"));
	vitals_only(&vitals, "b");
	assert_int_equal(vitals.source_count, 0);
	vitals_done(&vitals);
}

static void sources_degrade(void **state)
{
	(void)state;
	/* failing, but not for long */
	fake.source.failing_ms = NOW - 500;
	assert_true(healthy());
	fake.source.last_good_ms = NOW - 119999;
	assert_true(healthy());
	fake.source.last_good_ms = NOW - 120000;
	assert_false(healthy());
	/* no good poll at all: counted from the start of the monitor, 500 s ago */
	fake.source.last_good_ms = 0;
	assert_false(healthy());
	fake.source.down_after_ms = 500001;
	assert_true(healthy());
	fake.source.refused = true;
	assert_false(healthy());
}

static void a_long_interval_is_no_fault(void **state)
{
	(void)state;
	fake.source.last_good_ms = NOW - 300000;
	assert_true(healthy());
	/* nor is it one to be hung, or to wait for an answer for ever */
	fake.source.next_ms = NOW - 1;
	assert_false(healthy());
	fake.source.next_ms = 0;
	assert_false(healthy());
}

static void sinks_degrade(void **state)
{
	(void)state;
	fake.sink.failed = 5;
	assert_true(healthy()); /* long ago */
	fake.sink.failed_day = 1;
	assert_false(healthy());
	fake.sink.failed_day = 0;
	fake.sink.last_failed = true;
	assert_false(healthy());
}

static void no_monitor(void **state)
{
	struct vitals vitals;
	struct err err = { 0 };

	(void)state;
	fake.held = false; /* the pulse is what a killed one left */
	fake.active_a = 2;
	fake.active_b = 1;
	assert_true(vitals_read(&vitals, "/d", STORE, NOW, &err));
	assert_false(vitals.running);
	assert_false(vitals.reported);
	assert_false(vitals_healthy(&vitals));
	assert_int_equal(vitals.pid, 0);
	assert_int_equal(vitals.source_count, 2);
	assert_int_equal(vitals_find(&vitals, "a")->active, 2);
	assert_int_equal(vitals_find(&vitals, "b")->active, 1);
	vitals_done(&vitals);
	assert_true(vitals_read(&vitals, "/d", NULL, NOW, &err));
	assert_int_equal(vitals.source_count, 0);
	vitals_done(&vitals);
}

static void the_pulse_of_another(void **state)
{
	struct vitals vitals;
	struct err err = { 0 };

	(void)state;
	fake.pulse_pid = 41;
	assert_true(vitals_read(&vitals, "/d", NULL, NOW, &err));
	assert_true(vitals.running);
	assert_false(vitals.reported);
	vitals_done(&vitals);
	fake.holder = 0; /* the kernel cannot say */
	assert_true(vitals_read(&vitals, "/d", NULL, NOW, &err));
	assert_true(vitals.reported);
	assert_int_equal(vitals.pid, 41);
	vitals_done(&vitals);
}

static void an_unreadable_state(void **state)
{
	struct vitals vitals;
	struct err err = { 0 };

	(void)state;
	fake.broken = true;
	assert_false(vitals_read(&vitals, "/d", STORE, NOW, &err));
	assert_int_equal(err.kind, ERR_IO);
	assert_string_equal(err.text, "the state is damaged");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_good_monitor, setup),
		cmocka_unit_test_setup(sources_degrade, setup),
		cmocka_unit_test_setup(a_long_interval_is_no_fault, setup),
		cmocka_unit_test_setup(sinks_degrade, setup),
		cmocka_unit_test_setup(no_monitor, setup),
		cmocka_unit_test_setup(the_pulse_of_another, setup),
		cmocka_unit_test_setup(an_unreadable_state, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
