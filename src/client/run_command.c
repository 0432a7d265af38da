#include "client/run_command.h"

#include <signal.h>
#include <sys/wait.h>

#include "deliver/hook_env.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/signals.h"

extern char **environ;

CLEANUP_DEFINE(process_cleanup, struct process *, process_free)

/* until the program ends or the time is up */
static bool command_wait(struct process *process, int64_t timeout_ms, int *ret_status)
{
	cleanup_with(http_cleanup) struct http *http = http_new();
	struct poll_fd fds[3 + LOOP_FDS];
	struct loop loop;
	int64_t end_ms;
	bool ended;

	loop_open(&loop, http);
	end_ms = loop.now.mono_ms + timeout_ms;
	process_step(process);
	while (!(ended = process_ended(process, ret_status)) && loop.now.mono_ms < end_ms) {
		loop_wait(&loop, fds, process_fds(process, fds, 3), end_ms);
		(void)loop_turn(&loop);
		process_step(process);
	}
	loop_close(&loop);
	return ended;
}

/* with our environment, but for keys */
static bool command_start(struct process **ret, const struct spawn *spawn, struct err *err)
{
	cleanup_free char **env = hook_env_clean(environ, NULL, NULL);
	struct spawn clean = *spawn;

	clean.env = (const char *const *)env;
	return process_start(ret, &clean, err);
}

bool run_command(const struct spawn *spawn, int64_t timeout_ms, int *ret_code, struct buf *output,
	struct err *err)
{
	static const int wake[] = { SIGCHLD };
	cleanup_with(process_cleanup) struct process *process = NULL;
	int status;

	/* before there is a child, so that its end is not missed */
	if (!signals_open(wake, ARRAY_LEN(wake), err) || !command_start(&process, spawn, err))
		return false;
	if (!command_wait(process, timeout_ms, &status))
		return err_set(err, ERR_TEMPORARY, "%s did not end within %lld s", spawn->argv[0],
			(long long)timeout_ms / 1000);
	if (!WIFEXITED(status))
		return err_set(err, ERR_TEMPORARY, "%s was ended by a signal", spawn->argv[0]);
	*ret_code = WEXITSTATUS(status);
	(void)buf_add(output, buf_text(process_output(process)), process_output(process)->len);
	return true;
}
