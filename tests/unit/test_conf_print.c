/* The effective configuration: what is printed is read back equal, whatever stands in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/options.h"
#include "core/option_value.h"
#include "io/conf.h"

static char dir[] = "/tmp/taskbell-print-XXXXXX";
static char *path;

static struct config *load(const char *text)
{
	cleanup_buf struct buf faults = { 0 };
	struct err err = { 0 };
	struct config *config;
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_false(fputs(text, file) < 0);
	assert_int_equal(fclose(file), 0);
	(void)conf_load(path, CONF_TEXT_AND_KEYS, &config, &faults, &err);
	assert_string_equal(buf_text(&faults), "");
	assert_non_null(config);
	return config;
}

static void assert_list_equal(const struct strings *a, const struct strings *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++)
		assert_string_equal(a->items[i], b->items[i]);
}

static void assert_value_equal(const struct option *option, const void *a, const void *b)
{
	const void *x = value_of(option, a);
	const void *y = value_of(option, b);

	switch (option->type) {
	case OPTION_TEXT:
		assert_string_equal(*(char *const *)x, *(char *const *)y);
		break;
	case OPTION_BOOL:
		assert_int_equal(*(const bool *)x, *(const bool *)y);
		break;
	case OPTION_INT:
	case OPTION_DURATION:
		assert_int_equal(*(const int64_t *)x, *(const int64_t *)y);
		break;
	case OPTION_ENUM:
		assert_int_equal(*(const int *)x, *(const int *)y);
		break;
	case OPTION_LIST:
	case OPTION_CODES:
		assert_list_equal(x, y);
		break;
	case OPTION_BLOCKS:
		break;
	}
}

static void assert_equal(const struct config *a, const struct config *b)
{
	assert_int_equal(a->source_count, b->source_count);
	assert_int_equal(a->sink_count, b->sink_count);
	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &options[i];

		if (option->group == GROUP_TOP)
			assert_value_equal(option, a, b);
		for (size_t j = 0; option->group == GROUP_SOURCE && j < a->source_count; j++)
			assert_value_equal(option, &a->sources[j], &b->sources[j]);
		for (size_t j = 0; option->group == GROUP_SINK && j < a->sink_count; j++)
			assert_value_equal(option, &a->sinks[j], &b->sinks[j]);
	}
}

static void assert_reads_back(const struct config *config)
{
	cleanup_buf struct buf once = { 0 };
	cleanup_buf struct buf again = { 0 };
	struct config *back;

	conf_print(config, &once);
	back = load(buf_text(&once));
	assert_equal(config, back);
	conf_print(back, &again);
	/* but for the line that names the file */
	assert_string_equal(strchr(buf_text(&once), '\n'), strchr(buf_text(&again), '\n'));
	config_free(back);
}

static struct config *defaults(void)
{
	cleanup_buf struct buf faults = { 0 };
	struct err err = { 0 };
	struct config *config;

	assert_true(conf_load(NULL, CONF_TEXT_AND_KEYS, &config, &faults, &err));
	return config;
}

static void the_defaults(void **state)
{
	cleanup_buf struct buf out = { 0 };
	struct config *config = defaults();

	(void)state;
	assert_reads_back(config);
	conf_print(config, &out);
	assert_non_null(strstr(buf_text(&out), "\n\tinterval = \"10s\";\n"));
	assert_non_null(strstr(buf_text(&out), "\nhistory_keep = \"90d\";\n"));
	/* a key of another type of sink would be a fault */
	assert_null(strstr(buf_text(&out), "command"));
	config_free(config);
}

static void every_key_once(void **state)
{
	cleanup_buf struct buf out = { 0 };
	struct config *config =
		load("sinks = ( { }, { type = \"log\"; }, { type = \"exec\"; shell = \"x\"; } );");

	(void)state;
	conf_print(config, &out);
	for (size_t i = 0; i < option_count; i++) {
		cleanup_free char *line = mem_printf("%s = ", options[i].name);

		assert_non_null(strstr(buf_text(&out), line));
	}
	config_free(config);
}

static void no_sinks(void **state)
{
	struct config *config = load("sinks = ( );");

	(void)state;
	assert_reads_back(config);
	config_free(config);
}

static void set(char **field, const char *text)
{
	free(*field);
	*field = mem_strdup(text);
}

/* texts as hostile as libconfig can carry them */
static void any_text(void **state)
{
	static const char *const texts[] = { "\"", "\\", "\\\"", "a\\", "\\x41", "\\n", "\n",
		"\r\n\t\f\v\b\a", "\x01\x1f\x7f", "\x80\xff", "é ü 日本", "\xe2\x80\xaeRLO",
		"// # /* */", "@include \"x\"", "\n@include \"x\"\n", "{task_id}", ";", "\xc3",
		"$HOME %s %n", "\x1b[2Jx4" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct config *config = defaults();
		struct sink_config *sink = config_add_sink(config, SINK_EXEC);

		set(&sink->shell, texts[i]);
		strings_add(&sink->names, texts[i]);
		strings_add(&sink->names, "");
		strings_add(&sink->buckets, texts[i]);
		assert_reads_back(config);
		config_free(config);
	}
}

static void each_byte(void **state)
{
	struct config *config = defaults();

	(void)state;
	for (int c = 1; c < 256; c++) {
		char text[] = { (char)c, 'a', (char)c, '0', '\0' };

		strings_add(&config->sinks[0].users, text);
	}
	assert_reads_back(config);
	config_free(config);
}

static void nothing_deceives_a_terminal(void **state)
{
	cleanup_buf struct buf out = { 0 };
	struct config *config = defaults();

	(void)state;
	strings_add(&config->sinks[0].names, "\x1b]0;x\x07\xe2\x80\xae\xff");
	conf_print(config, &out);
	assert_non_null(strstr(buf_text(&out), "\"\\x1b]0;x\\x07\\xe2\\x80\\xae\\xff\""));
	config_free(config);
}

/* numbers from every corner of every range */
static void any_number(void **state)
{
	(void)state;
	for (int step = 0; step < 7; step++) {
		struct config *config = defaults();
		struct sink_config *sink = config_add_sink(config, SINK_EXEC);

		set(&sink->shell, "true");
		for (size_t i = 0; i < option_count; i++) {
			const struct option *option = &options[i];
			void *base = config;
			int64_t *field;

			if (option->group == GROUP_SOURCE)
				base = &config->sources[0];
			else if (option->group == GROUP_SINK)
				base = option_known(option, GROUP_SINK, SINK_EXEC)
					       ? sink
					       : &config->sinks[0];
			field = value_field(option, base);
			if (option->type == OPTION_INT || option->type == OPTION_DURATION)
				*field = option->min + (option->max - option->min) / 6 * step;
		}
		strings_done(&sink->retry);
		if (step % 3 == 1)
			strings_add(&sink->retry, "any");
		if (step % 3 == 2)
			strings_add(&sink->retry, "255");
		assert_reads_back(config);
		config_free(config);
	}
}

static void proxy_shown(const char *proxy, const char *shown)
{
	cleanup_buf struct buf out = { 0 };
	struct config *config = defaults();

	set(&config->sources[0].proxy, proxy);
	conf_print(config, &out);
	assert_non_null(strstr(buf_text(&out), shown));
	assert_null(strstr(buf_text(&out), "S3CRET"));
	config_free(load(buf_text(&out)));
	config_free(config);
}

static void passwords_of_proxies(void **state)
{
	(void)state;
	proxy_shown("http://u:S3CRET@host:1",
		"\tproxy = \"http://u:***@host:1\"; # the password is not shown\n");
	proxy_shown("http://u:S3CRET:@S3CRET@host", "\tproxy = \"http://u:***@host\";");
	proxy_shown("u:S3CRET@host", "\tproxy = \"u:***@host\";");
	proxy_shown("http://:S3CRET@host", "\tproxy = \"http://:***@host\";");
	proxy_shown("http://user@host:80", "\tproxy = \"http://user@host:80\";\n");
	proxy_shown("socks5://host:80", "\tproxy = \"socks5://host:80\";\n");
}

static int setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL || unsetenv("TELNYX_BASE_URL") != 0)
		return -1;
	path = mem_printf("%s/taskbell.conf", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	free(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_defaults),
		cmocka_unit_test(every_key_once),
		cmocka_unit_test(no_sinks),
		cmocka_unit_test(any_text),
		cmocka_unit_test(each_byte),
		cmocka_unit_test(nothing_deceives_a_terminal),
		cmocka_unit_test(any_number),
		cmocka_unit_test(passwords_of_proxies),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
