/* The sink `exec`: a program of the user for each event, several at once. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "deliver/hook_env.h"
#include "io/process.h"
#include "deliver/sink.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"

extern char **environ;

enum {
	CONCURRENCY_MAX = 64,
	BACKGROUND_MAX = 64, /* ended hooks that have left something in the background */
	OUTPUT_MAX = 64 * 1024, /* bytes of one attempt that reach the log */
	LINE_MAX_BYTES = 4000, /* a longer line is logged in pieces */
	LAST_LINE_COLUMNS = 200,
};

/* a hook that was started */
struct hook_run {
	struct timed_process program;
	struct delivery *delivery; /* borrowed; NULL: it has ended, and something of it is left in
				      the background */
	int64_t timeout_ms;
	bool shell; /* run by sh, which says with 126 and 127 that it could not start something */
	bool cut_logged; /* "output truncated" was logged */
	char *last_line; /* own; the last one that it printed, for the error */
};

struct sink_exec {
	struct sink sink;
	struct session session;
	/* borrowed; their hooks start when the variables of the session are known */
	struct delivery *waiting[CONCURRENCY_MAX];
	size_t waiting_count;
	struct hook_run runs[CONCURRENCY_MAX + BACKGROUND_MAX];
	size_t count;
	size_t running; /* so many of them have not ended */
};

static struct sink_exec *self(const struct sink *sink)
{
	return (struct sink_exec *)(uintptr_t)sink;
}

static size_t exec_capacity(const struct sink *sink, struct instant now)
{
	size_t most = (size_t)sink->config->concurrency;
	size_t count = self(sink)->running + self(sink)->waiting_count;

	(void)now;
	most = most < CONCURRENCY_MAX ? most : CONCURRENCY_MAX;
	return count < most ? most - count : 0;
}

static void hook_done(struct hook_run *hook)
{
	timed_process_done(&hook->program);
	free(hook->last_line);
	hook->last_line = NULL;
}

static bool hook_start(struct sink_exec *exec, struct hook_run *hook, struct delivery *delivery,
	struct instant now, struct err *err)
{
	const struct sink_config *config = exec->sink.config;
	const struct event *event = delivery->event;
	cleanup_buf struct buf input = { 0 };
	cleanup_free char **argv = hook_argv(config, event);
	cleanup_free char **env = hook_env(config, event, delivery->attempts + 1, environ,
		&exec->session.variables, exec->sink.secrets);
	const char *home = getenv("HOME");
	struct spawn spawn = {
		.argv = (const char *const *)argv,
		.env = (const char *const *)env,
		.cwd = home != NULL && *home == '/' ? home : "/",
		.output_max = OUTPUT_MAX,
		.merge = true,
	};

	event_json(event, &input);
	(void)buf_add_char(&input, '\n');
	spawn.input = buf_text(&input);
	spawn.input_len = input.len;
	*hook = (struct hook_run){
		.delivery = delivery,
		.timeout_ms = config->timeout_ms,
		.shell = *config->shell != '\0',
	};
	return timed_process_start(&hook->program, &spawn, config->timeout_ms, now, err);
}

/* starts their hooks, unless the variables of the session are being asked for */
static void waiting_start(struct sink_exec *exec, struct instant now)
{
	if (exec->waiting_count == 0 || !session_ready(&exec->session, now))
		return;
	for (size_t i = 0; i < exec->waiting_count; i++) {
		struct err err = { 0 };

		if (hook_start(exec, &exec->runs[exec->count], exec->waiting[i], now, &err)) {
			exec->count++;
			exec->running++;
		} else {
			sink_end(&exec->sink, exec->waiting[i], DELIVERY_UNAVAILABLE, err.text);
		}
	}
	exec->waiting_count = 0;
}

static void exec_deliver(struct sink *sink, struct delivery *delivery, struct instant now)
{
	struct sink_exec *exec = self(sink);

	exec->waiting[exec->waiting_count++] = delivery;
	waiting_start(exec, now);
}

static void log_output_line(
	const struct sink_exec *exec, struct hook_run *hook, char *line, size_t len)
{
	if (len > 0 && line[len - 1] == '\r')
		len--;
	/* replaces NUL, which would end the line for its readers */
	for (char *nul = memchr(line, '\0', len); nul != NULL; nul = memchr(line, '\0', len))
		*nul = ' ';
	log_line(LOG_NOTICE, "%s: %.*s", exec->sink.config->name, (int)len, line);
	if (len > 0) {
		free(hook->last_line);
		hook->last_line = mem_strndup(line, len);
	}
}

/* logs the whole lines that are there; at the end also what follows the last newline */
static void log_output(const struct sink_exec *exec, struct hook_run *hook, bool ended)
{
	struct buf *output = process_output(hook->program.process);
	size_t pos = 0;

	while (pos < output->len) {
		size_t left = output->len - pos;
		char *line = output->data + pos;
		char *newline = memchr(line, '\n', left);
		size_t len = newline != NULL ? (size_t)(newline - line) : left;

		if (newline == NULL && !ended && left < LINE_MAX_BYTES)
			break;
		if (len > LINE_MAX_BYTES)
			len = LINE_MAX_BYTES;
		log_output_line(exec, hook, line, len);
		pos += len + (line + len == newline ? 1 : 0);
	}
	buf_drop(output, pos);
	if (process_truncated(hook->program.process) && !hook->cut_logged) {
		hook->cut_logged = true;
		log_line(LOG_NOTICE, "%s: output truncated after %d KiB", exec->sink.config->name,
			OUTPUT_MAX / 1024);
	}
}

/* what the end of a hook means for its delivery */
static enum delivery_result hook_result(
	const struct sink_exec *exec, const struct hook_run *hook, int status)
{
	const struct strings *retry = &exec->sink.config->retry;
	int code = WEXITSTATUS(status);
	int64_t value;

	if (hook->program.stopped)
		return DELIVERY_RETURNED;
	if (hook->program.timed_out || WIFSIGNALED(status))
		return DELIVERY_RETRY;
	if (code == 0)
		return DELIVERY_DELIVERED;
	for (size_t i = 0; i < retry->count; i++)
		if (strcmp(retry->items[i], "any") == 0 ||
			(parse_int(retry->items[i], 0, 255, &value) && value == code))
			return DELIVERY_RETRY;
	return hook->shell && (code == 126 || code == 127) ? DELIVERY_RETRY : DELIVERY_REJECTED;
}

/* how it ended, and its last line of output, which mostly says why */
static char *hook_error(const struct hook_run *hook, int status)
{
	struct buf text = { 0 };
	char span[PARSE_DURATION_MAX];

	if (hook->program.timed_out)
		(void)buf_addf(
			&text, "did not end within %s", duration_text(hook->timeout_ms, span));
	else if (WIFSIGNALED(status))
		(void)buf_addf(&text, "was ended by signal %d", WTERMSIG(status));
	else
		(void)buf_addf(&text, "ended with %d", WEXITSTATUS(status));
	if (hook->last_line != NULL) {
		(void)buf_add_text(&text, ": ");
		text_add_cut(&text, hook->last_line, LAST_LINE_COLUMNS);
	}
	return buf_steal(&text);
}

/* the oldest ones give way; what of the others got a TERM is to be killed */
static void background_step(struct sink_exec *exec)
{
	size_t surplus = exec->count - exec->running;
	size_t kept = 0;

	surplus = surplus > BACKGROUND_MAX ? surplus - BACKGROUND_MAX : 0;
	exec->sink.lingers = false;
	for (size_t i = 0; i < exec->count; i++) {
		struct hook_run *hook = &exec->runs[i];

		if (hook->delivery == NULL && surplus > 0) {
			hook_done(hook);
			surplus--;
			continue;
		}
		/* does not wait for background processes that only hold a pipe open */
		if (hook->delivery == NULL && hook->program.kill_ms != INSTANT_NEVER)
			exec->sink.lingers = true;
		exec->runs[kept++] = *hook;
	}
	exec->count = kept;
}

static void exec_step(struct sink *sink, struct instant now)
{
	struct sink_exec *exec = self(sink);
	size_t kept = 0;

	session_step(&exec->session, now);
	waiting_start(exec, now);
	for (size_t i = 0; i < exec->count; i++) {
		struct hook_run *hook = &exec->runs[i];
		int status = 0;
		bool ended = timed_process_step(&hook->program, now, &status);

		if (hook->delivery != NULL)
			log_output(exec, hook, ended);
		if (hook->delivery != NULL && ended) {
			cleanup_free char *error = NULL;
			enum delivery_result result = hook_result(exec, hook, status);

			if (result != DELIVERY_DELIVERED && result != DELIVERY_RETURNED)
				error = hook_error(hook, status);
			sink_end(&exec->sink, hook->delivery, result, error);
			hook->delivery = NULL;
			exec->running--;
		}
		if (hook->delivery != NULL || timed_process_lingers(&hook->program))
			exec->runs[kept++] = *hook;
		else
			hook_done(hook);
	}
	exec->count = kept;
	background_step(exec);
}

static int64_t exec_next(const struct sink *sink, struct instant now)
{
	const struct sink_exec *exec = self(sink);
	int64_t next = session_next(&exec->session);

	(void)now;
	for (size_t i = 0; i < exec->count; i++)
		next = instant_earlier(next, timed_process_next(&exec->runs[i].program));
	return next;
}

static size_t exec_fds(const struct sink *sink, struct poll_fd *fds, size_t cap)
{
	const struct sink_exec *exec = self(sink);
	size_t count = session_fds(&exec->session, fds, cap);

	for (size_t i = 0; i < exec->count; i++)
		count += process_fds(exec->runs[i].program.process, fds + count, cap - count);
	return count;
}

static void exec_stop(struct sink *sink, struct instant now, int64_t grace_ms)
{
	struct sink_exec *exec = self(sink);

	for (size_t i = 0; i < exec->waiting_count; i++)
		sink_end(sink, exec->waiting[i], DELIVERY_RETURNED, NULL);
	exec->waiting_count = 0;
	session_done(&exec->session);
	for (size_t i = 0; i < exec->count; i++)
		timed_process_stop(&exec->runs[i].program, now, grace_ms);
}

static void exec_destroy(struct sink *sink)
{
	struct sink_exec *exec = self(sink);

	session_done(&exec->session);
	for (size_t i = 0; i < exec->count; i++)
		hook_done(&exec->runs[i]);
	free(exec);
}

const struct sink_ops sink_ops_exec = {
	.batch = false,
	.pull = 256,
	.size = sizeof(struct sink_exec),
	.capacity = exec_capacity,
	.deliver = exec_deliver,
	.step = exec_step,
	.next = exec_next,
	.fds = exec_fds,
	.stop = exec_stop,
	.destroy = exec_destroy,
};
