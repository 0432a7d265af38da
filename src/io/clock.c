/* CLOCK_BOOTTIME and timerfd are Linux: a laptop that slept polls right after resume (see clock.h
 * for others). */
#include "io/clock.h"

#include <stdint.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/timerfd.h>
#endif

/* CLOCK_BOOTTIME is a GNU and Linux name that _POSIX_C_SOURCE hides in some libraries */
#if defined(__linux__) && !defined(CLOCK_BOOTTIME)
#define CLOCK_BOOTTIME 7
#endif
#ifdef CLOCK_BOOTTIME
#define CLOCK_SCHEDULE CLOCK_BOOTTIME
#else
#define CLOCK_SCHEDULE CLOCK_MONOTONIC
#endif

static int64_t clock_ms(clockid_t id)
{
	struct timespec ts = { 0 };

	if (clock_gettime(id, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct instant clock_now(void)
{
	int64_t mono_ms = clock_ms(CLOCK_SCHEDULE);

	return (struct instant){ .mono_ms = mono_ms,
		.wall_ms = clock_ms(CLOCK_REALTIME),
		.asleep_ms = mono_ms - clock_ms(CLOCK_MONOTONIC) };
}

int64_t clock_monotonic_us(void)
{
	struct timespec ts = { 0 };

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int clock_local_minute(int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm local = { 0 };

	if (localtime_r(&seconds, &local) == NULL)
		return 0;
	return local.tm_hour * 60 + local.tm_min;
}

#ifdef __linux__
struct clock_timer clock_timer_new(void)
{
	return (struct clock_timer){ .fd = timerfd_create(
					     CLOCK_SCHEDULE, TFD_CLOEXEC | TFD_NONBLOCK),
		.armed_ms = INSTANT_NEVER };
}

void clock_timer_arm(struct clock_timer *timer, int64_t mono_ms)
{
	struct itimerspec spec = { 0 };

	if (timer->fd < 0 || mono_ms == timer->armed_ms)
		return;
	timer->armed_ms = mono_ms;
	if (mono_ms != INSTANT_NEVER) {
		/* an all-zero value would disarm: the past is one nanosecond after boot */
		spec.it_value.tv_sec = mono_ms > 0 ? mono_ms / 1000 : 0;
		spec.it_value.tv_nsec = mono_ms > 0 ? (long)(mono_ms % 1000) * 1000000 + 1 : 1;
	}
	/* this forgets an expiry: nothing needs to be read */
	(void)timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}
#else
struct clock_timer clock_timer_new(void)
{
	return (struct clock_timer){ .fd = -1, .armed_ms = INSTANT_NEVER };
}

void clock_timer_arm(struct clock_timer *timer, int64_t mono_ms)
{
	(void)timer;
	(void)mono_ms;
}
#endif

void clock_timer_done(struct clock_timer *timer)
{
	if (timer->fd >= 0)
		(void)close(timer->fd);
	timer->fd = -1;
}
