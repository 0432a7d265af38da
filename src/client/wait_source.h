/* One source of a wait: its steps, its key, its failures. Private to client/waiter. */
#ifndef CLIENT_WAIT_SOURCE_H
#define CLIENT_WAIT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/wait_state.h"

/* begins to poll, for the tasks that are named so far */
void wait_source_open(struct waiter *waiter, struct wait_source *source);
/* ends all that is under way; NULL source from then on */
void wait_source_close(struct wait_source *source);
/* takes in answers and asks what is due; nothing of one that was given up, as all here */
void wait_source_step(struct wait_source *source);
/* judges what the last step brought: says failures once, gives the source up when that is due */
void wait_source_look(struct wait_source *source);
/* asks once more, now, unless it was heard of in the last second; a request that has hung for some
 * seconds is begun anew. False: there is nothing to wait for */
bool wait_source_last_look(struct wait_source *source);
/* notes of which tasks the source says that it has them not; one that was found elsewhere need not
 * be looked for here */
void wait_source_denials(struct wait_source *source);
/* when a source that fails has failed for too long; mono; INSTANT_NEVER: it does not, or may */
int64_t wait_source_give_up_ms(const struct wait_source *source);

#endif
