#include "core/listing.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/config.h"

struct listing *listing_new(struct book *book, const struct detect_rules *rules,
	const struct kind *kind, enum list_scope scope, enum lane lane, uint32_t serial)
{
	struct listing *listing = mem_alloc(sizeof(*listing));

	listing->book = book;
	listing->rules = rules;
	listing->kind = kind;
	listing->scope = scope;
	listing->lane = lane;
	listing->serial = serial;
	listing->first = scope == LIST_ALL && !book->baseline;
	/* never 0, which an entry has that was loaded or has just ended */
	if (scope == LIST_ALL)
		book->sweeps = (uint8_t)(book->sweeps % 255 + 1);
	book->open[lane] = serial;
	return listing;
}

static void set_free(struct ended_set *set)
{
	if (set != NULL)
		ended_done(set);
	free(set);
}

/* ends are remembered for as long as a list is under way that was asked for before them */
static void late_ends_forget(struct book *book)
{
	uint32_t poll = book->open[LANE_POLL];
	uint32_t sweep = book->open[LANE_SWEEP];
	uint32_t oldest = poll == 0 || (sweep != 0 && sweep < poll) ? sweep : poll;
	size_t kept = 0;

	for (size_t i = 0; oldest != 0 && i < book->late_count; i++)
		if (book->late[i].serial > oldest)
			book->late[kept++] = book->late[i];
	book->late_count = kept;
}

void listing_free(struct listing *listing)
{
	if (listing == NULL)
		return;
	for (size_t i = 0; i < listing->count; i++)
		record_free(listing->items[i].record);
	free(listing->items);
	set_free(listing->doubted);
	set_free(listing->fresh);
	listing->book->open[listing->lane] = 0;
	late_ends_forget(listing->book);
	free(listing);
}

/* 0 is "no bytes": a hash that happens to be 0 only costs one more decoding */
static uint64_t bytes_hash(const struct listing *listing, const char *bytes, size_t len)
{
	return bytes != NULL ? hash_bytes(&listing->book->key, bytes, len).lo : 0;
}

/*
 * The value of the first member called like the id, without decoding the element. It may be the
 * wrong one: it only says which record's bytes to compare with, and only equal bytes decide.
 */
static bool id_guess(
	const struct listing *listing, const char *bytes, size_t len, char id[TASK_ID_MAX + 1])
{
	const char *name = listing->kind->fields[FIELD_ID];
	size_t name_len = strlen(name);
	const char *end = bytes + len;
	const char *p = bytes;
	const char *value;

	for (;; p++) {
		p = memchr(p, '"', (size_t)(end - p));
		if (p == NULL || (size_t)(end - p) < name_len + 4)
			return false;
		if (memcmp(p + 1, name, name_len) == 0 && p[name_len + 1] == '"')
			break;
	}
	p += name_len + 2;
	while (p < end && (*p == ' ' || *p == ':'))
		p++;
	if (p == end || *p != '"')
		return false;
	value = p + 1;
	p = memchr(value, '"', (size_t)(end - value));
	if (p == NULL || p == value || p - value > TASK_ID_MAX)
		return false;
	memcpy(id, value, (size_t)(p - value));
	id[p - value] = '\0';
	return true;
}

bool listing_known(struct listing *listing, const char *bytes, size_t len)
{
	char id[TASK_ID_MAX + 1];
	struct record *record;

	if (listing->book->count == 0 || !id_guess(listing, bytes, len, id))
		return false;
	record = book_find(listing->book, id);
	if (record == NULL || record->bytes_hash == 0 ||
		record->bytes_hash != bytes_hash(listing, bytes, len))
		return false;
	/* a second time in one answer: the last one counts, so it has to be looked at in order */
	if (record->listed[listing->lane] == listing->serial)
		return false;
	record->listed[listing->lane] = listing->serial;
	return true;
}

static void sighting_add(struct listing *listing, const struct task *view, uint64_t hash)
{
	struct record *record = record_new(listing->book, view);

	record->bytes_hash = hash;
	listing->items = mem_grow(
		listing->items, &listing->cap, listing->count + 1, sizeof(*listing->items));
	listing->items[listing->count++] = (struct sighting){ record, view->finished_us };
}

static void set_put(struct ended_set **set, const uint8_t print[ENDED_PRINT], enum status status)
{
	if (*set == NULL)
		*set = mem_alloc(sizeof(**set));
	(void)ended_put(*set, print, status);
}

/*
 * An ended task that is neither known nor told one by one in a first run: nothing more is kept of
 * it than that it has ended. False when it is news.
 */
static bool history_take(
	struct listing *listing, const struct task *view, const uint8_t print[ENDED_PRINT])
{
	const struct book *book = listing->book;

	if (!listing->first || listing->rules->first_run == FIRST_RUN_ALL)
		return false;
	if (book->told_after_us != STAMP_NONE && view->finished_us != STAMP_NONE &&
		view->finished_us > book->told_after_us)
		return false;
	set_put(&listing->fresh, print, view->status);
	return true;
}

/* a task that is known to have ended: true when there is nothing to look at later */
static bool ended_settled(struct listing *listing, struct ended *ended, const struct task *view)
{
	if (listing->scope == LIST_ALL)
		ended->generation = listing->book->sweeps;
	if (ended->status != view->status)
		set_put(&listing->doubted, ended->print, view->status);
	/* what stands twice is looked at in order, because the last one counts */
	return listing->doubted == NULL || ended_find(listing->doubted, ended->print) == NULL;
}

/* an id without a record: true when there is nothing to look at later */
static bool stranger_settled(
	struct listing *listing, const struct task *view, const uint8_t print[ENDED_PRINT])
{
	struct ended *ended = ended_find(&listing->book->ended, print);

	if (ended != NULL)
		return ended_settled(listing, ended, view);
	if (status_class(view->status) == CLASS_ENDED) {
		/* history that the first list of all statuses will take in */
		if (!listing->book->baseline && listing->scope == LIST_ENDED)
			return true;
		if (history_take(listing, view, print))
			return true;
	}
	/* stood before as history, which no longer counts; what is history at the end stood last */
	if (listing->fresh != NULL)
		ended_remove(listing->fresh, print);
	return false;
}

/* a task with a record: true when the element only looks different, as every one does after a
 * restart */
static bool record_settled(
	struct listing *listing, struct record *record, const struct task *view, uint64_t hash)
{
	struct task known = record_task(listing->book, record);
	bool again = record->listed[listing->lane] == listing->serial;

	if (listing->scope == LIST_ENDED)
		return false;
	record->listed[listing->lane] = listing->serial;
	if (again || task_differs(&known, view))
		return false;
	record->bytes_hash = hash;
	return true;
}

void listing_task(struct listing *listing, const struct task *view, const char *bytes, size_t len)
{
	struct hash hash = book_hash(listing->book, view->id);
	struct record *record = book_find_hash(listing->book, view->id, hash);
	uint8_t print[ENDED_PRINT];
	uint64_t seen;

	if (record == NULL) {
		ended_print(hash, print);
		if (listing->book->closed || stranger_settled(listing, view, print))
			return;
	}
	seen = bytes_hash(listing, bytes, len);
	if (record == NULL || !record_settled(listing, record, view, seen))
		sighting_add(listing, view, seen);
}
