/* What a hook gets: arguments that stay data, an environment that is exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "deliver/hook_env.h"
#include "base/mem.h"
#include "base/stamp.h"

static const struct event hostile = {
	.id = 17,
	.wall_ms = 1795473659123,
	.type = EVENT_FAILURE,
	.source = "telnyx",
	.task_id = "id; rm -rf /",
	.task_name = "$(reboot) {task_id} '\"\n\xff",
	.bucket = "",
	.from = "processing",
	.to = "failure",
	.message = NULL,
	.created_us = STAMP_NONE,
	.finished_us = STAMP_NONE,
};

static void expect_expanded(const char *text, const char *want)
{
	struct buf out = { 0 };

	template_expand(text, &hostile, &out);
	assert_string_equal(buf_text(&out), want);
	buf_done(&out);
}

static void test_template(void **state)
{
	(void)state;
	expect_expanded("", "");
	expect_expanded("plain", "plain");
	expect_expanded("{event_id}", "17");
	expect_expanded("a{event}b{to}c", "afailurebfailurec");
	/* raw, and not looked at again */
	expect_expanded("{task_name}", "$(reboot) {task_id} '\"\n\xff");
	expect_expanded("{{event_id}}", "{17}");
	/* what is not known is empty, what is no field stands */
	expect_expanded("[{message}{created_at}{bucket}]", "[]");
	expect_expanded("{} { event } {event {EVENT} {no_such} {",
		"{} { event } {event {EVENT} {no_such} {");
	expect_expanded("{time}", "2026-11-23T22:40:59.123Z");
}

static void test_values_are_cut_between_code_points(void **state)
{
	size_t len = EVENT_FIELD_MAX + 10;
	cleanup_free char *text = mem_alloc(len + 1);
	struct event event = hostile;
	struct buf out = { 0 };

	(void)state;
	/* 32767 bytes, then a code point of four that would be split */
	memset(text, 'a', len);
	memcpy(text + EVENT_FIELD_MAX - 1, "\xf0\x9f\x94\x94", 4);
	event.message = text;
	template_expand("{message}", &event, &out);
	assert_int_equal(out.len, EVENT_FIELD_MAX - 1);
	buf_clear(&out);
	template_expand("x{message}y", &event, &out);
	assert_int_equal(out.len, EVENT_FIELD_MAX + 1);
	assert_int_equal(out.data[out.len - 1], 'y');
	buf_clear(&out);
	/* exactly as long as allowed */
	text[EVENT_FIELD_MAX] = '\0';
	text[EVENT_FIELD_MAX - 1] = 'b';
	template_expand("{message}", &event, &out);
	assert_int_equal(out.len, EVENT_FIELD_MAX);
	buf_clear(&out);
	/* as many as one argument may hold */
	template_expand("{message}{message}{message}{message}{message}", &event, &out);
	assert_int_equal(out.len, TEMPLATE_TEXT_MAX);
	buf_done(&out);
}

static struct sink_config *exec_config(struct config **config)
{
	*config = config_new();
	return config_add_sink(*config, SINK_EXEC);
}

static void test_argv(void **state)
{
	struct config *config;
	struct sink_config *sink = exec_config(&config);
	char **argv;

	(void)state;
	strings_add(&sink->command, "/bin/{task_id}");
	strings_add(&sink->command, "{task_id}");
	strings_add(&sink->command, "--name={task_name}");
	strings_add(&sink->command, "");
	argv = hook_argv(sink, &hostile);
	/* the program is the user's choice alone */
	assert_string_equal(argv[0], "/bin/{task_id}");
	assert_string_equal(argv[1], "id; rm -rf /");
	assert_string_equal(argv[2], "--name=$(reboot) {task_id} '\"\n\xff");
	assert_string_equal(argv[3], "");
	assert_null(argv[4]);
	free(argv);
	free(sink->shell);
	sink->shell = mem_strdup("echo {task_id}");
	argv = hook_argv(sink, &hostile);
	assert_string_equal(argv[0], "/bin/sh");
	assert_string_equal(argv[1], "-c");
	assert_string_equal(argv[2], "echo {task_id}");
	assert_null(argv[3]);
	free(argv);
	config_free(config);
}

static void expect_env(char **env, const char *const *want)
{
	size_t i;

	for (i = 0; want[i] != NULL && env[i] != NULL; i++)
		assert_string_equal(env[i], want[i]);
	assert_null(want[i]);
	assert_null(env[i]);
}

static void test_environment(void **state)
{
	static char *const ours[] = { (char *)"PATH=/bin", (char *)"HOME=/home/u",
		(char *)"LC_ALL=C", (char *)"LC=x", (char *)"XDG_RUNTIME_DIR=/run/u",
		(char *)"TELNYX_API_KEY=KEY1", (char *)"NOTIFY_SOCKET=/run/n",
		(char *)"WATCHDOG_USEC=1", (char *)"CREDENTIALS_DIRECTORY=/c",
		(char *)"MY_KEY=KEY2", (char *)"EXTRA=e=f", (char *)"OTHER=o", (char *)"PATHS=no",
		(char *)"TASKBELL_EVENT=theirs", (char *)"TASKBELL_CONFIG=c",
		(char *)"WAYLAND_DISPLAY=", NULL };
	static const char *const want[] = { "PATH=/bin", "HOME=/home/u", "LC_ALL=C",
		"XDG_RUNTIME_DIR=/run/u", "EXTRA=e=f", "TASKBELL_CONFIG=c",
		"WAYLAND_DISPLAY=wayland-1", "DISPLAY=:7", "TASKBELL_SCHEMA=1",
		"TASKBELL_EVENT_ID=17", "TASKBELL_EVENT=failure", "TASKBELL_SOURCE=telnyx",
		"TASKBELL_TASK_ID=id; rm -rf /", "TASKBELL_TASK_NAME=$(reboot) {task_id} '\"\n\xff",
		"TASKBELL_BUCKET=", "TASKBELL_USER_ID=", "TASKBELL_FROM=processing",
		"TASKBELL_TO=failure", "TASKBELL_CREATED_AT=", "TASKBELL_FINISHED_AT=",
		"TASKBELL_DURATION_SECONDS=", "TASKBELL_MESSAGE=", "TASKBELL_ATTEMPT=3", NULL };
	struct config *config;
	struct sink_config *sink = exec_config(&config);
	struct strings secrets = { 0 };
	struct strings session = { 0 };
	char **env;

	(void)state;
	/* what we have goes before what the session has */
	strings_add(&session, "DISPLAY=:7");
	strings_add(&session, "WAYLAND_DISPLAY=wayland-1");
	strings_add(&session, "XDG_RUNTIME_DIR=/run/other");
	strings_add(&secrets, "MY_KEY");
	strings_add(&sink->env, "EXTRA");
	strings_add(&sink->env, "UNSET");
	/* none of these may be passed on, not even on purpose */
	strings_add(&sink->env, "MY_KEY");
	strings_add(&sink->env, "TELNYX_API_KEY");
	strings_add(&sink->env, "NOTIFY_SOCKET");
	/* ours wins */
	strings_add(&sink->env, "TASKBELL_EVENT");
	strings_add(&sink->env, "TASKBELL_CONFIG");
	env = hook_env(sink, &hostile, 3, ours, &session, &secrets);
	expect_env(env, want);
	free(env);
	strings_done(&session);
	strings_done(&secrets);
	config_free(config);
}

static void test_clean_environment(void **state)
{
	static char *const ours[] = { (char *)"A=1", (char *)"TELNYX_API_KEY=k",
		(char *)"NOTIFY_SOCKET=n", (char *)"WATCHDOG_PID=1",
		(char *)"CREDENTIALS_DIRECTORY=c", (char *)"KEY=s", (char *)"B=2", NULL };
	static const char *const want[] = { "A=1", "B=2", NULL };
	static char *const nothing[] = { NULL };
	struct strings secrets = { 0 };
	char **env;

	(void)state;
	strings_add(&secrets, "KEY");
	env = hook_env_clean(ours, NULL, &secrets);
	expect_env(env, want);
	free(env);
	env = hook_env_clean(nothing, NULL, &secrets);
	assert_null(env[0]);
	free(env);
	strings_done(&secrets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_template),
		cmocka_unit_test(test_values_are_cut_between_code_points),
		cmocka_unit_test(test_argv),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_clean_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
