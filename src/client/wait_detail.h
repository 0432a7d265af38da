/*
 * What is still to be learned of a task that has ended, before its end is told: the fields that a
 * look-up by id leaves out, so that they do not depend on when the task ended, and why it failed.
 * Private to client/waiter.
 */
#ifndef CLIENT_WAIT_DETAIL_H
#define CLIENT_WAIT_DETAIL_H

#include "client/wait_state.h"

/* asks for what is missing of the source's tasks that have ended; nothing of one that was given up
 */
void wait_detail_step(struct wait_source *source);
/* ends what is under way */
void wait_detail_drop(struct wait_source *source);
/* how long an end is held back for it at most */
int64_t wait_detail_time_ms(const struct waiter *waiter);
/* is all known that will be? */
bool wait_detail_done(const struct waiter *waiter, const struct wait_item *item);
/* takes in why tasks failed */
void wait_detail_reasons(struct waiter *waiter);

#endif
