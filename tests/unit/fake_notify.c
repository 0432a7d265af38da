#include "fake_notify.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/parse.h"
#include "io/statedir.h"

extern char **environ;

enum { NUMBERS_MAX = 1000 };

static char self[4096]; /* path of this program */

static void append(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		_exit(9);
	(void)close(fd);
}

static void say(const char *text)
{
	if (write(STDOUT_FILENO, text, strlen(text)) != (ssize_t)strlen(text))
		_exit(9);
}

/* the word in the file `answer` */
static void answer_read(char word[16])
{
	int fd = open("answer", O_RDONLY);
	ssize_t len = fd >= 0 ? read(fd, word, 15) : 0;

	word[len > 0 ? len : 0] = '\0';
	if (fd >= 0)
		(void)close(fd);
}

static void take_show(const char *block, const char *number, int64_t n)
{
	static bool known[NUMBERS_MAX];
	static const char *const kept[] = { "summary: ", "body: ", "sound: ", "one-shot: " };
	cleanup_buf struct buf note = { 0 };
	char word[16];

	if (known[n % NUMBERS_MAX])
		(void)buf_addf(&note, "again %s\n", number);
	for (const char *line = block; *line != '\0'; line = strchr(line, '\n') + 1)
		for (size_t i = 0; i < ARRAY_LEN(kept); i++)
			if (strncmp(line, kept[i], strlen(kept[i])) == 0)
				(void)buf_addf(&note, "%.*s\n", (int)strcspn(line, "\n"), line);
	(void)buf_add_text(&note, "--\n");
	append("notes", buf_text(&note));
	answer_read(word);
	buf_clear(&note);
	if (strcmp(word, "refused") == 0 || strcmp(word, "absent") == 0) {
		(void)buf_addf(&note, "%s: %s it says why\n", word, number);
	} else if (strcmp(word, "nothing") != 0) {
		known[n % NUMBERS_MAX] = true;
		(void)buf_addf(&note, "shown: %s 1%s\n", number, number);
	} else {
		(void)buf_addf(&note, "sent: %s\n", number);
	}
	say(buf_text(&note));
}

static void take_block(const char *block)
{
	const char *colon = strchr(block, ':');
	cleanup_free char *number = mem_strndup(colon + 2, strcspn(colon + 2, "\n"));
	cleanup_free char *text = mem_printf("close %s\n--\n", number);
	int64_t n;

	if (!parse_int(number, 1, INT64_MAX, &n))
		_exit(9);
	if (strncmp(block, "show", 4) == 0)
		take_show(block, number, n);
	else
		append("notes", text);
}

static void take_input(struct buf *input)
{
	char chunk[4096];
	ssize_t len = read(STDIN_FILENO, chunk, sizeof(chunk));
	const char *end;

	if (len <= 0)
		_exit(0);
	(void)buf_add(input, chunk, (size_t)len);
	while ((end = strstr(buf_text(input), "\n\n")) != NULL) {
		size_t size = (size_t)(end - input->data) + 2;
		cleanup_free char *block = mem_strndup(input->data, size - 1);

		take_block(block);
		buf_drop(input, size);
	}
}

/* what the test wants it to say */
static void take_told(int fd)
{
	char lines[1024];
	ssize_t len = read(fd, lines, sizeof(lines) - 1);

	if (len <= 0)
		return;
	lines[len] = '\0';
	if (strcmp(lines, "exit") != 0)
		say(lines);
	append("told", "");
	if (strcmp(lines, "exit") == 0)
		_exit(3);
}

void fake_notify_main(int argc, char **argv)
{
	struct buf input = { 0 };
	char word[16];
	int told;

	(void)snprintf(self, sizeof(self), "%s", argv[0]);
	if (argc < 3 || strcmp(argv[1], "--bus") != 0)
		return;
	if (chdir(getenv("HOME")) != 0)
		_exit(9);
	(void)unlink("env");
	for (char **var = environ; *var != NULL; var++) {
		append("env", *var);
		append("env", "\n");
	}
	append("started", ".");
	answer_read(word);
	if (strcmp(word, "shut") == 0) {
		(void)fputs("taskbell-notify: the bus does not take it in\n", stderr);
		_exit(69);
	}
	say("bus: :1.9\n");
	if (strcmp(word, "absent") != 0)
		say("server: :1.1\n");
	/* for reading and writing: it has no end */
	told = open("tell", O_RDWR);
	for (;;) {
		struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
			{ .fd = told, .events = POLLIN } };

		(void)poll(fds, 2, -1);
		/* in this order: what was asked for before it is told something is done by then */
		if (fds[0].revents != 0)
			take_input(&input);
		if (fds[1].revents != 0)
			take_told(told);
	}
}

void fake_notify_install(const struct delivery_fixture *fixture)
{
	cleanup_free char *path = statedir_real(self);
	cleanup_free char *script = mem_printf("#!/bin/sh\nexec '%s' \"$@\"\n", path);
	cleanup_free char *tell = mem_printf("%s/tell", fixture->dir);

	assert_int_equal(
		setenv("HOME", fixture->dir, 1) | setenv("TASKBELL_LIBEXEC", fixture->dir, 1), 0);
	assert_int_equal(mkfifo(tell, 0600), 0);
	fixture_write(fixture, "taskbell-notify", script, 0700);
}

void fake_notify_tell(struct delivery_fixture *fixture, const char *lines)
{
	cleanup_free char *tell = mem_printf("%s/tell", fixture->dir);
	cleanup_free char *told = mem_printf("%s/told", fixture->dir);
	cleanup_fd int fd = open(tell, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, lines, strlen(lines)), (ssize_t)strlen(lines));
	while (access(told, F_OK) != 0)
		fixture_turn(fixture, 10);
	assert_int_equal(unlink(told), 0);
	fixture_turn(fixture, 0);
}
