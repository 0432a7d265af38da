/* Certificates that are to be trusted and those that are not, shown by openssl's own server. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/http.h"

struct fixture {
	char dir[64];
	char *certificate; /* own; path */
	char *key; /* own; path */
	char *request; /* own; path */
	pid_t server;
	char *url; /* own */
	struct http *http;
	struct http_answer answer;
};

static pid_t spawn_quietly(const char *const *argv, int out)
{
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		(void)dup2(null, STDIN_FILENO);
		(void)dup2(out >= 0 ? out : null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

static void run(const char *const *argv)
{
	int status = -1;

	assert_int_equal(waitpid(spawn_quietly(argv, -1), &status, 0) > 0, 1);
	if (status != 0)
		fail_msg("%s %s failed with %d", argv[0], argv[1], status);
}

/* a certificate that vouches for itself, valid for so many days (0: over in the second it is made)
 */
static void certificate_make(const struct fixture *f, const char *names, const char *days)
{
	cleanup_free char *extension = mem_printf("subjectAltName=%s", names);

	run((const char *const[]){ "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=taskbell", "-addext",
		extension, "-keyout", f->key, "-out", f->request, NULL });
	run((const char *const[]){ "openssl", "x509", "-req", "-in", f->request, "-days", days,
		"-signkey", f->key, "-copy_extensions", "copyall", "-out", f->certificate, NULL });
}

/* reads "ACCEPT 127.0.0.1:PORT" */
static void server_start(struct fixture *f)
{
	const char *const argv[] = { "timeout", "120", "openssl", "s_server", "-accept",
		"127.0.0.1:0", "-www", "-cert", f->certificate, "-key", f->key, NULL };
	char text[1024] = "";
	const char *port = NULL;
	size_t len = 0;
	int out[2];

	assert_int_equal(pipe(out), 0);
	f->server = spawn_quietly(argv, out[1]);
	(void)close(out[1]);
	while (port == NULL || strchr(port, '\n') == NULL) {
		ssize_t n = read(out[0], text + len, sizeof(text) - 1 - len);

		assert_true(n > 0);
		len += (size_t)n;
		text[len] = '\0';
		port = strstr(text, "ACCEPT 127.0.0.1:");
	}
	(void)close(out[0]);
	port += strlen("ACCEPT 127.0.0.1:");
	f->url = mem_printf("https://127.0.0.1:%.*s/", (int)strcspn(port, "\n"), port);
}

static int setup(void **state)
{
	static const char *const variables[] = { "https_proxy", "HTTPS_PROXY", "all_proxy",
		"ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE" };
	struct fixture *f = mem_alloc(sizeof(*f));

	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		assert_int_equal(unsetenv(variables[i]), 0);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/taskbell-tls-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->certificate = mem_printf("%s/certificate.pem", f->dir);
	f->key = mem_printf("%s/key.pem", f->dir);
	f->request = mem_printf("%s/request.pem", f->dir);
	f->http = http_new();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->server > 0) {
		(void)kill(f->server, SIGTERM);
		(void)waitpid(f->server, NULL, 0);
	}
	http_free(f->http);
	(void)unlink(f->certificate);
	(void)unlink(f->key);
	(void)unlink(f->request);
	(void)rmdir(f->dir);
	free(f->certificate);
	free(f->key);
	free(f->request);
	free(f->url);
	free(f);
	return 0;
}

static void ask(struct fixture *f, const char *ca_file)
{
	struct http_request request = {
		.url = f->url,
		.key = "KEY0123",
		.ca_file = ca_file,
		.timeout_ms = 60000,
		.connect_timeout_ms = 60000,
	};
	struct http_call *call = http_start(f->http, &request, clock_now());

	for (;;) {
		http_step(f->http, clock_now());
		if (http_ended(call) != NULL)
			break;
		assert_true(http_wait(f->http, NULL, 0, 1000));
	}
	f->answer = *http_ended(call);
	http_release(f->http, call);
}

static void assert_untrusted(const struct fixture *f, const char *words)
{
	assert_int_equal(f->answer.status, 0);
	assert_int_equal(f->answer.err.kind, ERR_UNREACHABLE);
	assert_false(f->answer.advice.retry);
	assert_non_null(strstr(f->answer.err.text, "is not trusted"));
	assert_non_null(strstr(f->answer.err.text, "ca_file"));
	if (strstr(f->answer.err.text, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, f->answer.err.text);
}

static void test_trusted(void **state)
{
	struct fixture *f = *state;

	certificate_make(f, "IP:127.0.0.1", "2");
	server_start(f);
	ask(f, f->certificate);
	assert_int_equal(f->answer.err.kind, ERR_NONE);
	assert_int_equal(f->answer.status, 200);
	assert_true(f->answer.tls_s > 0);
	assert_true(f->answer.tls_s >= f->answer.connect_s);
	/* the variables that curl(1) and OpenSSL know */
	assert_int_equal(setenv("SSL_CERT_FILE", f->certificate, 1), 0);
	ask(f, "");
	assert_int_equal(f->answer.status, 200);
	assert_int_equal(setenv("SSL_CERT_FILE", f->key, 1), 0);
	assert_int_equal(setenv("CURL_CA_BUNDLE", f->certificate, 1), 0);
	ask(f, NULL);
	assert_int_equal(f->answer.status, 200);
}

static void test_unknown_authority(void **state)
{
	struct fixture *f = *state;

	certificate_make(f, "IP:127.0.0.1", "2");
	server_start(f);
	ask(f, NULL);
	assert_untrusted(f, "self-signed");
	/* trust in one source's file is not trust in another's request */
	ask(f, f->certificate);
	assert_int_equal(f->answer.status, 200);
	ask(f, NULL);
	assert_untrusted(f, "self-signed");
}

static void test_expired(void **state)
{
	struct fixture *f = *state;

	certificate_make(f, "IP:127.0.0.1", "0");
	server_start(f);
	ask(f, f->certificate);
	assert_untrusted(f, "expired");
}

static void test_other_name(void **state)
{
	struct fixture *f = *state;

	certificate_make(f, "DNS:elsewhere.invalid", "2");
	server_start(f);
	ask(f, f->certificate);
	assert_untrusted(f, "127.0.0.1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_trusted),
		TEST(test_unknown_authority),
		TEST(test_expired),
		TEST(test_other_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
