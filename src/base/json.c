#include "base/json.h"

#include <string.h>

#include "base/text.h"

struct json json_begin(struct buf *out)
{
	struct json json = { .out = out };

	(void)buf_add_char(out, '{');
	return json;
}

void json_end(struct json *json)
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

static bool json_is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void json_add_string(struct buf *out, const char *text)
{
	const char *end = text + strlen(text);

	(void)buf_add_char(out, '"');
	while (text < end) {
		const char *run = text;
		uint32_t code;
		size_t len;

		while (text < end && json_is_plain((unsigned char)*text))
			text++;
		(void)buf_add(out, run, (size_t)(text - run));
		if (text == end)
			break;
		len = text_decode(text, (size_t)(end - text), &code);
		if (len > 1)
			(void)buf_add(out, text, len);
		else if (len == 1)
			json_add_special(out, (unsigned char)*text);
		else
			(void)buf_add_text(out, "\xef\xbf\xbd");
		text += len != 0 ? len : 1;
	}
	(void)buf_add_char(out, '"');
}

void json_name(struct json *json, const char *name)
{
	if (json->some)
		(void)buf_add_char(json->out, ',');
	json->some = true;
	(void)buf_add_char(json->out, '"');
	(void)buf_add_text(json->out, name);
	(void)buf_add_text(json->out, "\":");
}

void json_text(struct json *json, const char *name, const char *text)
{
	if (text == NULL) {
		json_null(json, name);
		return;
	}
	json_name(json, name);
	json_add_string(json->out, text);
}

void json_int(struct json *json, const char *name, int64_t value)
{
	json_name(json, name);
	(void)buf_addf(json->out, "%lld", (long long)value);
}

void json_bool(struct json *json, const char *name, bool value)
{
	json_name(json, name);
	(void)buf_add_text(json->out, value ? "true" : "false");
}

void json_null(struct json *json, const char *name)
{
	json_name(json, name);
	(void)buf_add_text(json->out, "null");
}

void json_seconds(struct json *json, const char *name, int64_t ms)
{
	int64_t whole = ms / 1000;
	int64_t part = ms % 1000;

	json_name(json, name);
	if (ms < 0 && whole == 0)
		(void)buf_add_char(json->out, '-');
	if (part < 0)
		part = -part;
	(void)buf_addf(json->out, "%lld", (long long)whole);
	if (part != 0) {
		char digits[4] = { (char)('0' + part / 100), (char)('0' + part / 10 % 10),
			(char)('0' + part % 10), '\0' };

		for (size_t i = 3; i > 1 && digits[i - 1] == '0'; i--)
			digits[i - 1] = '\0';
		(void)buf_addf(json->out, ".%s", digits);
	}
}
