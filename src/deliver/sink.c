#include "deliver/sink.h"

#include "base/mem.h"

static const struct sink_ops *const types[] = {
	[SINK_DESKTOP] = &sink_ops_desktop,
	[SINK_LOG] = &sink_ops_log,
	[SINK_EXEC] = &sink_ops_exec,
};

struct sink *sink_new(const struct sink_setup *setup, bool *ret_good, struct err *err)
{
	static const struct strings none = { 0 };
	const struct sink_ops *ops = types[setup->config->type];
	struct sink *sink = mem_alloc(ops->size);

	sink->ops = ops;
	sink->secrets = setup->secrets != NULL ? setup->secrets : &none;
	sink->state_dir = setup->state_dir;
	sink->notifier = setup->notifier;
	sink->once = setup->once;
	sink->immediate = setup->immediate;
	*ret_good = sink_configure(sink, setup->config, err);
	return sink;
}

void sink_free(struct sink *sink)
{
	if (sink != NULL)
		sink->ops->destroy(sink);
}

bool sink_configure(struct sink *sink, const struct sink_config *config, struct err *err)
{
	sink->config = config;
	return sink->ops->configure == NULL || sink->ops->configure(sink, err);
}

void sink_end(struct sink *sink, struct delivery *delivery, enum delivery_result result,
	const char *error)
{
	delivery->state = DELIVERY_ENDED;
	delivery->result = result;
	delivery->error = mem_strdup(error);
	sink->ended++;
}
