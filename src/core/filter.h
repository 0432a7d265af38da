/* Which events a sink wants (taskbell.conf(5), All sinks). */
#ifndef CORE_FILTER_H
#define CORE_FILTER_H

#include "core/config.h"
#include "core/event.h"

/*
 * `on` empty: all but queued and processing; for exec only those about tasks. names, buckets and
 * users are globs that filter task events only; a null field matches only "*". sources filters
 * every event that has a source. A sink_failed never goes to the sink that failed. state_lost goes
 * to every sink.
 */
bool filter_wants(const struct sink_config *sink, const struct event *event);

#endif
