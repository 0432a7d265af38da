/* The state directory as commands other than `watch` meet it: perhaps there is none yet. */
#ifndef CLI_STATE_H
#define CLI_STATE_H

#include "cli/command.h"
#include "io/store.h"

struct state {
	char *dir; /* own; NULL: no home to look in */
	struct store *store; /* own; NULL: nothing was ever stored there */
};

/*
 * Finds the directory and opens what is there (STORE_READ or STORE_EDIT). True also when there is
 * no state; false with err (ERR_IO), and nothing to be done, when there is one that cannot be read.
 */
bool state_open(struct state *state, const struct cli *cli, enum store_mode mode, struct err *err);
void state_done(struct state *state);

#endif
