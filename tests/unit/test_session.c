/* The display of the session, asked of systemd's user manager: what is believed of its answer, and
 * when it is asked. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "deliver/hook_env.h"
#include "base/mem.h"
#include "io/signals.h"
#include "tmpdir.h"

static void reads_what_systemd_writes(void **state)
{
	static const struct {
		const char *text;
		const char *read; /* each with a blank behind it */
	} rows[] = {
		{ "", "" },
		{ "HOME=/root\nDISPLAY=:0\nLANG=C\n", "DISPLAY=:0 " },
		{ "WAYLAND_DISPLAY=wayland-1\nXAUTHORITY=/run/user/1000/.mutter-Xwaylandauth.A1B2\n"
		  "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus\nXDG_RUNTIME_DIR=/run/"
		  "user/1000\n",
			"WAYLAND_DISPLAY=wayland-1 "
			"XAUTHORITY=/run/user/1000/.mutter-Xwaylandauth.A1B2 "
			"DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "
			"XDG_RUNTIME_DIR=/run/user/1000 " },
		/* what a shell would not take as it is */
		{ "XAUTHORITY=$'/home/a b/.X'\n", "XAUTHORITY=/home/a b/.X " },
		{ "XAUTHORITY=$'/\\'\\\\\\\"\\303\\274$(id)`'\n",
			"XAUTHORITY=/'\\\"\xc3\xbc$(id)` " },
		/* names that only look alike, and others that are nobody's business */
		{ "DISPLAY_X=:1\nXDISPLAY=:2\nDISPLAY\n=:3\nPATH=/evil\nLD_PRELOAD=/evil.so\n",
			"" },
		/* quoted in ways that are not known, cut, or with what has no place there */
		{ "DISPLAY=\"0\"\nXAUTHORITY='x'\nWAYLAND_DISPLAY=$x\n", "" },
		{ "DISPLAY=$':0\nXAUTHORITY=$'a'b\nWAYLAND_DISPLAY=$'\\z'\n", "" },
		{ "DISPLAY=$':0\\n'\nXAUTHORITY=$'\\033[31m'\nWAYLAND_DISPLAY=$'\\000'\n", "" },
		{ "DISPLAY=$'\\400'\nXAUTHORITY=$'\\4'\nWAYLAND_DISPLAY=$'\\'\n", "" },
		{ "DISPLAY=\nXAUTHORITY=$''\n", "" },
		{ "WAYLAND_DISPLAY=wayland-0\nDISPLAY=:12", "WAYLAND_DISPLAY=wayland-0 " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strings got = { 0 };
		cleanup_buf struct buf text = { 0 };

		session_read(rows[i].text, &got);
		for (size_t k = 0; k < got.count; k++)
			(void)buf_addf(&text, "%s ", got.items[k]);
		assert_string_equal(buf_text(&text), rows[i].read);
		strings_done(&got);
	}
}

/* a systemctl of the test, which counts how often it is asked */
static char *dir;

static void answer(const char *script)
{
	cleanup_free char *path = tmpdir_path(dir, "systemctl");
	cleanup_free char *text =
		mem_printf("#!/bin/sh\necho \"$*\" >>%s/asked\n%s\n", dir, script);

	tmpdir_write(path, text, strlen(text));
	assert_int_equal(chmod(path, 0700), 0);
}

static size_t asked(void)
{
	cleanup_free char *path = tmpdir_path(dir, "asked");
	size_t len;
	cleanup_free char *text = tmpdir_read(path, &len);
	size_t count = 0;

	for (const char *p = text; p != NULL && (p = strchr(p, '\n')) != NULL; p++)
		count++;
	return count;
}

static void ready(struct session *session, struct instant now)
{
	struct pollfd wake = { .fd = signals_fd(), .events = POLLIN };

	while (!session_ready(session, now)) {
		if (poll(&wake, 1, 20000) == 0)
			fail_msg("no answer");
		(void)signals_take(SIGCHLD);
		session_step(session, now);
	}
}

static void asks_once_for_those_that_start_together(void **state)
{
	struct session session = { 0 };
	struct instant now = { .mono_ms = 1000000 };

	(void)state;
	answer("echo DISPLAY=:5");
	ready(&session, now);
	assert_int_equal(session.variables.count, 1);
	assert_string_equal(session.variables.items[0], "DISPLAY=:5");
	now.mono_ms += 99;
	assert_true(session_ready(&session, now));
	assert_int_equal(asked(), 1);
	/* another session, and none */
	answer("echo WAYLAND_DISPLAY=wayland-3");
	now.mono_ms += 1;
	ready(&session, now);
	assert_string_equal(session.variables.items[0], "WAYLAND_DISPLAY=wayland-3");
	answer("");
	now.mono_ms += SESSION_FRESH_MS;
	ready(&session, now);
	assert_int_equal(session.variables.count, 0);
	assert_int_equal(asked(), 3);
	session_done(&session);
}

static void asks_seldom_where_nobody_answers(void **state)
{
	struct session session = { 0 };
	struct instant now = { .mono_ms = 1000000 };

	(void)state;
	answer("echo DISPLAY=:5; exit 1");
	ready(&session, now);
	assert_int_equal(session.variables.count, 0);
	now.mono_ms += SESSION_SILENT_MS - 1;
	assert_true(session_ready(&session, now));
	assert_int_equal(asked(), 1);
	now.mono_ms += 1;
	ready(&session, now);
	assert_int_equal(asked(), 2);
	session_done(&session);
}

static void does_not_wait_for_one_that_hangs(void **state)
{
	struct session session = { 0 };
	struct instant now = { .mono_ms = 1000000 };

	(void)state;
	answer("trap '' TERM; exec sleep 1000");
	assert_false(session_ready(&session, now));
	assert_int_equal(session_next(&session), now.mono_ms + SESSION_LIMIT_MS);
	session_step(&session, now);
	assert_false(session_ready(&session, now));
	now.mono_ms += SESSION_LIMIT_MS;
	session_step(&session, now);
	assert_true(session_ready(&session, now));
	assert_int_equal(session.variables.count, 0);
	assert_int_equal(session_next(&session), INSTANT_NEVER);
	session_done(&session);
	/* nor where there is none */
	assert_int_equal(setenv("PATH", "/nonexistent", 1), 0);
	assert_true(session_ready(&session, now));
	session_done(&session);
}

static void asks_nothing_with_a_display_of_our_own(void **state)
{
	static const char *const names[] = { "DISPLAY", "WAYLAND_DISPLAY" };
	struct session session = { 0 };
	struct instant now = { .mono_ms = 1000000 };

	(void)state;
	answer("echo DISPLAY=:5");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_int_equal(setenv(names[i], ":1", 1), 0);
		assert_true(session_ready(&session, now));
		assert_int_equal(session.variables.count, 0);
		assert_int_equal(asked(), 0);
		assert_int_equal(setenv(names[i], "", 1), 0);
	}
	ready(&session, now);
	assert_int_equal(asked(), 1);
	session_done(&session);
}

static int setup(void **state)
{
	cleanup_free char *path = NULL;

	(void)state;
	dir = tmpdir_new();
	path = mem_printf("%s:/usr/bin:/bin", dir);
	return setenv("PATH", path, 1) | unsetenv("DISPLAY") | unsetenv("WAYLAND_DISPLAY");
}

static int teardown(void **state)
{
	(void)state;
	tmpdir_free(dir);
	return 0;
}

static int begin(void **state)
{
	static const int wake[] = { SIGCHLD };
	struct err err;

	(void)state;
	return signals_open(wake, 1, &err) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_systemd_writes),
		cmocka_unit_test_setup_teardown(
			asks_once_for_those_that_start_together, setup, teardown),
		cmocka_unit_test_setup_teardown(asks_seldom_where_nobody_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_wait_for_one_that_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(
			asks_nothing_with_a_display_of_our_own, setup, teardown),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
