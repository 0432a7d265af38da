/* Header lines of a hostile server: whatever they are, what is kept of them is in range and
 * printable. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/stamp.h"
#include "core/response_headers.h"
#include "core/retry_after.h"

#define WALL_MS INT64_C(1700000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct response_headers *head)
{
	static const long statuses[] = { 200, 429, 503 };
	size_t len = strnlen(head->request_id, sizeof(head->request_id));

	if (len == sizeof(head->request_id))
		abort();
	for (size_t i = 0; i < len; i++)
		if (head->request_id[i] < ' ' || head->request_id[i] > '~')
			abort();
	for (size_t i = 0; i < 3; i++) {
		int64_t wait = retry_after_wait(&head->retry, statuses[i]);

		if (wait != -1 && (statuses[i] == 200 || wait < RETRY_WAIT_MIN_MS ||
					  wait > RETRY_WAIT_MAX_MS))
			abort();
	}
	if (head->date_us != STAMP_NONE && (head->date_us < INT64_C(-62200000000000000) ||
						   head->date_us > INT64_C(253500000000000000)))
		abort();
}

/* each line in a buffer of its own, without a NUL behind it, as libcurl may hand it over */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct response_headers head;

	response_headers_start(&head);
	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end != NULL ? (size_t)(end - data) + 1 : size;
		char *line = malloc(len);

		if (line == NULL)
			abort();
		memcpy(line, data, len);
		response_headers_line(&head, line, len, WALL_MS);
		free(line);
		check(&head);
		data += len;
		size -= len;
	}
	return 0;
}
