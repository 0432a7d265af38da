#include "deliver/board.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct board_note *note_find(const struct board *board, int64_t number)
{
	for (size_t i = 0; i < board->count; i++)
		if (board->notes[i].number == number)
			return &board->notes[i];
	return NULL;
}

/* the notification that tells of this topic and of nothing else */
static const struct board_note *note_of_topic(const struct board *board, const char *topic)
{
	for (size_t i = 0; topic != NULL && i < board->count; i++)
		if (board->notes[i].topic != NULL && strcmp(board->notes[i].topic, topic) == 0)
			return &board->notes[i];
	return NULL;
}

static bool digest_has(const struct digest *digest, const char *topic)
{
	for (size_t i = 0; i < digest->entry_count; i++)
		if (digest->entries[i].topic != NULL &&
			strcmp(digest->entries[i].topic, topic) == 0)
			return true;
	return false;
}

bool board_has(const struct board *board, const char *topic)
{
	for (size_t i = 0; i < board->count; i++)
		if (digest_has(&board->notes[i].digest, topic))
			return true;
	return note_of_topic(board, topic) != NULL;
}

/*
 * The oldest one that tells of several failures already, else the oldest that tells of one: it is
 * the one that GNOME has on the screen, where the others wait for the user to put it away.
 */
static const struct board_note *note_to_merge(
	const struct board *board, const struct board_note *same, size_t *ret_bad, bool *ret_many)
{
	const struct board_note *found = NULL;

	*ret_bad = 0;
	*ret_many = false;
	for (size_t i = 0; i < board->count; i++) {
		const struct board_note *note = &board->notes[i];
		size_t bad = digest_bad(&note->digest);

		if (note == same || bad == 0)
			continue;
		++*ret_bad;
		if (bad > 1 ? !*ret_many : found == NULL)
			found = note;
		*ret_many = *ret_many || bad > 1;
	}
	return found;
}

static void placing_close(struct placing *placing, int64_t number)
{
	placing->closes =
		mem_resize(placing->closes, placing->close_count + 1, sizeof(*placing->closes));
	placing->closes[placing->close_count++] = number;
}

/* all that went wrong becomes one; where several are one already, that one */
static void merge(struct placing *placing, const struct board *board, const struct board_note *into,
	const struct board_note *same, bool many)
{
	for (size_t i = 0; i < board->count; i++) {
		const struct board_note *note = &board->notes[i];

		if (note == same || digest_bad(&note->digest) == 0 || (many && note != into))
			continue;
		digest_merge(&placing->digest, &note->digest, false);
		if (note != into)
			placing_close(placing, note->number);
	}
	if (same != NULL)
		placing_close(placing, same->number);
	placing->merged = true;
	placing->number = into->number;
}

struct placing board_place(const struct board *board, const struct digest *digest,
	const char *topic, const struct strings *over, size_t limit)
{
	const struct board_note *same = note_of_topic(board, topic);
	struct placing placing = { .number = same != NULL ? same->number : 0 };
	const struct board_note *into;
	size_t bad;
	bool many;

	for (size_t i = 0; i < over->count; i++)
		strings_add(&placing.over, over->items[i]);
	into = note_to_merge(board, same, &bad, &many);
	if (digest_bad(digest) > 0 && into != NULL && (many || bad >= limit))
		merge(&placing, board, into, same, many);
	else
		placing.topic = mem_strdup(topic);
	for (size_t i = 0; i < over->count; i++)
		(void)digest_over(&placing.digest, over->items[i]);
	digest_merge(&placing.digest, digest, true);
	return placing;
}

void placing_done(struct placing *placing)
{
	free(placing->topic);
	free(placing->closes);
	digest_done(&placing->digest);
	strings_done(&placing->over);
	*placing = (struct placing){ 0 };
}

void board_forget(struct board *board, int64_t number)
{
	struct board_note *note = note_find(board, number);
	size_t i;

	if (note == NULL)
		return;
	free(note->topic);
	digest_done(&note->digest);
	i = (size_t)(note - board->notes);
	board->count--;
	memmove(note, note + 1, (board->count - i) * sizeof(*note));
}

/* is there a reason to know of it? */
static bool is_kept(const struct placing *placing)
{
	return digest_bad(&placing->digest) > 0 ||
	       (placing->topic != NULL && placing->digest.counts[EVENT_SOURCE_UP] > 0);
}

void board_put(struct board *board, struct placing *placing, int64_t number)
{
	struct board_note *note;

	for (size_t i = 0; i < placing->close_count; i++)
		board_forget(board, placing->closes[i]);
	board_forget(board, number);
	for (size_t i = 0; i < board->count; i++)
		for (size_t j = 0; j < placing->over.count; j++)
			if (digest_over(&board->notes[i].digest, placing->over.items[j]))
				board->notes[i].outdated = true;
	if (!is_kept(placing))
		return;
	board->notes = mem_grow(board->notes, &board->cap, board->count + 1, sizeof(*board->notes));
	note = &board->notes[board->count++];
	*note = (struct board_note){
		.number = number,
		.topic = mem_steal(&placing->topic),
		.digest = placing->digest,
	};
	placing->digest = (struct digest){ 0 };
}

void board_clear(struct board *board)
{
	while (board->count > 0)
		board_forget(board, board->notes[0].number);
	free(board->notes);
	*board = (struct board){ 0 };
}
