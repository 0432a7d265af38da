/* The outbox over a real store: at least once, in order, each sink at its own pace. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "box.h"

static void test_each_event_to_each_sink(void **state)
{
	struct box *box = box_new();
	cleanup_free char *script = mem_printf("grep -o '\"task_id\":\"[a-z]*' >>%s/out", box->dir);
	cleanup_free char *out = NULL;
	cleanup_free char *log = NULL;

	(void)state;
	box_sink(box, SINK_EXEC, script)->concurrency = 1;
	(void)box_sink(box, SINK_LOG, NULL);
	box_open(box);
	(void)box_success(box, "a");
	(void)box_success(box, "b");
	box_settle(box);
	out = box_file(box, "out");
	log = box_file(box, "events.log");
	assert_string_equal(out, "\"task_id\":\"a\n\"task_id\":\"b\n");
	assert_non_null(strstr(log, "success telnyx a a\n"));
	assert_non_null(strstr(log, "success telnyx b b\n"));
	assert_int_equal(box_pending(box, "exec") + box_pending(box, "log"), 0);
	assert_true(outbox_next(box->outbox, box_now(box)) == INSTANT_NEVER);
	box_free(box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_event_to_each_sink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
