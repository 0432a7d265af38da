#include "core/book.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SHARED_MAX 190 /* of BOOK_SHARED slots, so that a look-up stays short */
#define SHARED_TEXT_MAX 128 /* bytes; a longer text is not shared */

struct book *book_new(const struct hash_key *key)
{
	struct book *book = mem_alloc(sizeof(*book));

	book->key = *key;
	book->told_after_us = STAMP_NONE;
	return book;
}

void record_free(struct record *record)
{
	if (record == NULL)
		return;
	free(record->search);
	free(record);
}

void book_free(struct book *book)
{
	if (book == NULL)
		return;
	for (size_t i = 0; i < book->slot_count; i++)
		record_free(book->slots[i]);
	for (size_t i = 0; i < BOOK_SHARED; i++)
		free(book->shared[i]);
	for (size_t i = 0; i < book->comeback_count; i++)
		free(book->comebacks[i].id);
	free(book->slots);
	free(book->tags);
	free(book->late);
	free(book->comebacks);
	ended_done(&book->ended);
	trail_done(&book->trail);
	buf_done(&book->echo.bytes);
	free(book);
}

struct hash book_hash(const struct book *book, const char *id)
{
	return hash_bytes(&book->key, id, strlen(id));
}

/* where a hash belongs in a table of any size (Lemire's multiply and shift) */
static size_t slot_home(const struct book *book, struct hash hash)
{
	return (size_t)((hash.lo >> 32) * book->slot_count >> 32);
}

static size_t slot_after(const struct book *book, size_t slot)
{
	return slot + 1 < book->slot_count ? slot + 1 : 0;
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
static size_t slot_of(const struct book *book, const char *id, size_t len, struct hash hash)
{
	size_t i = slot_home(book, hash);

	while (book->slots[i] != NULL &&
		(book->tags[i] != slot_tag(hash) || !record_is(book->slots[i], id, len)))
		i = slot_after(book, i);
	return i;
}

static size_t slot_of_record(const struct book *book, const struct record *record)
{
	const char *id = record_id(record);

	return slot_of(book, id, strlen(id), book_hash(book, id));
}

static void slot_fill(struct book *book, struct record *record)
{
	const char *id = record_id(record);
	struct hash hash = book_hash(book, id);
	size_t slot = slot_of(book, id, strlen(id), hash);

	book->slots[slot] = record;
	book->tags[slot] = slot_tag(hash);
	book->revision++;
}

size_t book_slot(const struct book *book, const char *id, size_t len, struct hash hash)
{
	size_t slot = book->count != 0 ? slot_of(book, id, len, hash) : BOOK_NO_SLOT;

	return slot != BOOK_NO_SLOT && book->slots[slot] != NULL ? slot : BOOK_NO_SLOT;
}

struct record *book_find_hash(const struct book *book, const char *id, struct hash hash)
{
	size_t slot = book_slot(book, id, strlen(id), hash);

	return slot != BOOK_NO_SLOT ? book->slots[slot] : NULL;
}

struct record *book_find(const struct book *book, const char *id)
{
	return book->count != 0 ? book_find_hash(book, id, book_hash(book, id)) : NULL;
}

static void book_resize(struct book *book, size_t slot_count)
{
	struct record **old = book->slots;
	size_t count = book->slot_count;

	free(book->tags);
	book->slot_count = slot_count;
	book->slots = mem_array(slot_count, sizeof(struct record *));
	book->tags = mem_alloc(slot_count);
	for (size_t i = 0; i < count; i++)
		if (old[i] != NULL)
			slot_fill(book, old[i]);
	free(old);
}

/* at most three of four slots are taken */
static bool book_holds(const struct book *book, size_t count)
{
	return count <= book->slot_count - book->slot_count / 4 && book->slot_count != 0;
}

void book_reserve(struct book *book, size_t more)
{
	size_t count = book->count + more;

	if (more != 0 && !book_holds(book, count))
		book_resize(book, count + count / 3 + 16);
}

static bool record_active(const struct record *record)
{
	return status_class((enum status)record->status) == CLASS_ACTIVE;
}

void book_put(struct book *book, struct record *record, int64_t seen_wall_ms)
{
	int64_t seen_s = seen_wall_ms / 1000;

	record->seen_s = seen_s < 0 ? 0 : seen_s > UINT32_MAX ? UINT32_MAX : (uint32_t)seen_s;
	if (!book_holds(book, book->count + 1))
		book_resize(book, book->slot_count + book->slot_count / 2 + 16);
	slot_fill(book, record);
	book->count++;
	book->active += record_active(record);
}

struct record *book_add(struct book *book, const struct task *task, int64_t seen_wall_ms)
{
	struct record *record = record_new(book, task);

	book_put(book, record, seen_wall_ms);
	return record;
}

struct record *book_update(struct book *book, struct record *record, const struct task *task)
{
	struct task merged = record_task(book, record);
	size_t slot = slot_of_record(book, record);
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
	fresh = record_new(book, &merged);
	fresh->bytes_hash = record->bytes_hash;
	fresh->search = mem_steal(&record->search);
	fresh->seen_s = record->seen_s;
	fresh->as_of = record->as_of;
	fresh->listed[0] = record->listed[0];
	fresh->listed[1] = record->listed[1];
	fresh->stuck_told = record->stuck_told;
	fresh->dirty = record->dirty;
	book->active += record_active(fresh);
	book->active -= record_active(record);
	record_free(record);
	book->slots[slot] = fresh;
	book->revision++;
	return fresh;
}

void book_remove(struct book *book, struct record *record)
{
	size_t hole = slot_of_record(book, record);

	book->count--;
	book->active -= record_active(record);
	book->slots[hole] = NULL;
	book->revision++;
	record_free(record);
	/* those that stood behind it because it was there move up, so that no look-up ends early */
	for (size_t i = slot_after(book, hole); book->slots[i] != NULL; i = slot_after(book, i)) {
		struct record *moved = book->slots[i];

		book->slots[i] = NULL;
		slot_fill(book, moved);
	}
}

struct record *book_next(const struct book *book, size_t *pos)
{
	while (*pos < book->slot_count) {
		struct record *record = book->slots[(*pos)++];

		if (record != NULL)
			return record;
	}
	return NULL;
}

struct ended *book_ended(const struct book *book, const char *id)
{
	return ended_find(&book->ended, ended_print(book_hash(book, id)));
}

struct ended *book_set_ended(struct book *book, const char *id, enum status status)
{
	return ended_put(&book->ended, ended_print(book_hash(book, id)), status);
}

void book_unset_ended(struct book *book, const char *id)
{
	ended_remove(&book->ended, ended_print(book_hash(book, id)));
}

/* the number under which the book keeps the text; 0: it does not */
static uint8_t shared_number(struct book *book, const char *text)
{
	size_t i;

	if (text == NULL || strlen(text) > SHARED_TEXT_MAX)
		return 0;
	i = (size_t)(book_hash(book, text).hi % BOOK_SHARED);
	while (book->shared[i] != NULL && strcmp(book->shared[i], text) != 0)
		i = (i + 1) % BOOK_SHARED;
	if (book->shared[i] == NULL) {
		if (book->shared_count == SHARED_MAX)
			return 0;
		book->shared[i] = mem_strdup(text);
		book->shared_count++;
	}
	return (uint8_t)(i + 1);
}

static size_t text_size(const char *text)
{
	return text != NULL ? strlen(text) + 1 : 0;
}

static char *text_place(char *at, const char *text)
{
	size_t size = text_size(text);

	if (size != 0)
		memcpy(at, text, size);
	return at + size;
}

struct record *record_new(struct book *book, const struct task *task)
{
	uint8_t user = shared_number(book, task->user_id);
	uint8_t bucket = shared_number(book, task->bucket);
	const char *own_user = user == 0 ? task->user_id : NULL;
	const char *own_bucket = bucket == 0 ? task->bucket : NULL;
	const char *word = task->status == STATUS_UNKNOWN ? task->word : NULL;
	struct record *record = mem_alloc(offsetof(struct record, text) + text_size(task->id) +
					  text_size(task->name) + text_size(own_bucket) +
					  text_size(own_user) + text_size(word));
	char *at = record->text;

	record->created_us = task->created_us;
	record->status = (uint8_t)task->status;
	record->user = user;
	record->bucket = bucket;
	record->has_name = task->name != NULL;
	record->has_bucket = own_bucket != NULL;
	record->has_user = own_user != NULL;
	record->has_word = word != NULL;
	at = text_place(at, task->id);
	at = text_place(at, task->name);
	at = text_place(at, own_bucket);
	at = text_place(at, own_user);
	(void)text_place(at, word);
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

struct task record_task(const struct book *book, const struct record *record)
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
		task.bucket = book->shared[record->bucket - 1];
	if (record->user != 0)
		task.user_id = book->shared[record->user - 1];
	return task;
}

struct search *record_search(struct record *record)
{
	if (record->search == NULL)
		record->search = mem_alloc(sizeof(*record->search));
	return record->search;
}

struct comeback *book_add_comeback(
	struct book *book, const char *id, int64_t first_ms, uint32_t after)
{
	struct comeback *comeback;

	book->comebacks = mem_grow(book->comebacks, &book->comeback_cap, book->comeback_count + 1,
		sizeof(*book->comebacks));
	comeback = &book->comebacks[book->comeback_count++];
	*comeback = (struct comeback){ .id = mem_strdup(id), .first_ms = first_ms, .after = after };
	book->comebacks_dirty = true;
	return comeback;
}

static int comeback_order(const void *a, const void *b)
{
	const struct comeback *x = a;
	const struct comeback *y = b;

	return strcmp(x->id, y->id);
}

struct comeback *book_comeback(const struct book *book, const char *id)
{
	cleanup_free char *own = mem_strdup(id);
	struct comeback wanted = { .id = own };

	if (book->comeback_sorted == 0)
		return NULL;
	return bsearch(&wanted, book->comebacks, book->comeback_sorted, sizeof(*book->comebacks),
		comeback_order);
}

void book_sort_comebacks(struct book *book)
{
	size_t kept = 0;

	for (size_t i = 0; i < book->comeback_count; i++) {
		if (book->comebacks[i].over)
			free(book->comebacks[i].id);
		else
			book->comebacks[kept++] = book->comebacks[i];
	}
	book->comebacks_dirty = book->comebacks_dirty || kept != book->comeback_count;
	book->comeback_count = kept;
	book->comeback_sorted = kept;
	if (kept > 1)
		qsort(book->comebacks, kept, sizeof(*book->comebacks), comeback_order);
}
