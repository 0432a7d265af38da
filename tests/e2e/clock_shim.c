/*
 * Preloaded into taskbell: its clocks are set by a test. CLOCK_SHIM names a file of three int64_t:
 * what is added to the wall clock, and how long the machine has slept, by which BOOTTIME is ahead
 * of MONOTONIC, both in nanoseconds, and, written here, how many bytes malloc has given away. A
 * timer on BOOTTIME is armed for the moment that the shifted clock means, anew when the clock is
 * looked at and has been shifted since.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64 /* the names that a program with times of 64 bits calls */
#define _TIME_BITS 64
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { WALL, SLEPT, IN_USE, FIELDS };
#define SECOND 1000000000LL

#ifndef SYS_clock_gettime64 /* elsewhere a long has 32 bits */
#define SYS_clock_gettime64 SYS_clock_gettime
#define SYS_timerfd_settime64 SYS_timerfd_settime
#else
#define OLD_TIMES
#endif

static volatile int64_t *shifts(void)
{
	static volatile int64_t none[FIELDS];
	static volatile int64_t *map;
	const char *path = getenv("CLOCK_SHIM");
	int fd;

	if (map != NULL || path == NULL)
		return map != NULL ? map : none;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		void *got = mmap(
			NULL, FIELDS * sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		map = got != MAP_FAILED ? got : none;
		close(fd);
	}
	return map != NULL ? map : none;
}

static void add(struct timespec *ts, int64_t ns)
{
	int64_t sum = (int64_t)ts->tv_sec * SECOND + ts->tv_nsec + ns;

	ts->tv_sec = (time_t)(sum / SECOND);
	ts->tv_nsec = (long)(sum % SECOND);
}

/* the timer that is armed, and the shift it was armed for */
static struct {
	int fd;
	struct itimerspec spec;
	int64_t slept;
} timer = { .fd = -1 };

static int timer_arm(struct itimerspec *old)
{
	struct itimerspec real = timer.spec;

	timer.slept = shifts()[SLEPT];
	if ((real.it_value.tv_sec | real.it_value.tv_nsec) != 0) {
		add(&real.it_value, -timer.slept);
		if (real.it_value.tv_sec < 0 || (real.it_value.tv_sec | real.it_value.tv_nsec) == 0)
			real.it_value = (struct timespec){ 0, 1 };
	}
	return (int)syscall(SYS_timerfd_settime64, timer.fd, TFD_TIMER_ABSTIME, &real, old);
}

/* every turn of the loop looks at the clock */
static void note_memory(void)
{
	struct mallinfo2 info = mallinfo2();

	shifts()[IN_USE] = (int64_t)(info.uordblks + info.hblkhd);
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	long code = syscall(SYS_clock_gettime64, id, ts);

	if (timer.fd >= 0 && timer.slept != shifts()[SLEPT])
		(void)timer_arm(NULL);
	if (code == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		add(ts, shifts()[WALL] + shifts()[SLEPT]);
	if (code == 0 && id == CLOCK_BOOTTIME)
		add(ts, shifts()[SLEPT]);
	note_memory();
	return (int)code;
}

time_t time(time_t *ret)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (ret != NULL)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}

int gettimeofday(struct timeval *tv, void *zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *spec, struct itimerspec *old)
{
	if ((flags & TFD_TIMER_ABSTIME) == 0)
		return (int)syscall(SYS_timerfd_settime64, fd, flags, spec, old);
	timer.fd = fd;
	timer.spec = *spec;
	return timer_arm(old);
}

#ifdef OLD_TIMES
/* what libraries call that have times of 32 bits */
struct old_time {
	int32_t seconds;
	int32_t fraction;
};

int old_clock_gettime(clockid_t id, struct old_time *old) __asm__("clock_gettime");
int32_t old_time(int32_t *ret) __asm__("time");
int old_gettimeofday(struct old_time *old, void *zone) __asm__("gettimeofday");

int old_clock_gettime(clockid_t id, struct old_time *old)
{
	struct timespec ts;
	int code = clock_gettime(id, &ts);

	*old = (struct old_time){ (int32_t)ts.tv_sec, (int32_t)ts.tv_nsec };
	return code;
}

int32_t old_time(int32_t *ret)
{
	time_t now = time(NULL);

	if (ret != NULL)
		*ret = (int32_t)now;
	return (int32_t)now;
}

int old_gettimeofday(struct old_time *old, void *zone)
{
	struct timeval tv;

	(void)gettimeofday(&tv, zone);
	*old = (struct old_time){ (int32_t)tv.tv_sec, (int32_t)tv.tv_usec };
	return 0;
}
#endif
