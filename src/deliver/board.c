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

static void placement_close(struct placement *placement, int64_t number)
{
	placement->closes = mem_resize(
		placement->closes, placement->close_count + 1, sizeof(*placement->closes));
	placement->closes[placement->close_count++] = number;
}

struct placement board_find_place(const struct board *board, const struct digest *digest,
	const char *topic, const struct strings *ended_topics, size_t limit)
{
	const struct board_note *same = note_of_topic(board, topic);
	struct placement placement = { .number = same != NULL ? same->number : 0 };
	const struct board_note *into;
	size_t bad;
	bool many;

	for (size_t i = 0; i < ended_topics->count; i++)
		strings_add(&placement.ended_topics, ended_topics->items[i]);
	into = note_to_merge(board, same, &bad, &many);
	if (digest_bad(digest) > 0 && into != NULL && (many || bad >= limit)) {
		/* all that went wrong becomes one; where several are one already, that one */
		for (size_t i = 0; i < board->count; i++) {
			const struct board_note *note = &board->notes[i];

			if (note == same || digest_bad(&note->digest) == 0 ||
				(many && note != into))
				continue;
			digest_merge(&placement.digest, &note->digest, false);
			if (note != into)
				placement_close(&placement, note->number);
		}
		if (same != NULL)
			placement_close(&placement, same->number);
		placement.merged = true;
		placement.number = into->number;
	} else {
		placement.topic = mem_strdup(topic);
	}
	for (size_t i = 0; i < ended_topics->count; i++)
		(void)digest_end_topic(&placement.digest, ended_topics->items[i]);
	digest_merge(&placement.digest, digest, true);
	return placement;
}

void placement_done(struct placement *placement)
{
	free(placement->topic);
	free(placement->closes);
	digest_done(&placement->digest);
	strings_done(&placement->ended_topics);
	*placement = (struct placement){ 0 };
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
static bool is_kept(const struct placement *placement)
{
	return digest_bad(&placement->digest) > 0 ||
	       (placement->topic != NULL && placement->digest.counts[EVENT_SOURCE_UP] > 0);
}

void board_put(struct board *board, struct placement *placement, int64_t number)
{
	struct board_note *note;

	for (size_t i = 0; i < placement->close_count; i++)
		board_forget(board, placement->closes[i]);
	board_forget(board, number);
	for (size_t i = 0; i < board->count; i++)
		for (size_t j = 0; j < placement->ended_topics.count; j++)
			if (digest_end_topic(
				    &board->notes[i].digest, placement->ended_topics.items[j]))
				board->notes[i].outdated = true;
	if (!is_kept(placement))
		return;
	board->notes = mem_grow(board->notes, &board->cap, board->count + 1, sizeof(*board->notes));
	note = &board->notes[board->count++];
	*note = (struct board_note){
		.number = number,
		.topic = mem_steal(&placement->topic),
		.digest = placement->digest,
	};
	placement->digest = (struct digest){ 0 };
}

void board_clear(struct board *board)
{
	while (board->count > 0)
		board_forget(board, board->notes[0].number);
	free(board->notes);
	*board = (struct board){ 0 };
}
