/* Which proxy a request goes through, by the configuration and the environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/proxy.h"

static int clean(void **state)
{
	static const char *const names[] = { "http_proxy", "HTTP_PROXY", "https_proxy",
		"HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(unsetenv(names[i]), 0);
	return 0;
}

static void set(const char *name, const char *value)
{
	assert_int_equal(setenv(name, value, 1), 0);
}

static void expect(const char *url, const char *configured, const char *described)
{
	struct proxy proxy = proxy_choose(url, configured);
	char text[PROXY_TEXT_MAX];

	proxy_describe(&proxy, text);
	if (strcmp(text, described) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", url, text, described);
}

static void there_is_none_by_itself(void **state)
{
	(void)state;
	expect("https://api.test/v2", NULL, "");
	expect("http://api.test:80", "", "");
	set("http_proxy", "");
	expect("http://api.test/", NULL, "");
}

/* in the order of curl(1), which takes HTTP_PROXY from nobody: a web server sets it by a header */
static void variables_are_those_of_curl(void **state)
{
	(void)state;
	set("HTTP_PROXY", "http://upper:1");
	expect("http://api.test/", NULL, "");
	set("ALL_PROXY", "socks5h://u:p@all:1080");
	expect("http://api.test/", NULL, "socks5h://all:1080, from ALL_PROXY");
	set("all_proxy", "all:2");
	expect("https://api.test/", NULL, "all:2, from all_proxy");
	set("HTTPS_PROXY", "http://tls:3/");
	expect("HTTPS://api.test/", NULL, "http://tls:3, from HTTPS_PROXY");
	set("https_proxy", "http://u:p@w@tls:4/#x");
	expect("https://api.test/", NULL, "http://tls:4, from https_proxy");
	expect("http://api.test/", NULL, "all:2, from all_proxy");
	set("http_proxy", "[::1]:5");
	expect("http://api.test/", NULL, "[::1]:5, from http_proxy");
	expect("http://api.test/", "http://name:word@own:6",
		"http://own:6, from the configuration");
}

static void plain_http_to_this_machine_stays_here(void **state)
{
	static const char *const names[] = { "http_proxy", "all_proxy", "ALL_PROXY" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)clean(state);
		set(names[i], "http://p:1");
		expect("http://127.0.0.1:8080/v2", NULL, "");
		expect("http://127.9.9.9/v2", NULL, "");
		expect("http://LOCALHOST/v2", NULL, "");
		expect("http://[::1]:8080/v2", NULL, "");
	}
	expect("http://127.0.0.1.example/", NULL, "http://p:1, from ALL_PROXY");
	expect("http://localhost.example/", NULL, "http://p:1, from ALL_PROXY");
	/* what is configured for a source is meant for it */
	expect("http://127.0.0.1/", "http://own:2", "http://own:2, from the configuration");
	expect("https://127.0.0.1/", NULL, "http://p:1, from ALL_PROXY");
}

static void no_proxy_names_domains_addresses_and_networks(void **state)
{
	static const struct {
		const char *list;
		const char *host;
		bool out;
	} rows[] = {
		{ "*", "api.test", true },
		{ "api.test", "api.test", true },
		{ "API.Test", "api.tEST", true },
		{ "test", "api.test", true },
		{ ".test", "api.test", true },
		{ ".api.test", "api.test", true },
		{ "api.test.", "api.test", true },
		{ "api.test", "api.test.", true },
		{ "other,\tx  api.test", "api.test", true },
		{ ",,api.test,", "api.test", true },
		{ "pi.test", "api.test", false },
		{ "api.tes", "api.test", false },
		{ "*.test", "api.test", false },
		{ ".", "api.test", false },
		{ " ", "api.test", false },
		{ "10.1.2.3", "10.1.2.3", true },
		{ "10.0.0.0/8", "10.1.2.3", true },
		{ "10.1.2.0/23", "10.1.3.255", true },
		{ "10.1.2.0/23", "10.1.4.0", false },
		{ "0.0.0.0/0", "10.1.2.3", true },
		{ "10.1.2.3/33", "10.1.2.3", false },
		{ "10.1.2.3/", "10.1.2.3", false },
		{ "2.3", "10.1.2.3", false },
		{ "fd00::/9", "[fd7f::1]", true },
		{ "fd00::/9", "[fd80::1]", false },
		{ "FD00::0:1", "[fd00::1]", true },
		{ "10.0.0.0/8", "[fd00::1]", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_free char *url = mem_printf("https://%s:443/v2", rows[i].host);

		(void)clean(state);
		set("HTTPS_PROXY", "p:1");
		set(i % 2 == 0 ? "no_proxy" : "NO_PROXY", rows[i].list);
		expect(url, NULL, rows[i].out ? "" : "p:1, from HTTPS_PROXY");
		expect(url, "own:2", rows[i].out ? "" : "own:2, from the configuration");
	}
}

/* a character of a password that stands there as it is may end the host for a reader of URLs */
static void no_part_of_a_password_is_said(void **state)
{
	static const char *const urls[] = { "http://me:wo/rd@p:1", "http://me:wo#rd@p:1",
		"me:wo?rd@p:1", "http://me:80/rd@p:1", "http://me:word", "me:word",
		"http:/me:word@p" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		set("http_proxy", urls[i]);
		expect("http://api.test/", NULL, "of a URL that cannot be read, from http_proxy");
	}
}

static void what_is_no_url_has_none(void **state)
{
	(void)state;
	set("ALL_PROXY", "p:1");
	expect("", NULL, "");
	expect("https://", NULL, "");
	expect("http://[::1", NULL, "");
}

static void is_named_in_an_error(void **state)
{
	struct err err = { ERR_UNREACHABLE, "no answer" };

	(void)state;
	proxy_name("", &err);
	assert_string_equal(err.text, "no answer");
	proxy_name("p:1, from ALL_PROXY", &err);
	assert_string_equal(err.text, "no answer (proxy p:1, from ALL_PROXY)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(there_is_none_by_itself, clean),
		cmocka_unit_test_setup(variables_are_those_of_curl, clean),
		cmocka_unit_test_setup(plain_http_to_this_machine_stays_here, clean),
		cmocka_unit_test_setup(no_proxy_names_domains_addresses_and_networks, clean),
		cmocka_unit_test_setup(no_part_of_a_password_is_said, clean),
		cmocka_unit_test_setup(what_is_no_url_has_none, clean),
		cmocka_unit_test_setup(is_named_in_an_error, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
