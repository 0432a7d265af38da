/*
 * The notifications of a sink that are on the screen and may have to be replaced or taken down
 * later. It is only the list of them: sink_desktop shows them.
 */
#ifndef DELIVER_BOARD_H
#define DELIVER_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strings.h"
#include "core/digest.h"

struct board_note {
	int64_t number;
	char *topic; /* own; of one that tells of a single event; NULL: none */
	struct digest digest; /* own; what it says */
	bool outdated; /* a topic that it names has ended: its text is to be changed */
};

struct board {
	struct board_note *notes; /* own; the oldest first */
	size_t count;
	size_t cap;
};

/* where something new goes */
struct placement {
	int64_t number; /* of the notification that is to be changed; 0: a new one */
	bool merged; /* it becomes one with what is there: `digest` is what it says */
	char *topic; /* own; NULL: none */
	struct digest digest; /* own */
	struct strings ended_topics; /* own; those that its events end */
	int64_t *closes; /* own; notifications that it takes the place of */
	size_t close_count;
};

/*
 * Finds the place for a digest. `topic` (borrowed, may be NULL): that of the single event in it;
 * `ended_topics`: those that the events in it end. At most `limit` unsuccessful ones are on the
 * board, the next one makes one of them all. The caller releases it.
 */
struct placement board_find_place(const struct board *board, const struct digest *digest,
	const char *topic, const struct strings *ended_topics, size_t limit);
/* it is shown, as `number`: takes it in, and forgets those that it has replaced */
void board_put(struct board *board, struct placement *placement, int64_t number);
void placement_done(struct placement *placement);
/* does something on it have this topic? */
bool board_has(const struct board *board, const char *topic);
/* it is off the screen */
void board_forget(struct board *board, int64_t number);
void board_clear(struct board *board);

#endif
