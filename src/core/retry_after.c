#include "core/retry_after.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/stamp.h"

/* more seconds than any server means: arithmetic on them stays far from overflow */
#define SECONDS_MAX 1000000000000
/* a reset is documented both as seconds from now and as Unix time; no wait is 30 years */
#define RESET_EPOCH_MIN 1000000000

#define DATE_FIXED_LEN 29
/* bytes of a number in a header that has several */
#define NUMBER_MAX 32

/* digits with an optional fraction, times `scale`; a sign, a unit or anything else is no number */
static bool decimal_parse(const char *text, int64_t scale, int64_t *ret)
{
	int64_t whole = 0;
	int64_t part = 0;

	if (!isdigit((unsigned char)*text))
		return false;
	for (; isdigit((unsigned char)*text); text++)
		if (whole < SECONDS_MAX)
			whole = whole * 10 + (*text - '0');
	if (*text == '.') {
		int64_t place = scale;

		while (isdigit((unsigned char)*++text)) {
			place /= 10;
			part += (*text - '0') * place;
		}
	}
	*ret = whole * scale + part;
	return *text == '\0';
}

/* splits a date at blanks, commas and dashes, in place, into at most `max` words; 0 when there are
 * more */
static size_t date_words(char *text, char **words, size_t max)
{
	static const char between[] = " ,-";
	size_t count = 0;

	for (text += strspn(text, between); *text != '\0'; text += strspn(text, between)) {
		if (count == max)
			return 0;
		words[count++] = text;
		text += strcspn(text, between);
		if (*text != '\0')
			*text++ = '\0';
	}
	return count;
}

static int month_number(const char *word)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec" };

	for (int i = 0; i < 12; i++)
		if (strcasecmp(word, months[i]) == 0)
			return i + 1;
	return 0;
}

/* two digits of a year, as old servers write it, are those of 1970 to 2069 */
static const char *century(const char *year)
{
	if (strlen(year) != 2)
		return "";
	return year[0] < '7' ? "20" : "19";
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", as every answer has it: its parts stand where they stand */
static bool date_fixed(const char *text, int64_t *ret_us)
{
	char rfc3339[] = "YYYY-MM-DDThh:mm:ssZ";
	char month_name[] = { text[8], text[9], text[10], '\0' };
	int month = month_number(month_name);

	if (strcspn(text, " ,-") != 3 || memcmp(text + 3, ", ", 2) != 0 || text[7] != ' ' ||
		text[11] != ' ' || text[16] != ' ' || strcmp(text + 25, " GMT") != 0 || month == 0)
		return false;
	memcpy(rfc3339, text + 12, 4);
	rfc3339[5] = (char)('0' + month / 10);
	rfc3339[6] = (char)('0' + month % 10);
	memcpy(rfc3339 + 8, text + 5, 2);
	memcpy(rfc3339 + 11, text + 17, 8);
	return stamp_parse(rfc3339, ret_us);
}

bool http_date_parse(const char *text, int64_t *ret_us)
{
	char copy[64];
	char rfc3339[80];
	char *w[6];
	size_t count;
	bool asctime; /* Sun Nov  6 08:49:37 1994, else Sun, 06 Nov 1994 or Sunday, 06-Nov-94 */
	const char *day;
	const char *year;

	if (strlen(text) == DATE_FIXED_LEN && date_fixed(text, ret_us))
		return true;
	if (strlen(text) >= sizeof(copy))
		return false;
	memcpy(copy, text, strlen(text) + 1);
	count = date_words(copy, w, 6);
	asctime = count == 5;
	if (!asctime && (count != 6 || strcasecmp(w[5], "GMT") != 0))
		return false;
	day = asctime ? w[2] : w[1];
	year = asctime ? w[4] : w[3];
	(void)snprintf(rfc3339, sizeof(rfc3339), "%s%s-%02d-%s%sT%sZ", century(year), year,
		month_number(asctime ? w[1] : w[2]), strlen(day) == 1 ? "0" : "", day,
		asctime ? w[3] : w[4]);
	return stamp_parse(rfc3339, ret_us);
}

static void read_after(struct retry_after *retry, const char *value)
{
	int64_t number;

	if (decimal_parse(value, 1000, &number))
		retry->after = (struct retry_moment){ number, false };
	else if (http_date_parse(value, &number))
		retry->after = (struct retry_moment){ number > 0 ? number / 1000 : 0, true };
}

static void read_reset(struct retry_moment *time, const char *value)
{
	int64_t number;

	if (decimal_parse(value, 1000, &number))
		*time = (struct retry_moment){ number, number > RESET_EPOCH_MIN * INT64_C(1000) };
}

/* "0", also where windows follow as in "0, 5;w=1" */
static bool is_zero(const char *value)
{
	size_t len = strspn(value, "0");

	return len != 0 && (value[len] == '\0' || strchr(" ,;", value[len]) != NULL);
}

/* the value of a parameter, up to what ends it, in `copy`; false: there is none, or it is longer */
static bool parameter(const char *text, const char *name, char copy[NUMBER_MAX])
{
	static const char between[] = " ,;";
	size_t name_len = strlen(name);

	for (text += strspn(text, between); *text != '\0'; text += strspn(text, between)) {
		size_t len = strcspn(text, between);

		if (len > name_len && text[name_len] == '=' && len - name_len - 1 < NUMBER_MAX &&
			strncasecmp(text, name, name_len) == 0) {
			memcpy(copy, text + name_len + 1, len - name_len - 1);
			copy[len - name_len - 1] = '\0';
			return true;
		}
		text += len;
	}
	return false;
}

/* `limit=9, remaining=0, reset=5`, as the draft had it, or `"name";r=0;t=5`; the first of several
 */
static void read_ratelimit(struct retry_after *retry, const char *value)
{
	char number[NUMBER_MAX];

	if (parameter(value, "t", number) || parameter(value, "reset", number))
		read_reset(&retry->draft, number);
	if (parameter(value, "r", number) || parameter(value, "remaining", number))
		retry->spent = retry->spent || is_zero(number);
}

void retry_after_header(
	struct retry_after *retry, const char *name, const char *value, int64_t wall_ms)
{
	int64_t number;

	if (strcasecmp(name, "date") == 0) {
		int64_t us;

		retry->now_said = http_date_parse(value, &us);
		if (retry->now_said)
			retry->now_ms = us / 1000;
	}
	if (!retry->now_said)
		retry->now_ms = wall_ms;
	if (strcasecmp(name, "retry-after-ms") == 0) {
		if (decimal_parse(value, 1, &number))
			retry->after_ms = number;
	} else if (strcasecmp(name, "retry-after") == 0) {
		read_after(retry, value);
	} else if (strcasecmp(name, "x-ratelimit-reset") == 0) {
		read_reset(&retry->reset, value);
	} else if (strcasecmp(name, "ratelimit-reset") == 0) {
		read_reset(&retry->draft, value);
	} else if (strcasecmp(name, "ratelimit") == 0) {
		read_ratelimit(retry, value);
	} else if (strcasecmp(name, "x-ratelimit-remaining") == 0 ||
		   strcasecmp(name, "ratelimit-remaining") == 0) {
		retry->spent = retry->spent || is_zero(value);
	} else if (strcasecmp(name, "x-should-retry") == 0) {
		if (strcasecmp(value, "true") == 0)
			retry->word = RETRY_YES;
		else if (strcasecmp(value, "false") == 0)
			retry->word = RETRY_NO;
	}
}

bool http_status_passes(long status)
{
	return status == 408 || status == 409 || status == 429 || (status >= 500 && status <= 599);
}

bool retry_after_worth(const struct retry_after *retry, long status)
{
	return retry->word != RETRY_UNSAID ? retry->word == RETRY_YES : http_status_passes(status);
}

bool retry_after_limited(const struct retry_after *retry)
{
	return retry->spent || retry->after_ms >= 0 || retry->after.ms >= 0 ||
	       retry->word == RETRY_YES;
}

/* a moment in the past gives 0, and -1 stays -1 */
static int64_t from_now(const struct retry_after *retry, struct retry_moment time)
{
	if (!time.dated)
		return time.ms;
	return time.ms > retry->now_ms ? time.ms - retry->now_ms : 0;
}

int64_t retry_after_wait(const struct retry_after *retry, long status)
{
	int64_t wait = retry->after_ms;

	if (status != 429 && status != 503)
		return -1;
	if (wait < 0)
		wait = from_now(retry, retry->after);
	if (wait < 0)
		wait = from_now(retry, retry->reset);
	if (wait < 0)
		wait = from_now(retry, retry->draft);
	if (wait < 0)
		return -1;
	if (wait < RETRY_WAIT_MIN_MS)
		return RETRY_WAIT_MIN_MS;
	return wait < RETRY_WAIT_MAX_MS ? wait : RETRY_WAIT_MAX_MS;
}
