#include "io/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/element.h"
#include "json/frame.h"
#include "json/scan.h"
#include "io/envelope.h"
#include "io/problem.h"
#include "io/tree.h"

/* the member that holds the list, and the one task of a look-up */
#define DATA "data"

#define API_BATCH 32

#define ERRORS_ALONE "the API answered with an error: "

/* elements that were read and not taken yet; what they say is borrowed from the piece */
struct batch {
	struct element elements[API_BATCH];
	struct glance glances[API_BATCH];
};

struct api_list {
	const struct source_type *type; /* borrowed */
	struct api_taker taker;
	struct frame *frame;
	uint64_t elements;
	struct element_map map;
	struct buf scratch;
	/* own; 14 KB, made for the first element that has to be read: mostly there is none */
	struct batch *batch;
	size_t waiting; /* elements in it */
	/* the next one is taken at once: the first of a piece may have begun in an earlier one and
	 * lie where the next such one will; what is known depends on those before it */
	bool at_once;
	bool more; /* it says that there are more pages */
	struct err errors; /* ERR_NONE: it has none beside its tasks */
};

/* what cJSON has read must look as if it had been plain */
static void element_from_tree(
	const struct source_type *type, const struct node *object, struct element *ret)
{
	*ret = (struct element){ 0 };
	for (const struct node *node = node_first(object); node != NULL; node = node_next(node)) {
		const char *name = node_name(node);
		enum task_field field = element_field(type, name, strlen(name));
		bool broken = node_broken(node);
		const char *text;

		if (field == FIELD_COUNT)
			continue;
		if (field == FIELD_ID)
			ret->id_broken = broken;
		text = node_text(node);
		if (text == NULL && element_is_time(field))
			text = node_number(node);
		ret->fields[field] =
			(struct element_field){ text, text != NULL ? strlen(text) : 0 };
	}
}

static bool element_fault(const struct api_list *list, const char *fault, struct err *err)
{
	return err_set(err, ERR_PROTOCOL, "element %llu of \"" DATA "\" in the answer %s",
		(unsigned long long)list->elements, fault);
}

static size_t list_known(void *arg, const char *bytes, size_t len)
{
	struct api_list *list = arg;
	size_t known = list->taker.known(list->taker.arg, bytes, len);

	list->elements += known != 0;
	return known;
}

static bool task_take(struct api_list *list, const struct element *element,
	const struct glance *glance, struct err *err)
{
	struct task view;
	const char *fault = element_view(list->type, element, NULL, &list->scratch, &view);

	if (fault != NULL)
		return element_fault(list, fault, err);
	if (!list->taker.task(list->taker.arg, &view, glance->bytes, glance->len))
		return err_set(err, ERR_IO, "the reading of tasks was ended");
	return true;
}

static bool batch_take(struct api_list *list, struct err *err)
{
	const struct api_taker *taker = &list->taker;
	struct batch *batch = list->batch;
	size_t count = list->waiting;

	list->waiting = 0;
	if (count != 0 && taker->foresee != NULL)
		taker->foresee(taker->arg, batch->glances, count);
	for (size_t i = 0; i < count; i++)
		if (!taker->settled(taker->arg, &batch->glances[i]) &&
			!task_take(list, &batch->elements[i], &batch->glances[i], err))
			return false;
	return true;
}

static bool list_element(
	void *arg, const char *bytes, size_t len, const struct flat *flat, struct err *err)
{
	struct api_list *list = arg;
	bool at_once = list->at_once || flat == NULL;
	struct element *element;
	struct glance *glance;
	const char *fault;

	if (list->batch == NULL)
		list->batch = mem_alloc(sizeof(*list->batch));
	element = &list->batch->elements[list->waiting];
	glance = &list->batch->glances[list->waiting];
	list->elements++;
	list->at_once = list->taker.known != NULL;
	glance->bytes = bytes;
	glance->len = len;
	if (flat != NULL)
		element_from_flat(list->type, flat, &list->map, element);
	else
		element_from_tree(list->type, tree_read(bytes, len), element);
	if (list->taker.settled == NULL)
		return task_take(list, element, glance, err);
	fault = element_glance(list->type, element, glance);
	if (fault != NULL)
		return element_fault(list, fault, err);
	list->waiting++;
	return (!at_once && list->waiting < API_BATCH) || batch_take(list, err);
}

struct api_list *api_list_new(const struct source_type *type, const struct api_taker *taker)
{
	struct api_list *list = mem_alloc(sizeof(*list));
	struct frame_taker elements = {
		.known = taker->known != NULL ? list_known : NULL,
		.element = list_element,
		.arg = list,
	};

	list->type = type;
	list->taker = *taker;
	list->frame = frame_new(DATA, &elements);
	return list;
}

void api_list_free(struct api_list *list)
{
	if (list == NULL)
		return;
	frame_free(list->frame);
	buf_done(&list->scratch);
	tree_clear();
	free(list->batch);
	free(list);
}

bool api_list_feed(struct api_list *list, const char *bytes, size_t len, struct err *err)
{
	list->at_once = true;
	return frame_feed(list->frame, bytes, len, err) && batch_take(list, err);
}

/* shortens the text to `max` bytes with an ellipsis, between two characters */
static void cut_text(struct buf *buf, size_t max)
{
	static const char ellipsis[] = "\xe2\x80\xa6";
	size_t len = max - (sizeof(ellipsis) - 1);

	if (buf->len <= max)
		return;
	while (len > 0 && ((unsigned char)buf->data[len] & 0xc0) == 0x80)
		len--;
	buf->len = len;
	(void)buf_add_text(buf, ellipsis);
}

/* the API says that it failed, in an answer that says it did not */
static bool errors_set(const char *before, const char *bytes, size_t len, struct err *err)
{
	cleanup_buf struct buf words = { 0 };

	(void)buf_add_text(&words, before);
	problem_words(bytes, len, &words);
	cut_text(&words, sizeof(err->text) - 1);
	return err_set(err, ERR_UNREACHABLE, "%s", buf_text(&words));
}

bool api_list_end(struct api_list *list, struct err *err)
{
	const struct buf *text = frame_envelope(list->frame);
	uint64_t elements = frame_elements(list->frame);
	struct envelope envelope = { 0 };

	if (text != NULL)
		envelope = envelope_read(buf_text(text), text->len, elements);
	list->more = envelope.more;
	if (envelope.errors)
		(void)errors_set(
			elements == 0 ? ERRORS_ALONE : "the answer has errors beside its tasks: ",
			buf_text(text), text->len, &list->errors);
	if (envelope.errors && elements == 0) {
		*err = list->errors;
		return false;
	}
	return frame_end(list->frame, err);
}

const char *api_list_partial(const struct api_list *list, const struct http_answer *answer)
{
	if (answer->more || (list != NULL && list->more))
		return "the answer says that there are more pages; only the first is read, and "
		       "tasks on the others may be missed";
	return list != NULL && list->errors.kind != ERR_NONE ? list->errors.text : NULL;
}

/* the object in the one member "data" of an answer that frame_check has found valid */
static const struct node *task_find(const struct node *root, struct err *err)
{
	const struct node *data = NULL;

	if (node_is_object(root))
		for (const struct node *node = node_first(root); node != NULL;
			node = node_next(node)) {
			if (strcmp(node_name(node), DATA) != 0)
				continue;
			if (data != NULL) {
				(void)err_set(
					err, ERR_PROTOCOL, "the answer has \"" DATA "\" twice");
				return NULL;
			}
			data = node;
		}
	if (data != NULL && node_is_object(data))
		return data;
	(void)err_set(err, ERR_PROTOCOL, "the answer is JSON, but has no task in \"" DATA "\"");
	return NULL;
}

/* of a valid document */
static bool task_errors(const char *body, size_t len, struct err *err)
{
	const struct node *data = node_member(tree_read(body, len), DATA);
	bool task = data != NULL && node_first(data) != NULL;
	tree_clear();
	if (task || !envelope_read(body, len, 0).errors)
		return false;
	(void)errors_set(ERRORS_ALONE, body, len, err);
	return true;
}

bool api_task_errors(const char *body, size_t len, struct err *err)
{
	struct err ignored;

	return frame_check(body, len, &ignored) && task_errors(body, len, err);
}

bool api_task(const struct source_type *type, const char *id, const char *body, size_t len,
	struct buf *scratch, struct task *ret, struct err *err)
{
	const struct node *data;
	struct element element;
	const char *fault = NULL;

	if (!frame_check(body, len, err) || task_errors(body, len, err))
		return false;
	data = task_find(tree_read(body, len), err);
	if (data != NULL) {
		element_from_tree(type, data, &element);
		fault = element_view(type, &element, id, scratch, ret);
	}
	tree_clear();
	if (fault != NULL)
		return err_set(err, ERR_PROTOCOL, "the task in the answer %s", fault);
	return data != NULL;
}

bool api_task_feed(struct buf *body, long status, const char *bytes, size_t len, struct err *err)
{
	size_t max = status == 200 ? FRAME_ELEMENT_MAX : API_ERROR_BODY_MAX;

	if (body->len + len <= max)
		return buf_add(body, bytes, len);
	if (status == 200)
		(void)err_set(err, ERR_PROTOCOL, "the task in the answer is longer than 1 MiB");
	return false;
}

bool api_is_json(const char *body, size_t len)
{
	const char *first = scan_blanks(body, body + len);
	struct err ignored;

	/* a number or a word alone may be some proxy's plain text */
	return first < body + len && (*first == '{' || *first == '[') &&
	       frame_check(body, len, &ignored);
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
static enum err_kind error_kind(const struct http_answer *answer, const char *body, size_t len)
{
	static const long passing[] = { 401, 403, 408, 409, 429 };
	long status = answer->status;

	if ((status == 401 || status == 403) && !answer->limited && api_is_json(body, len))
		return ERR_AUTH;
	for (size_t i = 0; i < ARRAY_LEN(passing); i++)
		if (status == passing[i])
			return ERR_UNREACHABLE;
	return status >= 500 && status <= 599 ? ERR_UNREACHABLE : ERR_PROTOCOL;
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

bool api_error(const struct http_answer *answer, const char *body, size_t len,
	struct http_advice *advice, struct err *err)
{
	/* a key does not become good by itself, unless the server says so */
	const struct http_advice refused = { .retry = answer->wanted, .after_ms = -1 };
	long status = answer->status;
	const char *phrase = status_phrase(status);
	cleanup_buf struct buf words = { 0 };
	cleanup_buf struct buf tail = { 0 };
	cleanup_buf struct buf id = { 0 };

	if (answer->err.kind != ERR_NONE)
		(void)buf_addf(&tail, " (its body is over %d KiB)", API_ERROR_BODY_MAX / 1024);
	if (answer->request_id[0] != '\0') {
		text_add_safe(&id, answer->request_id);
		cut_text(&id, REQUEST_ID_MAX);
		(void)buf_addf(&tail, " (request %s)", buf_text(&id));
	}
	err->kind = error_kind(answer, body, len);
	*advice = err->kind == ERR_AUTH ? refused : answer->advice;
	if (err->kind == ERR_AUTH)
		(void)buf_add_text(&words, "the API refused the key: ");
	(void)buf_addf(&words, phrase != NULL ? "HTTP %ld %s: " : "HTTP %ld: ", status, phrase);
	if (!redirect_words(answer, &words))
		problem_words(body, len, &words);
	if (words.data[words.len - 1] == ' ')
		(void)buf_add_text(&words, "the answer says no more");
	cut_text(&words, sizeof(err->text) - 1 - tail.len);
	return err_set(err, err->kind, "%s%s", buf_text(&words), buf_text(&tail));
}

#define REASON_NAMED 5
#define REASON_MAX 2048

struct reason {
	unsigned long files;
	unsigned long failed;
	struct buf named; /* "a.pdf: reason; b.pdf: reason" */
};

/* an old reason beside a good status is history */
static bool file_failed(const struct node *file)
{
	const struct node *status = node_member(file, "status");
	const struct node *reason = node_member(file, "error_reason");
	const char *word = status != NULL ? node_text(status) : NULL;
	const char *text = reason != NULL ? node_text(reason) : NULL;
	enum status known;

	if (word != NULL && status_from_word(word, &known) && status_class(known) == CLASS_ENDED)
		return known == STATUS_FAILURE;
	return (text != NULL && text[0] != '\0') || (word != NULL && strcmp(word, "error") == 0);
}

static void file_name(const struct node *file, struct buf *out)
{
	const struct node *name = node_member(file, "filename");
	const struct node *reason = node_member(file, "error_reason");
	const char *text = name != NULL ? node_text(name) : NULL;

	if (out->len > 0)
		(void)buf_add_text(out, "; ");
	text = text != NULL ? text : "a file without a name";
	text_add_valid(out, text, strlen(text));
	text = reason != NULL ? node_text(reason) : NULL;
	if (text == NULL || text[0] == '\0')
		return;
	(void)buf_add_text(out, ": ");
	text_add_valid(out, text, strlen(text));
}

static bool reason_file(
	void *arg, const char *bytes, size_t len, const struct flat *flat, struct err *err)
{
	struct reason *reason = arg;
	const struct node *file = tree_read(bytes, len);

	(void)flat;
	(void)err;
	reason->files++;
	if (file != NULL && file_failed(file) && reason->failed++ < REASON_NAMED)
		file_name(file, &reason->named);
	return true;
}

bool api_reason(const char *body, size_t len, struct buf *out)
{
	struct reason reason = { 0 };
	struct frame_taker files = { .element = reason_file, .arg = &reason };
	struct frame *frame = frame_new(DATA, &files);
	cleanup_buf struct buf text = { 0 };
	struct err ignored;
	bool good = frame_feed(frame, body, len, &ignored) && frame_end(frame, &ignored);

	frame_free(frame);
	tree_clear();
	if (good && reason.failed > 0) {
		(void)buf_addf(&text, "%lu of %lu file%s failed: %s", reason.failed, reason.files,
			reason.files == 1 ? "" : "s", buf_text(&reason.named));
		if (reason.failed > REASON_NAMED)
			(void)buf_addf(&text, "; and %lu more", reason.failed - REASON_NAMED);
		cut_text(&text, REASON_MAX);
		good = buf_add(out, text.data, text.len);
	}
	buf_done(&reason.named);
	return good && reason.failed > 0;
}

const char *api_version(void)
{
	static char text[32];

	(void)snprintf(text, sizeof(text), "cJSON/%s", tree_version());
	return text;
}
