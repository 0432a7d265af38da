#include "core/config.h"

#include <stdlib.h>

#include "base/mem.h"
#include "core/option_value.h"

struct config *config_new(void)
{
	struct config *config = mem_alloc(sizeof(*config));

	option_value_reset_group(GROUP_TOP, config);
	return config;
}

struct source_config *config_add_source(struct config *config)
{
	struct source_config *source;

	config->sources =
		mem_resize(config->sources, config->source_count + 1, sizeof(*config->sources));
	source = &config->sources[config->source_count++];
	*source = (struct source_config){ 0 };
	option_value_reset_group(GROUP_SOURCE, source);
	return source;
}

struct sink_config *config_add_sink(struct config *config, enum sink_type type)
{
	struct sink_config *sink;

	config->sinks = mem_resize(config->sinks, config->sink_count + 1, sizeof(*config->sinks));
	sink = &config->sinks[config->sink_count++];
	*sink = (struct sink_config){ 0 };
	option_value_reset_group(GROUP_SINK, sink);
	sink->type = (int)type;
	free(sink->name);
	sink->name = mem_strdup(sink_words[type]);
	return sink;
}

struct sink_config *sink_config_copy(const struct sink_config *sink)
{
	struct sink_config *copy = mem_alloc(sizeof(*copy));

	*copy = *sink;
	option_value_own_group(GROUP_SINK, copy);
	return copy;
}

void sink_config_free(struct sink_config *sink)
{
	if (sink == NULL)
		return;
	option_value_clear_group(GROUP_SINK, sink);
	free(sink);
}

void config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config->source_count; i++)
		option_value_clear_group(GROUP_SOURCE, &config->sources[i]);
	for (size_t i = 0; i < config->sink_count; i++)
		option_value_clear_group(GROUP_SINK, &config->sinks[i]);
	free(config->sources);
	free(config->sinks);
	free(config->file);
	free(config);
}
