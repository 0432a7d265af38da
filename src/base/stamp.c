#include "base/stamp.h"

#include <stdio.h>

#include "base/mem.h"
#include <time.h>

#define US_PER_SECOND 1000000
#define SECONDS_PER_DAY 86400

/*
 * Days since 1970-01-01 of a proleptic Gregorian date, and back. Years count from March so that the
 * leap day is the last of the year and month lengths follow 153 days in each five months; an era is
 * the 400 years (146097 days) after which the calendar repeats. timegm(3) is not in POSIX.1-2008.
 */
static int64_t days_from_date(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_from_days(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t of_era = shifted - era * 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;

	*day = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = y + era * 400 + (*month <= 2);
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* reads exactly n digits; -1 when there are fewer */
static int digits(const char **p, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*p)++) {
		if (!is_digit(**p))
			return -1;
		value = value * 10 + (**p - '0');
	}
	return value;
}

static bool take(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static int month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static bool date_parse(const char **p, int64_t *ret_days)
{
	int year = digits(p, 4);
	int month = year >= 0 && take(p, '-') ? digits(p, 2) : -1;
	int day = month >= 1 && month <= 12 && take(p, '-') ? digits(p, 2) : -1;

	if (day < 1 || day > month_days(year, month))
		return false;
	*ret_days = days_from_date(year, month, day);
	return true;
}

static bool fraction_parse(const char **p, int64_t *ret_us)
{
	int64_t us = 0;
	int count = 0;

	for (; is_digit(**p); (*p)++, count++)
		if (count < 6)
			us = us * 10 + (**p - '0');
	if (count < 1)
		return false;
	for (; count < 6; count++)
		us *= 10;
	*ret_us = us;
	return true;
}

/* 23:59:60 is a leap second: RFC 3339 allows it, we count it as the next second */
static bool clock_parse(const char **p, int64_t *ret_seconds, int64_t *ret_us)
{
	int hour = digits(p, 2);
	int minute = hour >= 0 && hour < 24 && take(p, ':') ? digits(p, 2) : -1;
	int second = minute >= 0 && minute < 60 && take(p, ':') ? digits(p, 2) : -1;

	if (second < 0 || second > 60)
		return false;
	*ret_seconds = hour * 3600 + minute * 60 + second;
	*ret_us = 0;
	return (!take(p, '.') && !take(p, ',')) || fraction_parse(p, ret_us);
}

static bool zone_parse(const char **p, int64_t *ret_seconds)
{
	int sign = **p == '-' ? -1 : 1;
	int hour;
	int minute;

	*ret_seconds = 0;
	if (**p == '\0' || take(p, 'Z') || take(p, 'z'))
		return true;
	if (!take(p, '+') && !take(p, '-'))
		return false;
	hour = digits(p, 2);
	/* Postgres leaves out minutes that are none */
	minute = hour >= 0 && hour < 24 ? 0 : -1;
	if (minute == 0 && **p != '\0') {
		(void)take(p, ':');
		minute = digits(p, 2);
	}
	if (minute < 0 || minute > 59)
		return false;
	*ret_seconds = sign * (hour * 3600 + minute * 60);
	return true;
}

bool stamp_parse(const char *text, int64_t *ret_us)
{
	const char *p = text;
	int64_t days;
	int64_t seconds;
	int64_t us;
	int64_t offset;

	if (!date_parse(&p, &days) || (!take(&p, 'T') && !take(&p, 't') && !take(&p, ' ')))
		return false;
	if (!clock_parse(&p, &seconds, &us) || !zone_parse(&p, &offset) || *p != '\0')
		return false;
	*ret_us = (days * SECONDS_PER_DAY + seconds - offset) * US_PER_SECOND + us;
	return true;
}

#define UNIX_DIGITS_MAX 19 /* what fits 64 bits without a sign */

bool stamp_parse_unix(const char *text, int64_t *ret_us)
{
	/* from so many digits on it counts so many to the second */
	static const struct {
		int digits;
		int64_t per_second;
	} units[] = { { 18, 1000000000 }, { 15, 1000000 }, { 12, 1000 }, { 1, 1 } };
	uint64_t value = 0;
	int64_t part = 0;
	int64_t per_second = 0;
	const char *p = text;

	for (; is_digit(*p) && p - text < UNIX_DIGITS_MAX; p++)
		value = value * 10 + (uint64_t)(*p - '0');
	for (size_t i = 0; i < ARRAY_LEN(units) && per_second == 0; i++)
		if (p - text >= units[i].digits)
			per_second = units[i].per_second;
	if (per_second == 0 || (take(&p, '.') && !fraction_parse(&p, &part)) || *p != '\0')
		return false;
	if (per_second > US_PER_SECOND)
		*ret_us = (int64_t)(value / (uint64_t)(per_second / US_PER_SECOND));
	else
		*ret_us = (int64_t)value * (US_PER_SECOND / per_second) + part / per_second;
	return true;
}

/* `list` writes two million stamps, which printf(3) is too slow for */
static char *put_two(char *at, unsigned int value)
{
	at[0] = (char)('0' + value / 10);
	at[1] = (char)('0' + value % 10);
	return at + 2;
}

static char *put_char(char *at, char c)
{
	*at = c;
	return at + 1;
}

/* years that do not have four digits only come of a time zone at either end of the calendar */
static char *put_year(char *at, int64_t year)
{
	if (year >= 0 && year <= 9999)
		return put_two(put_two(at, (unsigned int)year / 100), (unsigned int)year % 100);
	return at + snprintf(at, STAMP_TEXT_MAX / 2, "%04lld", (long long)year);
}

static char *put_fraction(char *at, unsigned int us, int digits)
{
	if (digits == 0)
		return at;
	at = put_two(put_char(at, '.'), us / 10000);
	at = put_two(at, us / 100 % 100);
	/* three digits of six: the fourth is one too many */
	return digits == 3 ? at - 1 : put_two(at, us % 100);
}

static const char *stamp_format(int64_t us, int fraction_digits, char buf[STAMP_TEXT_MAX])
{
	int64_t seconds = us / US_PER_SECOND - (us % US_PER_SECOND < 0);
	unsigned int part = (unsigned int)(us - seconds * US_PER_SECOND);
	int64_t days = seconds / SECONDS_PER_DAY - (seconds % SECONDS_PER_DAY < 0);
	unsigned int of_day = (unsigned int)(seconds - days * SECONDS_PER_DAY);
	char *at = buf;
	int64_t year;
	int month;
	int day;

	date_from_days(days, &year, &month, &day);
	at = put_char(put_year(at, year), '-');
	at = put_char(put_two(at, (unsigned int)month), '-');
	at = put_char(put_two(at, (unsigned int)day), 'T');
	at = put_char(put_two(at, of_day / 3600), ':');
	at = put_char(put_two(at, of_day / 60 % 60), ':');
	at = put_two(at, of_day % 60);
	at = put_fraction(at, part, fraction_digits);
	*put_char(at, 'Z') = '\0';
	return buf;
}

const char *stamp_text(int64_t us, char buf[STAMP_TEXT_MAX])
{
	int fraction_digits = us % US_PER_SECOND == 0 ? 0 : us % 1000 == 0 ? 3 : 6;

	return stamp_format(us, fraction_digits, buf);
}

const char *stamp_text_ms(int64_t wall_ms, char buf[STAMP_TEXT_MAX])
{
	return stamp_format(wall_ms * 1000, 3, buf);
}

const char *stamp_text_local(int64_t wall_ms, int64_t now_ms, char buf[STAMP_TEXT_MAX])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	time_t now = (time_t)(now_ms / 1000);
	struct tm then;
	struct tm today;
	bool known = localtime_r(&seconds, &then) != NULL && localtime_r(&now, &today) != NULL;

	if (!known)
		return stamp_text_ms(wall_ms, buf);
	buf[0] = '\0';
	if (then.tm_year != today.tm_year)
		(void)strftime(buf, STAMP_TEXT_MAX, "%Y-%m-%d %H:%M", &then);
	else if (then.tm_yday != today.tm_yday)
		(void)strftime(buf, STAMP_TEXT_MAX, "%b %e %H:%M", &then);
	else
		(void)strftime(buf, STAMP_TEXT_MAX, "%H:%M:%S", &then);
	return buf;
}
