/* Finds the key of a source, also by running a command: never blocks the monitor, and has 10 s. */
#ifndef WATCH_KEY_LOOKUP_H
#define WATCH_KEY_LOOKUP_H

#include <stddef.h>

#include "base/err.h"
#include "base/stamp.h"
#include "io/http.h"
#include "io/key.h"

#define KEY_COMMAND_MS 10000

enum key_lookup_state {
	KEY_LOOKUP_BUSY,
	KEY_LOOKUP_FOUND,
	KEY_LOOKUP_MISSING, /* for a reason that stays (watch ends with 77 when no source has a key)
			     */
	KEY_LOOKUP_FAILED, /* a command that failed or was slow: worth another try */
};

struct key_lookup;

/* begins a lookup for the key of this kind of tasks that `form` describes (taskbell.conf(5),
 * api_key) */
struct key_lookup *key_lookup_new(
	const char *form, const struct source_type *type, struct instant now);
/* goes on with it; FOUND: the key is in `key`; MISSING, FAILED: err says why (ERR_AUTH, ERR_CONFIG)
 */
enum key_lookup_state key_lookup_step(
	struct key_lookup *lookup, struct instant now, char key[KEY_MAX + 1], struct err *err);
/* mono time at which it must be stepped at the latest */
int64_t key_lookup_next(const struct key_lookup *lookup);
size_t key_lookup_fds(const struct key_lookup *lookup, struct poll_fd *fds, size_t cap);
/* kills a command that still runs; NULL is fine */
void key_lookup_free(struct key_lookup *lookup);
/* for one-shot commands: searches to the end */
enum key_lookup_state key_lookup_run(
	const char *form, const struct source_type *type, char key[KEY_MAX + 1], struct err *err);

#endif
