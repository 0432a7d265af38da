/* The only place that reads a clock. */
#ifndef IO_CLOCK_H
#define IO_CLOCK_H

#include "base/stamp.h"

/*
 * This moment. mono_ms is CLOCK_BOOTTIME where there is one, else CLOCK_MONOTONIC; asleep_ms is
 * what the first is ahead of the second, a few ms more or less, for they are read one after the
 * other.
 */
struct instant clock_now(void);
/* CLOCK_MONOTONIC in microseconds, for systemd's RELOADING= */
int64_t clock_monotonic_us(void);
/* minute of the local day (0..1439), for quiet hours */
int clock_local_minute(int64_t wall_ms);
/*
 * Its descriptor becomes readable when the moment is reached that it was armed for, also through a
 * suspend (timerfd on CLOCK_BOOTTIME), and stays so until it is armed for another one.
 */
struct clock_timer {
	int fd; /* own; -1 where there is none: then the caller sleeps at most 60 s at a time */
	int64_t armed_ms; /* mono; INSTANT_NEVER: not armed */
};

struct clock_timer clock_timer_new(void);
void clock_timer_done(struct clock_timer *timer);
/* arms it for a moment (INSTANT_NEVER: disarms); the one it has already costs no system call */
void clock_timer_arm(struct clock_timer *timer, int64_t mono_ms);

#endif
