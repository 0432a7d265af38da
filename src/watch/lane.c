#include "watch/lane.h"

#include <stdlib.h>
#include <string.h>

#include "watch/traffic.h"
#include "base/log.h"
#include "base/mem.h"

/* bytes of a list after which the next one is read in large pieces */
#define BULKY (1024 * 1024)

static const struct http_advice no_advice = { .retry = false, .after_ms = -1 };

static void lane_list(struct lane_run *run, enum list_scope scope);
static void lane_lookups_send(struct lane_run *run);

static void lane_drop_list(struct lane_run *run)
{
	list_reader_free(run->list);
	run->list = NULL;
	run->call = NULL;
	buf_done(&run->error_body);
}

static void lane_drop_lookups(struct lane_run *run)
{
	for (size_t i = 0; i < run->lookup_count; i++) {
		struct lookup *lookup = &run->lookups[i];

		if (lookup->call != NULL)
			http_cancel(run->poller->http, lookup->call);
		free(lookup->id);
		buf_done(&lookup->body);
		*lookup = (struct lookup){ 0 };
	}
	run->lookup_count = 0;
	run->lookup_next = 0;
	run->lookups_open = 0;
}

void lane_cancel(struct lane_run *run)
{
	if (run->call != NULL)
		http_cancel(run->poller->http, run->call);
	lane_drop_list(run);
	lane_drop_lookups(run);
	if (run->step != STEP_DONE)
		run->step = STEP_IDLE;
}

static void lane_fail(struct lane_run *run, const struct err *err, const struct http_advice *advice)
{
	lane_cancel(run);
	poller_failed(run->poller, run, err, advice);
}

/* changes that could not be stored: memory is ahead of the disk, so the poll was not made */
static bool lane_commit(struct lane_run *run, struct changes *changes)
{
	bool stored = poller_commit(run->poller, changes);

	changes_done(changes);
	return stored;
}

/* of an error the first 64 KiB are enough, and the rest is not waited for */
static bool error_body(struct buf *body, const char *bytes, size_t len)
{
	return body->len + len <= API_ERROR_BODY_MAX && buf_add(body, bytes, len);
}

static bool list_body(void *arg, long status, const char *bytes, size_t len)
{
	struct lane_run *run = arg;

	if (status != 200)
		return error_body(&run->error_body, bytes, len);
	return list_reader_feed(run->list, bytes, len, &run->reader);
}

/* what went wrong with a list, if anything did, and how it may be asked for again */
static bool list_valid(struct lane_run *run, const struct http_answer *answer,
	struct api_beside *beside, struct err *err, struct http_advice *advice)
{
	const struct task_reader *tasks;

	*beside = (struct api_beside){ 0 };
	*advice = no_advice;
	*err = run->reader;
	if (err->kind != ERR_NONE)
		return false;
	if (answer->status != 0 && answer->status != 200)
		return api_error(
			answer, buf_text(&run->error_body), run->error_body.len, advice, err);
	*err = answer->err;
	if (err->kind != ERR_NONE) {
		*advice = answer->status == 0 ? answer->advice : no_advice;
		return false;
	}
	tasks = list_reader_close(run->list);
	if (tasks == NULL || api_list_end(tasks, beside, err))
		return true;
	advice->retry = err->kind == ERR_UNREACHABLE;
	return false;
}

/* the lane has all its answers */
static void lane_close(struct lane_run *run)
{
	struct poller *poller = run->poller;
	struct changes changes = { 0 };

	lane_drop_lookups(run);
	/* that a task is not in a part of the list is no word on it */
	if (run->lane == LANE_SWEEP && !run->partial)
		(void)detect_gone(poller->snapshot, &poller->rules, run->list_serial, run->since,
			run->asked_ms, poller->now, &changes);
	detect_stuck(poller->snapshot, &poller->rules, poller->now, &changes);
	if (!lane_commit(run, &changes))
		return;
	run->step = STEP_IDLE;
	if (run->failure.kind != ERR_NONE)
		poller_failed(poller, run, &run->failure, &run->advice);
	else
		poller_lane_done(poller, run);
}

static bool lookup_body(void *arg, long status, const char *bytes, size_t len)
{
	struct lookup *lookup = arg;

	return api_task_feed(&lookup->body, status, bytes, len, &lookup->reader);
}

/* not-by-id is a word of the API only when the API itself said it, in JSON */
static bool says_not_by_id(const struct http_answer *answer, const struct buf *body)
{
	return (answer->status == 400 || answer->status == 404 || answer->status == 422) &&
	       answer->err.kind == ERR_NONE && api_is_json(buf_text(body), body->len);
}

/* a poll that cannot find a task wants the list of all statuses; a sweep has just had it */
static void lane_want_sweep(struct lane_run *run)
{
	if (run->lane == LANE_POLL)
		poller_want_sweep(run->poller, run->since);
}

/* takes in what a look-up says; false with err, and how it may be repeated */
static bool lookup_take(struct lookup *lookup, const struct http_answer *answer,
	struct changes *changes, struct err *err, struct http_advice *advice)
{
	struct poller *poller = lookup->run->poller;
	cleanup_free struct task *task = NULL;

	*advice = answer->advice;
	*err = lookup->reader;
	if (err->kind != ERR_NONE)
		return false;
	if (says_not_by_id(answer, &lookup->body)) {
		detect_not_by_id(poller->snapshot, lookup->id, lookup->serial);
		lane_want_sweep(lookup->run);
		return true;
	}
	if (answer->status == 0 || (answer->status == 200 && answer->err.kind != ERR_NONE)) {
		*err = answer->err;
		return false;
	}
	if (answer->status != 200)
		return api_error(answer, buf_text(&lookup->body), lookup->body.len, advice, err);
	if (!api_task(poller->type, lookup->id, buf_text(&lookup->body), lookup->body.len, &task,
		    err)) {
		advice->retry = err->kind == ERR_UNREACHABLE;
		return false;
	}
	detect_task(poller->snapshot, &poller->rules, task, lookup->serial, poller->serial,
		poller->now, changes);
	return true;
}

static void lookup_done(void *arg, const struct http_answer *answer)
{
	struct lookup *lookup = arg;
	struct lane_run *run = lookup->run;
	struct changes changes = { 0 };
	struct http_advice advice;
	struct err err = { 0 };

	lookup->call = NULL;
	run->lookups_open--;
	traffic_say(run->poller->config->name, lookup->id, answer);
	if (!lookup_take(lookup, answer, &changes, &err, &advice)) {
		proxy_name(answer->proxy, &err);
		changes_done(&changes);
		/* the list of all statuses answers the same question another way */
		lane_want_sweep(run);
		/* a list has just been had with this key; if it is refused from now on, the next
		 * list says so */
		if (err.kind == ERR_AUTH)
			err.kind = ERR_UNREACHABLE;
		run->failure = err;
		run->advice = advice;
		poller_hold(run->poller, &advice);
	} else if (!lane_commit(run, &changes)) {
		return;
	}
	if (poller_held(run->poller))
		run->lookup_next = run->lookup_count;
	if (run->lookup_next < run->lookup_count)
		lane_lookups_send(run);
	else if (run->lookups_open == 0)
		lane_close(run);
}

static void lane_lookups_send(struct lane_run *run)
{
	struct poller *poller = run->poller;

	while (run->lookup_next < run->lookup_count && run->lookups_open < LANE_LOOKUPS_AT_ONCE) {
		struct lookup *lookup = &run->lookups[run->lookup_next++];
		cleanup_free char *url =
			api_task_url(poller->type, poller->config->base_url, lookup->id);
		struct http_request request = poller_request(run->poller, url);

		request.body = lookup_body;
		request.done = lookup_done;
		request.arg = lookup;
		lookup->serial = ++poller->serial;
		lookup->call = http_start(poller->http, &request, poller->now);
		run->lookups_open++;
	}
}

/* a task of unknown status is not worth more than one question in each sweep_interval, unless
 * somebody waits for it; sweeps are not to the millisecond */
static bool lookup_due(const struct poller *poller, const struct record *record)
{
	const struct search *search = record->search;
	int64_t apart_ms = poller->config->sweep_interval_ms * 3 / 4;

	return record->status != STATUS_UNKNOWN || poller->snapshot->closed || search == NULL ||
	       search->looked_up_ms == 0 || poller->now.mono_ms - search->looked_up_ms >= apart_ms;
}

static void lane_lookups(struct lane_run *run, uint32_t since)
{
	struct record *missing[DETECT_LOOKUPS_MAX];
	struct poller *poller = run->poller;
	size_t count = detect_missing(
		poller->snapshot, run->lane, run->list_serial, since, missing, DETECT_LOOKUPS_MAX);

	run->step = STEP_LOOKUPS;
	for (size_t i = 0; i < count && i < DETECT_LOOKUPS_MAX; i++) {
		if (poller->lookups == DETECT_LOOKUPS_MAX || !lookup_due(poller, missing[i]))
			continue;
		record_search(missing[i])->looked_up_ms =
			poller->now.mono_ms != 0 ? poller->now.mono_ms : 1;
		poller->lookups++;
		run->lookups[run->lookup_count++] =
			(struct lookup){ .run = run, .id = mem_strdup(record_id(missing[i])) };
	}
	if (run->lookup_count == 0)
		lane_close(run);
	else
		lane_lookups_send(run);
}

/* what follows a list that has been taken in; what may not be asked now is asked another time */
static void lane_follow(struct lane_run *run)
{
	struct poller *poller = run->poller;

	if (poller_held(poller))
		lane_close(run);
	else if (run->step == STEP_LIST && run->lane == LANE_POLL &&
		 detect_missing(poller->snapshot, LANE_POLL, run->list_serial, 0, NULL, 0) >
			 DETECT_BY_ID_MAX)
		lane_list(run, LIST_ENDED);
	else
		lane_lookups(run, run->lane == LANE_SWEEP ? run->since : 0);
}

/* an answer that is not all there is still is an answer; it is said once */
static void lane_note_partial(
	struct lane_run *run, const struct api_beside *beside, const struct http_answer *answer)
{
	struct poller *poller = run->poller;
	const char *partial = api_list_partial(beside, answer);

	run->partial = partial != NULL;
	list_reader_set_partial(run->list, run->partial);
	if (run->partial && !poller->partial_told)
		log_line(LOG_WARN, "source %s: %s", poller->config->name, partial);
	poller->partial_told = poller->partial_told || run->partial;
}

static void list_done(void *arg, const struct http_answer *answer)
{
	struct lane_run *run = arg;
	struct poller *poller = run->poller;
	struct health before = poller->health;
	struct changes changes = { 0 };
	struct api_beside beside;
	struct http_advice advice;
	struct err err = { 0 };

	run->call = NULL;
	traffic_say(poller->config->name,
		run->step == STEP_ENDED   ? "list of what has ended"
		: run->lane == LANE_SWEEP ? "list of all tasks"
					  : "list of active tasks",
		answer);
	if (!list_valid(run, answer, &beside, &err, &advice)) {
		proxy_name(answer->proxy, &err);
		bool reader = run->reader.kind != ERR_NONE || answer->status == 200;

		poller->failed_status = reader ? 200 : answer->status;
		lane_fail(run, &err, &advice);
		return;
	}
	lane_note_partial(run, &beside, answer);
	list_reader_end(run->list, poller->serial, poller->now, &changes);
	lane_drop_list(run);
	poller_good(poller, run, &changes);
	if (!lane_commit(run, &changes)) {
		poller->health = before;
		return;
	}
	poller->saw_active = true;
	if (run->step == STEP_LIST)
		run->list_bytes = answer->bytes;
	poller_listed(poller);
	lane_follow(run);
}

static void lane_list(struct lane_run *run, enum list_scope scope)
{
	struct poller *poller = run->poller;
	struct http_request request = poller_request(poller, poller_list_url(poller, scope));
	uint32_t serial = ++poller->serial;

	run->step = scope == LIST_ENDED ? STEP_ENDED : STEP_LIST;
	if (scope != LIST_ENDED) {
		run->list_serial = serial;
		run->asked_ms = poller->now.wall_ms;
	}
	run->reader = (struct err){ 0 };
	run->list = list_reader_new(poller->snapshot, &poller->rules, poller->type, scope,
		run->lane, serial, poller->now.wall_ms);
	request.bulky = scope != LIST_ACTIVE || run->list_bytes >= BULKY;
	request.body = list_body;
	request.done = list_done;
	request.arg = run;
	run->call = http_start(poller->http, &request, poller->now);
}

void lane_start(struct lane_run *run)
{
	if (run->lane == LANE_POLL)
		run->poller->lookups = 0;
	sched_start(&run->sched, run->poller->now.mono_ms);
	run->failure = (struct err){ 0 };
	lane_list(run, run->lane == LANE_SWEEP ? LIST_ALL : LIST_ACTIVE);
	/* a sweep of its own accord counts from its own list; one that a poll wanted, from that
	 * poll */
	if (run->lane == LANE_POLL || run->since == 0)
		run->since = run->list_serial;
}
