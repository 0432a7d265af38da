/*
 * The wait of an event loop: for sockets of libcurl, descriptors, signals and a time. Whoever loops
 * begins each turn with loop_turn(), does all that can be done, and ends it with loop_wait().
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/stamp.h"
#include "io/clock.h"
#include "io/http.h"

#define LOOP_FDS 2 /* descriptors of its own */

struct loop {
	struct http *http; /* borrowed */
	struct clock_timer timer;
	struct instant now; /* of this turn */
	int64_t until_ms; /* mono; the last wait was to end by then; 0: by no time */
	bool signaled; /* a signal may have come: signals_take() is worth asking */
};

void loop_open(struct loop *loop, struct http *http);
void loop_close(struct loop *loop);
/*
 * Reads the clock, takes SIGCHLD, which has done its work by waking us. True: the machine slept, or
 * we were stopped, for seconds: connections are dead, and nobody is to blame for lateness.
 */
bool loop_turn(struct loop *loop);
/*
 * Waits until one of `fds` is ready, something comes for libcurl, a signal has come, or it is
 * `next_ms` (mono; INSTANT_NEVER: no limit). `fds` has room for LOOP_FDS more than `count`.
 */
void loop_wait(struct loop *loop, struct poll_fd *fds, size_t count, int64_t next_ms);

#endif
