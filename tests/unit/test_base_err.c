#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static void has_kind_and_text(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_false(err_set(&err, ERR_CONFIG, "%s:%d: bad", "a.conf", 7));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_string_equal(err.text, "a.conf:7: bad");
	assert_false(err_prefix(&err, "source %s: ", "telnyx"));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_string_equal(err.text, "source telnyx: a.conf:7: bad");
	assert_false(err_errno(&err, ERR_IO, ENOENT, "cannot open %s", "x"));
	assert_int_equal(err.kind, ERR_IO);
	assert_string_equal(err.text, "cannot open x: No such file or directory");
}

static void cuts_what_is_too_long(void **state)
{
	struct err err = { 0 };
	char longer[2000];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_false(err_set(&err, ERR_IO, "%s", longer));
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_false(err_prefix(&err, "front: "));
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text, "front: xxx", 10);
	assert_false(err_errno(&err, ERR_IO, ENOENT, "%s", longer));
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

/* what is put after it stays whole, and no character is cut in two */
static void makes_room_for_what_comes_after(void **state)
{
	static const char *const after = " (proxy)";
	struct err err = { 0 };
	size_t room = sizeof(err.text) - 1 - strlen(after);

	(void)state;
	assert_false(err_set(&err, ERR_IO, "short"));
	assert_false(err_suffix(&err, "%s", after));
	assert_string_equal(err.text, "short (proxy)");
	assert_int_equal(err.kind, ERR_IO);
	for (size_t lead = 0; lead < 3; lead++) {
		assert_false(err_set(&err, ERR_IO, "%.*s", (int)lead, "xx"));
		while (strlen(err.text) + 3 < sizeof(err.text))
			memcpy(err.text + strlen(err.text), "\xe2\x80\xa6", 4);
		assert_false(err_suffix(&err, "%s", after));
		assert_int_equal(strlen(err.text), lead + (room - lead) / 3 * 3 + strlen(after));
		assert_string_equal(err.text + strlen(err.text) - strlen(after), after);
	}
}

static void kinds_are_exit_codes(void **state)
{
	(void)state;
	assert_int_equal(err_exit_code(ERR_NONE), 0);
	assert_int_equal(err_exit_code(ERR_NOT_FOUND), 3);
	assert_int_equal(err_exit_code(ERR_USAGE), 64);
	assert_int_equal(err_exit_code(ERR_UNREACHABLE), 69);
	assert_int_equal(err_exit_code(ERR_SOFTWARE), 70);
	assert_int_equal(err_exit_code(ERR_OS), 71);
	assert_int_equal(err_exit_code(ERR_CANT_CREATE), 73);
	assert_int_equal(err_exit_code(ERR_IO), 74);
	assert_int_equal(err_exit_code(ERR_TEMPORARY), 75);
	assert_int_equal(err_exit_code(ERR_PROTOCOL), 76);
	assert_int_equal(err_exit_code(ERR_AUTH), 77);
	assert_int_equal(err_exit_code(ERR_CONFIG), 78);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_kind_and_text),
		cmocka_unit_test(cuts_what_is_too_long),
		cmocka_unit_test(makes_room_for_what_comes_after),
		cmocka_unit_test(kinds_are_exit_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
