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
/*
 * Is the source of --source, when there is one, in the state or configured? If not it is a slip:
 * false with err (ERR_USAGE). A source that is no longer configured has its past all the same, and
 * a configuration that cannot be read judges nothing.
 */
bool state_knows_source(const struct state *state, const struct cli *cli, struct err *err);

#endif
