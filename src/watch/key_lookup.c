#include "watch/key_lookup.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/loop.h"
#include "io/process.h"
#include "io/signals.h"

struct key_lookup {
	const struct source_type *type; /* borrowed */
	char *form; /* own; no secret: only says where the key is */
	struct process *process; /* own; NULL: the form is no command, or it has not been started */
	int64_t deadline_ms; /* mono; of the command */
};

struct key_lookup *key_lookup_new(
	const char *form, const struct source_type *type, struct instant now)
{
	struct key_lookup *lookup = mem_alloc(sizeof(*lookup));

	lookup->type = type;
	lookup->form = mem_strdup(form);
	lookup->deadline_ms = now.mono_ms + KEY_COMMAND_MS;
	return lookup;
}

void key_lookup_free(struct key_lookup *lookup)
{
	if (lookup == NULL)
		return;
	if (lookup->process != NULL) {
		struct buf *output = process_output(lookup->process);

		if (output->data != NULL)
			mem_wipe(output->data, output->cap);
		process_free(lookup->process);
	}
	free(lookup->form);
	free(lookup);
}

static bool command_start(struct key_lookup *lookup, struct err *err)
{
	char **argv = key_command_argv(lookup->form);
	struct spawn spawn = {
		.argv = (const char *const *)argv,
		.output_max = KEY_MAX + 2,
	};
	bool started = process_start(&lookup->process, &spawn, err);

	key_argv_free(argv);
	if (!started)
		(void)err_prefix(err, "the key's command cannot be started: ");
	return started;
}

/* the command's own last words, as far as they fit: they say what its user has to do */
static void add_last_words(struct key_lookup *lookup, struct err *err)
{
	cleanup_buf struct buf safe = { 0 };
	const char *words = buf_text(process_errors(lookup->process));
	size_t len = strcspn(words, "\r\n");
	cleanup_free char *line = mem_strndup(words, len);

	if (len == 0)
		return;
	text_add_safe(&safe, line);
	(void)err_set(err, ERR_AUTH, "the key's command failed: %.400s", buf_text(&safe));
}

static enum key_lookup_state command_ended(
	struct key_lookup *lookup, int status, char key[KEY_MAX + 1], struct err *err)
{
	const char *output = buf_text(process_output(lookup->process));
	size_t len = strcspn(output, "\r\n");

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		if (WIFEXITED(status))
			(void)err_set(err, ERR_AUTH, "the key's command ended with %d",
				WEXITSTATUS(status));
		else
			(void)err_set(err, ERR_AUTH, "the key's command was ended by a signal");
		add_last_words(lookup, err);
		return KEY_LOOKUP_FAILED;
	}
	if (len > KEY_MAX) {
		(void)err_set(err, ERR_AUTH,
			"the key's command printed more than %d bytes on its first line", KEY_MAX);
		return KEY_LOOKUP_FAILED;
	}
	memcpy(key, output, len);
	key[len] = '\0';
	if (key_clean(key, err))
		return KEY_LOOKUP_FOUND;
	(void)err_prefix(err, "what the key's command printed: ");
	return KEY_LOOKUP_FAILED;
}

enum key_lookup_state key_lookup_step(
	struct key_lookup *lookup, struct instant now, char key[KEY_MAX + 1], struct err *err)
{
	int status;

	if (lookup->process == NULL) {
		enum key_result result = key_read(lookup->form, lookup->type, key, err);

		if (result == KEY_FAILED)
			return KEY_LOOKUP_FAILED;
		if (result != KEY_COMMAND)
			return result == KEY_FOUND ? KEY_LOOKUP_FOUND : KEY_LOOKUP_MISSING;
	}
	if (lookup->process == NULL && !command_start(lookup, err)) {
		err->kind = ERR_AUTH;
		return KEY_LOOKUP_FAILED;
	}
	process_step(lookup->process);
	if (process_ended(lookup->process, &status))
		return command_ended(lookup, status, key, err);
	if (now.mono_ms < lookup->deadline_ms)
		return KEY_LOOKUP_BUSY;
	(void)err_set(
		err, ERR_AUTH, "the key's command did not end within %d s", KEY_COMMAND_MS / 1000);
	return KEY_LOOKUP_FAILED;
}

int64_t key_lookup_next(const struct key_lookup *lookup)
{
	return lookup->process != NULL ? lookup->deadline_ms : 0;
}

size_t key_lookup_fds(const struct key_lookup *lookup, struct poll_fd *fds, size_t cap)
{
	return lookup->process != NULL ? process_fds(lookup->process, fds, cap) : 0;
}

/* blocks until the command has ended, or its time is up */
static enum key_lookup_state command_wait(
	struct key_lookup *lookup, char key[KEY_MAX + 1], struct err *err)
{
	cleanup_with(http_cleanup) struct http *http = http_new();
	struct poll_fd fds[3 + LOOP_FDS];
	enum key_lookup_state state;
	struct loop loop;

	loop_open(&loop, http);
	do {
		loop_wait(&loop, fds, key_lookup_fds(lookup, fds, 3), key_lookup_next(lookup));
		(void)loop_turn(&loop);
		state = key_lookup_step(lookup, loop.now, key, err);
	} while (state == KEY_LOOKUP_BUSY);
	loop_close(&loop);
	return state;
}

enum key_lookup_state key_lookup_run(
	const char *form, const struct source_type *type, char key[KEY_MAX + 1], struct err *err)
{
	static const int wake[] = { SIGCHLD };
	struct instant now = clock_now();
	struct key_lookup *lookup;
	enum key_lookup_state state;

	/* before there is a child, so that its end is not missed */
	if (!signals_open(wake, ARRAY_LEN(wake), err))
		return KEY_LOOKUP_FAILED;
	lookup = key_lookup_new(form, type, now);
	state = key_lookup_step(lookup, now, key, err);
	if (state == KEY_LOOKUP_BUSY)
		state = command_wait(lookup, key, err);
	key_lookup_free(lookup);
	return state;
}
