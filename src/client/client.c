#include "client/client.h"

#include <stdlib.h>
#include <string.h>

#include "watch/key_lookup.h"
#include "watch/fetch.h"
#include "base/mem.h"
#include "io/api.h"
#include "io/loop.h"

#define REASON_MAX ((size_t)4 * 1024 * 1024) /* bytes of the files of a bucket, some 20,000 */
#define REASON_MS 5000 /* what an answer about them is worth waiting for */
#define FILL_MAX (4 * 1024 * 1024) /* bytes read of a list to find the name of a bucket */

/* One request to one source, with its tries. */
struct ask {
	struct client *client; /* borrowed */
	size_t source; /* index into client->sources */
	char *url; /* own; NULL: nothing is asked of this source */
	struct http_call *call;
	int64_t due_ms; /* mono; of the next try */
	struct sched sched;
	bool done;
	const char *lookup; /* borrowed; the id that is looked up; NULL: it is a list */
	struct task *task; /* own; that one */
	bool explain; /* why a task failed: the answer is the files of its bucket … */
	struct buf reason; /* own; … and this what they say */
	bool enough; /* the reader has seen what it wants */
	struct err reader; /* why the reader ended the transfer */
	struct err err; /* the result; ERR_NONE: a complete, valid answer */
	struct task_reader *tasks; /* own; of a list */
	struct api_beside beside;
	const struct client_taker *taker; /* borrowed; of a list */
	size_t taken; /* bytes of the list so far */
	size_t take_max; /* 0: no limit */
};

struct client *client_new(const struct config *config, const char *only)
{
	struct client *client = mem_alloc(sizeof(*client));
	char key[KEY_MAX + 1];

	client->http = http_new();
	client->sources = mem_array(config->source_count, sizeof(*client->sources));
	for (size_t i = 0; i < config->source_count; i++) {
		struct client_source *source = &client->sources[client->count];

		if (only != NULL && strcmp(config->sources[i].name, only) != 0)
			continue;
		source->config = &config->sources[i];
		source->type = source_type_find(source->config->type);
		if (key_lookup_run(source->config->api_key, source->type, key, &source->err) ==
			KEY_LOOKUP_FOUND)
			source->key = mem_strdup(key);
		client->count++;
	}
	mem_wipe(key, sizeof(key));
	return client;
}

void client_free(struct client *client)
{
	if (client == NULL)
		return;
	http_free(client->http);
	for (size_t i = 0; i < client->count; i++) {
		char *key = client->sources[i].key;

		if (key != NULL)
			mem_wipe(key, strlen(key));
		free(key);
		free(client->sources[i].partial);
	}
	free(client->sources);
	free(client);
}

int client_exit_code(const struct client *client)
{
	int worst = 0;

	for (size_t i = 0; i < client->count; i++) {
		int code = err_exit_code(client->sources[i].err.kind);

		if (code > worst)
			worst = code;
	}
	return worst;
}

/* gets ready for a try; false when it is too late for another */
static bool ask_reset(struct ask *ask)
{
	ask->reader = (struct err){ 0 };
	ask->taken = 0;
	if (ask->taker == NULL)
		return true;
	if (ask->tasks != NULL && !ask->taker->again(ask->taker->arg, ask->source))
		return false;
	task_reader_free(ask->tasks);
	ask->tasks = task_reader_new(ask->client->sources[ask->source].type);
	return true;
}

/* reads what came of a list; false: no more is wanted */
static bool ask_tasks(struct ask *ask, const char *bytes, size_t len)
{
	struct task_element element;

	task_reader_feed(ask->tasks, bytes, len);
	while (!ask->enough && task_reader_next(ask->tasks, &element))
		ask->enough = !ask->taker->task(
			ask->taker->arg, ask->source, task_reader_view(ask->tasks, &element));
	return !ask->enough && task_reader_good(ask->tasks, &ask->reader);
}

static bool ask_body(void *arg, const char *bytes, size_t len)
{
	struct ask *ask = arg;

	ask->taken += len;
	if (ask->take_max != 0 && ask->taken > ask->take_max)
		ask->enough = true;
	return !ask->enough && ask_tasks(ask, bytes, len);
}

/* what the answer is worth; false with err, and whether and when another try may help */
static bool ask_valid(struct ask *ask, const struct http_answer *answer, struct err *err,
	struct http_advice *advice)
{
	struct client_source *source = &ask->client->sources[ask->source];

	if (ask->lookup != NULL)
		return api_lookup(source->type, ask->lookup, answer, &ask->task, advice, err) !=
		       API_FAILED;
	*advice = (struct http_advice){ .after_ms = -1 };
	if (ask->enough)
		return true;
	if (ask->reader.kind != ERR_NONE) {
		*err = ask->reader;
		return false;
	}
	*advice = answer->advice;
	if (answer->status == 0 || (answer->status == 200 && answer->err.kind != ERR_NONE)) {
		*err = answer->err;
		return false;
	}
	if (answer->status != 200)
		return api_error(answer, advice, err);
	if (ask->explain) {
		(void)api_reason(&answer->body, &ask->reason);
		return true;
	}
	if (api_list_end(ask->tasks, &ask->beside, err)) {
		const char *partial = api_list_partial(&ask->beside, answer);

		free(source->partial);
		source->partial = mem_strdup(partial);
		return true;
	}
	advice->retry = err->kind == ERR_UNREACHABLE;
	return false;
}

/* plans another try; false when there will be none */
static bool ask_again(struct ask *ask, int64_t after_ms)
{
	struct sched_advice wish = { .retry = true, .after_ms = after_ms };
	int64_t now_ms = clock_now().mono_ms;

	sched_bad(&ask->sched, ask->err.kind, &wish, 0, now_ms);
	if (!sched_once_again(&ask->client->once, &ask->sched, now_ms) || !ask_reset(ask))
		return false;
	ask->due_ms = ask->sched.due_ms;
	return true;
}

/* takes in the answer, if there is one */
static void ask_step(struct ask *ask)
{
	const struct http_answer *answer = ask->call != NULL ? http_ended(ask->call) : NULL;
	struct http_advice advice;

	if (answer == NULL)
		return;
	ask->err = (struct err){ 0 };
	ask->client->sources[ask->source].answer = *answer;
	ask->client->sources[ask->source].answer.body = (struct buf){ 0 };
	fetch_log_answer(ask->client->sources[ask->source].config->name,
		ask->lookup != NULL ? "task"
		: ask->explain      ? "reason"
				    : "list",
		answer);
	ask->done = ask_valid(ask, answer, &ask->err, &advice);
	if (!ask->done)
		proxy_name(answer->proxy, &ask->err);
	http_release(ask->client->http, ask->call);
	ask->call = NULL;
	if (ask->done)
		return;
	ask->done = !advice.retry || !ask_again(ask, advice.after_ms);
}

/* sends what is due; returns when something has to be done next, mono; 0: all is done */
static int64_t asks_step(struct client *client, struct ask *asks, struct instant now)
{
	int64_t next = 0;
	bool open = false;

	for (size_t i = 0; i < client->count; i++)
		if (!asks[i].done && asks[i].call == NULL && asks[i].due_ms <= now.mono_ms) {
			const struct client_source *source =
				&asks[i].client->sources[asks[i].source];
			struct http_request request = {
				.url = asks[i].url,
				.key = source->key,
				.ca_file = source->config->ca_file,
				.proxy = source->config->proxy,
				.timeout_ms =
					asks[i].explain ? REASON_MS : source->config->timeout_ms,
				.connect_timeout_ms = source->config->connect_timeout_ms,
				.bulky = asks[i].taker != NULL,
				.body = asks[i].taker != NULL ? ask_body : NULL,
				.arg = &asks[i],
				.body_max = asks[i].explain ? REASON_MAX : API_TASK_MAX,
			};

			asks[i].call = http_start(asks[i].client->http, &request, now);
		}
	http_step(client->http, now);
	for (size_t i = 0; i < client->count; i++)
		ask_step(&asks[i]);
	next = http_next(client->http);
	for (size_t i = 0; i < client->count; i++) {
		if (!asks[i].done && asks[i].call == NULL && asks[i].due_ms < next)
			next = asks[i].due_ms;
		open = open || !asks[i].done;
	}
	return open ? next : 0;
}

/* one ask for each source; those with a URL are asked all at once, until each has its answer */
static void asks_run(struct client *client, struct ask *asks)
{
	struct poll_fd fds[LOOP_FDS];
	struct loop loop;
	int64_t next;

	loop_open(&loop, client->http);
	for (size_t i = 0; i < client->count; i++) {
		asks[i].client = client;
		asks[i].source = i;
		asks[i].sched.random = ((uint64_t)loop.now.wall_ms ^ i) | 1;
		asks[i].done = asks[i].url == NULL || !ask_reset(&asks[i]);
	}
	while ((next = asks_step(client, asks, loop.now)) != 0) {
		loop_wait(&loop, fds, 0, next);
		(void)loop_turn(&loop);
	}
	loop_close(&loop);
}

static void asks_free(struct ask *asks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		task_reader_free(asks[i].tasks);
		free(asks[i].task);
		buf_done(&asks[i].reason);
		free(asks[i].url);
	}
	free(asks);
}

void client_list(
	struct client *client, const bool wanted[STATUS_COUNT], const struct client_taker *taker)
{
	struct ask *asks = mem_array(client->count, sizeof(*asks));

	for (size_t i = 0; i < client->count; i++) {
		const struct client_source *source = &client->sources[i];

		asks[i].taker = taker;
		if (source->key != NULL)
			asks[i].url =
				api_statuses_url(source->type, source->config->base_url, wanted);
	}
	asks_run(client, asks);
	for (size_t i = 0; i < client->count; i++)
		if (asks[i].url != NULL)
			client->sources[i].err = asks[i].err;
	asks_free(asks, client->count);
}

/* what is looked for, and what was found of it in each source */
struct find {
	const char *id; /* borrowed */
	struct task **tasks; /* borrowed */
	const bool *by_id; /* borrowed; in these sources it is known, only fields are missing */
};

/* fields that the answer by id left out */
static void find_fill(struct task **task, const struct task *view)
{
	struct task *filled = task_filled(*task, view);

	free(*task);
	*task = filled;
}

static bool find_task(void *arg, size_t source, const struct task *view)
{
	struct find *find = arg;

	if (strcmp(view->id, find->id) != 0)
		return true;
	if (find->by_id[source]) {
		find_fill(&find->tasks[source], view);
		return false;
	}
	/* an id that stands twice counts as it stands last: the list is read to its end */
	free(find->tasks[source]);
	find->tasks[source] = task_copy(view);
	return true;
}

static bool find_again(void *arg, size_t source)
{
	struct find *find = arg;

	if (find->by_id[source])
		return false;
	free(find->tasks[source]);
	find->tasks[source] = NULL;
	return true;
}

/* reads the answer by id; returns whether the list is to be asked as well */
static bool find_by_id(struct client_source *source, struct ask *ask, struct task **ret)
{
	const struct task *task = ask->task;

	source->err = ask->err;
	if (ask->err.kind != ERR_NONE || task == NULL)
		return ask->err.kind == ERR_NONE;
	*ret = mem_steal(&ask->task);
	return task->status != STATUS_UNKNOWN && (task->bucket == NULL || task->user_id == NULL);
}

/* the list that a task is looked for in: of its status when that is known, else of all five */
static char *find_list_url(const struct client_source *source, const struct task *task)
{
	bool wanted[STATUS_COUNT] = { false };

	for (int i = STATUS_QUEUED; i <= STATUS_PARTIAL_SUCCESS; i++)
		wanted[i] = task == NULL || (int)task->status == i;
	return api_statuses_url(source->type, source->config->base_url, wanted);
}

void client_find(struct client *client, const char *id, struct task **tasks)
{
	struct ask *asks = mem_array(client->count, sizeof(*asks));
	struct ask *lists = mem_array(client->count, sizeof(*lists));
	cleanup_free bool *by_id = mem_array(client->count, sizeof(*by_id));
	struct find find = { .id = id, .tasks = tasks, .by_id = by_id };
	struct client_taker taker = { find_task, find_again, &find };

	for (size_t i = 0; i < client->count; i++) {
		const struct client_source *source = &client->sources[i];

		tasks[i] = NULL;
		asks[i].lookup = id;
		if (source->key != NULL)
			asks[i].url = api_task_url(source->type, source->config->base_url, id);
	}
	asks_run(client, asks);
	for (size_t i = 0; i < client->count; i++) {
		struct client_source *source = &client->sources[i];

		if (asks[i].url == NULL || !find_by_id(source, &asks[i], &tasks[i]))
			continue;
		by_id[i] = tasks[i] != NULL;
		lists[i].taker = &taker;
		lists[i].take_max = by_id[i] ? FILL_MAX : 0;
		lists[i].url = find_list_url(source, tasks[i]);
	}
	asks_run(client, lists);
	for (size_t i = 0; i < client->count; i++)
		if (lists[i].url != NULL && !by_id[i])
			client->sources[i].err = lists[i].err;
	asks_free(asks, client->count);
	asks_free(lists, client->count);
}

char *client_reason(struct client *client, size_t source, const struct task *task)
{
	const struct source_config *config = client->sources[source].config;
	const struct source_type *type = client->sources[source].type;
	bool bad = task->status == STATUS_FAILURE || task->status == STATUS_PARTIAL_SUCCESS;
	struct ask *asks;
	struct ask *ask;
	char *reason;

	if (!bad || !config->explain || task->bucket == NULL || type->reason_path == NULL)
		return NULL;
	asks = mem_array(client->count, sizeof(*asks));
	ask = &asks[source];
	ask->explain = true;
	ask->sched.failures = SCHED_ONCE_TRIES - 1; /* it is not worth another try */
	ask->url = api_reason_url(type, config->base_url, task->bucket);
	asks_run(client, asks);
	reason = ask->reason.len != 0 ? buf_steal(&ask->reason) : NULL;
	asks_free(asks, client->count);
	return reason;
}
