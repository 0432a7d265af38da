#include "json/write.h"

#include <string.h>

#include "base/scan.h"
#include "base/stamp.h"
#include "base/text.h"

struct json_writer json_begin(struct buf *out)
{
	struct json_writer json = { .out = out };

	(void)buf_add_char(out, '{');
	return json;
}

void json_end(struct json_writer *json)
{
	(void)buf_add_char(json->out, '}');
}

static void json_add_special(struct buf *out, unsigned char c)
{
	static const char names[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (const char *p = names; *p != '\0'; p += 2)
		if ((unsigned char)*p == c) {
			(void)buf_add_char(out, '\\');
			(void)buf_add_char(out, p[1]);
			return;
		}
	(void)buf_addf(out, "\\u%04x", c);
}

/* writes \uXXXX for a character that could deceive on a terminal; the value stays the same */
static void json_add_deceiving(struct buf *out, uint32_t code)
{
	if (code > 0xffff) {
		(void)buf_addf(out, "\\u%04x", 0xd800 + ((code - 0x10000) >> 10));
		code = 0xdc00 + (code & 0x3ff);
	}
	(void)buf_addf(out, "\\u%04x", code);
}

static bool json_is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* are these eight bytes plain? A false "no" only costs time */
static bool json_eight_plain(const char *bytes)
{
	uint64_t word = word_load(bytes);

	return ((word | ((word - SCAN_EACH(0x20)) & ~word)) & SCAN_HIGH) == 0 &&
	       (SCAN_BELOW(word ^ SCAN_EACH('"'), SCAN_EACH(1)) |
		       SCAN_BELOW(word ^ SCAN_EACH('\\'), SCAN_EACH(1)) |
		       SCAN_BELOW(word ^ SCAN_EACH(0x7f), SCAN_EACH(1))) == 0;
}

static const char *json_plain_end(const char *text, const char *end)
{
	bool long_enough = end - text >= 8;

	while (end - text >= 8 && json_eight_plain(text))
		text += 8;
	/* the last few bytes together with those before them */
	if (long_enough && end - text < 8 && json_eight_plain(end - 8))
		return end;
	while (text < end && json_is_plain((unsigned char)*text))
		text++;
	return text;
}

void json_add_string(struct buf *out, const char *text)
{
	const char *end = text + strlen(text);

	(void)buf_add_char(out, '"');
	while (text < end) {
		const char *run = text;
		uint32_t code;
		size_t len;

		text = json_plain_end(text, end);
		(void)buf_add(out, run, (size_t)(text - run));
		if (text == end)
			break;
		len = text_decode(text, (size_t)(end - text), &code);
		if (len > 1 && text_deceives(code))
			json_add_deceiving(out, code);
		else if (len > 1)
			(void)buf_add(out, text, len);
		else if (len == 1)
			json_add_special(out, (unsigned char)*text);
		else
			(void)buf_add_text(out, "\xef\xbf\xbd");
		text += len != 0 ? len : 1;
	}
	(void)buf_add_char(out, '"');
}

static char *put_quoted(char *at, const char *text, size_t len)
{
	at[0] = '"';
	memcpy(at + 1, text, len);
	at[len + 1] = '"';
	return at + len + 2;
}

/* makes room for a member, writes its name and returns where the `len` bytes of its value go */
static char *json_member(struct json_writer *json, const char *name, size_t name_len, size_t len)
{
	char *at = buf_extend(json->out, json->some + name_len + 3 + len);

	if (at == NULL)
		return NULL;
	if (json->some)
		*at++ = ',';
	json->some = true;
	at = put_quoted(at, name, name_len);
	*at = ':';
	return at + 1;
}

void json_name(struct json_writer *json, const char *name)
{
	(void)json_member(json, name, strlen(name), 0);
}

void json_text_named(struct json_writer *json, const char *name, size_t name_len, const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;
	char *at;

	if (text == NULL) {
		json_null(json, name);
	} else if (json_plain_end(text, text + len) == text + len) {
		/* nearly every text is plain as a whole */
		at = json_member(json, name, name_len, len + 2);
		if (at != NULL)
			(void)put_quoted(at, text, len);
	} else {
		json_name(json, name);
		json_add_string(json->out, text);
	}
}

void json_int(struct json_writer *json, const char *name, int64_t value)
{
	json_name(json, name);
	(void)buf_add_int(json->out, value);
}

void json_bool(struct json_writer *json, const char *name, bool value)
{
	json_name(json, name);
	(void)buf_add_text(json->out, value ? "true" : "false");
}

void json_stamp(struct json_writer *json, const char *name, int64_t us)
{
	char text[STAMP_TEXT_MAX];

	json_text(json, name, us != STAMP_NONE ? stamp_text(us, text) : NULL);
}

void json_null(struct json_writer *json, const char *name)
{
	json_name(json, name);
	(void)buf_add_text(json->out, "null");
}

void json_seconds(struct json_writer *json, const char *name, int64_t ms)
{
	int64_t whole = ms / 1000;
	int64_t part = ms % 1000;

	json_name(json, name);
	if (ms < 0 && whole == 0)
		(void)buf_add_char(json->out, '-');
	if (part < 0)
		part = -part;
	(void)buf_add_int(json->out, whole);
	if (part != 0) {
		char digits[4] = { (char)('0' + part / 100), (char)('0' + part / 10 % 10),
			(char)('0' + part % 10), '\0' };

		for (size_t i = 3; i > 1 && digits[i - 1] == '0'; i--)
			digits[i - 1] = '\0';
		(void)buf_add_char(json->out, '.');
		(void)buf_add_text(json->out, digits);
	}
}

void json_object(struct buf *out, const struct json_field *fields, size_t count)
{
	struct json_writer json = json_begin(out);

	for (size_t i = 0; i < count; i++) {
		const struct json_field *field = &fields[i];

		switch (field->type) {
		case JSON_FIELD_TEXT:
			json_text(&json, field->name, field->text);
			break;
		case JSON_FIELD_INT:
			json_int(&json, field->name, field->number);
			break;
		case JSON_FIELD_STAMP:
			json_stamp(&json, field->name, field->number);
			break;
		case JSON_FIELD_SECONDS:
			json_seconds(&json, field->name, field->number);
			break;
		}
	}
	json_end(&json);
}
