/* Where keys may come from, what is refused, and that no message shows one. */
#include <errno.h>
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
#include "io/key.h"

struct fixture {
	char dir[64];
	char *path; /* own; a file in dir */
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/taskbell-key-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->path = mem_printf("%s/api-key", f->dir);
	assert_int_equal(unsetenv("TELNYX_API_KEY"), 0);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_int_equal(setenv("XDG_CONFIG_HOME", "/nonexistent", 1), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)unlink(f->path);
	(void)rmdir(f->dir);
	free(f->path);
	free(f);
	return 0;
}

static void write_key(const struct fixture *f, const char *bytes, size_t len, mode_t mode)
{
	FILE *file;

	(void)unlink(f->path); /* the one before may be read-only */
	file = fopen(f->path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(f->path, mode), 0);
}

static void assert_key(const char *form, const char *key)
{
	char found[KEY_MAX + 1] = "";
	struct err err = { 0 };

	if (key_read(form, &source_types[0], found, &err) != KEY_FOUND)
		fail_msg("%s: %s", form, err.text);
	assert_string_equal(found, key);
}

/* no key, for a reason of this kind that is told in these words; and whatever was there is not told
 */
static void assert_missing(const char *form, enum err_kind kind, const char *words)
{
	char found[KEY_MAX + 1] = "untouched";
	struct err err = { 0 };

	assert_int_equal(key_read(form, &source_types[0], found, &err), KEY_MISSING);
	assert_string_equal(found, "untouched");
	assert_int_equal(err.kind, kind);
	if (strstr(err.text, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, err.text);
	assert_null(strstr(err.text, "KEY0123"));
	assert_null(strchr(err.text, '\n'));
}

static void test_literal_is_refused(void **state)
{
	static const char *const literals[] = { "KEY0123456789", "ENV:KEY0123", " env:NAME",
		"KEY0123:abc", "https://KEY0123", "env" };
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(literals); i++) {
		err = (struct err){ 0 };
		assert_false(key_form_check(literals[i], &err));
		assert_int_equal(err.kind, ERR_CONFIG);
		assert_non_null(strstr(err.text, "env:NAME"));
		assert_non_null(strstr(err.text, "file:PATH"));
		assert_non_null(strstr(err.text, "credential:NAME"));
		assert_non_null(strstr(err.text, "command:PROGRAM"));
		assert_null(strstr(err.text, "KEY0123"));
		assert_missing(literals[i], ERR_CONFIG, "never the key itself");
	}
}

static void test_forms(void **state)
{
	static const char *const good[] = { "", "env:A", "env:_a1", "file:/x", "file:~/x", "file:x",
		"credential:api-key", "command:pass show telnyx", "command: x" };
	static const char *const bad[] = { "env:", "env:1A", "env:A B", "env:A=B", "env:A-B",
		"file:", "credential:", "credential:a/b", "credential:..", "credential:.",
		"command:", "command: \t " };
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(key_form_check(good[i], &err));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		err = (struct err){ 0 };
		if (key_form_check(bad[i], &err))
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(err.kind, ERR_CONFIG);
	}
}

static void test_variable(void **state)
{
	char *longest = mem_alloc(KEY_MAX + 2);

	(void)state;
	assert_missing("env:TASKBELL_TEST_KEY", ERR_AUTH, "TASKBELL_TEST_KEY is not set");
	assert_int_equal(setenv("TASKBELL_TEST_KEY", "", 1), 0);
	assert_missing("env:TASKBELL_TEST_KEY", ERR_AUTH, "TASKBELL_TEST_KEY is not set");
	assert_int_equal(setenv("TASKBELL_TEST_KEY", "KEY0123\n", 1), 0);
	assert_key("env:TASKBELL_TEST_KEY", "KEY0123");
	assert_int_equal(setenv("TASKBELL_TEST_KEY", "KEY0123 x", 1), 0);
	assert_missing("env:TASKBELL_TEST_KEY", ERR_AUTH, "TASKBELL_TEST_KEY");
	memset(longest, 'k', KEY_MAX);
	assert_int_equal(setenv("TASKBELL_TEST_KEY", longest, 1), 0);
	assert_key("env:TASKBELL_TEST_KEY", longest);
	longest[KEY_MAX] = 'k';
	assert_int_equal(setenv("TASKBELL_TEST_KEY", longest, 1), 0);
	assert_missing("env:TASKBELL_TEST_KEY", ERR_AUTH, "longer than 4096");
	assert_int_equal(unsetenv("TASKBELL_TEST_KEY"), 0);
	free(longest);
}

static void test_default(void **state)
{
	const struct fixture *f = *state;

	assert_missing("", ERR_AUTH, "TELNYX_API_KEY");
	write_key(f, "KEY0123-file", 12, 0400);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", f->dir, 1), 0);
	assert_key("", "KEY0123-file");
	assert_int_equal(setenv("TELNYX_API_KEY", "KEY0123-env", 1), 0);
	assert_key("", "KEY0123-env");
	assert_int_equal(setenv("TELNYX_API_KEY", "", 1), 0);
	assert_key("", "KEY0123-file");
	assert_int_equal(unlink(f->path), 0);
	assert_missing("", ERR_AUTH, "api-key");
}

static void write_default(const struct fixture *f, const char *name, const char *key, mode_t mode)
{
	cleanup_free char *path = mem_printf("%s/taskbell/%s", f->dir, name);
	struct fixture at = { .path = path };

	write_key(&at, key, strlen(key), mode);
}

/* where the README puts it, and where it may be for each kind of tasks */
static void test_default_files(void **state)
{
	const struct fixture *f = *state;
	cleanup_free char *dir = mem_printf("%s/taskbell", f->dir);
	cleanup_free char *keys = mem_printf("%s/taskbell/keys", f->dir);
	cleanup_free char *of_kind = mem_printf("%s/%s", keys, source_types[0].name);
	cleanup_free char *of_default = mem_printf("%s/api-key", dir);
	const struct source_type other = { .name = "other", .key_variable = "OTHER_API_KEY" };
	char key[KEY_MAX + 1];
	struct err err = { 0 };

	assert_int_equal(setenv("XDG_CONFIG_HOME", f->dir, 1), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(mkdir(keys, 0700), 0);
	/* what was looked for is said, and how to put a key there */
	assert_missing("", ERR_AUTH, "TELNYX_API_KEY is not set");
	assert_missing("", ERR_AUTH, of_kind);
	assert_missing("", ERR_AUTH, "install -D -m 600 /dev/stdin");
	assert_missing("", ERR_AUTH, of_default);
	write_default(f, "api-key", "KEY0123-default\n", 0600);
	assert_key("", "KEY0123-default");
	/* … of the default kind only */
	assert_int_equal(key_read("", &other, key, &err), KEY_MISSING);
	assert_non_null(strstr(err.text, "OTHER_API_KEY is not set"));
	assert_non_null(strstr(err.text, "/taskbell/keys/other"));
	assert_null(strstr(err.text, of_default));
	write_default(f, "keys/telnyx-embeddings", "KEY0123-kind\n", 0600);
	assert_key("", "KEY0123-kind");
	/* what is there and may not be used hides nothing: it is a fault to be mended */
	write_default(f, "keys/telnyx-embeddings", "KEY0123-kind\n", 0644);
	assert_missing("", ERR_CONFIG, "chmod 600");
	assert_int_equal(setenv("TELNYX_API_KEY", "KEY0123-env", 1), 0);
	assert_key("", "KEY0123-env");
	assert_int_equal(unsetenv("TELNYX_API_KEY"), 0);
	/* credentials without the one for it are none */
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", keys, 1), 0);
	write_default(f, "keys/telnyx-embeddings", "KEY0123-kind\n", 0600);
	assert_key("", "KEY0123-kind");
	write_default(f, "keys/api-key", "KEY0123-credential\n", 0440);
	assert_key("", "KEY0123-credential");
	assert_int_equal(unlink(of_kind), 0);
	assert_int_equal(unlink(of_default), 0);
	free(of_kind);
	of_kind = mem_printf("%s/api-key", keys);
	assert_int_equal(unlink(of_kind), 0);
	assert_int_equal(rmdir(keys), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void test_file(void **state)
{
	const struct fixture *f = *state;
	cleanup_free char *form = mem_printf("file:%s", f->path);
	static const struct {
		const char *bytes;
		const char *key;
	} cases[] = {
		{ "KEY0123", "KEY0123" },
		{ "KEY0123\n", "KEY0123" },
		{ "KEY0123\r\n", "KEY0123" },
		{ "KEY0123\n\nmore\n", "KEY0123" },
	};

	assert_missing(form, ERR_AUTH, f->path);
	assert_missing(form, ERR_AUTH, "No such file");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		write_key(f, cases[i].bytes, strlen(cases[i].bytes), 0600);
		assert_key(form, cases[i].key);
	}
	write_key(f, "", 0, 0600);
	assert_missing(form, ERR_AUTH, "empty");
	write_key(f, "\nKEY0123\n", 9, 0600);
	assert_missing(form, ERR_AUTH, "empty");
	write_key(f, "KEY0123\0x", 9, 0600);
	assert_missing(form, ERR_AUTH, "NUL");
	write_key(f, "\xef\xbb\xbfKEY0123", 10, 0600);
	assert_missing(form, ERR_AUTH, "no API key");
	write_key(f, "KEY0123\tx", 9, 0600);
	assert_missing(form, ERR_AUTH, "no API key");
}

static void test_file_size(void **state)
{
	const struct fixture *f = *state;
	cleanup_free char *form = mem_printf("file:%s", f->path);
	char *bytes = mem_alloc(KEY_MAX + 5);

	memset(bytes, 'k', KEY_MAX + 4);
	bytes[KEY_MAX] = '\n';
	write_key(f, bytes, KEY_MAX + 4, 0600);
	bytes[KEY_MAX] = '\0';
	assert_key(form, bytes);
	bytes[KEY_MAX] = 'k';
	write_key(f, bytes, KEY_MAX + 1, 0600);
	assert_missing(form, ERR_AUTH, "longer than 4096");
	write_key(f, bytes, KEY_MAX + 4, 0600);
	assert_missing(form, ERR_AUTH, "longer than 4096");
	free(bytes);
}

static void test_file_mode(void **state)
{
	static const mode_t refused[] = { 0604, 0640, 0602, 0620, 0601, 0610, 0666, 0777 };
	const struct fixture *f = *state;
	cleanup_free char *form = mem_printf("file:%s", f->path);

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		write_key(f, "KEY0123", 7, refused[i]);
		assert_missing(form, ERR_CONFIG, "chmod 600");
		assert_missing(form, ERR_CONFIG, f->path);
	}
	write_key(f, "KEY0123", 7, 0400);
	assert_key(form, "KEY0123");
	write_key(f, "KEY0123", 7, 0700);
	assert_key(form, "KEY0123");
}

static void test_file_of_another_user(void **state)
{
	const struct fixture *f = *state;
	cleanup_free char *form = mem_printf("file:%s", f->path);

	if (geteuid() != 0) {
		print_message("not root: a file cannot be given away here\n");
		skip();
	}
	write_key(f, "KEY0123", 7, 0600);
	assert_int_equal(chown(f->path, 12345, 12345), 0);
	assert_missing(form, ERR_CONFIG, "another user");
}

static void test_not_a_file(void **state)
{
	const struct fixture *f = *state;
	cleanup_free char *form = mem_printf("file:%s", f->path);
	cleanup_free char *directory = mem_printf("file:%s", f->dir);

	assert_missing(directory, ERR_CONFIG, "not a regular file");
	assert_missing("file:/dev/null", ERR_CONFIG, "not a regular file");
	/* with nobody on its other end: this would wait for ever if it were opened like a file */
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_missing(form, ERR_CONFIG, "not a regular file");
}

static void test_link_to_a_file(void **state)
{
	const struct fixture *f = *state;
	cleanup_free char *link = mem_printf("%s/link", f->dir);
	cleanup_free char *form = mem_printf("file:%s", link);

	write_key(f, "KEY0123", 7, 0600);
	assert_int_equal(symlink("api-key", link), 0);
	assert_key(form, "KEY0123");
	/* the file decides, not the link */
	assert_int_equal(chmod(f->path, 0644), 0);
	assert_missing(form, ERR_CONFIG, "chmod 600");
	assert_int_equal(unlink(link), 0);
}

static void test_home(void **state)
{
	const struct fixture *f = *state;
	cleanup_free char *home = mem_strdup(getenv("HOME"));

	write_key(f, "KEY0123", 7, 0600);
	assert_int_equal(setenv("HOME", f->dir, 1), 0);
	assert_key("file:~/api-key", "KEY0123");
	assert_missing("file:~root/api-key", ERR_AUTH, "~root/api-key");
	assert_int_equal(unsetenv("HOME"), 0);
	assert_missing("file:~/api-key", ERR_AUTH, "HOME is not set");
	if (home != NULL)
		assert_int_equal(setenv("HOME", home, 1), 0);
}

static void test_credential(void **state)
{
	const struct fixture *f = *state;

	assert_missing("credential:api-key", ERR_AUTH, "LoadCredential=");
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "relative", 1), 0);
	assert_missing("credential:api-key", ERR_AUTH, "LoadCredential=");
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", f->dir, 1), 0);
	assert_missing("credential:api-key", ERR_AUTH, "No such file");
	assert_missing("credential:../etc/passwd", ERR_CONFIG, "slash");
	/* systemd gives group bits where it uses an access list */
	write_key(f, "KEY0123\n", 8, 0440);
	assert_key("credential:api-key", "KEY0123");
}

static void assert_argv(const char *form, const char *const *words)
{
	char **argv = key_command_argv(form);
	size_t i = 0;

	for (; words[i] != NULL; i++)
		assert_string_equal(argv[i], words[i]);
	assert_null(argv[i]);
	key_argv_free(argv);
}

static void test_command(void **state)
{
	char key[KEY_MAX + 1];
	struct err err;

	(void)state;
	assert_int_equal(
		key_read("command:pass show telnyx", &source_types[0], key, &err), KEY_COMMAND);
	assert_argv("command:pass show telnyx",
		(const char *const[]){ "pass", "show", "telnyx", NULL });
	assert_argv("command:  pass \t show  ", (const char *const[]){ "pass", "show", NULL });
	/* no shell, no quoting */
	assert_argv("command:sh -c 'a b' $HOME",
		(const char *const[]){ "sh", "-c", "'a", "b'", "$HOME", NULL });
	key_argv_free(NULL);
}

static void test_clean(void **state)
{
	static const char *const bad[] = { "", "\n", "\rKEY", "KEY0123 ", " KEY0123", "KEY\x01",
		"KEY\x7f", "KEY\xff", "a\tb" };
	char key[KEY_MAX + 2];
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		(void)snprintf(key, sizeof(key), "%s", bad[i]);
		err = (struct err){ 0 };
		assert_false(key_clean(key, &err));
		assert_int_equal(err.kind, ERR_AUTH);
		assert_null(strstr(err.text, "KEY0123"));
	}
	(void)snprintf(key, sizeof(key), "KEY_a-z.~+/=\nsecond line");
	assert_true(key_clean(key, &err));
	assert_string_equal(key, "KEY_a-z.~+/=");
	memset(key, 'k', KEY_MAX + 1);
	key[KEY_MAX + 1] = '\0';
	assert_false(key_clean(key, &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_literal_is_refused),
		TEST(test_forms),
		TEST(test_variable),
		TEST(test_default),
		TEST(test_default_files),
		TEST(test_file),
		TEST(test_file_size),
		TEST(test_file_mode),
		TEST(test_file_of_another_user),
		TEST(test_not_a_file),
		TEST(test_link_to_a_file),
		TEST(test_home),
		TEST(test_credential),
		TEST(test_command),
		TEST(test_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
