#include "core/list_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/config.h"
#include "core/detect_ctx.h"

/* bytes; a longer answer is read every time, which costs little beside receiving it */
#define SAME_MAX 16384
/* elements that are read before the first of them is looked up */
#define BATCH 32

/* an element that says something new */
struct observation {
	struct record *record; /* own; in no snapshot; NULL: the id stands again further on */
	int64_t finished_us;
};

struct batched {
	struct task_element element;
	struct hash hash; /* of the id; not of one with escapes */
};

struct list_reader {
	struct snapshot *snapshot; /* borrowed, as rules and type */
	const struct detect_rules *rules;
	const struct source_type *type;
	enum list_scope scope;
	enum list_kind kind;
	uint32_t seq;
	int64_t asked_ms;
	bool first; /* the first list of all statuses: ended tasks are taken in by first_run */
	bool partial;
	struct task_reader *tasks; /* own; made when there is something to read, as `batch` is */
	struct batched *batch; /* own */
	size_t batched;
	struct observation *items; /* own; in the order of the answer */
	size_t count;
	size_t cap;
	struct ended_set *doubted; /* own; ended tasks listed with another status; NULL: none */
	struct ended_set *fresh; /* own; ended tasks that a first run does not tell; NULL: none */
	bool same; /* so far the answer is, byte for byte, the one that the snapshot keeps */
	size_t matched; /* bytes of that one which were not read */
	bool news; /* some element is not that of a record, as it is known */
	uint32_t revision; /* of the snapshot, when the list was asked for */
	struct buf copy; /* own; what was read of the answer, as long as there is no news */
};

struct list_reader *list_reader_new(struct snapshot *snapshot, const struct detect_rules *rules,
	const struct source_type *type, enum list_scope scope, enum list_kind kind, uint32_t seq,
	int64_t asked_ms)
{
	struct list_reader *reader = mem_alloc(sizeof(*reader));

	reader->snapshot = snapshot;
	reader->rules = rules;
	reader->type = type;
	reader->scope = scope;
	reader->kind = kind;
	reader->seq = seq;
	reader->asked_ms = asked_ms;
	reader->first = scope == LIST_ALL && !snapshot->baseline;
	reader->revision = snapshot->revision;
	reader->same = scope == LIST_ACTIVE && snapshot->answer.len != 0 &&
		       snapshot->answer_revision == snapshot->revision;
	reader->news = scope != LIST_ACTIVE;
	reader->copy.limit = SAME_MAX;
	/* never 0, which an entry has that was loaded or has just ended */
	if (scope == LIST_ALL)
		snapshot->sweeps = (uint8_t)(snapshot->sweeps % 255 + 1);
	snapshot->open[kind] = seq;
	return reader;
}

static void set_free(struct ended_set *set)
{
	if (set != NULL)
		ended_done(set);
	free(set);
}

void list_reader_free(struct list_reader *reader)
{
	uint32_t poll;
	uint32_t sweep;
	uint32_t oldest;
	size_t kept = 0;

	if (reader == NULL)
		return;
	for (size_t i = 0; i < reader->count; i++)
		record_free(reader->items[i].record);
	free(reader->items);
	task_reader_free(reader->tasks);
	free(reader->batch);
	set_free(reader->doubted);
	set_free(reader->fresh);
	buf_done(&reader->copy);
	reader->snapshot->open[reader->kind] = 0;
	/* ends are remembered for as long as a list is under way that was asked for before them */
	poll = reader->snapshot->open[LIST_POLL];
	sweep = reader->snapshot->open[LIST_SWEEP];
	oldest = poll == 0 || (sweep != 0 && sweep < poll) ? sweep : poll;
	for (size_t i = 0; oldest != 0 && i < reader->snapshot->recent_end_count; i++)
		if (reader->snapshot->recent_ends[i].seq > oldest)
			reader->snapshot->recent_ends[kept++] = reader->snapshot->recent_ends[i];
	reader->snapshot->recent_end_count = kept;
	free(reader);
}

static void set_put(struct ended_set **set, struct fingerprint fingerprint, enum status status)
{
	if (*set == NULL)
		*set = mem_alloc(sizeof(**set));
	(void)ended_put(*set, fingerprint, status);
}

/* a task that is known to have ended: true when its element says nothing new */
static bool ended_unchanged(struct list_reader *reader, struct ended *ended, enum status status)
{
	if (reader->scope == LIST_ALL)
		ended->generation = reader->snapshot->sweeps;
	if (ended->status != status)
		set_put(&reader->doubted, ended->fingerprint, status);
	/* of an id that stands twice the last element counts, so both are applied in order */
	return reader->doubted == NULL || ended_find(reader->doubted, ended->fingerprint) == NULL;
}

/*
 * An ended task that is neither known nor told one by one in a first run: nothing more is kept of
 * it than that it has ended. False when it is news.
 */
static bool history_take(
	struct list_reader *reader, const struct task *view, struct fingerprint fingerprint)
{
	const struct snapshot *snapshot = reader->snapshot;

	if (status_class(view->status) != CLASS_ENDED)
		return false;
	/* the first list of all statuses will take it in */
	if (!snapshot->baseline && reader->scope == LIST_ENDED)
		return true;
	if (!reader->first || reader->rules->first_run == FIRST_RUN_ALL)
		return false;
	if (snapshot->report_after_us != STAMP_NONE && view->finished_us != STAMP_NONE &&
		view->finished_us > snapshot->report_after_us)
		return false;
	set_put(&reader->fresh, fingerprint, view->status);
	return true;
}

/* a task with a record: true when the element says nothing that is not known */
static bool record_unchanged(
	struct list_reader *reader, struct record *record, const struct task *view)
{
	struct task known = record_task(reader->snapshot, record);
	/* of an id that stands twice the last element counts, so both are applied in order */
	bool again = record->listed[reader->kind] == reader->seq;

	if (reader->scope == LIST_ENDED)
		return false;
	record->listed[reader->kind] = reader->seq;
	return !again && !task_differs(&known, view);
}

static void element_take(struct list_reader *reader, const struct batched *item)
{
	const struct task_element *element = &item->element;
	const struct json_value *id = &element->fields[FIELD_ID];
	const struct task *view =
		element->escaped ? task_reader_view(reader->tasks, element) : NULL;
	struct hash hash = view != NULL ? snapshot_hash(reader->snapshot, view->id) : item->hash;
	struct record *record =
		snapshot_find_hash(reader->snapshot, view != NULL ? view->id : id->bytes,
			view != NULL ? strlen(view->id) : id->len, hash);
	struct fingerprint fingerprint = ended_fingerprint(hash);
	struct ended *ended = NULL;

	if (record == NULL) {
		reader->news = true;
		if (reader->snapshot->closed)
			return;
		ended = ended_find(&reader->snapshot->ended, fingerprint);
		if (ended != NULL && ended_unchanged(reader, ended,
					     view != NULL ? view->status : element->status))
			return;
	}
	if (view == NULL)
		view = task_reader_view(reader->tasks, element);
	if (record != NULL && record_unchanged(reader, record, view))
		return;
	if (record == NULL && ended == NULL) {
		if (history_take(reader, view, fingerprint))
			return;
		/* seen earlier in this answer as ended before our first run: the later element
		 * replaces it */
		if (reader->fresh != NULL)
			ended_remove(reader->fresh, fingerprint);
	}
	reader->news = true;
	reader->items =
		mem_grow(reader->items, &reader->cap, reader->count + 1, sizeof(*reader->items));
	reader->items[reader->count++] =
		(struct observation){ record_new(reader->snapshot, view), view->finished_us };
}

static void batch_take(struct list_reader *reader)
{
	for (size_t i = 0; i < reader->batched; i++)
		element_take(reader, &reader->batch[i]);
	reader->batched = 0;
}

/*
 * A sweep looks up a million ended tasks, each somewhere in 24 MB, and waiting for memory was half
 * of its time (row "sweep over 1,000,000 known ended"). So the entries of a batch are prefetched
 * before the first one is read.
 */
static void batch_add(struct list_reader *reader)
{
	const struct snapshot *snapshot = reader->snapshot;
	struct batched *item = &reader->batch[reader->batched++];
	const struct json_value *id = &item->element.fields[FIELD_ID];

	if (!item->element.escaped) {
		item->hash = hash_bytes(&snapshot->key, id->bytes, id->len);
		ended_fetch(&snapshot->ended, ended_fingerprint(item->hash));
	}
	if (item->element.json.carried || reader->batched == BATCH)
		batch_take(reader);
}

static void chunk_read(struct list_reader *reader, const char *bytes, size_t len)
{
	if (reader->tasks == NULL) {
		reader->tasks = task_reader_new(reader->type);
		reader->batch = mem_array(BATCH, sizeof(*reader->batch));
	}
	if (!reader->news && !buf_add(&reader->copy, bytes, len))
		reader->news = true;
	task_reader_feed(reader->tasks, bytes, len);
	while (task_reader_next(reader->tasks, &reader->batch[reader->batched].element))
		batch_add(reader);
	batch_take(reader);
	/* from now on `listed` does not tell which records the kept answer has */
	if (reader->kind == LIST_POLL && task_reader_count(reader->tasks) != 0)
		buf_done(&reader->snapshot->answer);
}

/* reads the bytes that were so far only compared with the kept answer */
static void matched_read(struct list_reader *reader)
{
	bool same = reader->same;

	reader->same = false;
	if (same)
		chunk_read(reader, reader->snapshot->answer.data, reader->matched);
}

/*
 * Most polls are answered with the very bytes of the last one, and comparing them is a tenth of
 * reading them (row "a poll of 20 unchanged tasks" of the benchmark).
 */
bool list_reader_feed(struct list_reader *reader, const char *bytes, size_t len, struct err *err)
{
	const struct buf *last = &reader->snapshot->answer;

	if (reader->same && len <= last->len - reader->matched &&
		memcmp(last->data + reader->matched, bytes, len) == 0) {
		reader->matched += len;
		return true;
	}
	matched_read(reader);
	chunk_read(reader, bytes, len);
	return task_reader_good(reader->tasks, err);
}

struct task_reader *list_reader_close(struct list_reader *reader)
{
	const struct snapshot *snapshot = reader->snapshot;

	if (reader->same && reader->matched == snapshot->answer.len &&
		snapshot->answer_revision == snapshot->revision)
		return NULL;
	matched_read(reader);
	if (reader->tasks == NULL)
		chunk_read(reader, "", 0);
	return reader->tasks;
}

void list_reader_set_partial(struct list_reader *reader, bool partial)
{
	reader->partial = partial;
}

/* orders observations by id, those of one id as they stood in the answer */
static int observation_order(const void *a, const void *b)
{
	const struct observation *x = *(struct observation *const *)a;
	const struct observation *y = *(struct observation *const *)b;
	int order = strcmp(record_id(x->record), record_id(y->record));

	return order != 0 ? order : x < y ? -1 : 1;
}

/* an id that stands twice counts once, as it stands last: the earlier ones are dropped */
static void observations_unique(struct list_reader *reader)
{
	cleanup_free struct observation **by_id = NULL;

	if (reader->count < 2)
		return;
	by_id = mem_resize(NULL, reader->count, sizeof(struct observation *));
	for (size_t i = 0; i < reader->count; i++)
		by_id[i] = &reader->items[i];
	qsort(by_id, reader->count, sizeof(struct observation *), observation_order);
	for (size_t i = 0; i + 1 < reader->count; i++) {
		if (strcmp(record_id(by_id[i]->record), record_id(by_id[i + 1]->record)) != 0)
			continue;
		record_free(by_id[i]->record);
		by_id[i]->record = NULL;
	}
}

static void observation_apply(
	const struct detect_ctx *ctx, const struct list_reader *reader, struct observation *item)
{
	struct task view = record_task(ctx->snapshot, item->record);
	struct fingerprint fingerprint = ended_fingerprint(snapshot_hash(ctx->snapshot, view.id));

	view.finished_us = item->finished_us;
	/* in a first run, an id that this answer listed last as ended */
	if (reader->fresh != NULL && snapshot_find(ctx->snapshot, view.id) == NULL &&
		ended_find(reader->fresh, fingerprint) != NULL)
		return;
	if (detect_observe(ctx, &view, item->record))
		item->record = NULL;
}

/* event `summary`: what had already ended when a source was first seen */
static void tell_summary(const struct detect_ctx *ctx, const size_t counts[STATUS_COUNT])
{
	size_t total =
		counts[STATUS_SUCCESS] + counts[STATUS_FAILURE] + counts[STATUS_PARTIAL_SUCCESS];
	struct event event = {
		.wall_ms = ctx->now.wall_ms,
		.type = EVENT_SUMMARY,
		.source = ctx->rules->source,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE,
	};
	char text[160];

	if (total == 0)
		return;
	(void)snprintf(text, sizeof(text),
		"%zu task%s had already ended: %zu success, %zu failure, %zu partial success",
		total, total == 1 ? "" : "s", counts[STATUS_SUCCESS], counts[STATUS_FAILURE],
		counts[STATUS_PARTIAL_SUCCESS]);
	event.message = text;
	changes_add(ctx->changes, &event);
}

/* a task that a newer answer shows active does not belong to the baseline */
static void take_in_first_run(const struct detect_ctx *ctx, struct ended_set *fresh)
{
	const struct snapshot *snapshot = ctx->snapshot;
	size_t counts[STATUS_COUNT] = { 0 };
	const struct record *record;
	struct ended *entry;
	size_t pos = 0;

	while ((record = snapshot_next(snapshot, &pos)) != NULL)
		ended_remove(fresh, ended_fingerprint(snapshot_hash(snapshot, record_id(record))));
	pos = 0;
	while ((entry = ended_next(fresh, &pos)) != NULL) {
		entry->generation = snapshot->sweeps;
		counts[entry->status]++;
	}
	ended_merge(&ctx->snapshot->ended, fresh);
	if (ctx->rules->first_run == FIRST_RUN_SUMMARY)
		tell_summary(ctx, counts);
}

/* notes which records the list has, and keeps its bytes when they say nothing new */
static void list_note(struct list_reader *reader)
{
	struct snapshot *snapshot = reader->snapshot;
	struct record *record;
	size_t pos = 0;

	while ((record = snapshot_next(snapshot, &pos)) != NULL) {
		uint32_t *listed = &record->listed[reader->kind];

		if (reader->same && *listed == snapshot->answer_seq)
			*listed = reader->seq;
		if (*listed == reader->seq)
			record_found(record, reader->seq);
	}
	if (reader->scope != LIST_ACTIVE)
		return;
	snapshot->answer_seq = reader->seq;
	if (reader->same)
		return;
	buf_done(&snapshot->answer);
	/* the snapshot may have changed since the elements were read */
	if (reader->news || reader->revision != snapshot->revision)
		return;
	snapshot->answer = reader->copy;
	snapshot->answer_revision = snapshot->revision;
	reader->copy = (struct buf){ 0 };
}

/* what follows from the list as a whole */
static void list_close(const struct detect_ctx *ctx, struct list_reader *reader)
{
	struct snapshot *snapshot = ctx->snapshot;

	if (reader->scope == LIST_ENDED) {
		snapshot_sort_reopened(snapshot);
		return;
	}
	list_note(reader);
	reopened_close(snapshot, reader->seq);
	if (reader->scope != LIST_ALL)
		return;
	if (!reader->partial)
		ended_prune(&snapshot->ended, snapshot->sweeps,
			(uint16_t)(ctx->now.wall_ms / 86400000), DETECT_ABSENT_DAYS);
	snapshot->baseline_dirty = snapshot->baseline_dirty || !snapshot->baseline;
	snapshot->baseline = true;
	snapshot->report_after_us = STAMP_NONE;
}

void list_reader_end(
	struct list_reader *reader, uint32_t newest, struct instant now, struct changes *changes)
{
	struct detect_ctx ctx = {
		.snapshot = reader->snapshot,
		.rules = reader->rules,
		.seq = reader->seq,
		.newest = newest,
		.now = now,
		.asked_ms = reader->asked_ms != 0 ? reader->asked_ms : now.wall_ms,
		.changes = changes,
		.ended_known = reader->snapshot->baseline || reader->scope == LIST_ALL,
	};
	size_t count = 0;

	observations_unique(reader);
	/* makes room for the records that the list brings at most, so that a first list does it
	 * once */
	for (size_t i = 0; i < reader->count; i++) {
		const struct record *record = reader->items[i].record;

		count += record != NULL &&
			 status_class((enum status)record->status) != CLASS_ENDED &&
			 snapshot_find(reader->snapshot, record_id(record)) == NULL;
	}
	snapshot_reserve(reader->snapshot, count);
	for (size_t i = 0; i < reader->count; i++)
		if (reader->items[i].record != NULL)
			observation_apply(&ctx, reader, &reader->items[i]);
	if (reader->fresh != NULL)
		take_in_first_run(&ctx, reader->fresh);
	list_close(&ctx, reader);
}
