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
 * A descriptor that becomes readable when mono_ms is reached, also through a suspend (timerfd on
 * CLOCK_BOOTTIME). -1 where there is none: then the caller sleeps at most 60 s at a time.
 */
int clock_timer_new(void);
/* arms it for a moment (INSTANT_NEVER: disarms); drains an expiry */
void clock_timer_arm(int fd, int64_t mono_ms);

#endif
