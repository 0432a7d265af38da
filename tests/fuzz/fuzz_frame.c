/*
 * A document fed whole and fed in pieces is the same document: the same verdict, the same elements,
 * equally plain. The first two bytes of the input choose the pieces.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "core/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool take(void *arg, const char *bytes, size_t len, const struct flat *flat, struct err *err)
{
	struct buf *seen = arg;

	if (!frame_check(bytes, len, err))
		abort();
	(void)buf_add(seen, bytes, len);
	(void)buf_add_char(seen, flat != NULL ? '+' : '-');
	for (size_t i = 0; flat != NULL && i < flat->count; i++) {
		const struct flat_member *member = &flat->members[i];

		(void)buf_add(seen, member->name, member->name_len);
		(void)buf_add(seen, member->text != NULL ? member->text : "", member->text_len);
	}
	return true;
}

static bool split(
	const uint8_t *data, size_t size, uint32_t pieces, struct buf *seen, struct err *err)
{
	struct frame_taker taker = { take, seen };
	struct frame *frame = frame_new("data", &taker);
	bool good = true;

	for (size_t at = 0; at < size && good;) {
		size_t len = pieces != 0 ? (pieces >> 16) % 9 + 1 : size;
		char *copy;

		if (len > size - at)
			len = size - at;
		/* of exact size, so that reading past a piece is found */
		copy = mem_resize(NULL, len, 1);
		memcpy(copy, data + at, len);
		good = frame_feed(frame, copy, len, err);
		free(copy);
		at += len;
		pieces = pieces * 1103515245U + 12345U;
	}
	good = good && frame_end(frame, err);
	frame_free(frame);
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = { 0 };
	struct buf parts = { 0 };
	struct err whole_err = { 0 };
	struct err parts_err = { 0 };
	uint32_t pieces;

	if (size < 2)
		return 0;
	pieces = (uint32_t)data[0] << 8 | data[1] | 0x10000U;
	if (split(data + 2, size - 2, 0, &whole, &whole_err) !=
			split(data + 2, size - 2, pieces, &parts, &parts_err) ||
		strcmp(whole_err.text, parts_err.text) != 0)
		abort();
	if (whole.len != parts.len || memcmp(buf_text(&whole), buf_text(&parts), whole.len) != 0)
		abort();
	buf_done(&whole);
	buf_done(&parts);
	return 0;
}
