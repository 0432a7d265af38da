#include "io/loop.h"

#include <signal.h>

#include "io/signals.h"

enum {
	LATE_MS = 3000, /* woken so much later than asked for: we were stopped */
	ASLEEP_MS = 1000, /* a shorter suspend breaks no connection */
	WAIT_MAX_MS = 60000, /* where there is no timer that runs on through a suspend */
};

void loop_open(struct loop *loop, struct http *http)
{
	*loop = (struct loop){
		.http = http,
		.timer = clock_timer_new(),
		.now = clock_now(),
		.signaled = true,
	};
}

void loop_close(struct loop *loop)
{
	clock_timer_done(&loop->timer);
}

bool loop_turn(struct loop *loop)
{
	int64_t asleep_ms = loop->now.asleep_ms;

	if (loop->signaled)
		(void)signals_take(SIGCHLD);
	loop->now = clock_now();
	return (loop->until_ms != 0 && loop->now.mono_ms - loop->until_ms > LATE_MS) ||
	       loop->now.asleep_ms - asleep_ms > ASLEEP_MS;
}

void loop_wait(struct loop *loop, struct poll_fd *fds, size_t count, int64_t next_ms)
{
	int64_t left = next_ms - loop->now.mono_ms;
	int64_t timeout = -1;
	int64_t now_ms;

	clock_timer_arm(&loop->timer, next_ms);
	loop->signaled = signals_waiting();
	if (left <= 0 || loop->signaled)
		timeout = 0;
	else if (loop->timer.fd < 0)
		timeout = left < WAIT_MAX_MS ? left : WAIT_MAX_MS;
	if (loop->timer.fd >= 0)
		fds[count++] = (struct poll_fd){ .fd = loop->timer.fd };
	fds[count++] = (struct poll_fd){ .fd = signals_fd() };
	/* from here: what this turn took is not time that the machine stood still */
	now_ms = clock_now().mono_ms;
	loop->until_ms = next_ms == INSTANT_NEVER ? 0 : next_ms > now_ms ? next_ms : now_ms;
	(void)http_wait(loop->http, fds, count, timeout);
	loop->signaled = loop->signaled || fds[count - 1].ready;
}
