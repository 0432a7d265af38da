#include "core/listing.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/config.h"

struct listing *listing_new(struct snapshot *snapshot, const struct detect_rules *rules,
	const struct source_type *type, enum list_scope scope, enum lane lane, uint32_t serial)
{
	struct listing *listing = mem_alloc(sizeof(*listing));

	listing->snapshot = snapshot;
	listing->rules = rules;
	listing->type = type;
	listing->scope = scope;
	listing->lane = lane;
	listing->serial = serial;
	listing->first = scope == LIST_ALL && !snapshot->baseline;
	/* sweeps are rare, and most of what they list has no record */
	if (scope == LIST_ACTIVE)
		listing->walk.trail = &snapshot->trail;
	listing->revision = snapshot->revision;
	listing->echo = scope == LIST_ACTIVE && snapshot->echo.bytes.len != 0 &&
			snapshot->echo.revision == snapshot->revision;
	listing->news = scope != LIST_ACTIVE;
	listing->heard.limit = LISTING_ECHO_MAX;
	/* never 0, which an entry has that was loaded or has just ended */
	if (scope == LIST_ALL)
		snapshot->sweeps = (uint8_t)(snapshot->sweeps % 255 + 1);
	snapshot->open[lane] = serial;
	return listing;
}

void listing_set_partial(struct listing *listing, bool partial)
{
	listing->partial = partial;
}

void listing_set_asked(struct listing *listing, int64_t wall_ms)
{
	listing->asked_ms = wall_ms;
}

static void set_free(struct ended_set *set)
{
	if (set != NULL)
		ended_done(set);
	free(set);
}

/* ends are remembered for as long as a list is under way that was asked for before them */
static void late_ends_forget(struct snapshot *snapshot)
{
	uint32_t poll = snapshot->open[LANE_POLL];
	uint32_t sweep = snapshot->open[LANE_SWEEP];
	uint32_t oldest = poll == 0 || (sweep != 0 && sweep < poll) ? sweep : poll;
	size_t kept = 0;

	for (size_t i = 0; oldest != 0 && i < snapshot->late_count; i++)
		if (snapshot->late[i].serial > oldest)
			snapshot->late[kept++] = snapshot->late[i];
	snapshot->late_count = kept;
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
	walk_done(&listing->walk);
	buf_done(&listing->heard);
	listing->snapshot->open[listing->lane] = 0;
	late_ends_forget(listing->snapshot);
	free(listing);
}

/* 0 is "no bytes": a hash that happens to be 0 only costs one more decoding */
static uint64_t bytes_hash(const struct listing *listing, const char *bytes, size_t len)
{
	return bytes != NULL ? hash_bytes(&listing->snapshot->key, bytes, len).lo : 0;
}

/*
 * Are these, after all that is known, the bytes of the element that this record came from? Equal
 * bytes have the same id, so that the hash alone says which record they belong to.
 */
static bool record_unchanged(
	struct listing *listing, struct record *record, const char *bytes, size_t len)
{
	/* a second time in one answer: the last one counts, so it has to be looked at in order */
	if (record->bytes_hash == 0 || record->listed[listing->lane] == listing->serial ||
		record->bytes_hash != bytes_hash(listing, bytes, len))
		return false;
	record->listed[listing->lane] = listing->serial;
	return true;
}

/*
 * Asks for the records of the steps to come: they stand all over the heap, and waiting for each of
 * them was a third of a poll of 100,000 tasks. As a call of its own, gcc would leave it out for
 * having no effect.
 */
__attribute__((always_inline)) static inline void records_fetch(const struct listing *listing)
{
	const struct snapshot *snapshot = listing->snapshot;
	const struct trail_step *later = walk_ahead(&listing->walk, 8);
	const struct trail_step *soon = walk_ahead(&listing->walk, 4);

	if (later != NULL && later->slot < snapshot->slot_count)
		__builtin_prefetch(&snapshot->slots[later->slot]);
	if (soon != NULL && soon->slot < snapshot->slot_count &&
		snapshot->slots[soon->slot] != NULL)
		__builtin_prefetch(&snapshot->slots[soon->slot]->listed, 1);
}

size_t listing_known(struct listing *listing, const char *bytes, size_t len)
{
	const struct trail_step *step = walk_next(&listing->walk);
	const struct snapshot *snapshot = listing->snapshot;
	struct record *record;

	/* an element that goes on in the next piece is no wrong guess */
	if (step == NULL || step->len > len)
		return 0;
	record = step->slot < snapshot->slot_count ? snapshot->slots[step->slot] : NULL;
	if (record == NULL || !record_unchanged(listing, record, bytes, step->len)) {
		walk_miss(&listing->walk);
		return 0;
	}
	walk_hit(&listing->walk);
	records_fetch(listing);
	return step->len;
}

static void sighting_add(struct listing *listing, const struct task *view, uint64_t hash)
{
	struct record *record = record_new(listing->snapshot, view);

	record->bytes_hash = hash;
	listing->items = mem_grow(
		listing->items, &listing->cap, listing->count + 1, sizeof(*listing->items));
	listing->items[listing->count++] = (struct sighting){ record, view->finished_us };
}

static void set_put(struct ended_set **set, struct print print, enum status status)
{
	if (*set == NULL)
		*set = mem_alloc(sizeof(**set));
	(void)ended_put(*set, print, status);
}

/*
 * An ended task that is neither known nor told one by one in a first run: nothing more is kept of
 * it than that it has ended. False when it is news.
 */
static bool history_take(struct listing *listing, const struct task *view, struct print print)
{
	const struct snapshot *snapshot = listing->snapshot;

	if (!listing->first || listing->rules->first_run == FIRST_RUN_ALL)
		return false;
	if (snapshot->told_after_us != STAMP_NONE && view->finished_us != STAMP_NONE &&
		view->finished_us > snapshot->told_after_us)
		return false;
	set_put(&listing->fresh, print, view->status);
	return true;
}

/* a task that is known to have ended: true when there is nothing to look at later */
static bool ended_settled(struct listing *listing, struct ended *ended, enum status status)
{
	if (listing->scope == LIST_ALL)
		ended->generation = listing->snapshot->sweeps;
	if (ended->status != status)
		set_put(&listing->doubted, ended->print, status);
	/* what stands twice is looked at in order, because the last one counts */
	return listing->doubted == NULL || ended_find(listing->doubted, ended->print) == NULL;
}

/* an id without a record: true when there is nothing to look at later */
static bool stranger_settled(struct listing *listing, const struct task *view, struct print print)
{
	struct ended *ended = ended_find(&listing->snapshot->ended, print);

	if (ended != NULL)
		return ended_settled(listing, ended, view->status);
	if (status_class(view->status) == CLASS_ENDED) {
		/* history that the first list of all statuses will take in */
		if (!listing->snapshot->baseline && listing->scope == LIST_ENDED)
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
	struct task known = record_task(listing->snapshot, record);
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
	struct hash hash = snapshot_hash(listing->snapshot, view->id);
	struct record *record = snapshot_find_hash(listing->snapshot, view->id, hash);
	uint64_t seen;

	listing->news = true;
	if (record == NULL &&
		(listing->snapshot->closed || stranger_settled(listing, view, ended_print(hash))))
		return;
	seen = bytes_hash(listing, bytes, len);
	if (record == NULL || !record_settled(listing, record, view, seen))
		sighting_add(listing, view, seen);
}

/*
 * Most of what a sweep lists has ended and is known, and the time went in waiting for the entries,
 * one after the other, somewhere in 24 MB for a million tasks. Those of several elements are asked
 * for together.
 */
void listing_foresee(const struct listing *listing, struct glance *glances, size_t count)
{
	const struct snapshot *snapshot = listing->snapshot;

	for (size_t i = 0; i < count; i++) {
		struct glance *glance = &glances[i];

		glance->hash = hash_bytes(&snapshot->key, glance->id, glance->id_len);
		ended_fetch(&snapshot->ended, ended_print(glance->hash));
	}
}

bool listing_settled(struct listing *listing, const struct glance *glance)
{
	const struct snapshot *snapshot = listing->snapshot;
	size_t slot = snapshot_slot(snapshot, glance->id, glance->id_len, glance->hash);
	struct ended *ended;

	if (slot != SNAPSHOT_NO_SLOT) {
		walk_meet(&listing->walk, slot, glance->len);
		return record_unchanged(listing, snapshot->slots[slot], glance->bytes, glance->len);
	}
	listing->news = true;
	if (snapshot->closed)
		return true;
	ended = ended_find(&snapshot->ended, ended_print(glance->hash));
	return ended != NULL && ended_settled(listing, ended, glance->status);
}
