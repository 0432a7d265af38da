#include "watch/keyring.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/clock.h"
#include "io/signals.h"
#include "io/spawn.h"

struct key_search {
	const struct kind *kind; /* borrowed */
	char *form; /* own; no secret: only says where the key is */
	struct process *process; /* own; NULL: the form is no command, or it has not been started */
	int64_t deadline_ms; /* mono; of the command */
};

struct key_search *key_search_new(const char *form, const struct kind *kind, struct instant now)
{
	struct key_search *search = mem_alloc(sizeof(*search));

	search->kind = kind;
	search->form = mem_strdup(form);
	search->deadline_ms = now.mono_ms + KEYRING_COMMAND_MS;
	return search;
}

void key_search_free(struct key_search *search)
{
	if (search == NULL)
		return;
	if (search->process != NULL) {
		struct buf *output = process_output(search->process);

		if (output->data != NULL)
			mem_wipe(output->data, output->cap);
		process_free(search->process);
	}
	free(search->form);
	free(search);
}

static bool command_start(struct key_search *search, struct err *err)
{
	char **argv = key_command_argv(search->form);
	struct spawn spawn = {
		.argv = (const char *const *)argv,
		.output_max = KEY_MAX + 2,
	};
	bool started = process_start(&search->process, &spawn, err);

	key_argv_free(argv);
	if (!started)
		(void)err_prefix(err, "the key's command cannot be started: ");
	return started;
}

/* the command's own last words, as far as they fit: they say what its user has to do */
static void add_last_words(struct key_search *search, struct err *err)
{
	cleanup_buf struct buf safe = { 0 };
	const char *words = buf_text(process_errors(search->process));
	size_t len = strcspn(words, "\r\n");
	cleanup_free char *line = mem_strndup(words, len);

	if (len == 0)
		return;
	text_add_safe(&safe, line);
	(void)err_set(err, ERR_AUTH, "the key's command failed: %.400s", buf_text(&safe));
}

static enum key_search_state command_ended(
	struct key_search *search, int status, char key[KEY_MAX + 1], struct err *err)
{
	const char *output = buf_text(process_output(search->process));
	size_t len = strcspn(output, "\r\n");

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		if (WIFEXITED(status))
			(void)err_set(err, ERR_AUTH, "the key's command ended with %d",
				WEXITSTATUS(status));
		else
			(void)err_set(err, ERR_AUTH, "the key's command was ended by a signal");
		add_last_words(search, err);
		return SEARCH_FAILED;
	}
	if (len > KEY_MAX) {
		(void)err_set(err, ERR_AUTH,
			"the key's command printed more than %d bytes on its first line", KEY_MAX);
		return SEARCH_FAILED;
	}
	memcpy(key, output, len);
	key[len] = '\0';
	if (key_clean(key, err))
		return SEARCH_FOUND;
	(void)err_prefix(err, "what the key's command printed: ");
	return SEARCH_FAILED;
}

static enum key_search_state command_step(
	struct key_search *search, struct instant now, char key[KEY_MAX + 1], struct err *err)
{
	int status;

	if (search->process == NULL && !command_start(search, err)) {
		err->kind = ERR_AUTH;
		return SEARCH_FAILED;
	}
	process_step(search->process);
	if (process_ended(search->process, &status))
		return command_ended(search, status, key, err);
	if (now.mono_ms < search->deadline_ms)
		return SEARCH_BUSY;
	(void)err_set(err, ERR_AUTH, "the key's command did not end within %d s",
		KEYRING_COMMAND_MS / 1000);
	return SEARCH_FAILED;
}

enum key_search_state key_search_step(
	struct key_search *search, struct instant now, char key[KEY_MAX + 1], struct err *err)
{
	if (search->process == NULL) {
		enum key_result result = key_read(search->form, search->kind, key, err);

		if (result == KEY_FAILED)
			return SEARCH_FAILED;
		if (result != KEY_COMMAND)
			return result == KEY_FOUND ? SEARCH_FOUND : SEARCH_MISSING;
	}
	return command_step(search, now, key, err);
}

int64_t key_search_next(const struct key_search *search)
{
	return search->process != NULL ? search->deadline_ms : 0;
}

size_t key_search_fds(const struct key_search *search, struct poll_fd *fds, size_t cap)
{
	return search->process != NULL ? process_fds(search->process, fds, cap) : 0;
}

enum key_search_state key_find(
	const char *form, const struct kind *kind, char key[KEY_MAX + 1], struct err *err)
{
	static const int wake[] = { SIGCHLD };
	struct instant now = clock_now();
	struct key_search *search;
	struct http *http = NULL;
	enum key_search_state state;

	/* before there is a child, so that its end is not missed */
	if (!signals_open(wake, ARRAY_LEN(wake), err))
		return SEARCH_FAILED;
	search = key_search_new(form, kind, now);
	state = key_search_step(search, now, key, err);
	while (state == SEARCH_BUSY) {
		struct poll_fd fds[4];
		size_t count = key_search_fds(search, fds, ARRAY_LEN(fds) - 1);

		if (http == NULL)
			http = http_new();
		fds[count++] = (struct poll_fd){ .fd = signals_fd() };
		(void)http_wait(http, fds, count, key_search_next(search) - now.mono_ms);
		(void)signals_take(SIGCHLD);
		now = clock_now();
		state = key_search_step(search, now, key, err);
	}
	http_free(http);
	key_search_free(search);
	return state;
}
