/*
 * What one-shot commands ask the API: every source at once, each request tried three times at most,
 * and never more than 10 s of waiting between tries altogether (taskbell(7), REQUESTS). Blocks;
 * takes no locks, keeps nothing.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "core/config.h"
#include "core/sched.h"
#include "core/source_type.h"
#include "core/task.h"
#include "io/http.h"

struct client_source {
	const struct source_config *config; /* borrowed */
	const struct source_type *type;
	char *key; /* own; NULL: none was found, err says why */
	struct err err; /* of what was asked last; ERR_NONE: there is a valid answer */
	struct http_answer answer; /* of the last try */
	char *partial; /* own; why its list may not be all there is; NULL: it is */
};

struct client {
	struct http *http; /* own */
	struct client_source *sources; /* own */
	size_t count;
	struct sched_once once;
};

/* the sources of a configuration, or only the one called `only` (NULL: all), with their keys */
struct client *client_new(const struct config *config, const char *only);
void client_free(struct client *client); /* NULL is fine */
CLEANUP_DEFINE(client_cleanup, struct client *, client_free)
/* the worst exit code of the sources that failed; 0: none did */
int client_exit_code(const struct client *client);

/* Takes a list while it is read. `source` is the index into client->sources. */
struct client_taker {
	/* the view is valid until the function returns; false: enough was seen of this source */
	bool (*task)(void *arg, size_t source, const struct task *view);
	/* the answer is read once more: forget what came of it. False: too late, it was shown
	 * already */
	bool (*again)(void *arg, size_t source);
	void *arg;
};

/* lists the tasks of the wanted statuses (by enum status); then err of each source says how it went
 */
void client_list(
	struct client *client, const bool wanted[STATUS_COUNT], const struct client_taker *taker);
/*
 * Looks for a task by its id, where that says no in the list of all five statuses. tasks[i] is the
 * one of sources[i], free(3) releases it; NULL: it is not there, or err of the source says why that
 * is not known. What an answer by id leaves out (bucket, user) is looked for in the list, as far as
 * that is cheap.
 */
void client_find(struct client *client, const char *id, struct task **tasks);
/* asks once why a task of that source did not succeed; owned, NULL: it did, or nobody says why */
char *client_reason(struct client *client, size_t source, const struct task *task);

#endif
