#include "io/conf.h"

#include <errno.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/diagnostics.h"
#include "core/options.h"
#include "core/option_value.h"
#include "core/validate.h"
#include "io/conf_text.h"
#include "io/home.h"
#include "io/key.h"

#define BASE_URL_VARIABLE "TELNYX_BASE_URL"
#define DIGITS_OF(n) #n
#define NUMBER(n) DIGITS_OF(n)

/* One configuration while it is read. */
struct loader {
	struct conf_text text;
	struct diagnostics faults;
	struct config *config; /* borrowed */
	enum conf_depth depth;
};

/* One block and what it is read into. */
struct block {
	enum option_group group;
	int sink; /* enum sink_type; GROUP_SINK only */
	void *base; /* borrowed; the struct of the group */
	const config_setting_t *setting; /* borrowed */
};

/* a fault at a setting; the key is put before what `err` says */
static void fault_at(struct loader *loader, const config_setting_t *setting, const struct err *err)
{
	unsigned int line;
	const char *file = conf_text_place(&loader->text, setting->line, &line);
	const char *key = config_setting_name(setting);

	if (key != NULL)
		diagnostics_add(
			&loader->faults, setting->line, file, line, "%s: %s", key, err->text);
	else
		diagnostics_add(&loader->faults, setting->line, file, line, "%s", err->text);
}

static const char *setting_kind(const config_setting_t *setting)
{
	static const char *const names[] = {
		[CONFIG_TYPE_NONE] = "nothing",
		[CONFIG_TYPE_GROUP] = "a group { }",
		[CONFIG_TYPE_INT] = "a whole number",
		[CONFIG_TYPE_INT64] = "a whole number",
		[CONFIG_TYPE_FLOAT] = "a fraction",
		[CONFIG_TYPE_STRING] = "a text",
		[CONFIG_TYPE_BOOL] = "true or false",
		[CONFIG_TYPE_ARRAY] = "an array [ ]",
		[CONFIG_TYPE_LIST] = "a list ( )",
	};

	return names[config_setting_type(setting)];
}

static bool refuse_kind(const config_setting_t *setting, enum option_type type, struct err *err)
{
	static const char *const wanted[] = {
		[OPTION_TEXT] = "a text in quotes",
		[OPTION_BOOL] = "true or false",
		[OPTION_INT] = "a whole number",
		[OPTION_DURATION] = "a duration, such as \"30s\", or a number of seconds",
		[OPTION_ENUM] = "a word in quotes",
		[OPTION_LIST] = "a list of texts, such as [ \"a\", \"b\" ]",
		[OPTION_CODES] = "a list of numbers, such as [ 75 ], or \"any\"",
		[OPTION_BLOCKS] = "a list of groups, such as ( { … }, { … } )",
	};

	return err_set(err, ERR_CONFIG, "must be %s, not %s", wanted[type], setting_kind(setting));
}

static bool is_whole(const config_setting_t *setting)
{
	return setting->type == CONFIG_TYPE_INT || setting->type == CONFIG_TYPE_INT64;
}

static bool set_scalar(
	const struct option *option, void *base, const config_setting_t *setting, struct err *err)
{
	bool number = option->type == OPTION_INT || option->type == OPTION_DURATION;

	if (number && is_whole(setting))
		return option_value_set_int(option, base, config_setting_get_int64(setting), err);
	if (option->type == OPTION_DURATION && setting->type == CONFIG_TYPE_FLOAT)
		return option_value_set_float(option, base, config_setting_get_float(setting), err);
	if (option->type != OPTION_INT && setting->type == CONFIG_TYPE_STRING)
		return option_value_set_text(option, base, config_setting_get_string(setting), err);
	return refuse_kind(setting, option->type, err);
}

static bool add_item(
	const struct option *option, void *base, const config_setting_t *item, struct err *err)
{
	if (item->type == CONFIG_TYPE_STRING)
		return option_value_add_text(option, base, config_setting_get_string(item), err);
	if (option->type == OPTION_CODES && is_whole(item))
		return option_value_add_int(option, base, config_setting_get_int64(item), err);
	return refuse_kind(item, option->type, err);
}

/*
 * Faults of items are told at the line of the list: the line that libconfig keeps for a text in a
 * list is that of the next word.
 */
static void set_list(struct loader *loader, const struct option *option, void *base,
	const config_setting_t *setting)
{
	struct err err = { 0 };
	int count = config_setting_is_aggregate(setting) ? config_setting_length(setting) : 0;

	option_value_clear(option, base);
	if (option->type == OPTION_CODES && setting->type == CONFIG_TYPE_STRING) {
		if (!add_item(option, base, setting, &err))
			fault_at(loader, setting, &err);
		return;
	}
	if (setting->type != CONFIG_TYPE_ARRAY && setting->type != CONFIG_TYPE_LIST) {
		(void)refuse_kind(setting, option->type, &err);
		fault_at(loader, setting, &err);
		return;
	}
	for (int i = 0; i < count; i++)
		if (!add_item(
			    option, base, config_setting_get_elem(setting, (unsigned int)i), &err))
			fault_at(loader, setting, &err);
}

/* a key that the block does not know: what was meant? */
static void refuse_key(
	struct loader *loader, const struct block *block, const config_setting_t *setting)
{
	const char *name = config_setting_name(setting);
	const struct option *same = option_find(block->group, name);
	const char *near = option_nearest(block->group, block->sink, name);
	struct err err = { 0 };

	if (same != NULL) {
		int owner = 0;

		while ((same->sinks & (1u << owner)) == 0)
			owner++;
		(void)err_set(&err, ERR_CONFIG, "is a key of %s sinks, not of %s sinks",
			sink_words[owner], sink_words[block->sink]);
	} else if (near != NULL) {
		(void)err_set(&err, ERR_CONFIG, "unknown key; did you mean \"%s\"?", near);
	} else if (block->group != GROUP_SOURCE && option_find(GROUP_SOURCE, name) != NULL) {
		(void)err_set(&err, ERR_CONFIG,
			"unknown key here; it belongs in a block of sources = ( { … } )");
	} else if (block->group != GROUP_SINK && option_find(GROUP_SINK, name) != NULL) {
		(void)err_set(&err, ERR_CONFIG,
			"unknown key here; it belongs in a block of sinks = ( { … } )");
	} else {
		(void)err_set(&err, ERR_CONFIG, "unknown key");
	}
	fault_at(loader, setting, &err);
}

static void load_block(struct loader *loader, const struct block *block)
{
	int count = config_setting_length(block->setting);

	for (int i = 0; i < count; i++) {
		const config_setting_t *setting =
			config_setting_get_elem(block->setting, (unsigned int)i);
		const struct option *option =
			option_find(block->group, config_setting_name(setting));

		if (option == NULL || !option_known(option, block->group, block->sink))
			refuse_key(loader, block, setting);
		else if (option->type != OPTION_BLOCKS) {
			struct err err = { 0 };
			bool fine = true;

			if (option->type == OPTION_LIST || option->type == OPTION_CODES)
				set_list(loader, option, block->base, setting);
			else if (option->type != OPTION_BOOL)
				fine = set_scalar(option, block->base, setting, &err);
			else if (setting->type == CONFIG_TYPE_BOOL)
				option_value_set_bool(option, block->base,
					config_setting_get_bool(setting) == CONFIG_TRUE);
			else
				fine = refuse_kind(setting, option->type, &err);
			if (!fine)
				fault_at(loader, setting, &err);
		}
	}
}

/* the setting of a key, or the block itself when the key is not there: where a fault is told */
static const config_setting_t *setting_of(const config_setting_t *block, const char *key)
{
	const config_setting_t *setting = config_setting_get_member(block, key);

	return setting != NULL ? setting : block;
}

/* `stood`: the setting in the file; NULL: the URL is the default, or the environment's */
static void judge_url(
	struct loader *loader, struct source_config *source, const config_setting_t *stood)
{
	const char *variable = getenv(BASE_URL_VARIABLE);
	struct err err = { 0 };

	source->base_url_set = stood != NULL;
	if (stood == NULL && variable != NULL && variable[0] != '\0') {
		free(source->base_url);
		source->base_url = mem_strdup(variable);
	}
	if (validate_base_url(source->base_url, source->allow_http, &err)) {
		size_t len = strlen(source->base_url);

		while (len > 0 && source->base_url[len - 1] == '/')
			source->base_url[--len] = '\0';
	} else if (stood != NULL) {
		fault_at(loader, stood, &err);
	} else {
		diagnostics_add(&loader->faults, 0, BASE_URL_VARIABLE, 0, "%s", err.text);
	}
}

/* ~/ is the home directory, here and nowhere later */
static bool expand_home(char **path, struct err *err)
{
	char *full = home_path(*path);

	if (full == NULL)
		return err_set(
			err, ERR_CONFIG, "begins with ~/, but HOME is not set to an absolute path");
	free(*path);
	*path = full;
	return true;
}

static bool certificates_readable(const char *path, struct err *err)
{
	struct stat st;

	if (path[0] == '\0')
		return true;
	if (stat(path, &st) != 0 || access(path, R_OK) != 0)
		return err_errno(err, ERR_CONFIG, errno, "%s cannot be read", path);
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_CONFIG,
			"%s is a directory; a file of certificates is needed", path);
	return true;
}

static void load_source(struct loader *loader, const config_setting_t *setting)
{
	struct source_config *source = config_add_source(loader->config);
	struct block block = { .group = GROUP_SOURCE, .base = source, .setting = setting };
	struct err err = { 0 };

	load_block(loader, &block);
	judge_url(loader, source, config_setting_get_member(setting, "base_url"));
	if (!key_form_check(source->api_key, &err) ||
		(loader->depth == CONF_TEXT_AND_KEYS && !key_file_check(source->api_key, &err)))
		fault_at(loader, setting_of(setting, "api_key"), &err);
	if (!expand_home(&source->ca_file, &err) || !certificates_readable(source->ca_file, &err))
		fault_at(loader, setting_of(setting, "ca_file"), &err);
	for (size_t i = 0; i + 1 < loader->config->source_count; i++)
		if (strcmp(loader->config->sources[i].name, source->name) == 0) {
			(void)err_set(&err, ERR_CONFIG, "another source is called \"%s\" as well",
				source->name);
			fault_at(loader, setting_of(setting, "name"), &err);
			break;
		}
}

static void judge_program(
	struct loader *loader, const struct sink_config *sink, const config_setting_t *setting)
{
	bool command = sink->command.count != 0;
	bool shell = sink->shell[0] != '\0';
	struct err err = { 0 };

	if (command && shell)
		(void)err_set(&err, ERR_CONFIG,
			"sink \"%s\" has a command and a shell line; one must go", sink->name);
	else if (!command && !shell)
		(void)err_set(&err, ERR_CONFIG,
			"sink \"%s\" has nothing to run: set command = [ \"/path/to/program\", … ] "
			"or shell = \"…\"",
			sink->name);
	else if (command && sink->command.items[0][0] == '\0')
		(void)err_set(&err, ERR_CONFIG, "the program to run has an empty name");
	else
		return;
	fault_at(loader, setting_of(setting, shell ? "shell" : "command"), &err);
}

/* the type comes first, because it decides which keys there are */
static void load_sink(struct loader *loader, const config_setting_t *setting)
{
	const config_setting_t *type = config_setting_get_member(setting, "type");
	struct sink_config input = { .type = SINK_DESKTOP };
	struct err err = { 0 };
	bool known =
		type == NULL || set_scalar(option_find(GROUP_SINK, "type"), &input, type, &err);
	struct sink_config *sink = config_add_sink(loader->config, (enum sink_type)input.type);
	struct block block = { GROUP_SINK, known ? input.type : SINK_ANY, sink, setting };

	load_block(loader, &block);
	if (!expand_home(&sink->path, &err))
		fault_at(loader, setting_of(setting, "path"), &err);
	for (size_t i = 0; i < sink->command.count; i++)
		if (!expand_home(&sink->command.items[i], &err))
			fault_at(loader, setting_of(setting, "command"), &err);
	if (known && sink->type == SINK_EXEC)
		judge_program(loader, sink, setting);
	for (size_t i = 0; i + 1 < loader->config->sink_count; i++)
		if (strcmp(loader->config->sinks[i].name, sink->name) == 0) {
			(void)err_set(&err, ERR_CONFIG, "another sink is called \"%s\" as well",
				sink->name);
			fault_at(loader, setting_of(setting, "name"), &err);
			break;
		}
}

/* calls `load` for each block of a list; false when the list is not there */
static bool load_blocks(struct loader *loader, const config_setting_t *root, const char *key,
	void (*load)(struct loader *loader, const config_setting_t *setting))
{
	const config_setting_t *list = config_setting_get_member(root, key);
	struct err err = { 0 };

	if (list == NULL)
		return false;
	if (list->type != CONFIG_TYPE_LIST) {
		(void)refuse_kind(list, OPTION_BLOCKS, &err);
		fault_at(loader, list, &err);
		return true;
	}
	for (unsigned int i = 0; i < (unsigned int)config_setting_length(list); i++) {
		const config_setting_t *setting = config_setting_get_elem(list, i);

		if (setting->type == CONFIG_TYPE_GROUP) {
			load(loader, setting);
		} else {
			(void)err_set(&err, ERR_CONFIG, "must hold groups { }, not %s",
				setting_kind(setting));
			fault_at(loader, list, &err);
		}
	}
	return true;
}

/* the variable that a key is in is no variable for programs, whatever its name */
static void judge_variable(struct loader *loader, const char *name, const config_setting_t *sinks)
{
	for (size_t i = 0; i < loader->config->source_count; i++) {
		const struct source_config *source = &loader->config->sources[i];
		struct err err = { 0 };

		if (strncmp(source->api_key, "env:", 4) != 0 ||
			strcmp(source->api_key + 4, name) != 0)
			continue;
		(void)err_set(&err, ERR_CONFIG,
			"env: %s holds the API key of source \"%s\"; no program gets it", name,
			source->name);
		fault_at(loader, sinks, &err);
	}
}

static void judge_variables(struct loader *loader, const config_setting_t *root)
{
	const config_setting_t *sinks = config_setting_get_member(root, "sinks");

	for (size_t i = 0; sinks != NULL && i < loader->config->sink_count; i++) {
		const struct strings *env = &loader->config->sinks[i].env;

		for (size_t j = 0; j < env->count; j++)
			judge_variable(loader, env->items[j], sinks);
	}
}

static void add_default_source(struct loader *loader)
{
	judge_url(loader, config_add_source(loader->config), NULL);
}

static void add_default_sinks(struct loader *loader)
{
	(void)config_add_sink(loader->config, SINK_DESKTOP);
	(void)config_add_sink(loader->config, SINK_LOG);
}

static void load_root(struct loader *loader, const config_setting_t *root)
{
	struct block top = { .group = GROUP_TOP, .base = loader->config, .setting = root };
	struct err err = { 0 };

	load_block(loader, &top);
	if (!load_blocks(loader, root, "sources", load_source)) {
		add_default_source(loader);
	} else if (loader->config->source_count == 0 && loader->faults.count == 0) {
		(void)err_set(&err, ERR_CONFIG,
			"there is nothing to watch; without this line there is the default");
		fault_at(loader, config_setting_get_member(root, "sources"), &err);
	}
	if (!load_blocks(loader, root, "sinks", load_sink))
		add_default_sinks(loader);
	judge_variables(loader, root);
}

static bool scanning; /* libconfig has the control */

/* up to 1.7 its scanner ends the program with 2 when it gets no memory, a code that means a task's
 * end */
static void scan_ended(void)
{
	if (scanning)
		mem_die();
}

#if LIBCONFIG_VER_MAJOR > 1 || LIBCONFIG_VER_MINOR >= 8
/* from 1.8 on all of it calls this when it gets none, and without it abort() */
static void scan_failed(const char *message)
{
	(void)message;
	mem_die();
}
#endif

static void parse(struct loader *loader)
{
	static bool guarded;
	config_t libconfig;
	unsigned int line;
	const char *file;
	bool good;

	guarded = guarded || atexit(scan_ended) == 0;
#if LIBCONFIG_VER_MAJOR > 1 || LIBCONFIG_VER_MINOR >= 8
	config_set_fatal_error_func(scan_failed);
#endif
	config_init(&libconfig);
	scanning = true;
	good = config_read_string(&libconfig, buf_text(&loader->text.text)) == CONFIG_TRUE;
	scanning = false;
	if (good) {
		load_root(loader, config_root_setting(&libconfig));
	} else {
		file = conf_text_place(
			&loader->text, (unsigned int)config_error_line(&libconfig), &line);
		diagnostics_add(
			&loader->faults, 0, file, line, "%s", config_error_text(&libconfig));
	}
	config_destroy(&libconfig);
}

bool conf_load(const char *path, enum conf_depth depth, struct config **ret, struct buf *faults,
	struct err *err)
{
	struct loader loader = { .config = config_new(), .depth = depth };

	loader.config->file = mem_strdup(path);
	if (path == NULL) {
		add_default_source(&loader);
		add_default_sinks(&loader);
	} else if (conf_text_read(&loader.text, path, &loader.faults)) {
		parse(&loader);
	}
	conf_text_done(&loader.text);
	*ret = NULL;
	if (loader.faults.count == 0)
		*ret = mem_steal(&loader.config);
	diagnostics_tell(&loader.faults, faults, err);
	if (loader.text.wanting)
		err->kind = ERR_OS;
	diagnostics_done(&loader.faults);
	config_free(loader.config);
	return *ret != NULL;
}

const char *conf_version(void)
{
	return "libconfig/" NUMBER(LIBCONFIG_VER_MAJOR) "." NUMBER(LIBCONFIG_VER_MINOR);
}
