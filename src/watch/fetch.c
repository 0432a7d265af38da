#include "watch/fetch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/api.h"
#include "watch/source.h"

/* bytes of a list after which the next one is read in large pieces */
#define BULKY (1024 * 1024)

static const struct http_advice no_advice = { .retry = false, .after_ms = -1 };

struct http_request fetch_request(const struct source *source, const char *url)
{
	const struct source_config *config = source->config;

	return (struct http_request){
		.url = url,
		.key = source->key,
		.ca_file = config->ca_file,
		.proxy = config->proxy,
		.timeout_ms = config->timeout_ms,
		.connect_timeout_ms = config->connect_timeout_ms,
	};
}

void fetch_log_answer(const char *source, const char *what, const struct http_answer *answer)
{
	const char *between = answer->proxy[0] != '\0' ? ", through the proxy " : "";

	if (!log_shows(LOG_INFO))
		return;
	if (answer->status != 0)
		log_line(LOG_INFO, "source %s: %s: HTTP %ld, %" PRIu64 " bytes%s%s", source, what,
			answer->status, answer->bytes, between, answer->proxy);
	else
		log_line(LOG_INFO, "source %s: %s: %s%s%s", source, what, answer->err.text, between,
			answer->proxy);
}

bool fetch_throttled(const struct source *source)
{
	return source->now.mono_ms < source->throttled_ms;
}

void fetch_throttle(struct source *source, const struct http_advice *advice)
{
	int64_t end = source->now.mono_ms + advice->after_ms;

	if (source->mode != SOURCE_ONCE && advice->after_ms >= 0 && source->throttled_ms < end)
		source->throttled_ms = end;
}

static void call_drop(struct source *source, struct http_call **call)
{
	if (*call != NULL)
		http_release(source->http, *call);
	*call = NULL;
}

static void drop_list(struct source *source, struct fetch *fetch)
{
	call_drop(source, &fetch->call);
	list_reader_free(fetch->list);
	fetch->list = NULL;
}

void fetch_cancel(struct source *source, struct fetch *fetch)
{
	drop_list(source, fetch);
	for (size_t i = 0; i < fetch->lookup_count; i++) {
		struct lookup *lookup = &fetch->lookups[i];

		call_drop(source, &lookup->call);
		free(lookup->id);
		*lookup = (struct lookup){ 0 };
	}
	fetch->lookup_count = 0;
	fetch->lookup_next = 0;
	fetch->listed = false;
	fetch->closed = false;
	if (fetch->step != FETCH_DONE)
		fetch->step = FETCH_IDLE;
}

static bool list_body(void *arg, const char *bytes, size_t len)
{
	struct fetch *fetch = arg;

	return list_reader_feed(fetch->list, bytes, len, &fetch->reader);
}

/* a list has the same URL at every poll, which is made once */
static const char *list_url(struct source *source, enum list_scope scope)
{
	char **url = &source->list_urls[scope];

	if (*url == NULL)
		*url = api_list_url(source->type, source->config->base_url, scope);
	return *url;
}

static void ask_list(struct source *source, struct fetch *fetch, enum list_scope scope)
{
	struct http_request request = fetch_request(source, list_url(source, scope));
	uint32_t seq = ++source->seq;

	fetch->step = scope == LIST_ENDED ? FETCH_ENDED : FETCH_LIST;
	if (scope != LIST_ENDED) {
		fetch->list_seq = seq;
		fetch->asked_ms = source->now.wall_ms;
	}
	fetch->reader = (struct err){ 0 };
	fetch->list = list_reader_new(source->snapshot, &source->rules, source->type, scope,
		fetch->kind, seq, source->now.wall_ms);
	request.bulky = scope != LIST_ACTIVE || fetch->list_bytes >= BULKY;
	request.body = list_body;
	request.arg = fetch;
	fetch->call = http_start(source->http, &request, source->now);
}

void fetch_start(struct source *source, struct fetch *fetch)
{
	if (fetch->kind == LIST_POLL)
		source->lookups = 0;
	sched_start(&fetch->sched, source->now.mono_ms);
	fetch->failure = (struct err){ 0 };
	ask_list(source, fetch, fetch->kind == LIST_SWEEP ? LIST_ALL : LIST_ACTIVE);
	/* a sweep of its own accord counts from its own list; one that a poll wanted, from that
	 * poll */
	if (fetch->kind == LIST_POLL || fetch->lookup_floor_seq == 0)
		fetch->lookup_floor_seq = fetch->list_seq;
}

/* what went wrong with a list, if anything did, and how it may be asked for again */
static bool list_valid(
	struct fetch *fetch, const struct http_answer *answer, struct api_beside *beside)
{
	const struct task_reader *tasks;
	struct err *err = &fetch->failure;

	*beside = (struct api_beside){ 0 };
	fetch->advice = no_advice;
	*err = fetch->reader;
	if (err->kind != ERR_NONE)
		return false;
	if (answer->status != 0 && answer->status != 200)
		return api_error(answer, &fetch->advice, err);
	*err = answer->err;
	if (err->kind != ERR_NONE) {
		fetch->advice = answer->status == 0 ? answer->advice : no_advice;
		return false;
	}
	tasks = list_reader_close(fetch->list);
	if (tasks == NULL || api_list_end(tasks, beside, err))
		return true;
	fetch->advice.retry = err->kind == ERR_UNREACHABLE;
	return false;
}

static enum fetch_result take_list(struct source *source, struct fetch *fetch,
	const struct http_answer *answer, struct changes *changes)
{
	struct api_beside beside;
	const char *partial;

	fetch_log_answer(source->config->name,
		fetch->step == FETCH_ENDED  ? "list of what has ended"
		: fetch->kind == LIST_SWEEP ? "list of all tasks"
					    : "list of active tasks",
		answer);
	if (!list_valid(fetch, answer, &beside)) {
		proxy_name(answer->proxy, &fetch->failure);
		source->failed_status = fetch->reader.kind != ERR_NONE || answer->status == 200
						? 200
						: answer->status;
		fetch_cancel(source, fetch);
		return FETCH_FAILED;
	}
	/* an answer that is not all there is still is an answer; it is logged once */
	partial = api_list_partial(&beside, answer);
	fetch->partial = partial != NULL;
	list_reader_set_partial(fetch->list, fetch->partial);
	if (fetch->partial && !source->partial_logged)
		log_line(LOG_WARN, "source %s: %s", source->config->name, partial);
	source->partial_logged = source->partial_logged || fetch->partial;
	list_reader_end(fetch->list, source->seq, source->now, changes);
	if (fetch->step == FETCH_LIST)
		fetch->list_bytes = answer->bytes;
	drop_list(source, fetch);
	fetch->listed = true;
	return FETCH_GOOD;
}

static void send_lookups(struct source *source, struct fetch *fetch)
{
	size_t open = 0;

	for (size_t i = 0; i < fetch->lookup_next; i++)
		open += fetch->lookups[i].call != NULL;
	for (; fetch->lookup_next < fetch->lookup_count && open < FETCH_LOOKUPS_AT_ONCE; open++) {
		struct lookup *lookup = &fetch->lookups[fetch->lookup_next++];
		cleanup_free char *url =
			api_task_url(source->type, source->config->base_url, lookup->id);
		struct http_request request = fetch_request(source, url);

		request.body_max = API_TASK_MAX;
		lookup->seq = ++source->seq;
		lookup->call = http_start(source->http, &request, source->now);
	}
}

/* a task of unknown status is not worth more than one question in each sweep_interval, unless
 * somebody waits for it; sweeps are not to the millisecond */
static bool lookup_due(const struct source *source, const struct record *record)
{
	const struct missing_check *check = record->missing_check;
	int64_t apart_ms = source->config->sweep_interval_ms * 3 / 4;

	return record->status != STATUS_UNKNOWN || source->snapshot->closed || check == NULL ||
	       check->looked_up_ms == 0 || source->now.mono_ms - check->looked_up_ms >= apart_ms;
}

static void ask_lookups(struct source *source, struct fetch *fetch)
{
	struct record *missing[DETECT_LOOKUPS_MAX];
	size_t count = detect_missing(source->snapshot, fetch->kind, fetch->list_seq,
		fetch->kind == LIST_SWEEP ? fetch->lookup_floor_seq : 0, missing,
		DETECT_LOOKUPS_MAX);

	fetch->step = FETCH_LOOKUPS;
	for (size_t i = 0; i < count && i < DETECT_LOOKUPS_MAX; i++) {
		if (source->lookups == DETECT_LOOKUPS_MAX || !lookup_due(source, missing[i]))
			continue;
		record_missing_check(missing[i])->looked_up_ms =
			source->now.mono_ms != 0 ? source->now.mono_ms : 1;
		source->lookups++;
		fetch->lookups[fetch->lookup_count++] =
			(struct lookup){ .id = mem_strdup(record_id(missing[i])) };
	}
	send_lookups(source, fetch);
}

/* takes in what a look-up says; false with err, and how it may be repeated */
static bool lookup_valid(struct source *source, struct fetch *fetch, const struct lookup *lookup,
	const struct http_answer *answer, struct changes *changes, struct err *err,
	struct http_advice *advice)
{
	cleanup_free struct task *task = NULL;

	switch (api_lookup(source->type, lookup->id, answer, &task, advice, err)) {
	case API_FOUND:
		detect_task(source->snapshot, &source->rules, task, lookup->seq, source->seq,
			source->now, changes);
		return true;
	case API_NOT_FOUND:
		detect_not_found(source->snapshot, lookup->id, lookup->seq);
		/* a poll that cannot find a task wants the list of all statuses; a sweep has just
		 * had it */
		fetch->wants_sweep = fetch->kind == LIST_POLL;
		return true;
	case API_FAILED:
		break;
	}
	return false;
}

/* the first look-up that has its answer is taken in, and others are sent in its place */
static enum fetch_result lookups_go_on(
	struct source *source, struct fetch *fetch, struct changes *changes)
{
	bool open = false;

	if (fetch_throttled(source))
		fetch->lookup_next = fetch->lookup_count;
	send_lookups(source, fetch);
	for (size_t i = 0; i < fetch->lookup_next; i++) {
		struct lookup *lookup = &fetch->lookups[i];
		const struct http_answer *answer =
			lookup->call != NULL ? http_ended(lookup->call) : NULL;

		if (answer != NULL) {
			struct http_advice advice;
			struct err err = { 0 };

			fetch_log_answer(source->config->name, lookup->id, answer);
			if (!lookup_valid(source, fetch, lookup, answer, changes, &err, &advice)) {
				proxy_name(answer->proxy, &err);
				/* the list of all statuses answers the same question another way */
				fetch->wants_sweep = fetch->kind == LIST_POLL;
				/* a list has just been had with this key; if it is refused from now
				 * on, the next list says so */
				if (err.kind == ERR_AUTH)
					err.kind = ERR_UNREACHABLE;
				fetch->failure = err;
				fetch->advice = advice;
				fetch_throttle(source, &advice);
			}
			call_drop(source, &lookup->call);
			return FETCH_CHANGED;
		}
		open = open || lookup->call != NULL;
	}
	if (!open)
		fetch->step = FETCH_CLOSING;
	return FETCH_NOTHING;
}

enum fetch_result fetch_go_on(struct source *source, struct fetch *fetch, struct changes *changes)
{
	const struct http_answer *answer;
	enum fetch_result result;

	if (fetch->closed) {
		fetch_cancel(source, fetch);
		return fetch->failure.kind != ERR_NONE ? FETCH_FAILED : FETCH_THROUGH;
	}
	if (fetch->listed) {
		/* what follows a list that has been taken in; what may not be asked now is asked
		 * another time */
		fetch->listed = false;
		if (fetch_throttled(source))
			fetch->step = FETCH_CLOSING;
		else if (fetch->step == FETCH_LIST && fetch->kind == LIST_POLL &&
			 detect_missing(source->snapshot, LIST_POLL, fetch->list_seq, 0, NULL, 0) >
				 DETECT_BY_ID_MAX)
			ask_list(source, fetch, LIST_ENDED);
		else
			ask_lookups(source, fetch);
	}
	switch (fetch->step) {
	case FETCH_LIST:
	case FETCH_ENDED:
		answer = http_ended(fetch->call);
		return answer != NULL ? take_list(source, fetch, answer, changes) : FETCH_NOTHING;
	case FETCH_LOOKUPS:
		result = lookups_go_on(source, fetch, changes);
		if (fetch->step != FETCH_CLOSING)
			return result;
		break;
	case FETCH_CLOSING:
		break;
	case FETCH_IDLE:
	case FETCH_DONE:
		return FETCH_NOTHING;
	}
	/* all answers are in */
	/* a list that is not whole says nothing of tasks that are not in it */
	if (fetch->kind == LIST_SWEEP && !fetch->partial)
		detect_gone(source->snapshot, &source->rules, fetch->list_seq,
			fetch->lookup_floor_seq, fetch->asked_ms, source->now, changes);
	detect_stuck(source->snapshot, &source->rules, source->now, changes);
	fetch_cancel(source, fetch);
	fetch->step = FETCH_CLOSING;
	fetch->closed = true;
	return FETCH_CHANGED;
}
