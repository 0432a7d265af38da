/* What became of a task, as a terminal shows it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/report.h"

#define UUID "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define CROSS "\xe2\x9c\x97"

static char *shown(const struct report *report, size_t columns, bool color)
{
	struct buf out = { 0 };

	report_add(&out, report, columns, color);
	return buf_steal(&out);
}

static struct report failure(void)
{
	return (struct report){
		.time = "14:32:05",
		.look = &event_types[EVENT_FAILURE],
		.name = "embed-knowledge-base",
		.word = "failure",
		.bucket = "knowledge-base",
		.span = "2m 3s",
		.id = UUID,
		.reason = "1 of 9 files failed: a.pdf: it is encrypted",
	};
}

static void wide(void **state)
{
	struct report report = failure();
	cleanup_free char *text = shown(&report, 120, false);

	(void)state;
	assert_string_equal(text, "14:32:05 " CROSS " embed-knowledge-base  failure  "
				  "knowledge-base  2m 3s  " UUID "\n"
				  "           1 of 9 files failed: a.pdf: it is encrypted\n");
}

static void of_eighty_columns(void **state)
{
	struct report report = failure();
	cleanup_free char *text = shown(&report, 80, false);

	(void)state;
	assert_string_equal(text,
		"14:32:05 " CROSS " embed-knowledge-base  failure  knowledge-base  2m 3s\n"
		"           " UUID "\n"
		"           1 of 9 files failed: a.pdf: it is encrypted\n");
}

static void of_forty_columns(void **state)
{
	struct report report = failure();
	cleanup_free char *text = shown(&report, 40, false);

	(void)state;
	assert_string_equal(text, "14:32:05 " CROSS " embed-knowledge-base  failure\n"
				  "           knowledge-base  2m 3s\n"
				  "    " UUID "\n"
				  "           1 of 9 files failed: a.pdf:\n"
				  "           it is encrypted\n");
}

static void of_a_long_reason_the_first_lines_are_shown(void **state)
{
	struct report report = failure();
	cleanup_free char *text = NULL;

	(void)state;
	report.id = NULL;
	report.reason = "6 of 6 files failed: product-manuals/823-1.csv: Could not extract text: "
			"the PDF is encrypted; product-manuals/553-2.csv: Unsupported file type";
	text = shown(&report, 80, false);
	assert_string_equal(text,
		"14:32:05 " CROSS " embed-knowledge-base  failure  knowledge-base  2m 3s\n"
		"           6 of 6 files failed: product-manuals/823-1.csv: Could not extract\n"
		"           text: the PDF is encrypted; product-manuals/553-2.csv: "
		"Unsupported\xe2\x80\xa6\n");
}

static void a_long_name_is_cut_and_leaves_room_for_the_status(void **state)
{
	struct report report = failure();
	cleanup_free char *text = NULL;

	(void)state;
	report.name = "a name that goes on and on and on and on and on and on and on and on";
	report.reason = NULL;
	text = shown(&report, 60, false);
	assert_string_equal(text,
		"14:32:05 " CROSS " a name that goes on and on and on and o\xe2\x80\xa6  failure\n"
		"           knowledge-base  2m 3s\n"
		"           " UUID "\n");
}

static void without_a_name_the_id_stands_first(void **state)
{
	struct report report = failure();
	cleanup_free char *text = NULL;

	(void)state;
	report.name = NULL;
	report.reason = NULL;
	text = shown(&report, 80, false);
	assert_string_equal(text, "14:32:05 " CROSS " " UUID "  failure  knowledge-base  2m 3s\n");
	free(text);
	text = shown(&report, 40, false);
	assert_string_equal(text, "14:32:05 " CROSS " failure  knowledge-base\n"
				  "           2m 3s\n"
				  "    " UUID "\n");
}

static void of_the_monitor_itself(void **state)
{
	const struct report report = {
		.look = &event_types[EVENT_SOURCE_UP],
		.name = "telnyx",
		.word = "source_up",
	};
	cleanup_free char *text = shown(&report, 80, true);

	(void)state;
	assert_string_equal(text, "\033[32m\xe2\x9c\x93\033[0m telnyx  \033[32msource_up\033[0m\n");
}

/* with all that may be missing or odd */
static void no_line_is_wider_than_the_terminal(void **state)
{
	static const char *const texts[] = { NULL, "", "plain", "\033[2J\nhostile",
		"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
		"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
		"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww",
		"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae\xe9\x95\xb7\xe3\x81\x84\xe5\x90"
		"\x8d\xe5\x89\x8d"
		"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae\xe9\x95\xb7\xe3\x81\x84\xe5\x90"
		"\x8d\xe5\x89\x8d" };
	static const char *const times[] = { NULL, "14:32:05", "2025-11-30 14:32" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts) * ARRAY_LEN(times); i++)
		for (size_t columns = 40; columns <= 200; columns++) {
			const char *odd = texts[i / ARRAY_LEN(times)];
			const struct report report = {
				.time = times[i % ARRAY_LEN(times)],
				.look = &event_types[EVENT_PARTIAL_SUCCESS],
				.name = odd,
				.word = odd != NULL && *odd != '\0' ? odd : "partial_success",
				.bucket = odd,
				.span = "23h 59m",
				.source = odd,
				.id = UUID,
				.reason = odd,
			};
			cleanup_free char *text = shown(&report, columns, false);

			assert_non_null(strstr(text, UUID));
			for (const char *at = text; *at != '\0';) {
				size_t len = strcspn(at, "\n");
				cleanup_free char *line = mem_strndup(at, len);

				assert_true(text_width(line) <= columns);
				at += len + 1;
			}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wide),
		cmocka_unit_test(of_eighty_columns),
		cmocka_unit_test(of_forty_columns),
		cmocka_unit_test(of_a_long_reason_the_first_lines_are_shown),
		cmocka_unit_test(a_long_name_is_cut_and_leaves_room_for_the_status),
		cmocka_unit_test(without_a_name_the_id_stands_first),
		cmocka_unit_test(of_the_monitor_itself),
		cmocka_unit_test(no_line_is_wider_than_the_terminal),
	};

	if (setenv("LC_ALL", "C.UTF-8", 1) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
