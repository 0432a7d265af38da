#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "json/frame_private.h"
#include "json/scan.h"

const char *frame_fail(struct frame *frame, const char *p, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)err_set(&frame->fault, ERR_PROTOCOL, "%s (at byte %llu)", text,
		(unsigned long long)frame->before + (unsigned long long)(p - frame->piece));
	return NULL;
}

static const char *read_unwanted(struct frame *frame, const char *p)
{
	static const char *const wanted[] = {
#define STATE_WANTED(name, reader, blanks, text) [STATE_##name] = (text),
		FRAME_STATES(STATE_WANTED)
#undef STATE_WANTED
	};
	unsigned char c = (unsigned char)*p;

	return frame_fail(frame, p,
		c > 0x20 && c < 0x7f ? "the answer is not valid JSON: %s expected, not '%c'"
				     : "the answer is not valid JSON: %s expected, not byte 0x%02x",
		wanted[frame->state], c);
}

static void value_done(struct frame *frame)
{
	frame->state = frame->depth == 0 ? STATE_END : STATE_NEXT;
}

static const char *level_open(struct frame *frame, const char *p)
{
	if (frame->depth == FRAME_DEPTH_MAX)
		return frame_fail(
			frame, p, "the answer is nested deeper than %d levels", FRAME_DEPTH_MAX);
	frame->depth++;
	frame->objects = frame->objects << 1 | (*p == '{');
	frame->state = *p == '{' ? STATE_FIRST_NAME : STATE_FIRST_VALUE;
	return p + 1;
}

static const char *level_close(struct frame *frame, const char *p)
{
	if (*p != ((frame->objects & 1) != 0 ? '}' : ']'))
		return read_unwanted(frame, p);
	frame->depth--;
	frame->objects >>= 1;
	value_done(frame);
	if (frame->element != NULL && frame->depth == 2)
		return element_close(frame, p + 1);
	if (frame->seen == MEMBER_OPEN && frame->depth == 1) {
		frame->seen = MEMBER_CLOSED;
		frame->outside = p;
	}
	return p + 1;
}

/* what stands before and after the elements; of one that is too long nothing is known */
static void envelope_add(struct frame *frame, const char *p)
{
	if (frame->member != NULL && !frame->envelope_long)
		frame->envelope_long =
			!buf_add(&frame->envelope, frame->outside, (size_t)(p - frame->outside));
}

/* what stands at the top has to have the right shape; what the wanted member holds is judged at the
 * end, where it is known what else the answer says */
static const char *shape_check(struct frame *frame, const char *p)
{
	if (frame->member == NULL)
		return p;
	if (frame->depth == 0 && *p != '{')
		return frame_fail(frame, p,
			"the answer is JSON, but not an object with a list \"%s\"", frame->member);
	if (frame->depth != 1 || frame->seen != MEMBER_NAMED)
		return p;
	frame->seen = *p == '[' ? MEMBER_OPEN : MEMBER_ODD;
	if (frame->seen == MEMBER_OPEN)
		envelope_add(frame, p + 1);
	return p;
}

static const char *string_open(struct frame *frame, const char *p, bool name)
{
	frame->name = name;
	frame->matched = name && frame->depth == 1 && frame->member != NULL ? 0 : NO_MATCH;
	frame->state = STATE_STRING;
	return p + 1;
}

static const char *literal_open(struct frame *frame, const char *p)
{
	frame->word = *p == 't' ? "rue" : *p == 'f' ? "alse" : "ull";
	frame->state = STATE_WORD;
	return p + 1;
}

static const char *number_open(struct frame *frame, const char *p)
{
	frame->number = number_next(NUMBER_BEGIN, *p);
	frame->state = STATE_NUMBER;
	return p + 1;
}

static const char *read_value(struct frame *frame, const char *p)
{
	if (*p == '\0' || strchr("\"{[tfn-0123456789", *p) == NULL)
		return read_unwanted(frame, p);
	if (shape_check(frame, p) == NULL)
		return NULL;
	if (frame->seen == MEMBER_OPEN && frame->depth == 2) {
		const char *next = element_open(frame, p);

		if (next != p)
			return next;
	}
	switch (*p) {
	case '"':
		return string_open(frame, p, false);
	case '{':
	case '[':
		return level_open(frame, p);
	case 't':
	case 'f':
	case 'n':
		return literal_open(frame, p);
	default:
		return number_open(frame, p);
	}
}

static const char *read_first_value(struct frame *frame, const char *p)
{
	return *p == ']' ? level_close(frame, p) : read_value(frame, p);
}

/* HTML is a captive portal or a proxy that answers, which JSON's grammar does not explain */
static const char *read_start(struct frame *frame, const char *p)
{
	p = scan_blanks(p, frame->end);
	if (p == frame->end)
		return p;
	if (*p == '<')
		return frame_fail(frame, p,
			"the answer is a page, not JSON: check base_url, and the proxy between");
	if (*p == '\xef' && frame->before + (uint64_t)(p - frame->piece) == 0) {
		frame->word = "\xbb\xbf";
		frame->state = STATE_BOM;
		return p + 1;
	}
	frame->state = STATE_VALUE;
	return p;
}

static const char *read_bom(struct frame *frame, const char *p)
{
	if (*p != *frame->word)
		return read_unwanted(frame, p);
	if (*++frame->word == '\0')
		frame->state = STATE_VALUE;
	return p + 1;
}

static const char *read_name(struct frame *frame, const char *p)
{
	return *p == '"' ? string_open(frame, p, true) : read_unwanted(frame, p);
}

static const char *read_first_name(struct frame *frame, const char *p)
{
	return *p == '}' ? level_close(frame, p) : read_name(frame, p);
}

static const char *read_colon(struct frame *frame, const char *p)
{
	if (*p != ':')
		return read_unwanted(frame, p);
	frame->state = STATE_VALUE;
	return p + 1;
}

static const char *read_next(struct frame *frame, const char *p)
{
	if (*p != ',')
		return level_close(frame, p);
	frame->state = (frame->objects & 1) != 0 ? STATE_NAME : STATE_VALUE;
	return p + 1;
}

/* names may be written with escapes, so that they are compared as they are decoded */
static void match_name(struct frame *frame, const char *bytes, size_t len)
{
	if (frame->matched == NO_MATCH)
		return;
	if (len <= frame->member_len - frame->matched &&
		memcmp(frame->member + frame->matched, bytes, len) == 0)
		frame->matched += len;
	else
		frame->matched = NO_MATCH;
}

static const char *string_close(struct frame *frame, const char *p)
{
	if (!frame->name) {
		value_done(frame);
		return p + 1;
	}
	frame->state = STATE_COLON;
	if (frame->matched == frame->member_len) {
		if (frame->seen != MEMBER_UNSEEN)
			return frame_fail(frame, p, "the answer has \"%s\" twice", frame->member);
		frame->seen = MEMBER_NAMED;
	}
	return p + 1;
}

static const char *read_string(struct frame *frame, const char *p)
{
	const char *stop = scan_string(p, frame->end);

	match_name(frame, p, (size_t)(stop - p));
	if (stop == frame->end)
		return stop;
	if (*stop == '"')
		return string_close(frame, stop);
	if (*stop != '\\')
		return read_unwanted(frame, stop);
	frame->escape = (struct escape){ 0 };
	frame->state = STATE_ESCAPE;
	return stop + 1;
}

static const char *read_escape(struct frame *frame, const char *p)
{
	enum escape_state state = escape_next(&frame->escape, *p);

	if (state == ESCAPE_BAD)
		return read_unwanted(frame, p);
	if (state == ESCAPE_WHOLE) {
		char c = (char)frame->escape.code;

		/* `member` is ASCII */
		if (frame->escape.code < 0x80)
			match_name(frame, &c, 1);
		else
			frame->matched = NO_MATCH;
		frame->state = STATE_STRING;
	}
	return p + 1;
}

static const char *read_word(struct frame *frame, const char *p)
{
	if (*p != *frame->word)
		return read_unwanted(frame, p);
	if (*++frame->word == '\0')
		value_done(frame);
	return p + 1;
}

/* a number ends with the first byte that does not belong to it, which is left for the next state */
static const char *read_number(struct frame *frame, const char *p)
{
	enum number_state next = number_next(frame->number, *p);

	if (next != NUMBER_NONE) {
		frame->number = next;
		return p + 1;
	}
	if (!number_whole(frame->number))
		return read_unwanted(frame, p);
	value_done(frame);
	return p;
}

/* reads on at `p`, before the end; returns where the next step begins, NULL on a fault */
static const char *frame_step(struct frame *frame, const char *p)
{
	static const struct {
		bool blanks;
		const char *(*read)(struct frame *frame, const char *p);
	} rows[] = {
#define STATE_ROW(name, reader, blanks, wanted) [STATE_##name] = { (blanks), read_##reader },
		FRAME_STATES(STATE_ROW)
#undef STATE_ROW
	};

	if (rows[frame->state].blanks)
		p = scan_blanks(p, frame->end);
	return p < frame->end ? rows[frame->state].read(frame, p) : p;
}

static void frame_read(struct frame *frame, const char *bytes, size_t len)
{
	const char *p = bytes;

	frame->piece = bytes;
	frame->end = bytes + len;
	frame->outside = bytes;
	if (frame->element != NULL)
		frame->element = bytes;
	if (len > FRAME_DOCUMENT_MAX - frame->before)
		p = frame_fail(frame, bytes, "the answer is longer than 1 GiB");
	while (p != NULL && p < frame->end)
		p = frame_step(frame, p);
	if (p != NULL && frame->element != NULL)
		(void)element_spill(frame, p);
	if (p != NULL && frame->seen != MEMBER_OPEN)
		envelope_add(frame, p);
	frame->before += len;
}

bool frame_feed(struct frame *frame, const char *bytes, size_t len, struct err *err)
{
	if (frame->fault.kind == ERR_NONE && len > 0)
		frame_read(frame, bytes, len);
	if (frame->fault.kind == ERR_NONE)
		return true;
	*err = frame->fault;
	return false;
}

bool frame_end(struct frame *frame, struct err *err)
{
	bool number = frame->state == STATE_NUMBER && number_whole(frame->number);

	if (!frame_feed(frame, "", 0, err))
		return false;
	if (frame->state == STATE_START)
		return err_set(err, ERR_PROTOCOL, "the answer is empty");
	if (frame->state != STATE_END && (!number || frame->depth != 0))
		return err_set(err, ERR_PROTOCOL, "the answer was cut off after %llu bytes",
			(unsigned long long)frame->before);
	if (frame->seen == MEMBER_ODD)
		return err_set(
			err, ERR_PROTOCOL, "\"%s\" in the answer is not a list", frame->member);
	if (frame->member != NULL && frame->seen != MEMBER_CLOSED)
		return err_set(err, ERR_PROTOCOL, "the answer is JSON, but has no list \"%s\"",
			frame->member);
	return true;
}

struct frame *frame_new(const char *member, const struct frame_taker *taker)
{
	struct frame *frame = mem_alloc(sizeof(*frame));

	frame->member = member;
	frame->member_len = member != NULL ? strlen(member) : 0;
	if (taker != NULL)
		frame->taker = *taker;
	frame->spill.limit = FRAME_ELEMENT_MAX;
	frame->envelope.limit = FRAME_ENVELOPE_MAX;
	return frame;
}

void frame_free(struct frame *frame)
{
	if (frame == NULL)
		return;
	buf_done(&frame->spill);
	buf_done(&frame->envelope);
	free(frame);
}

const struct buf *frame_envelope(const struct frame *frame)
{
	bool whole = frame->fault.kind == ERR_NONE && frame->state == STATE_END;

	return whole && !frame->envelope_long ? &frame->envelope : NULL;
}

uint64_t frame_elements(const struct frame *frame)
{
	return frame->elements;
}

bool frame_check(const char *bytes, size_t len, struct err *err)
{
	struct frame *frame = frame_new(NULL, NULL);
	bool good = frame_feed(frame, bytes, len, err) && frame_end(frame, err);

	frame_free(frame);
	return good;
}
