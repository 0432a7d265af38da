/*
 * A document fed whole and fed in pieces is the same document: the same verdict, the same elements,
 * equally plain, the same envelope, which is valid by itself. So is it when every other element is
 * known from before. The first two bytes of the input choose the pieces.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "json/frame.h"

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

/* what one reading handed out: each element behind its length */
struct memory {
	struct buf elements;
	size_t at; /* of the next one that is expected */
	size_t known;
};

static bool keep(void *arg, const char *bytes, size_t len, const struct flat *flat, struct err *err)
{
	struct memory *memory = arg;

	(void)flat;
	(void)err;
	(void)buf_add(&memory->elements, &len, sizeof(len));
	(void)buf_add(&memory->elements, bytes, len);
	return true;
}

/* the element must be the next one, and is known when its length is even */
static size_t recall(void *arg, const char *bytes, size_t len)
{
	struct memory *memory = arg;
	size_t next;

	if (memory->at == memory->elements.len)
		return 0;
	memcpy(&next, memory->elements.data + memory->at, sizeof(next));
	if (next > len ||
		memcmp(bytes, memory->elements.data + memory->at + sizeof(next), next) != 0)
		abort();
	memory->at += sizeof(next) + next;
	memory->known += next % 2 == 0;
	return next % 2 == 0 ? next : 0;
}

static bool count(
	void *arg, const char *bytes, size_t len, const struct flat *flat, struct err *err)
{
	struct memory *memory = arg;

	(void)bytes;
	(void)flat;
	(void)err;
	if (len % 2 == 0 && memory->at < memory->elements.len)
		abort();
	return true;
}

static bool read_whole(
	const uint8_t *data, size_t size, const struct frame_taker *taker, struct err *err)
{
	struct frame *frame = frame_new("data", taker);
	bool good = frame_feed(frame, (const char *)data, size, err) && frame_end(frame, err);

	frame_free(frame);
	return good;
}

static void read_twice(const uint8_t *data, size_t size)
{
	struct memory memory = { 0 };
	struct frame_taker first = { .element = keep, .arg = &memory };
	struct frame_taker again = { .known = recall, .element = count, .arg = &memory };
	struct err errs[2] = { { 0 }, { 0 } };

	if (read_whole(data, size, &first, &errs[0]) != read_whole(data, size, &again, &errs[1]) ||
		strcmp(errs[0].text, errs[1].text) != 0 || memory.at != memory.elements.len)
		abort();
	buf_done(&memory.elements);
}

static bool split(
	const uint8_t *data, size_t size, uint32_t pieces, struct buf *seen, struct err *err)
{
	struct frame_taker taker = { .element = take, .arg = seen };
	struct frame *frame = frame_new("data", &taker);
	const struct buf *envelope;
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
	envelope = frame_envelope(frame);
	if (good && (envelope == NULL || !frame_check(envelope->data, envelope->len, err)))
		abort();
	if (envelope != NULL)
		(void)buf_add(seen, envelope->data, envelope->len);
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
	read_twice(data + 2, size - 2);
	return 0;
}
