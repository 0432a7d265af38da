/* Where the configuration is found, which files are trusted, and what an included file may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/conf.h"

#define OTHER_USER 12345

static char dir[] = "/tmp/taskbell-file-XXXXXX";

static char *in_dir(const char *name)
{
	return mem_printf("%s/%s", dir, name);
}

static void make(const char *name, const char *bytes, size_t len)
{
	cleanup_free char *path = in_dir(name);
	FILE *file;

	(void)unlink(path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0644), 0);
}

static void make_text(const char *name, const char *text)
{
	make(name, text, strlen(text));
}

static struct config *load_path(const char *path, struct buf *faults)
{
	struct err err = { 0 };
	struct config *config;

	if (!conf_load(path, CONF_TEXT_AND_KEYS, &config, faults, &err))
		assert_int_equal(err.kind, ERR_CONFIG);
	return config;
}

static struct config *load_good(const char *name)
{
	cleanup_free char *path = in_dir(name);
	cleanup_buf struct buf faults = { 0 };
	struct config *config = load_path(path, &faults);

	assert_string_equal(buf_text(&faults), "");
	return config;
}

/* `expected` has ^ for the directory */
static void assert_refused(const char *name, const char *expected)
{
	cleanup_free char *path = in_dir(name);
	cleanup_buf struct buf faults = { 0 };
	cleanup_buf struct buf text = { 0 };

	for (const char *p = expected; *p != '\0'; p++)
		if (*p == '^')
			(void)buf_add_text(&text, dir);
		else
			(void)buf_add_char(&text, *p);
	assert_null(load_path(path, &faults));
	assert_string_equal(buf_text(&faults), buf_text(&text));
}

static void files_that_others_can_change(void **state)
{
	cleanup_free char *path = in_dir("a.conf");

	(void)state;
	make_text("a.conf", "");
	assert_int_equal(chmod(path, 0664), 0);
	assert_refused("a.conf",
		"^/a.conf: can be written by group or others (mode 0664); run chmod go-w on it\n");
	assert_int_equal(chmod(path, 0602), 0);
	assert_refused("a.conf",
		"^/a.conf: can be written by group or others (mode 0602); run chmod go-w on it\n");
	assert_int_equal(chmod(path, 0444), 0);
	config_free(load_good("a.conf"));
}

static void files_of_others(void **state)
{
	cleanup_free char *path = in_dir("a.conf");

	(void)state;
	make_text("a.conf", "");
	/* only root can give a file away */
	if (chown(path, OTHER_USER, (gid_t)-1) != 0)
		skip();
	assert_refused("a.conf",
		"^/a.conf: belongs to user 12345; a configuration must be yours or root's\n");
}

static void things_that_are_no_files(void **state)
{
	cleanup_free char *fifo = in_dir("fifo");
	cleanup_free char *sub = in_dir("sub");
	cleanup_buf struct buf faults = { 0 };
	struct config *config = load_path("/dev/null", &faults);

	(void)state;
	assert_non_null(config);
	config_free(config);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_refused("fifo", "^/fifo: is not a regular file\n");
	assert_refused("sub", "^/sub: is a directory\n");
	assert_refused("none", "^/none: cannot be opened: No such file or directory\n");
	assert_null(load_path("/dev/zero", &faults));
}

static void contents_that_are_no_text(void **state)
{
	cleanup_free char *large = mem_alloc(1024 * 1024 + 2);

	(void)state;
	make("a.conf", "# a\0b", 5);
	assert_refused("a.conf", "^/a.conf: holds a NUL byte; it is no text\n");
	memset(large, '#', 1024 * 1024 + 1);
	make_text("a.conf", large);
	assert_refused("a.conf", "^/a.conf: is larger than 1 MiB\n");
	large[1024 * 1024 - 1] = '\0';
	make_text("a.conf", large);
	config_free(load_good("a.conf"));
}

static void included_files_and_their_lines(void **state)
{
	struct config *config;
	cleanup_free char *absolute = mem_printf("@include \"%s/b.conf\"\n", dir);

	(void)state;
	make_text("a.conf", "# one\n  @include\t\"b.conf\" # two\nhistory_keep = 1;\nxx = 1;");
	make_text("b.conf", "yy = 1;\n@include \"c.conf\" // deeper\nzz = 1;\n");
	make_text("c.conf", "\n\nsinks = (\n{ burst = -1; } );");
	assert_refused("a.conf", "^/b.conf:1: yy: unknown key\n"
				 "^/c.conf:4: burst: must be 0 to 1000\n"
				 "^/b.conf:3: zz: unknown key\n"
				 "^/a.conf:3: history_keep: must be 1h to 36500d\n"
				 "^/a.conf:4: xx: unknown key\n");
	make_text("b.conf", "sinks = (\n}");
	assert_refused("a.conf", "^/b.conf:2: syntax error\n");
	make_text("b.conf", "a = \"");
	assert_refused("a.conf", "^/b.conf:1: a text begins here and has no end (\")\n");
	/* in the middle of a list, and by an absolute path */
	make_text("b.conf", "{ type = \"log\"; }");
	make_text("a.conf", "sinks = ( {},\n@include \"b.conf\"\n);");
	config = load_good("a.conf");
	assert_int_equal(config->sink_count, 2);
	config_free(config);
	make_text("b.conf", "sinks = ( );");
	make_text("a.conf", absolute);
	config = load_good("a.conf");
	assert_int_equal(config->sink_count, 0);
	config_free(config);
}

static void included_files_are_held_to_the_same_rules(void **state)
{
	cleanup_free char *path = in_dir("b.conf");

	(void)state;
	make_text("a.conf", "\n@include \"b.conf\"\n@include \"none\"\n@include \"sub\"\n");
	make_text("b.conf", "");
	assert_int_equal(chmod(path, 0622), 0);
	assert_refused("a.conf",
		"^/a.conf:2: ^/b.conf: can be written by group or others (mode 0622); "
		"run chmod go-w on it\n"
		"^/a.conf:3: ^/none: cannot be opened: No such file or directory\n"
		"^/a.conf:4: ^/sub: is a directory\n");
}

static void files_that_include_themselves(void **state)
{
	cleanup_free char *path = in_dir("a.conf");
	cleanup_buf struct buf faults = { 0 };

	(void)state;
	make_text("a.conf", "@include \"a.conf\"\n");
	assert_refused("a.conf",
		"^/a.conf:1: @include goes more than 10 deep, or over more than 100 files; "
		"does a file include itself?\n");
	/* and this would be 3^10 files */
	make_text("a.conf", "@include \"a.conf\"\n@include \"a.conf\"\n@include \"a.conf\"\n");
	assert_null(load_path(path, &faults));
	assert_true(faults.len < 64 * 1024);
}

static void a_byte_order_mark_is_no_text(void **state)
{
	struct config *config;

	(void)state;
	make_text("b.conf", "\xef\xbb\xbfsinks = ( );\r\n");
	make_text("a.conf", "\xef\xbb\xbf@include \"b.conf\"\r\nhistory_keep = \"2d\";\r\n");
	config = load_good("a.conf");
	assert_int_equal(config->sink_count, 0);
	assert_int_equal(config->history_keep_ms, 2 * 86400000);
	config_free(config);
	make_text("a.conf", "\xef\xbb\xbf");
	config_free(load_good("a.conf"));
	make_text("a.conf", "\xef\xbb\xbfx = 1;\n\xef\xbb\xbfy = 1;\n");
	assert_refused("a.conf", "^/a.conf:2: syntax error\n");
}

static void what_is_no_directive(void **state)
{
	(void)state;
	make_text("a.conf",
		"# @include \"none\"\n/*\n@include \"none\"\n*/ // @include \"none\"\n"
		"sinks = ( { name = \"a\\\"\"; names = [ \"\n@include \\\"none\\\"\n\" ]; } );");
	config_free(load_good("a.conf"));
	make_text("a.conf", "history_keep = 9999; @include \"none\"\n");
	assert_refused("a.conf", "^/a.conf:1: syntax error\n");
	make_text("a.conf", "@include \"none\" x = 1;\n");
	assert_refused("a.conf", "^/a.conf:1: @include \"file\" must be alone on its line\n");
}

static void assert_found(const char *option, const char *expected)
{
	cleanup_free char *found = conf_find(option);

	if (expected == NULL)
		assert_null(found);
	else
		assert_string_equal(found, expected);
}

static void the_first_that_is_there(void **state)
{
	cleanup_free char *home = in_dir("home");
	cleanup_free char *conf = in_dir("home/.config");
	cleanup_free char *below = in_dir("home/.config/taskbell");
	cleanup_free char *in_home = in_dir("home/.config/taskbell/taskbell.conf");
	cleanup_free char *dirs = mem_printf("relative:%s/none::%s", dir, conf);

	(void)state;
	assert_int_equal(mkdir(home, 0700) + mkdir(conf, 0700) + mkdir(below, 0700), 0);
	assert_int_equal(setenv("HOME", home, 1) + setenv("XDG_CONFIG_DIRS", dirs, 1), 0);
	assert_found(NULL, NULL);
	make_text("home/.config/taskbell/taskbell.conf", "");
	assert_found(NULL, in_home);
	/* empty and relative variables count as unset */
	assert_int_equal(setenv("XDG_CONFIG_HOME", "", 1), 0);
	assert_found(NULL, in_home);
	assert_int_equal(setenv("XDG_CONFIG_HOME", "relative", 1), 0);
	assert_found(NULL, in_home);
	/* a home without it: the system's directories */
	assert_int_equal(setenv("XDG_CONFIG_HOME", dir, 1), 0);
	assert_found(NULL, in_home);
	assert_int_equal(setenv("XDG_CONFIG_DIRS", "relative", 1), 0);
	assert_found(NULL, NULL);
	/* what is named is named, there or not */
	assert_int_equal(setenv("TASKBELL_CONFIG", "/none/x.conf", 1), 0);
	assert_found(NULL, "/none/x.conf");
	assert_found("/other.conf", "/other.conf");
	assert_int_equal(setenv("TASKBELL_CONFIG", "", 1), 0);
	assert_found(NULL, NULL);
	/* a link to nowhere is loud */
	assert_int_equal(setenv("XDG_CONFIG_HOME", conf, 1), 0);
	assert_int_equal(unlink(in_home) + symlink("/none", in_home), 0);
	assert_found(NULL, in_home);
	assert_int_equal(unlink(in_home) + rmdir(below) + rmdir(conf) + rmdir(home), 0);
}

static void relative_names_become_absolute(void **state)
{
	cleanup_free char *path = in_dir("x.conf");
	cleanup_free char *cwd = getcwd(NULL, 0);

	(void)state;
	assert_int_equal(chdir(dir), 0);
	assert_found("x.conf", path);
	assert_int_equal(chdir("/"), 0);
	assert_found("x.conf", "/x.conf");
	assert_int_equal(chdir(cwd), 0);
}

static int setup(void **state)
{
	static const char *const names[] = { "TELNYX_BASE_URL", "TASKBELL_CONFIG",
		"XDG_CONFIG_HOME", "XDG_CONFIG_DIRS" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (unsetenv(names[i]) != 0)
			return -1;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "a.conf", "b.conf", "c.conf", "fifo" };
	cleanup_free char *sub = in_dir("sub");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		cleanup_free char *path = in_dir(names[i]);

		(void)unlink(path);
	}
	return rmdir(sub) + rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_that_others_can_change),
		cmocka_unit_test(files_of_others),
		cmocka_unit_test(things_that_are_no_files),
		cmocka_unit_test(contents_that_are_no_text),
		cmocka_unit_test(included_files_and_their_lines),
		cmocka_unit_test(included_files_are_held_to_the_same_rules),
		cmocka_unit_test(files_that_include_themselves),
		cmocka_unit_test(a_byte_order_mark_is_no_text),
		cmocka_unit_test(what_is_no_directive),
		cmocka_unit_test(the_first_that_is_there),
		cmocka_unit_test(relative_names_become_absolute),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
