#include "base/text.h"

#include <string.h>

enum { COLUMN_BYTES = 16 }; /* that a column of a cut text has at most: a letter and its marks */

struct range {
	uint32_t first;
	uint32_t last;
};

/* Unicode 15 EastAsianWidth W and F, and emoji presentation, in ranges that are wide as a whole */
static const struct range wide[] = {
	{ 0x1100, 0x115f },
	{ 0x231a, 0x231b },
	{ 0x2329, 0x232a },
	{ 0x23e9, 0x23ec },
	{ 0x23f0, 0x23f0 },
	{ 0x23f3, 0x23f3 },
	{ 0x25fd, 0x25fe },
	{ 0x2614, 0x2615 },
	{ 0x2648, 0x2653 },
	{ 0x267f, 0x267f },
	{ 0x2693, 0x2693 },
	{ 0x26a1, 0x26a1 },
	{ 0x26aa, 0x26ab },
	{ 0x26bd, 0x26be },
	{ 0x26c4, 0x26c5 },
	{ 0x26ce, 0x26ce },
	{ 0x26d4, 0x26d4 },
	{ 0x26ea, 0x26ea },
	{ 0x26f2, 0x26f3 },
	{ 0x26f5, 0x26f5 },
	{ 0x26fa, 0x26fa },
	{ 0x26fd, 0x26fd },
	{ 0x2705, 0x2705 },
	{ 0x270a, 0x270b },
	{ 0x2728, 0x2728 },
	{ 0x274c, 0x274c },
	{ 0x274e, 0x274e },
	{ 0x2753, 0x2755 },
	{ 0x2757, 0x2757 },
	{ 0x2795, 0x2797 },
	{ 0x27b0, 0x27b0 },
	{ 0x27bf, 0x27bf },
	{ 0x2b1b, 0x2b1c },
	{ 0x2b50, 0x2b50 },
	{ 0x2b55, 0x2b55 },
	{ 0x2e80, 0x303e },
	{ 0x3041, 0x33ff },
	{ 0x3400, 0x4dbf },
	{ 0x4e00, 0x9fff },
	{ 0xa000, 0xa4cf },
	{ 0xa960, 0xa97f },
	{ 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },
	{ 0xfe10, 0xfe19 },
	{ 0xfe30, 0xfe6f },
	{ 0xff01, 0xff60 },
	{ 0xffe0, 0xffe6 },
	{ 0x16fe0, 0x18aff },
	{ 0x1b000, 0x1b2ff },
	{ 0x1f004, 0x1f004 },
	{ 0x1f0cf, 0x1f0cf },
	{ 0x1f18e, 0x1f18e },
	{ 0x1f191, 0x1f19a },
	{ 0x1f200, 0x1f320 },
	{ 0x1f32d, 0x1f335 },
	{ 0x1f337, 0x1f37c },
	{ 0x1f37e, 0x1f393 },
	{ 0x1f3a0, 0x1f3ca },
	{ 0x1f3cf, 0x1f3d3 },
	{ 0x1f3e0, 0x1f3f0 },
	{ 0x1f3f4, 0x1f3f4 },
	{ 0x1f3f8, 0x1f43e },
	{ 0x1f440, 0x1f440 },
	{ 0x1f442, 0x1f4fc },
	{ 0x1f4ff, 0x1f53d },
	{ 0x1f54b, 0x1f54e },
	{ 0x1f550, 0x1f567 },
	{ 0x1f57a, 0x1f57a },
	{ 0x1f595, 0x1f596 },
	{ 0x1f5a4, 0x1f5a4 },
	{ 0x1f5fb, 0x1f64f },
	{ 0x1f680, 0x1f6c5 },
	{ 0x1f6cc, 0x1f6cc },
	{ 0x1f6d0, 0x1f6d2 },
	{ 0x1f6d5, 0x1f6d7 },
	{ 0x1f6dc, 0x1f6df },
	{ 0x1f6eb, 0x1f6ec },
	{ 0x1f6f4, 0x1f6fc },
	{ 0x1f7e0, 0x1f7eb },
	{ 0x1f7f0, 0x1f7f0 },
	{ 0x1f90c, 0x1f93a },
	{ 0x1f93c, 0x1f945 },
	{ 0x1f947, 0x1f9ff },
	{ 0x1fa70, 0x1faff },
	{ 0x20000, 0x3fffd },
};

/*
 * Combining marks, which take no column of their own. Joiners, variation selectors and skin tones
 * are none of them: terminals disagree about those, and a line had better be too short than too
 * long.
 */
static const struct range narrow[] = {
	{ 0x0300, 0x036f },
	{ 0x0483, 0x0489 },
	{ 0x0591, 0x05bd },
	{ 0x05bf, 0x05bf },
	{ 0x05c1, 0x05c2 },
	{ 0x05c4, 0x05c5 },
	{ 0x0610, 0x061a },
	{ 0x064b, 0x065f },
	{ 0x0670, 0x0670 },
	{ 0x06d6, 0x06dc },
	{ 0x06df, 0x06e4 },
	{ 0x06e7, 0x06e8 },
	{ 0x06ea, 0x06ed },
	{ 0x0900, 0x0902 },
	{ 0x093a, 0x093a },
	{ 0x093c, 0x093c },
	{ 0x0941, 0x0948 },
	{ 0x094d, 0x094d },
	{ 0x0951, 0x0957 },
	{ 0x0e31, 0x0e31 },
	{ 0x0e34, 0x0e3a },
	{ 0x0e47, 0x0e4e },
	{ 0x1160, 0x11ff },
	{ 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff },
	{ 0x20d0, 0x20f0 },
	{ 0x302a, 0x302d },
	{ 0x3099, 0x309a },
	{ 0xfe20, 0xfe2f },
	{ 0xe0100, 0xe01ef },
};

/* what may not reach a terminal or a log as it is */
static const struct range deceiving[] = {
	{ 0x0000, 0x001f },
	{ 0x007f, 0x009f },
	{ 0x061c, 0x061c },
	{ 0x200e, 0x200f },
	{ 0x2028, 0x202e },
	{ 0x2066, 0x2069 },
	{ 0xfff9, 0xfffb },
	{ 0xe0000, 0xe007f },
};

static bool in_ranges(uint32_t code, const struct range *ranges, size_t count)
{
	size_t low = 0;
	size_t high = count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (code > ranges[mid].last)
			low = mid + 1;
		else if (code < ranges[mid].first)
			high = mid;
		else
			return true;
	}
	return false;
}

size_t text_cut(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	for (int i = 0; i < 3 && max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80; i++)
		max--;
	return max;
}

bool text_deceives(uint32_t code)
{
	return in_ranges(code, deceiving, ARRAY_LEN(deceiving));
}

size_t text_decode(const char *bytes, size_t len, uint32_t *ret_code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)bytes;
	size_t need = p[0] < 0x80       ? 1
		      : p[0] >> 5 == 6  ? 2
		      : p[0] >> 4 == 14 ? 3
		      : p[0] >> 3 == 30 ? 4
					: 0;
	uint32_t code;

	if (need == 0 || need > len)
		return 0;
	code = need == 1 ? p[0] : p[0] & (0x7fU >> need);
	for (size_t i = 1; i < need; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		code = code << 6 | (p[i] & 0x3fU);
	}
	if (code < least[need] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return need;
}

static size_t code_width(uint32_t code)
{
	if (code < 0x300)
		return 1;
	if (in_ranges(code, narrow, ARRAY_LEN(narrow)))
		return 0;
	return in_ranges(code, wide, ARRAY_LEN(wide)) ? 2 : 1;
}

static size_t span_width(const char *text, size_t len)
{
	size_t columns = 0;

	while (len > 0) {
		uint32_t code;
		size_t took = text_decode(text, len, &code);

		columns += took != 0 ? code_width(code) : 1;
		took = took != 0 ? took : 1;
		text += took;
		len -= took;
	}
	return columns;
}

size_t text_width(const char *text)
{
	return span_width(text, strlen(text));
}

/* adds one code point or one bad byte, escaped where it must be; returns the bytes it took */
static size_t add_safe_one(struct buf *buf, const char *text, size_t left)
{
	uint32_t code;
	size_t len = text_decode(text, left, &code);

	if (len == 0)
		(void)buf_addf(buf, "\\x%02x", (unsigned char)*text);
	else if (code == '\n' || code == '\t' || code == '\r')
		(void)buf_add_text(buf, code == '\n' ? "\\n" : code == '\t' ? "\\t" : "\\r");
	else if (text_deceives(code))
		(void)buf_addf(buf, code < 0x100 ? "\\x%02x" : "\\u{%x}", (unsigned int)code);
	else
		(void)buf_add(buf, text, len);
	return len != 0 ? len : 1;
}

void text_add_safe(struct buf *buf, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		size_t len = 0;

		while (len < left && text[len] >= 0x20 && text[len] < 0x7f)
			len++;
		(void)buf_add(buf, text, len);
		if (len < left)
			len += add_safe_one(buf, text + len, left - len);
		text += len;
		left -= len;
	}
}

/*
 * How many bytes of valid text fit into so many columns, with the marks that combine with the last.
 * Marks have no width, but there is an end to them as well.
 */
static size_t fitting(const char *text, size_t len, size_t columns)
{
	size_t most = columns * COLUMN_BYTES;
	size_t pos = 0;

	while (pos < len) {
		uint32_t code = 0;
		size_t took = text_decode(text + pos, len - pos, &code);
		size_t width = code_width(code);

		if (width > columns || pos + took > most)
			break;
		columns -= width;
		pos += took;
	}
	return pos;
}

void text_add_cut(struct buf *buf, const char *text, size_t columns)
{
	text_add_cut_by(buf, text, columns, TEXT_ELLIPSIS);
}

void text_add_cut_by(struct buf *buf, const char *text, size_t columns, const char *sign)
{
	cleanup_buf struct buf safe = { 0 };
	size_t pos;

	text_add_safe(&safe, text);
	if (columns == 0 ||
		(text_width(buf_text(&safe)) <= columns && safe.len <= columns * COLUMN_BYTES)) {
		(void)buf_add_text(buf, buf_text(&safe));
		return;
	}
	pos = fitting(buf_text(&safe), safe.len, columns - 1);
	(void)buf_add(buf, buf_text(&safe), pos);
	(void)buf_add_text(buf, sign);
}

/* where text is put on lines */
struct wrap {
	struct buf *out; /* borrowed */
	size_t used; /* columns of the current line */
	size_t indent;
	size_t columns;
};

/* a word that has a line of its own to itself, but for the blanks before it, goes without them */
static void wrap_break(struct wrap *wrap, size_t width)
{
	bool whole = wrap->indent + width > wrap->columns && width <= wrap->columns;

	wrap->used = whole ? 0 : wrap->indent;
	(void)buf_addf(wrap->out, "\n%*s", (int)wrap->used, "");
}

/* a word that is longer than a line is broken where the line ends */
static void wrap_word(struct wrap *wrap, const char *word, size_t len)
{
	size_t fits = fitting(word, len, wrap->columns - wrap->used);

	while (fits < len) {
		(void)buf_add(wrap->out, word, fits);
		wrap_break(wrap, SIZE_MAX / 2);
		word += fits;
		len -= fits;
		fits = fitting(word, len, wrap->columns - wrap->used);
	}
	(void)buf_add(wrap->out, word, len);
	wrap->used += span_width(word, len);
}

void text_add_wrapped(struct buf *buf, const char *text, size_t used, size_t indent, size_t columns)
{
	cleanup_buf struct buf safe = { 0 };
	struct wrap wrap = { buf, used, indent, columns };
	const char *word;
	size_t len;

	text_add_safe(&safe, text);
	if (columns == 0) {
		(void)buf_add_text(buf, buf_text(&safe));
		return;
	}
	word = buf_text(&safe);
	len = strcspn(word, " ");
	if (used > indent && used + span_width(word, len) > columns)
		wrap_break(&wrap, span_width(word, len));
	for (;;) {
		wrap_word(&wrap, word, len);
		word += len;
		if (*word == '\0')
			break;
		word++;
		len = strcspn(word, " ");
		if (wrap.used + 1 + span_width(word, len) <= columns) {
			(void)buf_add_char(buf, ' ');
			wrap.used++;
		} else {
			wrap_break(&wrap, span_width(word, len));
		}
	}
}

void text_add_valid(struct buf *buf, const char *bytes, size_t len)
{
	while (len > 0) {
		uint32_t code;
		size_t took = text_decode(bytes, len, &code);

		if (took == 0 || code == 0)
			(void)buf_add_text(buf, "\xef\xbf\xbd");
		else
			(void)buf_add(buf, bytes, took);
		took = took != 0 ? took : 1;
		bytes += took;
		len -= took;
	}
}
