/* Strict parsing: the whole text, in range, or nothing. */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* decimal integer within [min, max], nothing before or after it */
bool parse_int(const char *text, int64_t min, int64_t max, int64_t *ret);
/* 0 to 15; -1: no hexadecimal digit */
int parse_hex(char digit);
/* duration as on the command line, `500ms 30s 1.5m 2h 1d`, a plain number is seconds; milliseconds
 */
bool parse_duration(const char *text, int64_t *ret_ms);
/* writes a duration in the largest unit that divides it ("90s", "2h", "0"); returns buf */
#define PARSE_DURATION_MAX 32
const char *duration_text(int64_t ms, char buf[PARSE_DURATION_MAX]);
/* "22:00-07:00": minutes of the day; from and to may not be equal */
bool parse_day_span(const char *text, int *ret_from, int *ret_to);
/* edit distance (insert, delete, replace, swap of neighbours), at most `max` + 1 */
size_t parse_distance(const char *a, const char *b, size_t max);
/* shell glob with * ? [...]; whole text, no special leading dot or slash */
bool glob_match(const char *pattern, const char *text);

#endif
