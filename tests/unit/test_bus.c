/* Where the session bus is looked for, and which of the places counts. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/bus.h"

static char dir[] = "/tmp/taskbell-bus-XXXXXX";
static char alive[64]; /* a socket with somebody behind it */
static char dead[64]; /* one that was left behind */

static int listener(const char *path)
{
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	(void)snprintf(own.sun_path, sizeof(own.sun_path), "%s", path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(alive, sizeof(alive), "%s/a live,one", dir);
	(void)snprintf(dead, sizeof(dead), "%s/dead", dir);
	(void)listener(alive);
	assert_int_equal(close(listener(dead)), 0);
	return 0;
}

static int teardown(void **state)
{
	cleanup_free char *bus = mem_printf("%s/bus", dir);

	(void)state;
	(void)unlink(alive);
	(void)unlink(dead);
	(void)unlink(bus);
	return rmdir(dir);
}

static void set(const char *address, const char *runtime)
{
	assert_int_equal(address != NULL ? setenv("DBUS_SESSION_BUS_ADDRESS", address, 1)
					 : unsetenv("DBUS_SESSION_BUS_ADDRESS"),
		0);
	assert_int_equal(runtime != NULL ? setenv("XDG_RUNTIME_DIR", runtime, 1)
					 : unsetenv("XDG_RUNTIME_DIR"),
		0);
}

static void test_address_of_the_environment(void **state)
{
	cleanup_free char *one = mem_printf("unix:guid=1,path=%s/a%%20live%%2cone", dir);
	cleanup_free char *list = mem_printf("unix:path=%s;%s", dead, one);
	const char *const good[] = { one, list, "tcp:host=localhost,port=1", "unixexec:path=x" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct bus bus;

		set(good[i], NULL);
		bus_find(&bus);
		assert_string_equal(bus.address, good[i]);
		assert_false(bus.env_dead);
		assert_int_equal(bus.missed.count, 0);
		bus_done(&bus);
	}
}

/* a terminal that has outlived its session, and what is no address */
static void test_a_dead_address_hides_no_bus(void **state)
{
	cleanup_free char *left = mem_printf("unix:path=%s", dead);
	cleanup_free char *path = mem_printf("%s/bus", dir);
	cleanup_free char *want = mem_printf("unix:path=%s", path);
	const char *const bad[] = { left, "unix:path=/nowhere/bus", "unix:path=", "unix:", ":",
		"nonsense", "autolaunch:", "unix:abstract=/taskbell/nobody", "unix:path=%zz%4",
		"unix:pat=/x", ";;", left };
	int fd = listener(path);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct bus bus;

		set(bad[i], dir);
		bus_find(&bus);
		assert_non_null(bus.address);
		assert_string_equal(bus.address, want);
		assert_true(bus.env_dead);
		assert_int_equal(bus.missed.count, 1);
		assert_non_null(strstr(bus.missed.items[0], bad[i]));
		bus_done(&bus);
	}
	assert_int_equal(close(fd), 0);
}

static void test_what_was_looked_at_is_said(void **state)
{
	cleanup_free char *usual = mem_printf("/run/user/%ld/bus", (long)getuid());
	cleanup_buf struct buf text = { 0 };
	struct bus bus;

	(void)state;
	set(NULL, dir);
	bus_find(&bus);
	/* of the machine that this runs on it is not known whether somebody is logged in */
	if (bus.address != NULL) {
		cleanup_free char *want = mem_printf("unix:path=%s", usual);

		assert_string_equal(bus.address, want);
		assert_int_equal(bus.missed.count, 2);
	} else {
		bus_explain(&bus, &text);
		assert_int_equal(bus.missed.count, 3);
		assert_ptr_equal(strstr(buf_text(&text), "no session bus: "), buf_text(&text));
		assert_non_null(strstr(buf_text(&text), "DBUS_SESSION_BUS_ADDRESS is not set; "));
		assert_non_null(strstr(buf_text(&text), dir));
		assert_non_null(strstr(buf_text(&text), usual));
	}
	assert_false(bus.env_dead);
	bus_done(&bus);
	/* the same place is no second one */
	set("unix:runtime=yes", dir);
	bus_find(&bus);
	assert_true(bus.env_dead);
	bus_done(&bus);
}

static bool told(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	bool ready = poll(&poll_fd, 1, 0) == 1;

	assert_int_equal(close(fd), 0);
	return ready;
}

/* what comes where a bus would, also a directory that leads there */
static void test_a_bus_that_comes_is_told_of(void **state)
{
	cleanup_free char *runtime = mem_printf("%s/not/yet", dir);
	cleanup_free char *parent = mem_printf("%s/not", dir);
	cleanup_free char *path = mem_printf("%s/bus", dir);
	cleanup_free char *env = mem_printf("unix:guid=1,path=%s", path);
	int fd;

	(void)state;
	(void)unlink(path);
	set(NULL, dir);
	fd = bus_watch();
#ifndef __linux__
	assert_int_equal(fd, -1);
	return;
#endif
	assert_true(fd >= 0);
	assert_int_equal(close(listener(path)), 0);
	assert_true(told(fd));
	assert_int_equal(unlink(path), 0);
	set(NULL, runtime);
	fd = bus_watch();
	assert_int_equal(mkdir(parent, 0700), 0);
	assert_true(told(fd));
	fd = bus_watch();
	assert_int_equal(mkdir(runtime, 0700), 0);
	assert_true(told(fd));
	assert_false(told(bus_watch()));
	/* a bus that is started anew at its old address */
	set(env, runtime);
	fd = bus_watch();
	assert_int_equal(close(listener(path)), 0);
	assert_true(told(fd));
	assert_int_equal(unlink(path) | rmdir(runtime) | rmdir(parent), 0);
	/* nothing to watch there */
	set("tcp:host=localhost", "/dev/null/x");
	assert_int_equal(bus_watch(), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_of_the_environment),
		cmocka_unit_test(test_a_dead_address_hides_no_bus),
		cmocka_unit_test(test_what_was_looked_at_is_said),
		cmocka_unit_test(test_a_bus_that_comes_is_told_of),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
