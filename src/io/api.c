#include "io/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "json/check.h"
#include "json/lex.h"
#include "base/scan.h"
#include "json/split.h"
#include "io/envelope.h"
#include "io/error_body.h"
#include "io/tree.h"

#define ERRORS_ALONE "the API answered with an error: "

/* shortens the text to `max` bytes with an ellipsis, between two characters */
static void cut_text(struct buf *buf, size_t max)
{
	static const char ellipsis[] = "\xe2\x80\xa6";
	size_t len = max - (sizeof(ellipsis) - 1);

	if (buf->len <= max)
		return;
	buf->len = text_cut(buf->data, buf->len, len);
	(void)buf_add_text(buf, ellipsis);
}

/* the API says that it failed, in an answer that says it did not */
static void errors_set(const char *before, const char *bytes, size_t len, struct err *err)
{
	cleanup_buf struct buf words = { 0 };

	(void)buf_add_text(&words, before);
	error_body_words(bytes, len, &words);
	cut_text(&words, sizeof(err->text) - 1);
	(void)err_set(err, ERR_UNREACHABLE, "%s", buf_text(&words));
}

bool api_list_end(const struct task_reader *reader, struct api_beside *ret, struct err *err)
{
	const struct buf *text = task_reader_outside(reader);
	uint64_t tasks = task_reader_count(reader);
	struct envelope envelope = { 0 };

	*ret = (struct api_beside){ 0 };
	if (text != NULL)
		envelope = envelope_read(buf_text(text), text->len, tasks);
	ret->more = envelope.more;
	if (envelope.errors)
		errors_set(tasks == 0 ? ERRORS_ALONE : "the answer has errors beside its tasks: ",
			buf_text(text), text->len, &ret->errors);
	if (envelope.errors && tasks == 0) {
		*err = ret->errors;
		return false;
	}
	return task_reader_end(reader, err);
}

const char *api_list_partial(const struct api_beside *beside, const struct http_answer *answer)
{
	if (answer->more || beside->more)
		return "the answer says that there are more pages; only the first is read, and "
		       "tasks on the others may be missed";
	return beside->errors.kind != ERR_NONE ? beside->errors.text : NULL;
}

static bool is_json(const struct buf *body)
{
	const char *text = buf_text(body);
	const char *first = scan_blanks(text, text + body->len);
	struct err ignored;

	/* a number or a word alone may be some proxy's plain text */
	return (*first == '{' || *first == '[') && json_is_valid(text, body->len, &ignored);
}

/* RFC 9110 and 6585, those that a task API or what stands before it answers with */
static const char *status_phrase(long status)
{
	static const struct {
		long status;
		const char *phrase;
	} rows[] = {
		{ 204, "No Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 407, "Proxy Authentication Required" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].status == status)
			return rows[i].phrase;
	return NULL;
}

/* 401 and 403 of anybody but the API, and one by which it slows us down, are a trouble that passes
 */
static enum err_kind error_kind(const struct http_answer *answer)
{
	long status = answer->status;

	if ((status == 401 || status == 403) && !answer->limited && is_json(&answer->body))
		return ERR_AUTH;
	return status == 401 || status == 403 || http_status_passes(status) ? ERR_UNREACHABLE
									    : ERR_PROTOCOL;
}

#define REQUEST_ID_MAX 100

/* a page that says "moved" to a browser is no help */
static bool redirect_words(const struct http_answer *answer, struct buf *out)
{
	static const long redirects[] = { 301, 302, 303, 307, 308 };

	for (size_t i = 0; i < ARRAY_LEN(redirects); i++)
		if (answer->status == redirects[i])
			return buf_addf(out, "a redirect%s%s, which is not followed (see base_url)",
				answer->origin[0] != '\0' ? " to " : "", answer->origin);
	return false;
}

bool api_error(const struct http_answer *answer, struct http_advice *advice, struct err *err)
{
	/* a key does not become good by itself, unless the server says so */
	const struct http_advice refused = { .retry = answer->wanted, .after_ms = -1 };
	long status = answer->status;
	const char *phrase = status_phrase(status);
	cleanup_buf struct buf words = { 0 };
	cleanup_buf struct buf tail = { 0 };
	cleanup_buf struct buf id = { 0 };

	if (answer->err.kind != ERR_NONE)
		(void)buf_addf(&tail, " (its body is over %d KiB)", HTTP_ERROR_MAX / 1024);
	if (answer->request_id[0] != '\0') {
		text_add_safe(&id, answer->request_id);
		cut_text(&id, REQUEST_ID_MAX);
		(void)buf_addf(&tail, " (request %s)", buf_text(&id));
	}
	err->kind = error_kind(answer);
	*advice = err->kind == ERR_AUTH ? refused : answer->advice;
	if (err->kind == ERR_AUTH)
		(void)buf_add_text(&words, "the API refused the key: ");
	(void)buf_addf(&words, phrase != NULL ? "HTTP %ld %s: " : "HTTP %ld: ", status, phrase);
	if (!redirect_words(answer, &words))
		error_body_words(buf_text(&answer->body), answer->body.len, &words);
	if (words.data[words.len - 1] == ' ')
		(void)buf_add_text(&words, "the answer says no more");
	cut_text(&words, sizeof(err->text) - 1 - tail.len);
	return err_set(err, err->kind, "%s%s", buf_text(&words), buf_text(&tail));
}

enum api_lookup api_lookup(const struct source_type *type, const char *id,
	const struct http_answer *answer, struct task **ret, struct http_advice *advice,
	struct err *err)
{
	const char *body = buf_text(&answer->body);
	long status = answer->status;
	enum task_answer said;

	*advice = answer->advice;
	*err = answer->err;
	if (status == 200 && err->kind == ERR_NONE) {
		said = task_from_answer(type, id, body, answer->body.len, ret, err);
		if (said == TASK_READ)
			return API_FOUND;
		if (said == TASK_NONE && envelope_read(body, answer->body.len, 0).errors)
			errors_set(ERRORS_ALONE, body, answer->body.len, err);
		advice->retry = err->kind == ERR_UNREACHABLE;
		return API_FAILED;
	}
	if ((status == 400 || status == 404 || status == 422) && err->kind == ERR_NONE &&
		is_json(&answer->body))
		return API_NOT_FOUND;
	if (status != 0 && status != 200)
		(void)api_error(answer, advice, err);
	return API_FAILED;
}

#define REASON_NAMED 5
#define REASON_MAX 2048

struct reason {
	unsigned long files;
	unsigned long failed;
	struct buf named; /* "a.pdf: reason; b.pdf: reason" */
};

enum { REASON_STATUS, REASON_TEXT, REASON_FILE, REASON_FIELDS };

/* the text of a member of a file, owned; NULL: it has none */
static char *reason_text(const struct json_value *value)
{
	char *text;

	if (value->type != JSON_STRING)
		return NULL;
	text = mem_alloc(value->len + 1);
	if (value->escaped)
		(void)json_unescape(value->bytes, value->len, text, NULL);
	else
		memcpy(text, value->bytes, value->len);
	return text;
}

/* an old reason beside a good status is history */
static bool file_failed(const char *word, const char *reason)
{
	enum status known;

	if (word != NULL && status_from_word(word, &known) && status_class(known) == CLASS_ENDED)
		return known == STATUS_FAILURE;
	return (reason != NULL && reason[0] != '\0') ||
	       (word != NULL && strcmp(word, "error") == 0);
}

static void reason_file(struct reason *reason, const struct json_value values[REASON_FIELDS])
{
	cleanup_free char *word = reason_text(&values[REASON_STATUS]);
	cleanup_free char *text = reason_text(&values[REASON_TEXT]);
	cleanup_free char *name = NULL;
	struct buf *out = &reason->named;

	reason->files++;
	if (!file_failed(word, text) || reason->failed++ >= REASON_NAMED)
		return;
	name = reason_text(&values[REASON_FILE]);
	if (name == NULL)
		name = mem_strdup("a file without a name");
	if (out->len > 0)
		(void)buf_add_text(out, "; ");
	text_add_valid(out, name, strlen(name));
	if (text == NULL || text[0] == '\0')
		return;
	(void)buf_add_text(out, ": ");
	text_add_valid(out, text, strlen(text));
}

/* false: the body is no list of files */
static bool reason_read(const struct buf *body, struct reason *reason)
{
	static const char *const pointers[REASON_FIELDS] = {
		[REASON_STATUS] = "/status",
		[REASON_TEXT] = "/error_reason",
		[REASON_FILE] = "/filename",
	};
	struct json_value values[REASON_FIELDS];
	struct json_element file;
	struct json_pick *pick = mem_alloc(sizeof(*pick));
	struct json_split *split = json_split_new(SPLIT_LIST, "/data", pick);
	struct err ignored;
	bool good;

	(void)json_pick_init(pick, "", pointers, REASON_FIELDS);
	json_split_feed(split, body->data, body->len);
	while (json_split_next(split, values, &file))
		reason_file(reason, values);
	good = json_split_end(split, &ignored);
	json_split_free(split);
	free(pick);
	return good;
}

bool api_reason(const struct buf *body, struct buf *out)
{
	struct reason reason = { 0 };
	cleanup_buf struct buf text = { 0 };
	bool good = reason_read(body, &reason) && reason.failed > 0;

	if (good) {
		(void)buf_addf(&text, "%lu of %lu file%s failed: %s", reason.failed, reason.files,
			reason.files == 1 ? "" : "s", buf_text(&reason.named));
		if (reason.failed > REASON_NAMED)
			(void)buf_addf(&text, "; and %lu more", reason.failed - REASON_NAMED);
		cut_text(&text, REASON_MAX);
		good = buf_add(out, text.data, text.len);
	}
	buf_done(&reason.named);
	return good;
}

const char *api_version(void)
{
	static char text[32];

	(void)snprintf(text, sizeof(text), "cJSON/%s", tree_version());
	return text;
}
