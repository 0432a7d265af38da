#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/terminal.h"
#include "cli/commands.h"
#include "cli/conf_fold.h"
#include "cli/out.h"
#include "cli/sources.h"
#include "io/conf.h"
#include "io/key.h"

/* of a key that is found without being named; the file of one that is was judged with the rest */
static bool keys_private(const struct config *config)
{
	bool good = true;

	for (size_t i = 0; i < config->source_count; i++) {
		const struct source_config *source = &config->sources[i];
		struct err err = { 0 };
		cleanup_free char *form =
			source->api_key[0] == '\0'
				? key_default(source_type_find(source->type), &err)
				: NULL;

		if (form == NULL || key_file_check(form, &err))
			continue;
		log_line(LOG_ERROR, "%s: %s", source->name, err.text);
		good = false;
	}
	return good;
}

static int check_run(struct cli *cli)
{
	int code = 0;
	cleanup_with(config_cleanup) struct config *config = sources_config(cli, &code);

	if (config == NULL)
		return code;
	if (cli_given(cli, "print")) {
		cleanup_buf struct buf text = { 0 };
		cleanup_buf struct buf folded = { 0 };

		conf_print(config, &text);
		conf_fold(&folded, buf_text(&text), terminal_columns(STDOUT_FILENO));
		out_bytes(buf_text(&folded), folded.len);
	}
	if (!keys_private(config))
		return out_end(err_exit_code(ERR_CONFIG));
	if (config->file != NULL)
		log_line(LOG_NOTICE, "configuration OK: %s", config->file);
	else
		log_line(LOG_NOTICE,
			"configuration OK: there is no file, the built-in defaults hold");
	return out_end(0);
}

static const struct flag check_flags[] = {
	{ "print", 0, FLAG_SWITCH, NULL, NULL,
		"print the effective configuration, defaults and all; no key is ever shown" },
	{ 0 },
};

const struct command cmd_check = {
	.name = "check",
	.args = "",
	.summary = "validates the configuration and says every fault of it",
	.help = "Each fault is one line, FILE:LINE: MESSAGE, on stderr; the exit code is then 78. "
		"Nothing is asked of the network, and of keys only whether others can read their "
		"files: see 'taskbell doctor' for the rest.",
	.flags = check_flags,
	.run = check_run,
};
