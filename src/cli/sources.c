#include "cli/sources.h"

struct config *sources_config(const struct cli *cli, int *ret_code)
{
	struct config *config = cli_config(cli, ret_code);
	struct err err = { 0 };

	if (config == NULL || cli_check_source(cli, config, &err))
		return config;
	*ret_code = cli_misuse(cli, "%s", err.text);
	config_free(config);
	return NULL;
}

const char *sources_remedy(const struct err *err)
{
	return err->kind == ERR_UNREACHABLE || err->kind == ERR_PROTOCOL || err->kind == ERR_AUTH
		       ? "; 'taskbell doctor' looks into it"
		       : "";
}

void sources_say_errors(const struct client *client, enum log_level level)
{
	for (size_t i = 0; i < client->count; i++) {
		const struct client_source *source = &client->sources[i];

		if (source->err.kind != ERR_NONE)
			log_line(level, "%s: %s%s", source->config->name, source->err.text,
				sources_remedy(&source->err));
		else if (source->partial != NULL)
			log_line(LOG_WARN, "%s: %s", source->config->name, source->partial);
	}
}
