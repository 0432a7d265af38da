#include "cli/state.h"

#include <stdlib.h>

#include "io/clock.h"
#include "io/statedir.h"

bool state_open(struct state *state, const struct cli *cli, enum store_mode mode, struct err *err)
{
	struct store_damage damage;
	struct err why = { 0 };

	*state = (struct state){ .dir = statedir_find(cli->state_dir, err) };
	if (state->dir == NULL)
		return false;
	if ((statedir_check(state->dir, &why) && store_open(&state->store, state->dir, mode,
							 clock_now().wall_ms, &damage, &why)) ||
		why.kind == ERR_NOT_FOUND)
		return true;
	state_done(state);
	*err = why;
	err->kind = ERR_IO; /* nothing was to be made */
	return false;
}

void state_done(struct state *state)
{
	store_close(state->store);
	free(state->dir);
	*state = (struct state){ 0 };
}

bool state_knows_source(const struct state *state, const struct cli *cli, struct err *err)
{
	cleanup_with(config_cleanup) struct config *config = NULL;
	struct store_source stored = { 0 };
	struct err ignored = { 0 };
	bool known;

	if (cli->source == NULL)
		return true;
	known = state->store != NULL &&
		store_load_source(state->store, cli->source, &stored, &ignored) &&
		stored.name != NULL;
	free(stored.name);
	if (!known)
		config = cli_config_quiet(cli->config_path);
	return config == NULL || cli_check_source(cli, config, err);
}
