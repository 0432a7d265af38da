#include "cli/dedup.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/out.h"

#define LINES_HELD 1024
#define LINES_SLOTS 2048 /* a power of two, so that a look-up stays short with all lines held */
#define LINES_BYTES (256 * 1024)
#define LINES_SOURCES 64 /* sources past these count as one when it is asked what was written */

struct line {
	struct hash hash; /* of the id */
	size_t source;
	size_t start; /* in the text */
	size_t len; /* with the newline; 0: dropped */
};

struct dedup {
	struct hash_key key;
	struct buf text;
	struct line items[LINES_HELD];
	size_t count;
	size_t dropped;
	uint16_t slots[LINES_SLOTS]; /* index into items + 1, by hash; 0: free */
	uint64_t written; /* bits of the sources of which something was written */
};

struct dedup *dedup_new(const struct hash_key *key)
{
	struct dedup *lines = mem_alloc(sizeof(*lines));

	lines->key = *key;
	return lines;
}

void dedup_free(struct dedup *lines)
{
	if (lines == NULL)
		return;
	buf_done(&lines->text);
	free(lines);
}

static void line_drop(struct dedup *lines, struct line *line)
{
	lines->dropped += line->len != 0;
	line->len = 0;
}

static uint64_t source_bit(size_t source)
{
	return UINT64_C(1) << (source < LINES_SOURCES ? source : LINES_SOURCES - 1);
}

/* the slot of this id: it names the line that is held, or is free */
static uint16_t *slot_find(struct dedup *lines, size_t source, struct hash hash)
{
	size_t i = (size_t)(hash.lo ^ source) % LINES_SLOTS;

	for (;; i = (i + 1) % LINES_SLOTS) {
		uint16_t slot = lines->slots[i];
		const struct line *line = &lines->items[slot - (slot != 0)];

		if (slot == 0 || (line->source == source && line->hash.lo == hash.lo &&
					 line->hash.hi == hash.hi))
			return &lines->slots[i];
	}
}

struct buf *dedup_begin(struct dedup *lines)
{
	if (lines->count == LINES_HELD || lines->text.len >= LINES_BYTES)
		dedup_write(lines);
	lines->items[lines->count].start = lines->text.len;
	return &lines->text;
}

void dedup_end(struct dedup *lines, size_t source, const char *id)
{
	struct line *line = &lines->items[lines->count];
	uint16_t *slot;

	(void)buf_add_char(&lines->text, '\n');
	line->hash = hash_bytes(&lines->key, id, strlen(id));
	line->source = source;
	line->len = lines->text.len - line->start;
	slot = slot_find(lines, source, line->hash);
	if (*slot != 0)
		line_drop(lines, &lines->items[*slot - 1]);
	*slot = (uint16_t)++lines->count;
}

bool dedup_forget(struct dedup *lines, size_t source)
{
	if ((lines->written & source_bit(source)) != 0)
		return false;
	for (size_t i = 0; i < lines->count; i++)
		if (lines->items[i].source == source)
			line_drop(lines, &lines->items[i]);
	return true;
}

void dedup_write(struct dedup *lines)
{
	if (lines->dropped == 0)
		out_bytes(buf_text(&lines->text), lines->text.len);
	for (size_t i = 0; i < lines->count; i++) {
		const struct line *line = &lines->items[i];

		if (line->len == 0)
			continue;
		lines->written |= source_bit(line->source);
		if (lines->dropped != 0)
			out_bytes(buf_text(&lines->text) + line->start, line->len);
	}
	lines->count = 0;
	lines->dropped = 0;
	buf_clear(&lines->text);
	memset(lines->slots, 0, sizeof(lines->slots));
}
