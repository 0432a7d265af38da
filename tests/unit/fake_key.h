/* A key look-up that ends at once, in place of watch/key_lookup. Included by one file of a test. */
#ifndef UNIT_FAKE_KEY_H
#define UNIT_FAKE_KEY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "watch/key_lookup.h"

struct key_lookup {
	char none;
};

static bool fake_key_missing;
static int fake_keys_wanted;

struct key_lookup *key_lookup_new(
	const char *form, const struct source_type *type, struct instant now)
{
	static struct key_lookup lookup;

	(void)form;
	(void)type;
	(void)now;
	return &lookup;
}

enum key_lookup_state key_lookup_step(
	struct key_lookup *lookup, struct instant now, char key[KEY_MAX + 1], struct err *err)
{
	(void)lookup;
	(void)now;
	fake_keys_wanted++;
	if (fake_key_missing) {
		*err = (struct err){ ERR_AUTH, "no key: set TELNYX_API_KEY" };
		return KEY_LOOKUP_MISSING;
	}
	(void)snprintf(key, KEY_MAX + 1, "KEY%d", fake_keys_wanted);
	return KEY_LOOKUP_FOUND;
}

int64_t key_lookup_next(const struct key_lookup *lookup)
{
	(void)lookup;
	return INSTANT_NEVER;
}

size_t key_lookup_fds(const struct key_lookup *lookup, struct poll_fd *fds, size_t cap)
{
	(void)lookup;
	(void)fds;
	(void)cap;
	return 0;
}

void key_lookup_free(struct key_lookup *lookup)
{
	(void)lookup;
}

#endif
