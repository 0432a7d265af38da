#include "core/listing.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/config.h"

struct listing *listing_new(struct book *book, const struct detect_rules *rules, const struct kind *kind,
	enum list_scope scope, enum lane lane, uint32_t serial)
{
	struct listing *listing = mem_alloc(sizeof(*listing));

	listing->book = book;
	listing->rules = rules;
	listing->kind = kind;
	listing->scope = scope;
	listing->lane = lane;
	listing->serial = serial;
	/* 1 to 255: an entry that was loaded or has just ended holds 0, which no sweep has */
	listing->generation = (uint8_t)(serial % 255 + 1);
	listing->first = scope == LIST_ALL && !book->baseline;
	return listing;
}

void listing_free(struct listing *listing)
{
	if (listing == NULL)
		return;
	for (size_t i = 0; i < listing->count; i++)
		free(listing->items[i].task);
	free(listing->items);
	free(listing->fresh);
	free(listing);
}

uint32_t listing_serial(const struct listing *listing)
{
	return listing->serial;
}

/* 0 is "no bytes": a hash that happens to be 0 only costs one more decoding */
static uint64_t bytes_hash(const struct listing *listing, const char *bytes, size_t len)
{
	return bytes != NULL ? hash_bytes(&listing->book->key, bytes, len).lo : 0;
}

/*
 * The value of the first member called like the id, without decoding the element. It may be the wrong
 * one: it only says which record's bytes to compare with, and only equal bytes decide.
 */
static bool id_guess(const struct listing *listing, const char *bytes, size_t len, char id[TASK_ID_MAX + 1])
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
	if (record == NULL || record->bytes_hash == 0 || record->bytes_hash != bytes_hash(listing, bytes, len))
		return false;
	/* a second time in one answer: the last one counts, so it has to be looked at in order */
	if (listing->scope != LIST_ENDED && record->listed[listing->lane] == listing->serial)
		return false;
	record->listed[listing->lane] = listing->serial;
	return true;
}

static void sighting_add(struct listing *listing, const struct task *view, uint64_t hash)
{
	listing->items =
		mem_grow(listing->items, &listing->cap, listing->count + 1, sizeof(*listing->items));
	listing->items[listing->count++] = (struct sighting){ task_copy(view), hash };
}

/* a first run that tells nothing of this ended task needs no more of it than that it has ended */
static bool first_run_silent(const struct listing *listing, const struct task *view)
{
	const struct book *book = listing->book;

	if (!listing->first || listing->rules->first_run == FIRST_RUN_ALL)
		return false;
	return book->told_after_us == STAMP_NONE || view->finished_us == STAMP_NONE ||
		view->finished_us <= book->told_after_us;
}

static void fresh_add(struct listing *listing, const struct task *view)
{
	struct ended *entry;

	listing->fresh = mem_grow(
		listing->fresh, &listing->fresh_cap, listing->fresh_count + 1, sizeof(*listing->fresh));
	entry = &listing->fresh[listing->fresh_count++];
	memset(entry, 0, sizeof(*entry));
	book_print(listing->book, view->id, entry->print);
	entry->status = (uint8_t)view->status;
}

void listing_task(struct listing *listing, const struct task *view, const char *bytes, size_t len)
{
	struct record *record = book_find(listing->book, view->id);
	struct ended *ended;

	if (record != NULL) {
		if (listing->scope != LIST_ENDED)
			record->listed[listing->lane] = listing->serial;
		sighting_add(listing, view, bytes_hash(listing, bytes, len));
		return;
	}
	ended = book_ended(listing->book, view->id);
	if (ended != NULL && listing->scope == LIST_ALL) {
		bool again = ended->generation == listing->generation;

		ended->generation = listing->generation;
		if (!again && ended->status == view->status)
			return;
	} else if (ended != NULL && ended->status == view->status) {
		return;
	} else if (ended == NULL && status_class(view->status) == CLASS_ENDED) {
		/* history that the first list of all statuses will take in */
		if (!listing->book->baseline && listing->scope != LIST_ALL)
			return;
		if (first_run_silent(listing, view)) {
			fresh_add(listing, view);
			return;
		}
	}
	sighting_add(listing, view, bytes_hash(listing, bytes, len));
}
