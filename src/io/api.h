/*
 * What the bytes of an API mean. Bytes go through the splitter of core/frame, one element of `data`
 * at a time; an element in plain form is read in place, any other by cJSON (io/tree).
 */
#ifndef IO_API_H
#define IO_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/element.h"
#include "core/source_type.h"
#include "core/task.h"
#include "io/http.h"

#define API_ERROR_BODY_MAX (64 * 1024)

struct api_list;

/*
 * One element of the list, in up to three steps that take ever longer; the first one that knows it
 * is the last.
 */
struct api_taker {
	/* before it is read, as in frame_taker; may be NULL */
	size_t (*known)(void *arg, const char *bytes, size_t len);
	/* true: its id and status say all that is wanted; may be NULL, as may be `foresee`, which
	 * is told before of which elements it will be asked, in this order. Without `known` these
	 * are several at a time */
	bool (*settled)(void *arg, const struct glance *glance);
	void (*foresee)(void *arg, struct glance *glances, size_t count);
	/* false ends the reading (ERR_IO): what the tasks are for cannot go on */
	bool (*task)(void *arg, const struct task *view, const char *bytes, size_t len);
	void *arg;
};

struct api_list *api_list_new(const struct source_type *type, const struct api_taker *taker);
void api_list_free(struct api_list *list); /* NULL is fine */
/* false: the answer is not valid or passes a limit of core/frame, err says what (ERR_PROTOCOL) */
bool api_list_feed(struct api_list *list, const char *bytes, size_t len, struct err *err);
/*
 * The body has ended: false unless it was one complete, valid document with a list. Errors beside
 * no task are what the API has to say (ERR_UNREACHABLE): it failed, whatever its status.
 */
bool api_list_end(struct api_list *list, struct err *err);
/*
 * Why the answer may not be all there is: it says that there are more pages than this one, or has
 * errors beside its tasks; NULL: nothing speaks against it. `list` has ended well, NULL: it need
 * not have been read. Borrowed from the list.
 */
const char *api_list_partial(const struct api_list *list, const struct http_answer *answer);

/*
 * The answer to a look-up by id, {"data":{…}}. Only `status` is required; `id` is what was asked
 * for. The view is borrowed from `scratch`, which the caller keeps until it is done with the view.
 * Errors without a task are ERR_UNREACHABLE, as for a list.
 */
bool api_task(const struct source_type *type, const char *id, const char *body, size_t len,
	struct buf *scratch, struct task *ret, struct err *err);
/*
 * Keeps the next bytes of the answer to a look-up by id: of a task as many as an element of a list
 * may have, of an error 64 KiB. False: no more is wanted; err says so of a task that is too long.
 */
bool api_task_feed(struct buf *body, long status, const char *bytes, size_t len, struct err *err);
/* is this whole answer 200 to a look-up by id errors without a task? Then err says so */
bool api_task_errors(const char *body, size_t len, struct err *err);
/* is the body a JSON document? (a proxy's HTML 404 is not a word of the API) */
bool api_is_json(const char *body, size_t len);
/*
 * Makes one readable line of an error answer of any known shape, with kind by status: 401, 403
 * ERR_AUTH when the body is JSON, as only the API itself refuses a key; those of somebody between,
 * and 408, 409, 429, 5xx ERR_UNREACHABLE; any other ERR_PROTOCOL. Of a redirect it says where to.
 * `advice` is how the request may be repeated. Always returns false.
 */
bool api_error(const struct http_answer *answer, const char *body, size_t len,
	struct http_advice *advice, struct err *err);
/*
 * Why tasks of a bucket failed: reads the bucket's file list and writes "2 of 40 files failed:
 * a.pdf: reason; b.pdf: reason" (at most 5 named, 2 KiB). False when the answer says nothing of
 * failures.
 */
bool api_reason(const char *body, size_t len, struct buf *out);
const char *api_version(void); /* "cJSON/1.7.15" */

/* builds the URL of a list: base, path and one status=… for each word of the scope; owned */
char *api_list_url(const struct source_type *type, const char *base_url, enum list_scope scope);
/* as api_list_url, for the statuses that are wanted (by enum status) */
char *api_statuses_url(
	const struct source_type *type, const char *base_url, const bool wanted[STATUS_COUNT]);
char *api_task_url(const struct source_type *type, const char *base_url, const char *id);
char *api_reason_url(const struct source_type *type, const char *base_url, const char *bucket);

#endif
