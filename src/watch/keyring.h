/* Finds the key of a source, also by running a command: never blocks the monitor, and has 10 s. */
#ifndef WATCH_KEYRING_H
#define WATCH_KEYRING_H

#include <stddef.h>

#include "base/err.h"
#include "base/stamp.h"
#include "io/http.h"
#include "io/key.h"

#define KEYRING_COMMAND_MS 10000

enum key_search_state {
	SEARCH_BUSY,
	SEARCH_FOUND,
	SEARCH_MISSING, /* for a reason that stays (watch ends with 77 when no source has a key) */
	SEARCH_FAILED, /* a command that failed or was slow: worth another try */
};

struct key_search;

/* begins a search for the key of this kind of tasks that `form` describes (contract 4) */
struct key_search *key_search_new(const char *form, const struct kind *kind, struct instant now);
/* goes on with it; FOUND: the key is in `key`; MISSING, FAILED: err says why (ERR_AUTH, ERR_CONFIG)
 */
enum key_search_state key_search_step(
	struct key_search *search, struct instant now, char key[KEY_MAX + 1], struct err *err);
/* mono time at which it must be stepped at the latest */
int64_t key_search_next(const struct key_search *search);
size_t key_search_fds(const struct key_search *search, struct poll_fd *fds, size_t cap);
/* kills a command that still runs; NULL is fine */
void key_search_free(struct key_search *search);
/* for one-shot commands: searches to the end */
enum key_search_state key_find(
	const char *form, const struct kind *kind, char key[KEY_MAX + 1], struct err *err);

#endif
