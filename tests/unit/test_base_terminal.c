/* How wide a terminal is, asked of one. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/terminal.h"
#include "pseudo.h"

static void asserts_columns(int fd, unsigned short columns, size_t expected)
{
	struct winsize size = { .ws_row = 24, .ws_col = columns };

	assert_int_equal(ioctl(fd, TIOCSWINSZ, &size), 0);
	assert_int_equal(terminal_columns(fd), expected);
}

static void is_as_wide_as_it_says(void **state)
{
	cleanup_free char *name = NULL;
	int fd = pseudo_open(&name);

	(void)state;
	/* what it says itself counts, also after a change of its size */
	assert_int_equal(setenv("COLUMNS", "132", 1), 0);
	asserts_columns(fd, 80, 80);
	asserts_columns(fd, 200, 200);
	asserts_columns(fd, 40, 40);
	asserts_columns(fd, 39, TERMINAL_COLUMNS_MIN);
	asserts_columns(fd, 1, TERMINAL_COLUMNS_MIN);
	/* a serial line says nothing */
	asserts_columns(fd, 0, 132);
	assert_int_equal(setenv("COLUMNS", "7", 1), 0);
	asserts_columns(fd, 0, TERMINAL_COLUMNS_MIN);
	assert_int_equal(setenv("COLUMNS", "wide", 1), 0);
	asserts_columns(fd, 0, 80);
	assert_int_equal(unsetenv("COLUMNS"), 0);
	asserts_columns(fd, 0, 80);
	(void)close(fd);
}

static void what_is_no_terminal_has_no_width(void **state)
{
	cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int ends[2];

	(void)state;
	assert_int_equal(setenv("COLUMNS", "132", 1), 0);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(terminal_columns(ends[1]), 0);
	assert_int_equal(terminal_columns(null), 0);
	assert_int_equal(terminal_columns(-1), 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
	assert_int_equal(unsetenv("COLUMNS"), 0);
}

static void colours_are_closed_again(void **state)
{
	cleanup_buf struct buf out = { 0 };

	(void)state;
	terminal_add_colored(&out, "bad", "31");
	terminal_add_colored(&out, " plain", NULL);
	assert_string_equal(buf_text(&out), "\033[31mbad\033[0m plain");
}

static void asserts_dot(const char *all, const char *type, const char *lang, const char *expected)
{
	assert_int_equal(setenv("LC_ALL", all, 1), 0);
	assert_int_equal(setenv("LC_CTYPE", type, 1), 0);
	assert_int_equal(setenv("LANG", lang, 1), 0);
	assert_string_equal(terminal_sign("\xc2\xb7"), expected);
}

static void signs_are_ascii_unless_the_locale_says_more(void **state)
{
	cleanup_buf struct buf text = { 0 };

	(void)state;
	asserts_dot("", "", "de_DE.UTF-8@euro", "\xc2\xb7");
	asserts_dot("C.utf8", "C", "C", "\xc2\xb7");
	asserts_dot("", "UTF-8", "C", "\xc2\xb7");
	asserts_dot("", "", "de_DE.ISO-8859-1", "-");
	asserts_dot("", "POSIX", "C.UTF-8", "-");
	asserts_dot("C", "C.UTF-8", "C.UTF-8", "-");
	asserts_dot("", "", "", "-");
	assert_int_equal(unsetenv("LC_ALL") | unsetenv("LC_CTYPE") | unsetenv("LANG"), 0);
	assert_string_equal(terminal_sign("\xe2\x9c\x93"), "+");
	assert_string_equal(terminal_sign("!"), "!");
	terminal_add_cut(&text, "embed-knowledge-base", 8);
	assert_string_equal(buf_text(&text), "embed-k~");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_as_wide_as_it_says),
		cmocka_unit_test(what_is_no_terminal_has_no_width),
		cmocka_unit_test(colours_are_closed_again),
		cmocka_unit_test(signs_are_ascii_unless_the_locale_says_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
