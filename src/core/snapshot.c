#include "core/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SHARED_MAX 190 /* of SNAPSHOT_SHARED slots, so that a look-up stays short */
#define SHARED_TEXT_MAX 128 /* bytes; a longer text is not shared */

struct snapshot *snapshot_new(const struct hash_key *key)
{
	struct snapshot *snapshot = mem_alloc(sizeof(*snapshot));

	snapshot->key = *key;
	snapshot->report_after_us = STAMP_NONE;
	return snapshot;
}

void record_free(struct record *record)
{
	if (record == NULL)
		return;
	free(record->missing_check);
	free(record);
}

void snapshot_free(struct snapshot *snapshot)
{
	if (snapshot == NULL)
		return;
	for (size_t i = 0; i < snapshot->slot_count; i++)
		record_free(snapshot->slots[i]);
	for (size_t i = 0; i < SNAPSHOT_SHARED; i++)
		free(snapshot->shared[i]);
	for (size_t i = 0; i < snapshot->reopened_count; i++)
		free(snapshot->reopened[i].id);
	free(snapshot->slots);
	free(snapshot->tags);
	free(snapshot->recent_ends);
	free(snapshot->reopened);
	ended_done(&snapshot->ended);
	buf_done(&snapshot->answer);
	free(snapshot);
}

struct hash snapshot_hash(const struct snapshot *snapshot, const char *id)
{
	return hash_bytes(&snapshot->key, id, strlen(id));
}

/* where a hash belongs in a table of any size (Lemire's multiply and shift) */
static size_t slot_home(const struct snapshot *snapshot, struct hash hash)
{
	return (size_t)((hash.lo >> 32) * snapshot->slot_count >> 32);
}

static size_t slot_after(const struct snapshot *snapshot, size_t slot)
{
	return slot + 1 < snapshot->slot_count ? slot + 1 : 0;
}

static uint8_t slot_tag(struct hash hash)
{
	return (uint8_t)hash.hi;
}

static bool record_is(const struct record *record, const char *id, size_t len)
{
	return strncmp(record_id(record), id, len) == 0 && record_id(record)[len] == '\0';
}

/* the slot of a record, or the free one where its id would stand */
static size_t slot_of(const struct snapshot *snapshot, const char *id, size_t len, struct hash hash)
{
	size_t i = slot_home(snapshot, hash);

	while (snapshot->slots[i] != NULL &&
		(snapshot->tags[i] != slot_tag(hash) || !record_is(snapshot->slots[i], id, len)))
		i = slot_after(snapshot, i);
	return i;
}

static size_t slot_of_record(const struct snapshot *snapshot, const struct record *record)
{
	const char *id = record_id(record);

	return slot_of(snapshot, id, strlen(id), snapshot_hash(snapshot, id));
}

static void slot_fill(struct snapshot *snapshot, struct record *record)
{
	const char *id = record_id(record);
	struct hash hash = snapshot_hash(snapshot, id);
	size_t slot = slot_of(snapshot, id, strlen(id), hash);

	snapshot->slots[slot] = record;
	snapshot->tags[slot] = slot_tag(hash);
	snapshot->revision++;
}

struct record *snapshot_find_hash(
	const struct snapshot *snapshot, const char *id, size_t len, struct hash hash)
{
	return snapshot->count != 0 ? snapshot->slots[slot_of(snapshot, id, len, hash)] : NULL;
}

struct record *snapshot_find(const struct snapshot *snapshot, const char *id)
{
	return snapshot_find_hash(snapshot, id, strlen(id), snapshot_hash(snapshot, id));
}

static void snapshot_resize(struct snapshot *snapshot, size_t slot_count)
{
	struct record **old = snapshot->slots;
	size_t count = snapshot->slot_count;

	free(snapshot->tags);
	snapshot->slot_count = slot_count;
	snapshot->slots = mem_array(slot_count, sizeof(struct record *));
	snapshot->tags = mem_alloc(slot_count);
	for (size_t i = 0; i < count; i++)
		if (old[i] != NULL)
			slot_fill(snapshot, old[i]);
	free(old);
}

/* at most three of four slots are taken */
static bool snapshot_holds(const struct snapshot *snapshot, size_t count)
{
	return count <= snapshot->slot_count - snapshot->slot_count / 4 &&
	       snapshot->slot_count != 0;
}

void snapshot_reserve(struct snapshot *snapshot, size_t more)
{
	size_t count = snapshot->count + more;

	if (more != 0 && !snapshot_holds(snapshot, count))
		snapshot_resize(snapshot, count + count / 3 + 16);
}

static bool record_active(const struct record *record)
{
	return status_class((enum status)record->status) == CLASS_ACTIVE;
}

void snapshot_put(struct snapshot *snapshot, struct record *record, int64_t seen_wall_ms)
{
	int64_t seen_s = seen_wall_ms / 1000;

	record->seen_s = seen_s < 0 ? 0 : seen_s > UINT32_MAX ? UINT32_MAX : (uint32_t)seen_s;
	if (!snapshot_holds(snapshot, snapshot->count + 1))
		snapshot_resize(snapshot, snapshot->slot_count + snapshot->slot_count / 2 + 16);
	slot_fill(snapshot, record);
	snapshot->count++;
	snapshot->active += record_active(record);
}

struct record *snapshot_add(
	struct snapshot *snapshot, const struct task *task, int64_t seen_wall_ms)
{
	struct record *record = record_new(snapshot, task);

	snapshot_put(snapshot, record, seen_wall_ms);
	return record;
}

struct record *snapshot_update(
	struct snapshot *snapshot, struct record *record, const struct task *task)
{
	struct task merged = record_task(snapshot, record);
	size_t slot = slot_of_record(snapshot, record);
	struct record *fresh;

	merged.status = task->status;
	merged.word = task->word;
	if (task->name != NULL)
		merged.name = task->name;
	if (task->bucket != NULL)
		merged.bucket = task->bucket;
	if (task->user_id != NULL)
		merged.user_id = task->user_id;
	if (task->created_us != STAMP_NONE)
		merged.created_us = task->created_us;
	fresh = record_new(snapshot, &merged);
	fresh->missing_check = mem_steal(&record->missing_check);
	fresh->seen_s = record->seen_s;
	fresh->observed_seq = record->observed_seq;
	fresh->listed[0] = record->listed[0];
	fresh->listed[1] = record->listed[1];
	fresh->stuck_told = record->stuck_told;
	fresh->dirty = record->dirty;
	snapshot->active += record_active(fresh);
	snapshot->active -= record_active(record);
	record_free(record);
	snapshot->slots[slot] = fresh;
	snapshot->revision++;
	return fresh;
}

void snapshot_remove(struct snapshot *snapshot, struct record *record)
{
	size_t hole = slot_of_record(snapshot, record);

	snapshot->count--;
	snapshot->active -= record_active(record);
	snapshot->slots[hole] = NULL;
	snapshot->revision++;
	record_free(record);
	/* those that stood behind it because it was there move up, so that no look-up ends early */
	for (size_t i = slot_after(snapshot, hole); snapshot->slots[i] != NULL;
		i = slot_after(snapshot, i)) {
		struct record *moved = snapshot->slots[i];

		snapshot->slots[i] = NULL;
		slot_fill(snapshot, moved);
	}
}

struct record *snapshot_next(const struct snapshot *snapshot, size_t *pos)
{
	while (*pos < snapshot->slot_count) {
		struct record *record = snapshot->slots[(*pos)++];

		if (record != NULL)
			return record;
	}
	return NULL;
}

bool snapshot_dirty(const struct snapshot *snapshot)
{
	const struct record *record;
	size_t pos = 0;

	if (snapshot->baseline_dirty || snapshot->reopened_dirty || snapshot->ended.dirty)
		return true;
	while ((record = snapshot_next(snapshot, &pos)) != NULL)
		if (record->dirty)
			return true;
	return false;
}

void snapshot_clean(struct snapshot *snapshot)
{
	struct record *record;
	size_t pos = 0;

	snapshot->baseline_dirty = false;
	snapshot->reopened_dirty = false;
	ended_clean(&snapshot->ended);
	while ((record = snapshot_next(snapshot, &pos)) != NULL)
		record->dirty = false;
}

struct ended *snapshot_ended(const struct snapshot *snapshot, const char *id)
{
	return ended_find(&snapshot->ended, ended_fingerprint(snapshot_hash(snapshot, id)));
}

struct ended *snapshot_set_ended(struct snapshot *snapshot, const char *id, enum status status)
{
	return ended_put(&snapshot->ended, ended_fingerprint(snapshot_hash(snapshot, id)), status);
}

void snapshot_unset_ended(struct snapshot *snapshot, const char *id)
{
	ended_remove(&snapshot->ended, ended_fingerprint(snapshot_hash(snapshot, id)));
}

/* the number under which the snapshot keeps the text; 0: it does not */
static uint8_t shared_number(struct snapshot *snapshot, const char *text)
{
	size_t i;

	if (text == NULL || strlen(text) > SHARED_TEXT_MAX)
		return 0;
	i = (size_t)(snapshot_hash(snapshot, text).hi % SNAPSHOT_SHARED);
	while (snapshot->shared[i] != NULL && strcmp(snapshot->shared[i], text) != 0)
		i = (i + 1) % SNAPSHOT_SHARED;
	if (snapshot->shared[i] == NULL) {
		if (snapshot->shared_count == SHARED_MAX)
			return 0;
		snapshot->shared[i] = mem_strdup(text);
		snapshot->shared_count++;
	}
	return (uint8_t)(i + 1);
}

struct record *record_new(struct snapshot *snapshot, const struct task *task)
{
	uint8_t user = shared_number(snapshot, task->user_id);
	uint8_t bucket = shared_number(snapshot, task->bucket);
	const char *texts[] = {
		task->id,
		task->name,
		bucket == 0 ? task->bucket : NULL,
		user == 0 ? task->user_id : NULL,
		task->status == STATUS_UNKNOWN ? task->word : NULL,
	};
	struct record *record =
		mem_alloc(offsetof(struct record, text) + task_texts_size(texts, ARRAY_LEN(texts)));

	record->created_us = task->created_us;
	record->status = (uint8_t)task->status;
	record->user = user;
	record->bucket = bucket;
	record->has_name = texts[1] != NULL;
	record->has_bucket = texts[2] != NULL;
	record->has_user = texts[3] != NULL;
	record->has_word = texts[4] != NULL;
	task_texts_put(record->text, texts, ARRAY_LEN(texts));
	return record;
}

static const char *text_take(const char **at, bool there)
{
	const char *text = *at;

	if (!there)
		return NULL;
	*at += strlen(text) + 1;
	return text;
}

struct task record_task(const struct snapshot *snapshot, const struct record *record)
{
	const char *at = record->text;
	struct task task = {
		.status = (enum status)record->status,
		.created_us = record->created_us,
		.finished_us = STAMP_NONE,
	};

	task.id = text_take(&at, true);
	task.name = text_take(&at, record->has_name);
	task.bucket = text_take(&at, record->has_bucket);
	task.user_id = text_take(&at, record->has_user);
	task.word = text_take(&at, record->has_word);
	if (record->bucket != 0)
		task.bucket = snapshot->shared[record->bucket - 1];
	if (record->user != 0)
		task.user_id = snapshot->shared[record->user - 1];
	return task;
}

struct missing_check *record_missing_check(struct record *record)
{
	if (record->missing_check == NULL)
		record->missing_check = mem_alloc(sizeof(*record->missing_check));
	return record->missing_check;
}

struct reopened *snapshot_add_reopened(
	struct snapshot *snapshot, const char *id, int64_t first_ms, uint32_t after)
{
	struct reopened *reopened;

	snapshot->reopened = mem_grow(snapshot->reopened, &snapshot->reopened_cap,
		snapshot->reopened_count + 1, sizeof(*snapshot->reopened));
	reopened = &snapshot->reopened[snapshot->reopened_count++];
	*reopened =
		(struct reopened){ .id = mem_strdup(id), .first_ms = first_ms, .after_seq = after };
	snapshot->reopened_dirty = true;
	return reopened;
}

static int reopened_order(const void *a, const void *b)
{
	const struct reopened *x = a;
	const struct reopened *y = b;

	return strcmp(x->id, y->id);
}

struct reopened *snapshot_reopened(const struct snapshot *snapshot, const char *id)
{
	cleanup_free char *own = mem_strdup(id);
	struct reopened wanted = { .id = own };

	if (snapshot->reopened_sorted == 0)
		return NULL;
	return bsearch(&wanted, snapshot->reopened, snapshot->reopened_sorted,
		sizeof(*snapshot->reopened), reopened_order);
}

void snapshot_sort_reopened(struct snapshot *snapshot)
{
	size_t kept = 0;

	for (size_t i = 0; i < snapshot->reopened_count; i++) {
		if (snapshot->reopened[i].done)
			free(snapshot->reopened[i].id);
		else
			snapshot->reopened[kept++] = snapshot->reopened[i];
	}
	snapshot->reopened_dirty = snapshot->reopened_dirty || kept != snapshot->reopened_count;
	snapshot->reopened_count = kept;
	snapshot->reopened_sorted = kept;
	if (kept > 1)
		qsort(snapshot->reopened, kept, sizeof(*snapshot->reopened), reopened_order);
}
