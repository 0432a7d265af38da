/* What is asked of an API, and what its answers say beside their tasks. */
#ifndef IO_API_H
#define IO_API_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/source_type.h"
#include "core/task.h"
#include "core/task_reader.h"
#include "io/http.h"

#define API_TASK_MAX JSON_ELEMENT_MAX /* bytes of the answer to a look-up */

/* what a list says beside its tasks */
struct api_beside {
	bool more; /* that there are more pages */
	struct err errors; /* ERR_NONE: none */
};

/*
 * The body has ended: false unless it was one complete, valid document with a list. Errors beside
 * no task are what the API has to say (ERR_UNREACHABLE): it failed, whatever its status.
 */
bool api_list_end(const struct task_reader *reader, struct api_beside *ret, struct err *err);
/*
 * Why the answer may not be all there is: it says that there are more pages than this one, or has
 * errors beside its tasks; NULL: nothing speaks against it. Borrowed from `beside`.
 */
const char *api_list_partial(const struct api_beside *beside, const struct http_answer *answer);

enum api_lookup {
	API_FOUND,
	API_NOT_FOUND, /* 400, 404 or 422 in JSON; a proxy says the same in HTML */
	API_FAILED,
};
/*
 * What the whole answer to a look-up of `id` says. API_FOUND: *ret is owned, free(3) releases it.
 * API_FAILED: err says why, as api_error() does, and `advice` how the request may be repeated.
 * Errors without a task are ERR_UNREACHABLE, as for a list.
 */
enum api_lookup api_lookup(const struct source_type *type, const char *id,
	const struct http_answer *answer, struct task **ret, struct http_advice *advice,
	struct err *err);
/*
 * Makes one readable line of an error answer of any known shape, with kind by status: 401, 403
 * ERR_AUTH when the body is JSON, as only the API itself refuses a key; those of somebody between,
 * and 408, 409, 429, 5xx ERR_UNREACHABLE; any other ERR_PROTOCOL. Of a redirect it says where to.
 * `advice` is how the request may be repeated. Always returns false.
 */
bool api_error(const struct http_answer *answer, struct http_advice *advice, struct err *err);
/*
 * Why tasks of a bucket failed: reads the bucket's file list and writes "2 of 40 files failed:
 * a.pdf: reason; b.pdf: reason" (at most 5 named, 2 KiB). False when the answer says nothing of
 * failures.
 */
bool api_reason(const struct buf *body, struct buf *out);
const char *api_version(void); /* "cJSON/1.7.15" */

/* builds the URL of a list: base, path and one status=… for each word of the scope; owned */
char *api_list_url(const struct source_type *type, const char *base_url, enum list_scope scope);
/* as api_list_url, for the statuses that are wanted (by enum status) */
char *api_statuses_url(
	const struct source_type *type, const char *base_url, const bool wanted[STATUS_COUNT]);
char *api_task_url(const struct source_type *type, const char *base_url, const char *id);
char *api_reason_url(const struct source_type *type, const char *base_url, const char *bucket);

#endif
