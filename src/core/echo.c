/*
 * Most polls are answered with the very bytes of the last one. Hashing the elements of such an
 * answer, and making and feeding what takes it apart, was a fifth of what a poll of 20 tasks takes.
 */
#include <string.h>

#include "core/listing.h"

/* a list that would be longer than its limit is no echo, whatever it says */
static void heard_add(struct listing *listing, const char *bytes, size_t len)
{
	if (!listing->news && !buf_add(&listing->heard, bytes, len))
		listing->news = true;
}

static void echo_break(struct listing *listing)
{
	listing->echo = false;
	heard_add(listing, listing->snapshot->echo.bytes.data, listing->passed);
}

bool listing_echoes(struct listing *listing, const char *bytes, size_t len)
{
	const struct buf *last = &listing->snapshot->echo.bytes;

	if (listing->echo && len <= last->len - listing->passed &&
		memcmp(last->data + listing->passed, bytes, len) == 0) {
		listing->passed += len;
		return true;
	}
	if (listing->echo)
		echo_break(listing);
	heard_add(listing, bytes, len);
	return false;
}

const char *listing_passed(const struct listing *listing, size_t *ret_len)
{
	*ret_len = listing->passed;
	return buf_text(&listing->snapshot->echo.bytes);
}

bool listing_echoed(struct listing *listing)
{
	const struct snapshot *snapshot = listing->snapshot;
	const struct trail *trail = &snapshot->trail;
	bool same = listing->passed == snapshot->echo.bytes.len &&
		    snapshot->echo.revision == snapshot->revision;

	if (listing->echo && !same)
		echo_break(listing);
	if (!listing->echo)
		return false;
	for (size_t i = 0; i < trail->count; i++)
		snapshot->slots[trail->steps[i].slot]->listed[listing->lane] = listing->serial;
	listing->walk.at = trail->count;
	return true;
}

void listing_keep_echo(struct listing *listing)
{
	struct snapshot *snapshot = listing->snapshot;

	if (listing->scope != LIST_ACTIVE || listing->echo)
		return;
	buf_done(&snapshot->echo.bytes);
	/* what was known when it was read may not be any more */
	if (listing->news || listing->revision != snapshot->revision)
		return;
	snapshot->echo = (struct echo){ listing->heard, snapshot->revision };
	listing->heard = (struct buf){ 0 };
}
