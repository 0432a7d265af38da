/* What a configuration says, and every way to get it wrong: each fault with its line and its
 * remedy. */
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
#include "io/conf.h"

static char dir[] = "/tmp/taskbell-conf-XXXXXX";
static char *path;

static struct config *load(const char *text, struct buf *faults, struct err *err)
{
	FILE *file = fopen(path, "w");
	struct config *config;
	bool fine;

	assert_non_null(file);
	assert_int_equal(fputs(text, file) < 0, 0);
	assert_int_equal(fclose(file), 0);
	fine = conf_load(path, CONF_TEXT_AND_KEYS, &config, faults, err);
	assert_int_equal(fine, config != NULL);
	assert_int_equal(fine, faults->len == 0);
	return config;
}

static struct config *load_good(const char *text)
{
	cleanup_buf struct buf faults = { 0 };
	struct err err = { 0 };
	struct config *config = load(text, &faults, &err);

	assert_string_equal(buf_text(&faults), "");
	assert_non_null(config);
	return config;
}

/* `faults`: one line for each, "LINE: message" */
static void assert_faults(const char *text, const char *faults)
{
	cleanup_buf struct buf got = { 0 };
	cleanup_buf struct buf expected = { 0 };
	struct err err = { 0 };

	assert_null(load(text, &got, &err));
	for (const char *line = faults; *line != '\0';) {
		size_t len = strcspn(line, "\n");

		(void)buf_addf(&expected, "%s:%.*s\n", path, (int)len, line);
		line += len + (line[len] == '\n');
	}
	assert_string_equal(buf_text(&got), buf_text(&expected));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_memory_equal(err.text, buf_text(&expected), strcspn(buf_text(&expected), "\n"));
}

static void sink_faults(const char *keys, const char *faults)
{
	cleanup_free char *text = mem_printf("sinks = ( {\n%s } );\n", keys);

	assert_faults(text, faults);
}

static void source_faults(const char *keys, const char *faults)
{
	cleanup_free char *text = mem_printf("sources = ( {\n%s } );\n", keys);

	assert_faults(text, faults);
}

static void assert_default_source(const struct source_config *source)
{
	assert_string_equal(source->name, "telnyx");
	assert_string_equal(source->type, "telnyx-embeddings");
	assert_string_equal(source->base_url, "https://api.telnyx.com/v2");
	assert_string_equal(source->api_key, "");
	assert_int_equal(source->interval_ms, 10000);
	assert_int_equal(source->idle_interval_ms, 60000);
	assert_int_equal(source->sweep_interval_ms, 300000);
	assert_int_equal(source->timeout_ms, 30000);
	assert_int_equal(source->connect_timeout_ms, 5000);
	assert_int_equal(source->down_after_ms, 120000);
	assert_int_equal(source->stuck_after_ms, 0);
	assert_int_equal(source->first_run, FIRST_RUN_BASELINE);
	assert_true(source->explain);
	assert_string_equal(source->ca_file, "");
	assert_string_equal(source->proxy, "");
	assert_false(source->allow_http);
	assert_false(source->base_url_set);
}

static void assert_default_sinks(const struct config *config)
{
	assert_int_equal(config->sink_count, 2);
	assert_string_equal(config->sinks[0].name, "desktop");
	assert_int_equal(config->sinks[0].type, SINK_DESKTOP);
	assert_int_equal(config->sinks[0].burst, 3);
	assert_int_equal(config->sinks[0].window_ms, 2000);
	assert_string_equal(config->sinks[0].quiet, "");
	assert_int_equal(config->sinks[0].max_age_ms, 86400000);
	assert_int_equal(config->sinks[0].on.count, 0);
	assert_string_equal(config->sinks[1].name, "log");
	assert_int_equal(config->sinks[1].type, SINK_LOG);
	assert_string_equal(config->sinks[1].path, "");
	assert_int_equal(config->sinks[1].format, LOG_FORMAT_TEXT);
}

static void no_file_is_the_defaults(void **state)
{
	cleanup_buf struct buf faults = { 0 };
	struct err err = { 0 };
	struct config *config;

	(void)state;
	assert_true(conf_load(NULL, CONF_TEXT_AND_KEYS, &config, &faults, &err));
	assert_null(config->file);
	assert_int_equal(config->history_keep_ms, INT64_C(90) * 86400000);
	assert_int_equal(config->source_count, 1);
	assert_default_source(&config->sources[0]);
	assert_default_sinks(config);
	config_free(config);
}

static void an_empty_file_is_the_defaults(void **state)
{
	struct config *config = load_good("# nothing\n");

	(void)state;
	assert_string_equal(config->file, path);
	assert_int_equal(config->source_count, 1);
	assert_default_source(&config->sources[0]);
	assert_default_sinks(config);
	config_free(config);
}

static void an_empty_block_is_a_default_block(void **state)
{
	struct config *config =
		load_good("sources = ( { } ); sinks = ( { }, { type = \"log\"; } );");

	(void)state;
	assert_default_source(&config->sources[0]);
	assert_default_sinks(config);
	config_free(config);
}

static void no_sinks_on_request(void **state)
{
	struct config *config = load_good("sinks = ( );");

	(void)state;
	assert_int_equal(config->sink_count, 0);
	assert_int_equal(config->source_count, 1);
	config_free(config);
}

static void every_key_of_a_source(void **state)
{
	struct config *config =
		load_good("history_keep = \"30d\";\n"
			  "sources = ( { name = \"büro\"; type = \"telnyx-embeddings\";\n"
			  "base_url = \"https://Example.org:8443/v2//\"; api_key = \"env:KEY\";\n"
			  "interval = \"100ms\"; idle_interval = 90; sweep_interval = 1.5;\n"
			  "timeout = \"10m\"; connect_timeout = 0.1; down_after = 0;\n"
			  "stuck_after = \"2h\"; first_run = \"summary\"; explain = false;\n"
			  "ca_file = \"/dev/null\"; proxy = \"socks5h://u:p@localhost:1080\";\n"
			  "allow_http = true; }, { name = \"two\"; } );");
	const struct source_config *source = &config->sources[0];

	(void)state;
	assert_int_equal(config->history_keep_ms, INT64_C(30) * 86400000);
	assert_int_equal(config->source_count, 2);
	assert_string_equal(source->name, "büro");
	assert_string_equal(source->base_url, "https://Example.org:8443/v2");
	assert_true(source->base_url_set);
	assert_string_equal(source->api_key, "env:KEY");
	assert_int_equal(source->interval_ms, 100);
	assert_int_equal(source->idle_interval_ms, 90000);
	assert_int_equal(source->sweep_interval_ms, 1500);
	assert_int_equal(source->timeout_ms, 600000);
	assert_int_equal(source->connect_timeout_ms, 100);
	assert_int_equal(source->down_after_ms, 0);
	assert_int_equal(source->stuck_after_ms, 7200000);
	assert_int_equal(source->first_run, FIRST_RUN_SUMMARY);
	assert_false(source->explain);
	assert_string_equal(source->ca_file, "/dev/null");
	assert_string_equal(source->proxy, "socks5h://u:p@localhost:1080");
	assert_true(source->allow_http);
	assert_int_equal(config->sources[1].interval_ms, 10000);
	config_free(config);
}

static void every_key_of_sinks(void **state)
{
	struct config *config = load_good(
		"sinks = ( { name = \"d\"; on = [ \"failure\", \"gone\" ]; burst = 0; window = 0;\n"
		"quiet = \"22:00-07:00\"; names = [ \"*.pdf\" ]; buckets = ( \"a\", \"b\" ); users "
		"= [ \"u\" ];\n"
		"sources = [ \"t*\" ]; max_age = 0; },\n"
		"{ name = \"l\"; type = \"log\"; path = \"~/bell.log\"; format = \"json\"; },\n"
		"{ name = \"x\"; type = \"exec\"; command = [ \"/bin/x\", \"{task_id}\", \"{ "
		"\\\"a\\\": {} }\" ];\n"
		"timeout = \"1d\"; attempts = 1; concurrency = 64; env = [ \"SSH_AUTH_SOCK\" ];\n"
		"retry = [ 1, 255 ]; },\n"
		"{ name = \"h\"; type = \"exec\"; command = [ \"~/bin/x\", \"~/{task_id}\", \"~\", "
		"\"a~/b\", \"{task_name}\" ]; },\n"
		"{ name = \"y\"; type = \"exec\"; shell = \"echo {x}\"; retry = \"any\"; },\n"
		"{ name = \"z\"; type = \"exec\"; shell = \"true\"; } );");
	const struct sink_config *sinks = config->sinks;

	(void)state;
	assert_int_equal(config->sink_count, 6);
	assert_int_equal(sinks[0].on.count, 2);
	assert_string_equal(sinks[0].on.items[1], "gone");
	assert_int_equal(sinks[0].burst, 0);
	assert_int_equal(sinks[0].window_ms, 0);
	assert_string_equal(sinks[0].quiet, "22:00-07:00");
	assert_string_equal(sinks[0].names.items[0], "*.pdf");
	assert_string_equal(sinks[0].buckets.items[1], "b");
	assert_string_equal(sinks[0].users.items[0], "u");
	assert_string_equal(sinks[0].sources.items[0], "t*");
	assert_int_equal(sinks[0].max_age_ms, 0);
	assert_string_equal(sinks[1].path, "/home/me/bell.log");
	assert_int_equal(sinks[1].format, LOG_FORMAT_JSON);
	assert_int_equal(sinks[2].command.count, 3);
	assert_string_equal(sinks[2].command.items[2], "{ \"a\": {} }");
	assert_int_equal(sinks[2].timeout_ms, 86400000);
	assert_int_equal(sinks[2].attempts, 1);
	assert_int_equal(sinks[2].concurrency, 64);
	assert_string_equal(sinks[2].env.items[0], "SSH_AUTH_SOCK");
	assert_string_equal(sinks[2].retry.items[1], "255");
	assert_string_equal(sinks[4].shell, "echo {x}");
	assert_int_equal(sinks[4].retry.count, 1);
	assert_string_equal(sinks[4].retry.items[0], "any");
	assert_string_equal(sinks[5].retry.items[0], "75");
	/* ~/ as it is written, never in a value */
	assert_string_equal(sinks[3].command.items[0], "/home/me/bin/x");
	assert_string_equal(sinks[3].command.items[1], "/home/me/{task_id}");
	assert_string_equal(sinks[3].command.items[2], "~");
	assert_string_equal(sinks[3].command.items[3], "a~/b");
	config_free(config);
}

static void all_faults_are_told_at_once(void **state)
{
	(void)state;
	assert_faults("historykeep = 5;\n"
		      "sources = ( {\n"
		      "  intervall = \"5s\";\n"
		      "  interval = \"99ms\";\n"
		      "  explain = \"yes\";\n"
		      "}, {\n"
		      "  timeout = true;\n"
		      "} );\n"
		      "sinks = ( { type = \"log\"; path = \"rel\"; burst = 3; } );\n",
		"1: historykeep: unknown key; did you mean \"history_keep\"?\n"
		"3: intervall: unknown key; did you mean \"interval\"?\n"
		"4: interval: must be 100ms to 1d\n"
		"5: explain: must be true or false, not a text\n"
		"6: another source is called \"telnyx\" as well\n"
		"7: timeout: must be a duration, such as \"30s\", or a number of seconds, not true "
		"or false\n"
		"9: path: \"rel\" must be an absolute path, or begin with ~/\n"
		"9: burst: is a key of desktop sinks, not of log sinks\n");
}

/* also where the top of the file comes last, and what is judged last stands first */
static void diagnostics_are_told_in_the_order_of_the_file(void **state)
{
	(void)state;
	assert_faults("sources = ( {\n"
		      "name = \"a b\"; xx = 1;\n"
		      "api_key = \"KEY\";\n"
		      "interval = 0; } );\n"
		      "zzz = 1;\n"
		      "sinks = ( {\nyy = 1; } );\n"
		      "history_keep = true;\n",
		"2: name: \"a b\" is no name: it must be printable, without blanks\n"
		"2: xx: unknown key\n"
		"3: api_key: says where the key is, never the key itself: env:NAME, file:PATH, "
		"credential:NAME or command:PROGRAM ARG…\n"
		"4: interval: must be 100ms to 1d\n"
		"5: zzz: unknown key\n"
		"7: yy: unknown key\n"
		"8: history_keep: must be a duration, such as \"30s\", or a number of seconds, "
		"not true or false");
}

static void keys_that_nobody_knows(void **state)
{
	(void)state;
	assert_faults("source = ( );", "1: source: unknown key; did you mean \"sources\"?");
	assert_faults("zzz = 1;", "1: zzz: unknown key");
	assert_faults("history_keep_days = 1;",
		"1: history_keep_days: unknown key; did you mean \"history_keep\"?");
	assert_faults("sources = ( {\nkey = \"env:X\"; } );",
		"2: key: unknown key; did you mean \"api_key\"?");
	assert_faults("\ninterval = 5;",
		"2: interval: unknown key here; it belongs in a block of sources = ( { … } )");
	assert_faults("burst = 5;",
		"1: burst: unknown key here; it belongs in a block of sinks = ( { … } )");
	sink_faults("interval = 5;",
		"2: interval: unknown key here; it belongs in a block of sources = ( { … } )");
	sink_faults("type = \"exec\"; comand = [ \"x\" ];",
		"1: sink \"exec\" has nothing to run: set command = [ \"/path/to/program\", … ] or "
		"shell = \"…\"\n"
		"2: comand: unknown key; did you mean \"command\"?");
	/* the nearest key of another type would be no help */
	sink_faults("brust = 1; type = \"log\";", "2: brust: unknown key");
}

static void wrong_types(void **state)
{
	(void)state;
	assert_faults("sources = { };",
		"1: sources: must be a list of groups, such as ( { … }, { … } ), not a group { }");
	assert_faults("sinks = [ ];",
		"1: sinks: must be a list of groups, such as ( { … }, { … } ), not an array [ ]");
	assert_faults("sinks = ( 1 );", "1: sinks: must hold groups { }, not a whole number");
	assert_faults("sources = ( );",
		"1: sources: there is nothing to watch; without this line there is the default");
	assert_faults("history_keep = [ ];", "1: history_keep: must be a duration, such as "
					     "\"30s\", or a number of seconds, not an array [ ]");
	sink_faults("name = 5;", "2: name: must be a text in quotes, not a whole number");
	sink_faults("on = \"failure\";",
		"2: on: must be a list of texts, such as [ \"a\", \"b\" ], not a text");
	sink_faults("on = ( 1, \"gone\" );",
		"2: on: must be a list of texts, such as [ \"a\", \"b\" ], not a whole number");
	sink_faults("burst = 1.5;", "2: burst: must be a whole number, not a fraction");
	sink_faults("burst = \"1\";", "2: burst: must be a whole number, not a text");
	sink_faults("type = 1;", "2: type: must be a word in quotes, not a whole number");
}

static void values_out_of_range(void **state)
{
	(void)state;
	source_faults("interval = \"1d1\";", "2: interval: \"1d1\" is no duration: write 500ms, "
					     "30s, 5m, 2h, 1d or a number of seconds");
	source_faults("interval = \"25h\";", "2: interval: must be 100ms to 1d");
	source_faults("interval = 0;", "2: interval: must be 100ms to 1d");
	source_faults("interval = -1;", "2: interval: must be 100ms to 1d");
	source_faults("interval = -0.5;", "2: interval: must be 100ms to 1d");
	source_faults("interval = 1e300;", "2: interval: must be 100ms to 1d");
	source_faults("interval = 1e999;", "2: interval: must be 100ms to 1d");
	source_faults("interval = 9223372036854775807L;", "2: interval: must be 100ms to 1d");
	source_faults("stuck_after = \"1ms\";", "2: stuck_after: must be 0, or 100ms to 365d");
	sink_faults("burst = 1001;", "2: burst: must be 0 to 1000");
	sink_faults("type = \"exec\"; shell = \"x\"; retry = [ 0, 1, 256 ];",
		"2: retry: must be 1 to 255\n2: retry: must be 1 to 255");
	sink_faults("type = \"exec\"; shell = \"x\"; retry = \"all\";",
		"2: retry: must be numbers, or \"any\", not \"all\"");
	sink_faults("type = \"exec\"; shell = \"x\"; retry = ( 1, \"any\" );",
		"2: retry: \"any\" means all codes and must stand alone");
	source_faults("first_run = \"none\";",
		"2: first_run: must be \"baseline\", \"summary\" or \"all\", not \"none\"");
	sink_faults("type = \"logg\"; path = \"/x\"; bursts = 1;",
		"2: type: must be \"desktop\", \"log\" or \"exec\", not \"logg\"\n"
		"2: bursts: unknown key; did you mean \"burst\"?");
}

/* libconfig 1.5 would take each for a small number */
static void numbers_that_do_not_fit(void **state)
{
	(void)state;
	sink_faults("burst = 4294967297;", "2: the number 4294967297 is too large");
	sink_faults("burst = 0x100000003;", "2: the number 0x100000003 is too large");
	sink_faults(
		"burst = 99999999999999999999;", "2: the number 99999999999999999999 is too large");
}

static void texts_that_make_no_sense(void **state)
{
	(void)state;
	sink_faults("name = \"a b\";",
		"2: name: \"a b\" is no name: it must be printable, without blanks");
	sink_faults("name = \"\";", "2: name: a name cannot be empty");
	sink_faults("on = [ \"fialure\" ];",
		"2: on: \"fialure\" is no event; did you mean \"failure\"?");
	sink_faults("on = [\n\"gone\",\n\"x\" ];", "2: on: \"x\" is no event");
	sink_faults("quiet = \"22-07\";",
		"2: quiet: \"22-07\" is no span of hours, such as \"22:00-07:00\"");
	source_faults("type = \"telnyx\";",
		"2: type: \"telnyx\" is no type of source; did you mean \"telnyx-embeddings\"?");
	source_faults("ca_file = \"/nonexistent/ca\";",
		"2: ca_file: /nonexistent/ca cannot be read: No such file or directory");
	source_faults("ca_file = \"/\";",
		"2: ca_file: / is a directory; a file of certificates is needed");
	source_faults("proxy = \"ftp://x\";", "2: proxy: must begin with http://, https://, "
					      "socks4://, socks4a://, socks5:// or socks5h://");
	sink_faults("name = \"\\x1b[2J\";",
		"2: name: \"\\x1b[2J\" is no name: it must be printable, without blanks");
}

static void programs(void **state)
{
	(void)state;
	sink_faults("type = \"exec\"; name = \"h\";\ncommand = [ \"x\" ];\nshell = \"x\";",
		"4: shell: sink \"h\" has a command and a shell line; one must go");
	sink_faults("type = \"exec\"; command = [ \"\" ];",
		"2: command: the program to run has an empty name");
	sink_faults("type = \"exec\"; command = [ \"x\", \"--{tsak}\", \"{taskid}\" ];",
		"2: command: \"tsak\" is no field of an event\n"
		"2: command: \"taskid\" is no field of an event; did you mean \"task_id\"?");
	sink_faults("type = \"exec\"; shell = \"x\";\nenv = [ \"A=b\", \"TELNYX_API_KEY\", "
		    "\"WATCHDOG_USEC\",\n"
		    "\"NOTIFY_SOCKET\", \"CREDENTIALS_DIRECTORY\", \"1A\", \"\" ];",
		"3: env: \"A=b\" is no name of an environment variable\n"
		"3: env: no TELNYX_ variable is ever passed to a program: it may hold the API key\n"
		"3: env: no WATCHDOG_ variable is ever passed to a program\n"
		"3: env: NOTIFY_SOCKET is never passed to a program: it is for the monitor alone\n"
		"3: env: CREDENTIALS_DIRECTORY is never passed to a program: it is for the monitor "
		"alone\n"
		"3: env: \"1A\" is no name of an environment variable\n"
		"3: env: \"\" is no name of an environment variable");
	assert_faults("sinks = ( { type = \"exec\"; shell = \"x\"; env = [ \"MY\" ]; } );\n"
		      "sources = ( { api_key = \"env:MY\"; } );",
		"1: sinks: env: MY holds the API key of source \"telnyx\"; no program gets it");
}

static void two_of_one_name(void **state)
{
	(void)state;
	assert_faults("sinks = ( { name = \"a\"; }, {\ntype = \"log\";\nname = \"a\"; } );",
		"3: name: another sink is called \"a\" as well");
	assert_faults("sources = ( { }, {\nname = \"telnyx\"; } );",
		"2: name: another source is called \"telnyx\" as well");
	assert_faults("history_keep = 1;\nhistory_keep = 2;\n", "2: duplicate setting name");
}

static void keys_in_the_wrong_form(void **state)
{
	(void)state;
	source_faults("api_key = \"KEY\";",
		"2: api_key: says where the key is, never the key itself: env:NAME, file:PATH, "
		"credential:NAME or command:PROGRAM ARG…");
	source_faults("api_key = \"env:\";",
		"2: api_key: env: takes the name of a variable, as in env:TELNYX_API_KEY");
	source_faults("api_key = \"command: \";",
		"2: api_key: command: takes a program and its arguments");
}

/* a secret in the wrong place must not get into a log by the fault it causes */
static void secrets_are_not_shown(void **state)
{
	static const char *const texts[] = {
		"sources = ( { api_key = \"KEYS3CRET\"; } );",
		"sources = ( { base_url = \"https://u:S3CRET@example.org\"; } );",
		"sources = ( { base_url = \"https://example.org/?key=S3CRET\"; } );",
		"sources = ( { base_url = \"S3CRET\"; } );",
		"sources = ( { proxy = \"http://u:S3CRET@ho st\"; } );",
		"sources = ( { proxy = \"http://u:S3CRET@\"; } );",
		"sources = ( { proxy = \"http://u:S3/CRET@host\"; } );",
		"sources = ( { proxy = \"x://u:S3CRET@host\"; } );",
		"sources = ( { api_key = S3CRET; } );",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		cleanup_buf struct buf faults = { 0 };
		struct err err = { 0 };

		assert_null(load(texts[i], &faults, &err));
		assert_null(strstr(buf_text(&faults), "S3CRET"));
		assert_null(strstr(buf_text(&faults), "S3/CRET"));
		assert_null(strstr(err.text, "S3CRET"));
	}
}

static void assert_url(const char *url, bool allow, bool good)
{
	cleanup_free char *text =
		mem_printf("sources = ( { base_url = \"%s\"; allow_http = %s; } );", url,
			allow ? "true" : "false");
	cleanup_buf struct buf faults = { 0 };
	struct err err = { 0 };
	struct config *config = load(text, &faults, &err);

	if (good != (config != NULL))
		print_error("%s: %s\n", url, buf_text(&faults));
	assert_int_equal(good, config != NULL);
	config_free(config);
}

static void base_urls(void **state)
{
	static const char *const loopback[] = { "http://localhost", "http://LOCALHOST:80/x",
		"http://127.0.0.1:8080/v2/", "http://127.255.0.3", "http://[::1]",
		"HTTP://[::1]:1/" };
	static const char *const clear[] = { "http://example.org", "http://127.0.0.1.example.org",
		"http://127.0.0", "http://127.0.0.256", "http://127.0.0.01",
		"http://localhost.example.org", "http://[::2]", "http://10.0.0.1", "http://127.1",
		"http://127.0.0.1." };
	static const char *const bad[] = { "", "https://", "https:///v2", "https://:443",
		"example.org", "ftp://example.org", "https://u@example.org",
		"https://a:b@example.org/", "https://h?x", "https://h/#x", "https://h:0",
		"https://h:65536", "https://h:", "https://h:8x", "https://h h",
		"https://h\\\\@evil", "https://[::1", "https://[zz]", "https://h\\n",
		"https://h/\xc3\xa9" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(loopback); i++)
		assert_url(loopback[i], false, true);
	for (size_t i = 0; i < ARRAY_LEN(clear); i++) {
		assert_url(clear[i], false, false);
		assert_url(clear[i], true, true);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_url(bad[i], true, false);
	assert_url("https://example.org:443/a%20b/", false, true);
}

static void base_url_of_the_environment(void **state)
{
	cleanup_buf struct buf faults = { 0 };
	struct err err = { 0 };
	struct config *config;

	(void)state;
	assert_int_equal(setenv("TELNYX_BASE_URL", "https://eu.example.org/v2/", 1), 0);
	config = load_good("sources = ( { }, { name = \"b\"; base_url = \"https://b\"; } );");
	assert_string_equal(config->sources[0].base_url, "https://eu.example.org/v2");
	assert_false(config->sources[0].base_url_set);
	assert_string_equal(config->sources[1].base_url, "https://b");
	config_free(config);
	assert_int_equal(setenv("TELNYX_BASE_URL", "http://example.org", 1), 0);
	assert_false(conf_load(NULL, CONF_TEXT_AND_KEYS, &config, &faults, &err));
	assert_memory_equal(buf_text(&faults), "TELNYX_BASE_URL: is plain http", 30);
	config = load_good("sources = ( { allow_http = true; } );");
	config_free(config);
	assert_int_equal(setenv("TELNYX_BASE_URL", "", 1), 0);
	config = load_good("");
	assert_string_equal(config->sources[0].base_url, "https://api.telnyx.com/v2");
	config_free(config);
	assert_int_equal(unsetenv("TELNYX_BASE_URL"), 0);
}

static void syntax_errors_have_a_place(void **state)
{
	(void)state;
	assert_faults("a = 1;\nb = ;\n", "2: syntax error");
	assert_faults("\n\nsinks = (\n", "4: syntax error");
	assert_faults("# x\n/* y\n", "2: a comment begins here and has no end (*/)");
	assert_faults("x = \"a\n\n", "1: a text begins here and has no end (\")");
	assert_faults("\nx = \"a\\x00\";", "2: a text cannot hold NUL (\\x00)");
	assert_faults("x = [ 1, \"a\" ];", "1: mismatched element type in array");
}

static int setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL || setenv("HOME", "/home/me", 1) != 0 ||
		unsetenv("TELNYX_BASE_URL") != 0)
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
		cmocka_unit_test(no_file_is_the_defaults),
		cmocka_unit_test(an_empty_file_is_the_defaults),
		cmocka_unit_test(an_empty_block_is_a_default_block),
		cmocka_unit_test(no_sinks_on_request),
		cmocka_unit_test(every_key_of_a_source),
		cmocka_unit_test(every_key_of_sinks),
		cmocka_unit_test(all_faults_are_told_at_once),
		cmocka_unit_test(diagnostics_are_told_in_the_order_of_the_file),
		cmocka_unit_test(keys_that_nobody_knows),
		cmocka_unit_test(wrong_types),
		cmocka_unit_test(values_out_of_range),
		cmocka_unit_test(numbers_that_do_not_fit),
		cmocka_unit_test(texts_that_make_no_sense),
		cmocka_unit_test(programs),
		cmocka_unit_test(two_of_one_name),
		cmocka_unit_test(keys_in_the_wrong_form),
		cmocka_unit_test(secrets_are_not_shown),
		cmocka_unit_test(base_urls),
		cmocka_unit_test(base_url_of_the_environment),
		cmocka_unit_test(syntax_errors_have_a_place),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
