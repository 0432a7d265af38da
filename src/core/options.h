/*
 * The table of options: the one place that knows every key. Loading, ranges, hints for misspelt
 * keys, `check --print`, the shipped example and the test of the manual all read it.
 */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum option_group { GROUP_TOP, GROUP_SOURCE, GROUP_SINK };

enum option_type {
	OPTION_TEXT, /* char * */
	OPTION_BOOL, /* bool */
	OPTION_INT, /* int64_t, min..max */
	OPTION_DURATION, /* int64_t milliseconds, min..max; 0 also when `zero` */
	OPTION_ENUM, /* int, index into `words` */
	OPTION_LIST, /* struct strings */
	OPTION_CODES, /* struct strings: numbers min..max as text, or the one word "any" */
	OPTION_BLOCKS, /* no field: a list of groups, each read by the rows of its own group */
};

/* is a text (an item of a list) acceptable? err says why not, without naming the key */
typedef bool (*option_check)(const char *text, struct err *err);

struct option {
	enum option_group group;
	enum option_type type;
	unsigned int sinks; /* GROUP_SINK: bits (1 << enum sink_type) of the types that know it */
	bool zero; /* durations: 0 (off, for ever) is allowed besides min..max */
	const char *name;
	size_t offset; /* into struct config, source_config or sink_config */
	const char *fallback; /* the default, as text; of a list: its one item or "" */
	int64_t min;
	int64_t max;
	const char *const *words; /* OPTION_ENUM: the words, NULL-terminated */
	option_check check; /* of a text or list; NULL: takes any, or io/conf checks it */
	const char *text; /* what it does, in one line */
};

extern const struct option options[];
extern const size_t option_count;
extern const char *const sink_words[]; /* by enum sink_type, NULL-terminated */

/* the row of a group by name; NULL when there is none */
const struct option *option_find(enum option_group group, const char *name);
#define SINK_ANY (-1)
/* does a block of this kind know the key? `sink`: enum sink_type or SINK_ANY, in GROUP_SINK only */
bool option_known(const struct option *option, enum option_group group, int sink);
/* the nearest name that such a block knows, within two edits; NULL when nothing is near */
const char *option_nearest(enum option_group group, int sink, const char *name);

#endif
