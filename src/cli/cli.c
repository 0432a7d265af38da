/* What every command needs: how faults are said, where the configuration is, which sources are
 * meant. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/command.h"
#include "core/nearest.h"
#include "io/conf.h"
#include "io/sdnotify.h"

int cli_fail(const struct err *err)
{
	log_line(LOG_ERROR, "%s", err->text);
	return err_exit_code(err->kind);
}

int cli_misuse(const struct cli *cli, const char *fmt, ...)
{
	const char *name = cli->command != NULL ? cli->command->name : NULL;
	struct err err;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err.text, sizeof(err.text), fmt, ap);
	va_end(ap);
	log_line(LOG_ERROR, "%s%s%s", name != NULL ? name : "", name != NULL ? ": " : "", err.text);
	(void)fprintf(stderr, "Try 'taskbell %s%s--help'\n", name != NULL ? name : "",
		name != NULL ? " " : "");
	return err_exit_code(ERR_USAGE);
}

struct config *cli_config(const struct cli *cli, int *ret_code)
{
	cleanup_free char *path = conf_find(cli->config_path);
	cleanup_buf struct buf faults = { 0 };
	struct config *config = NULL;
	struct err err = { 0 };

	if (conf_load(path, CONF_TEXT_AND_KEYS, &config, &faults, &err))
		return config;
	*ret_code = err_exit_code(err.kind);
	if (faults.len != 0) {
		/* `file:line: message` lines without the program's name, so that editors find the
		 * place; the journal gets priorities */
		for (const char *line = buf_text(&faults); *line != '\0';) {
			size_t len = strcspn(line, "\n");
			cleanup_free char *one = mem_strndup(line, len);
			cleanup_buf struct buf safe = { 0 };

			text_add_wrapped(&safe, one, 0, 2, terminal_columns(STDERR_FILENO));
			if (sd_stderr_is_journal())
				log_line(LOG_ERROR, "%s", one);
			else
				(void)fprintf(stderr, "%s\n", buf_text(&safe));
			line += len + (line[len] == '\n');
		}
	} else {
		(void)cli_fail(&err);
	}
	return NULL;
}

struct config *cli_config_quiet(const char *path)
{
	cleanup_free char *found = conf_find(path);
	cleanup_buf struct buf faults = { 0 };
	struct config *config = NULL;
	struct err err = { 0 };

	return conf_load(found, CONF_TEXT, &config, &faults, &err) ? config : NULL;
}

bool cli_wants_source(const struct cli *cli, const struct source_config *source)
{
	return cli->source == NULL || strcmp(cli->source, source->name) == 0;
}

bool cli_check_source(const struct cli *cli, const struct config *config, struct err *err)
{
	struct nearest nearest = nearest_to(cli->source != NULL ? cli->source : "");
	cleanup_buf struct buf names = { 0 };

	for (size_t i = 0; i < config->source_count; i++) {
		const char *name = config->sources[i].name;

		if (cli_wants_source(cli, &config->sources[i]))
			return true;
		nearest_offer(&nearest, name);
		(void)buf_addf(&names, "%s%s", i != 0 ? ", " : "", name);
	}
	if (cli->source == NULL)
		return true;
	if (nearest.best != NULL)
		return err_set(err, ERR_USAGE,
			"--source: no source is called '%.80s'; did you mean '%s'?", cli->source,
			nearest.best);
	return err_set(err, ERR_USAGE, "--source: no source is called '%.80s'; there are: %.300s",
		cli->source, buf_text(&names));
}
