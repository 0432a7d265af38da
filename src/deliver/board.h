/*
 * What a sink has on the screen: the notifications that are to be replaced or taken down later,
 * because they stay until they are, or because what they say may be over. Knows nothing of how they
 * are shown.
 */
#ifndef DELIVER_BOARD_H
#define DELIVER_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "core/digest.h"

struct board_note {
	int64_t number;
	char *topic; /* own; of one that tells of a single event; NULL: none */
	struct digest digest; /* own; what it says */
	bool outdated; /* it says something that is over */
};

struct board {
	struct board_note *notes; /* own; the oldest first */
	size_t count;
	size_t cap;
};

/* where something new goes */
struct placing {
	int64_t number; /* of the notification that is to be changed; 0: a new one */
	bool merged; /* it becomes one with what is there: `digest` is what it says */
	char *topic; /* own; NULL: none */
	struct digest digest; /* own */
	struct strings over; /* own; topics that it ends */
	int64_t *closes; /* own; notifications that it takes the place of */
	size_t close_count;
};

/*
 * Finds the place for a digest. `topic` (borrowed, may be NULL): that of the single event in it;
 * `over`: topics that the events in it end. At most `limit` unsuccessful ones are on the board, the
 * next one makes one of them all. The caller releases it.
 */
struct placing board_place(const struct board *board, const struct digest *digest,
	const char *topic, const struct strings *over, size_t limit);
/* it is shown, as `number`; what its place was taken of is forgotten here */
void board_put(struct board *board, struct placing *placing, int64_t number);
void placing_done(struct placing *placing);
/* does something on it have this topic? */
bool board_has(const struct board *board, const char *topic);
/* it is off the screen */
void board_forget(struct board *board, int64_t number);
void board_clear(struct board *board);

#endif
