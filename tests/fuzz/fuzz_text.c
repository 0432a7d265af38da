/* Small texts that people and servers write: what is read is written back the same, nothing is read
 * past its end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/stamp.h"

#define TEXT_MAX 80

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void durations(const char *text)
{
	char written[PARSE_DURATION_MAX];
	int64_t ms;
	int64_t back;

	if (!parse_duration(text, &ms))
		return;
	check(ms >= 0);
	check(parse_duration(duration_text(ms, written), &back) && back == ms);
}

static void stamps(const char *text)
{
	char written[STAMP_TEXT_MAX];
	int64_t us;
	int64_t back;

	if (!stamp_parse(text, &us))
		return;
	check(us != STAMP_NONE);
	check(strlen(stamp_text(us, written)) < STAMP_TEXT_MAX);
	/* an offset can lead out of the years that are written with four digits */
	if (us >= INT64_C(-62135596800000000) && us < INT64_C(253402300800000000))
		check(stamp_parse(written, &back) && back == us);
	check(strlen(stamp_text_ms(us / 1000, written)) < STAMP_TEXT_MAX);
}

static void numbers(const char *text)
{
	int64_t value;
	int from;
	int to;

	if (parse_int(text, -100, 100, &value))
		check(value >= -100 && value <= 100);
	if (parse_day_span(text, &from, &to))
		check(from >= 0 && from < 1440 && to >= 0 && to < 1440 && from != to);
}

/* two texts, the second after the first newline */
static void pairs(char *text)
{
	char *second = strchr(text, '\n');
	size_t distance;

	if (second == NULL)
		return;
	*second++ = '\0';
	(void)glob_match(text, second);
	check(glob_match("*", second));
	distance = parse_distance(text, second, 3);
	check(distance <= 4 && distance == parse_distance(second, text, 3));
	check(strlen(text) > 64 || strlen(second) > 64 ||
		(distance == 0) == (strcmp(text, second) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text =
		mem_strndup((const char *)data, size < TEXT_MAX ? size : TEXT_MAX);

	durations(text);
	stamps(text);
	numbers(text);
	pairs(text);
	return 0;
}
